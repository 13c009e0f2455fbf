/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * One XML stream (RFC 6120 §4): header, features, restarts, stream errors, closing. No I/O: bytes
 * go in by stream_feed(), come out by ops->write, whole elements go to the owner. Every kind of
 * stream (client, component, server, net) is this machine with another profile.
 *
 *    opening ──header──► negotiating ──stream_ready()──► ready
 *       ▲                    │  stream_restart()
 *       └────────────────────┘
 *    any ──stream_close()──► closing ──footer or timeout──► closed
 *    any ──stream_fail()──► closing ──ops->arm() with the shortest time──► closed
 *
 * Callbacks run inside stream_feed(), stream_release(), stream_timeout() and the calls that send.
 * The owner frees the stream; never from inside one of its callbacks. After ops->ended nothing but
 * stream_free() may be called (stream_feed(), stream_timeout(), stream_close(), stream_fail() and
 * what sends are harmless then).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/xmpp/conditions.h"
#include "common/xmpp/parser.h"
#include "common/xmpp/stanza.h"

struct stream;

enum stream_role { STREAM_ACCEPTOR, STREAM_INITIATOR };

enum stream_state {
    STREAM_OPENING,     /* waiting for the peer's header */
    STREAM_NEGOTIATING, /* headers exchanged, not all needed features done */
    STREAM_READY,
    STREAM_CLOSING, /* our footer is out, the peer's is awaited */
    STREAM_CLOSED,
    STREAM_STATES
};

/* What has been reached on this stream; features and stanzas are gated by these bits, in one
 * place, so that no feature can be used around TLS or authentication (CVE-2014-8760). */
enum stream_flag { STREAM_SECURE = 1 << 0, STREAM_AUTHENTICATED = 1 << 1, STREAM_BOUND = 1 << 2 };

/* A feature: what an acceptor announces and the top-level elements (no stanzas) it understands. */
struct stream_element {
    const char *ns;
    const char *name;
    /* `element` is in an arena that is freed after the call. */
    void (*handle)(void *user, struct element *element);
};

struct stream_feature {
    const char *name;  /* for logs */
    unsigned requires; /* stream_flag bits that must be set … */
    unsigned excludes; /* … and that must not be set, for the feature to exist now */
    /* Adds its element to <stream:features/>; NULL: nothing is announced. */
    void (*advertise)(void *user, struct element *features);
    const struct stream_element *elements; /* ends with ns NULL; may be NULL */
    /* One of the elements came while the feature does not exist. Returns the stream error, or -1 if
     * it was answered otherwise. NULL: not-authorized before STREAM_BOUND, policy-violation later.
     */
    int (*refuse)(void *user, struct element *element);
    /* Offered every top-level element that is in no table, while the feature exists; false: it is
     * not known here either. May be NULL. */
    bool (*take)(void *user, struct element *element);
    /* Offered every stanza that comes before the profile's stanzas_require are there, while the
     * feature exists; false: it is not for here, and not-authorized. Not consumed. May be NULL. */
    bool (*early)(void *user, struct stanza *stanza, int problem);
};

struct stream_profile {
    enum stream_role role;
    const char *content_ns;
    bool has_version;         /* version='1.0' and features (XEP-0114 has neither) */
    unsigned stanzas_require; /* flags without which a stanza is not-authorized */
    const struct stream_feature *const *features; /* in order of announcement, ends with NULL */
    /* Each element comes and goes in a frame of its own, with all its declarations; <open/> and
     * <close/> stand for header and footer (RFC 7395 §3.3). stream_feed_frame() feeds it, and
     * ops->write is called with one element each time. Acceptors only. */
    bool framed;
    bool keep_bytes;      /* ops->stanza and stream_bytes() have the bytes as received (router) */
    const char *declares; /* further declarations of namespaces for our header, as text; or NULL */
    /* What stream_enter() arms. OPENING runs from stream_open() until READY, whatever comes in
     * between, unless NEGOTIATING is given: that replaces it once, at the first header. 0: none;
     * CLOSING 0: 5 s. Behind an error of ours the peer's footer is not waited for. */
    uint64_t timeout_ms[STREAM_STATES];
};

struct stream_header {
    const char *to; /* as sent; NULL: missing */
    const char *from;
    const char *id;
    const char *lang;
    const char *version;
    bool prefixes_foreign; /* declares namespaces beyond the two usual ones */
};

struct stream_ops {
    void (*write)(void *user, const char *bytes, size_t length);
    /* The peer's header, checked as far as the profile goes (namespaces, version). Acceptors decide
     * whether they are `to`: return -1 and stream_set_local() first, or the stream error. On a
     * restart it is called again. */
    int (*header)(void *user, const struct stream_header *header);
    /* Initiators: the features received. */
    void (*features)(void *user, struct element *features);
    /* A stanza, to be consumed. `problem` as stanza_from_element_take(). bytes:
     * profile->keep_bytes. */
    void (*stanza)(void *user, struct stanza *stanza, int problem, const char *bytes,
                   size_t length);
    /* Stop or go on with reading (conn_pause, conn_resume). */
    void (*hold)(void *user, bool hold);
    /* Arm the stream's one timer (0: stop it); when it fires, call stream_timeout(). */
    void (*arm)(void *user, uint64_t after_ms);
    /* Both directions are done, or the stream is beyond repair: what was written may be flushed,
     * then the connection is to be closed. `condition` is the stream error we sent or -1; `text` is
     * its text, or the name of the condition the peer sent and what it said ("not-authorized: who
     * are you?"), or NULL; `abrupt` means that nothing more may be sent (bytes behind
     * <starttls/>). */
    void (*ended)(void *user, int condition, const char *text, bool abrupt);
};

struct stream *stream_new(const struct stream_profile *profile, struct parser_pool *pool,
                          const struct parser_limits *limits, const struct stream_ops *ops,
                          void *user);
void stream_free(struct stream *stream);

/* Initiators send their header, acceptors begin to wait; their `from` is the name they give in
 * errors that come before ops->header has chosen one. Strings are copied. */
void stream_open(struct stream *stream, const char *to, const char *from);
void stream_feed(struct stream *stream, const char *bytes, size_t length);
/* Framed streams: a piece of a frame, which ends with the `last`. Not while held. */
void stream_feed_frame(struct stream *stream, const char *bytes, size_t length, bool last);
void stream_timeout(struct stream *stream);

/* Acceptors, from ops->header: the name we answer as. Strings are copied. */
void stream_set_local(struct stream *stream, const char *from, const char *to);
/* "A new stream" after TLS or SASL (RFC 6120 §4.3.3); initiators send their header again. */
void stream_restart(struct stream *stream);
void stream_ready(struct stream *stream);
/* Acceptors: the features of now, on a stream that goes on without a restart (XEP-0388 §2.6.1). */
void stream_send_features(struct stream *stream);
void stream_set_flag(struct stream *stream, enum stream_flag flag);
bool stream_has_flag(const struct stream *stream, enum stream_flag flag);
void stream_set_limits(struct stream *stream, const struct parser_limits *limits);

/* While held, no element is delivered; what was read already waits inside. For answers that take
 * time (credentials): order is kept and nothing is handled under a state that is about to change.
 * Holds nest as a count. stream_release() outside a callback delivers what waits at once. */
void stream_hold(struct stream *stream);
void stream_release(struct stream *stream);
/* From the handler of <starttls/> or <proceed/>: false if bytes came behind it (RFC 6120 §5.4.3.3,
 * CVE-2011-0411). If so the stream has ended abruptly. Blanks are forbidden too (§5.3.3), but as
 * clients in use send a newline (go-sendxmpp) they are dropped. */
MUST_CHECK bool stream_is_clean(struct stream *stream);
/* From the handler of an element: the bytes it was made of; NULL without profile->keep_bytes. */
const char *stream_bytes(const struct stream *stream, size_t *length);

void stream_send(struct stream *stream, const struct stanza *stanza);
void stream_send_element(struct stream *stream, const struct element *element);
/* XML that is complete in itself. */
void stream_send_bytes(struct stream *stream, const char *bytes, size_t length);

/* Our footer; ops->ended comes when the peer's is there or after the closing timeout. */
void stream_close(struct stream *stream);
/* A stream error (RFC 6120 §4.9), preceded by our header if it is not out yet. The text of
 * see-other-host is the address. */
void stream_fail(struct stream *stream, enum stream_condition condition, const char *text);
/* With an application-specific condition. */
void stream_fail_with(struct stream *stream, enum stream_condition condition, const char *text,
                      const char *app_ns, const char *app_name);
void stream_fail_element(struct stream *stream, enum stream_condition condition, const char *text,
                         const struct element *app);

enum stream_state stream_state(const struct stream *stream);
const char *stream_state_name(enum stream_state state);
const char *stream_id(const struct stream *stream);   /* ours for acceptors, the peer's else */
const char *stream_lang(const struct stream *stream); /* of the peer's header; NULL */
const struct element *stream_features_tree(struct stream *stream, struct arena *arena);
/* XEP-0478: what may be sent. idle_ms 0: nothing is said about silence. */
void stream_advertise_limits(struct element *features, size_t bytes, uint64_t idle_ms);
