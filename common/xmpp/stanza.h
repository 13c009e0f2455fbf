/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * A stanza: message, presence or iq (RFC 6120 §8) with its tree, its addresses and its arena.
 *
 * Ownership: functions borrow; `_take` consumes on every path; keep one with stanza_ref(). A stanza
 * with more than one reference is frozen: nobody changes its tree any more.
 * The root is always in NS_CLIENT in memory; the stream it is written to decides the namespace.
 */
#pragma once

#include <stdbool.h>

#include "common/xmpp/conditions.h"
#include "common/xmpp/element.h"
#include "common/xmpp/jid.h"

enum stanza_kind { STANZA_MESSAGE, STANZA_PRESENCE, STANZA_IQ };

enum stanza_type {
    /* message */
    MESSAGE_NORMAL,
    MESSAGE_CHAT,
    MESSAGE_GROUPCHAT,
    MESSAGE_HEADLINE,
    MESSAGE_ERROR,
    /* presence */
    PRESENCE_AVAILABLE,
    PRESENCE_UNAVAILABLE,
    PRESENCE_SUBSCRIBE,
    PRESENCE_SUBSCRIBED,
    PRESENCE_UNSUBSCRIBE,
    PRESENCE_UNSUBSCRIBED,
    PRESENCE_PROBE,
    PRESENCE_ERROR,
    /* iq */
    IQ_GET,
    IQ_SET,
    IQ_RESULT,
    IQ_ERROR
};

struct stanza {
    unsigned references;
    struct arena *arena;
    struct element *root;
    enum stanza_kind kind;
    enum stanza_type type;
    bool has_from;
    bool has_to;
    bool says_all;           /* for whoever has made it: never written nor copied (c2s/sm/far.h) */
    struct jid from;         /* valid if has_from */
    struct jid to;           /* valid if has_to */
    struct stanza *original; /* of stanza_copy_to(); else NULL */
    const char *inside;      /* of such an original: as it is written; NULL: not yet */
    size_t inside_length;
};

/* Takes a parsed top-level element with its arena. Errors, after which `arena` is freed:
 * ERR_UNSUPPORTED  no stanza of `content_ns`
 * ERR_MALFORMED    'from' is no address (stream error invalid-from)
 * On success *problem is -1, or what is wrong with it though it is a stanza (the sender gets that
 * stanza error, RFC 6120 §8.3.3): STANZA_JID_MALFORMED ('to'; has_to is then false),
 * STANZA_BAD_REQUEST (unknown iq or presence type, which then counts as get or as available; iq
 * without id, get or set without exactly one child). An unknown message type is 'normal' (RFC 6121
 * §5.2.2). The values of 'from' and 'to' are prepared. What is in content_ns at the root and below
 * it is in NS_CLIENT afterwards, but not what stands inside elements of other namespaces. */
MUST_CHECK int stanza_from_element_take(struct element *root, const char *content_ns,
                                        struct stanza **stanza, int *problem);
struct stanza *stanza_new(enum stanza_kind kind, enum stanza_type type);
struct stanza *stanza_ref(struct stanza *stanza);
/* NULL is allowed. */
void stanza_unref(struct stanza *stanza);
/* A copy of its own that may be changed. */
struct stanza *stanza_copy(const struct stanza *stanza);
/* The same for one of many who get it: with what it has in common with the original, which is kept,
 * and need not be written for each of them. The original is not changed any more. */
struct stanza *stanza_copy_to(struct stanza *original, const struct jid *to);

/* Set the attribute and the parsed address; NULL removes. `jid` is copied. */
void stanza_set_from(struct stanza *stanza, const struct jid *jid);
void stanza_set_to(struct stanza *stanza, const struct jid *jid);
const char *stanza_id(const struct stanza *stanza);
bool stanza_is_error(const struct stanza *stanza);
/* Error, or iq result: must never be answered with an error (RFC 6120 §8.3.1, §8.2.3). */
bool stanza_is_reply(const struct stanza *stanza);
/* The payload of an iq get or set, the child of a result; NULL if there is none. */
struct element *stanza_payload(const struct stanza *stanza);

/* The error reply with addresses swapped, the original's children in front (unless they are so many
 * that the error could exceed the limits on stanzas); NULL if `original` must not be answered with
 * an error. text may be NULL. The type is the condition's own. */
struct stanza *stanza_error(const struct stanza *original, enum stanza_condition condition,
                            const char *text);
struct stanza *stanza_error_typed(const struct stanza *original, enum stanza_condition condition,
                                  const char *type, const char *text);
/* The <error/> child of an error stanza, to which an application-specific condition is added. */
struct element *stanza_error_element(const struct stanza *error);
/* An empty result for an iq get or set, addresses swapped. */
struct stanza *stanza_result(const struct stanza *request);

/* What most stanzas fit in: one allocation instead of some that double. */
#define STANZA_USUAL_SIZE 512

/* Appends the XML in the given content namespace. */
void stanza_write(struct buffer *out, const struct stanza *stanza, const char *content_ns);
/* "message", "chat" and so on, for logs. */
const char *stanza_kind_name(enum stanza_kind kind);
/* The value of the type attribute; NULL where there is none (normal, available). */
const char *stanza_type_name(enum stanza_type type);
