/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Inside the parser: a libxml2 push context that builds trees, and the pool that lends them.
 *
 * A context is either new and waits for a stream header, or stands behind one. To stand behind a
 * header that was read before ("primed"), it reads a canonical one: the same root name and the same
 * namespace declarations, nothing else. All that libxml2 remembers of a header between two
 * top-level elements is in there, so contexts with the same canonical header are interchangeable.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <libxml/parser.h>

#include "common/base/buffer.h"
#include "common/xmpp/parser.h"

struct parser_context {
    xmlParserCtxt *xml;
    const struct parser_limits *limits; /* of the parser that holds the context */
    size_t pushed;                      /* bytes, in its life */
    size_t largest;                     /* top-level element, in bytes */
    int kind;                           /* of canonical header: row of a pool, or PARSER_OWN_KIND */
    bool primed;                        /* stands behind a header */
    bool priming;                       /* reads the canonical header */
    bool failed;
    struct parser_error error; /* if failed */

    /* What has been read since it was lent. */
    struct element *root;    /* of the tree being built, or built; with its arena */
    struct element *current; /* the open element; NULL: none is */
    bool complete;           /* root has been closed */
    bool header_seen;        /* root is the stream header; see canonical */
    bool footer_seen;
    bool prefixes_foreign;
    unsigned depth;
    unsigned elements;
    struct buffer text;      /* inside the current element, not in the tree yet */
    struct buffer canonical; /* after the header was read */

    struct parser_context *next; /* in the pool */
};

/* With canonical == NULL it waits for a header. */
struct parser_context *parser_context_new(const char *canonical);
void parser_context_free(struct parser_context *context);
/* ERR_MALFORMED: see context->error. */
MUST_CHECK int parser_context_push(struct parser_context *context, const char *bytes,
                                   size_t length);
/* Whether libxml2 has read all bytes it was given. */
bool parser_context_is_drained(struct parser_context *context);
/* Gives away the tree and makes the context ready for the next one. */
struct element *parser_context_take(struct parser_context *context);
/* So much used that a new one is better: what libxml2 keeps never shrinks. */
bool parser_context_is_worn(struct parser_context *context);

/* parser_pool.c. The canonical headers that are worth keeping contexts for have a kind, others have
 * PARSER_OWN_KIND and get a new context each time. */
#define PARSER_OWN_KIND -1
int parser_pool_kind(const char *canonical);
/* canonical: only for PARSER_OWN_KIND. */
struct parser_context *parser_pool_lend(struct parser_pool *pool, int kind, const char *canonical);
struct parser_context *parser_pool_lend_new(struct parser_pool *pool);
/* `reusable`: the context stands between two top-level elements. */
void parser_pool_return(struct parser_pool *pool, struct parser_context *context, bool reusable);
