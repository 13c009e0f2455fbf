/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The restricted XML of an XMPP stream (RFC 6120 §11): bytes in, the stream header and then whole
 * top-level elements out, each as a tree in an arena of its own. libxml2 is behind it and nowhere
 * else. No document types, comments, processing instructions, foreign entities, other encodings,
 * unbound prefixes; limits on bytes, depth, elements, attributes and namespaces inside an element.
 *
 * A parser that stands between two top-level elements holds no libxml2 context and no buffer:
 * contexts are borrowed from the pool while an element is unfinished. White space between elements
 * costs nothing. A pool belongs to one worker (thread).
 *
 * Errors are bad-format, not-well-formed, policy-violation, restricted-xml and
 * unsupported-encoding. An error is found at the latest at the end of the tag behind it: bytes are
 * read tag by tag. Whether the header is that of an XMPP stream is for the caller to say.
 *
 * Callbacks run inside parser_feed(). From them one may call parser_stop() and
 * parser_set_limits(), never parser_feed() or parser_free().
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/base/macros.h"
#include "common/xmpp/conditions.h"
#include "common/xmpp/element.h"

struct parser_limits {
    size_t header_bytes;  /* everything up to the end of the stream header */
    size_t element_bytes; /* one top-level element, on the wire; 4 times that as a tree */
    unsigned depth;       /* below the stream element; the stanza itself is 1 */
    unsigned elements;    /* in one top-level element */
    unsigned attributes;  /* of one element */
    unsigned namespaces;  /* declared in one element (tag) */
};

extern const struct parser_limits parser_limits_before_auth;
extern const struct parser_limits parser_limits_after_auth;

struct parser_ops {
    /* The stream header (the root, whatever it is): an element without children, valid during the
     * call. The default namespace it declares, which is the content namespace (RFC 6120 §4.8.2), is
     * its attribute "xmlns" without namespace; none: not declared. `prefixes_foreign` says that the
     * header declares more than that and the prefix 'stream' for NS_STREAM: then the bytes of an
     * element may mean something else in another stream. */
    void (*header)(void *user, const struct element *header, bool prefixes_foreign);
    /* A whole top-level element. The callee owns the arena that `root` is in. `bytes` are exactly
     * the bytes of the element as they came, valid during the call; NULL unless the parser was
     * made with keep_bytes. */
    void (*element)(void *user, struct element *root, const char *bytes, size_t length);
    /* </stream:stream>. Nothing is called after it until parser_reset(). */
    void (*footer)(void *user);
};

struct parser_error {
    enum stream_condition condition;
    bool too_big;      /* add <stanza-too-big xmlns='urn:xmpp:errors'/> */
    const char *text;  /* static; may be NULL */
    const char *limit; /* the key of the limit that was reached (common/base/limit.h), or NULL */
};

struct parser_pool;
struct parser;

struct parser_pool *parser_pool_new(void);
void parser_pool_free(struct parser_pool *pool);

struct parser *parser_new(struct parser_pool *pool, const struct parser_limits *limits,
                          bool keep_bytes, const struct parser_ops *ops, void *user);
void parser_free(struct parser *parser);
/* 0, or ERR_MALFORMED (see parser_error()), after which nothing is accepted until a reset. */
MUST_CHECK int parser_feed(struct parser *parser, const char *bytes, size_t length);
const struct parser_error *parser_error(const struct parser *parser);
/* Begins a new stream (RFC 6120 §4.3.3); what was pending is dropped. Not from a callback. */
void parser_reset(struct parser *parser);
/* From the header or element callback: the parser pauses behind it, and parser_feed() returns 0
 * with the rest of the bytes unread: parser_rest() (valid until the caller of parser_feed() lets
 * go of them; known in the callback already). Feed them again to go on, or after parser_reset() as
 * a new stream. */
void parser_stop(struct parser *parser);
const char *parser_rest(const struct parser *parser, size_t *length);
void parser_set_limits(struct parser *parser, const struct parser_limits *limits);
/* Whether a libxml2 context is held at the moment, and how many the pool has lent. */
bool parser_holds_context(const struct parser *parser);
/* Behind the header, and nothing of a further element has come. */
bool parser_is_between(const struct parser *parser);
size_t parser_pool_lent(const struct parser_pool *pool);
