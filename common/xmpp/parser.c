/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The stream parser: cuts the bytes into prolog, header, top-level elements and footer, gives each
 * to a libxml2 context and delivers what comes out.
 */
#include "common/xmpp/parser.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/error.h"
#include "common/base/memory.h"
#include "common/xmpp/parser_context.h"
#include "common/xmpp/parser_prolog.h"
#include "common/xmpp/parser_scanner.h"

const struct parser_limits parser_limits_before_auth = {
    .header_bytes = 10240,
    .element_bytes = 16384,
    .depth = 8,
    .elements = 64,
    .attributes = 16,
    .namespaces = 8,
};

const struct parser_limits parser_limits_after_auth = {
    .header_bytes = 10240,
    .element_bytes = 262144,
    .depth = 64,
    .elements = 4096,
    .attributes = 64,
    .namespaces = 32,
};

/* PROLOG → HEADER → STREAM → CLOSED; any but CLOSED → FAILED. */
enum phase {
    PHASE_PROLOG, /* in front of the header, which may be one byte away */
    PHASE_HEADER,
    PHASE_STREAM,
    PHASE_CLOSED, /* behind the footer: nothing is read any more (RFC 6120 §4.4) */
    PHASE_FAILED
};

struct parser {
    struct parser_pool *pool;
    const struct parser_ops *ops;
    void *user;
    struct parser_limits limits;
    struct parser_context *context; /* NULL: none is needed now */
    char *canonical;                /* the stream's header; NULL where `kind` says it */
    struct buffer held;             /* of the current element; see `given` */
    size_t given;                   /* of the held bytes the context has these */
    size_t size;                    /* of the current element; of all in front and of the header */
    const char *rest;               /* what is being fed, behind the current element */
    size_t rest_length;
    struct scanner scanner;
    struct parser_error error;
    int kind;
    enum phase phase;
    bool keep_bytes;
    bool inside; /* an element, header or footer has begun */
    bool stopped;
};

static const struct parser_error not_well_formed = {STREAM_NOT_WELL_FORMED, false, NULL, NULL};
static const struct parser_error text_outside = {STREAM_BAD_FORMAT, false,
                                                 "text between top-level elements", NULL};
static const struct parser_error wrong_encoding = {STREAM_UNSUPPORTED_ENCODING, false, NULL, NULL};
static const struct parser_error too_many_values = {STREAM_POLICY_VIOLATION, false,
                                                    "too many attributes", "stanza-attributes"};
static const struct parser_error header_too_big = {STREAM_POLICY_VIOLATION, false,
                                                   "stream header too big", NULL};
static const struct parser_error element_too_big = {STREAM_POLICY_VIOLATION, true, "stanza too big",
                                                    "stanza-size"};

struct parser *parser_new(struct parser_pool *pool, const struct parser_limits *limits,
                          bool keep_bytes, const struct parser_ops *ops, void *user)
{
    struct parser *parser = xcalloc(1, sizeof(*parser));

    parser->pool = pool;
    parser->ops = ops;
    parser->user = user;
    parser->keep_bytes = keep_bytes;
    parser->kind = PARSER_OWN_KIND;
    parser_set_limits(parser, limits);
    return parser;
}

static void release_context(struct parser *parser, bool reusable)
{
    if (parser->context) {
        parser_pool_return(parser->pool, parser->context, reusable);
        parser->context = NULL;
    }
}

/* In front of the next element. */
static void begin_anew(struct parser *parser)
{
    buffer_fini(&parser->held);
    parser->given = 0;
    parser->size = 0;
    parser->scanner = (struct scanner){0};
    parser->inside = false;
}

void parser_free(struct parser *parser)
{
    if (!parser) {
        return;
    }
    parser_reset(parser);
    free(parser);
}

void parser_reset(struct parser *parser)
{
    release_context(parser, false);
    begin_anew(parser);
    free(parser->canonical);
    parser->canonical = NULL;
    parser->kind = PARSER_OWN_KIND;
    parser->phase = PHASE_PROLOG;
    parser->stopped = false;
}

static void fail(struct parser *parser, struct parser_error error)
{
    release_context(parser, false);
    buffer_fini(&parser->held);
    parser->error = error;
    parser->phase = PHASE_FAILED;
}

/* Counts what the limit of bytes is for, before anything is done with them. */
static bool count(struct parser *parser, size_t bytes)
{
    bool in_stream = parser->phase == PHASE_STREAM;
    size_t max = in_stream ? parser->limits.element_bytes : parser->limits.header_bytes;

    parser->size += bytes;
    if (parser->size <= max) {
        return true;
    }
    fail(parser, in_stream ? element_too_big : header_too_big);
    return false;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void borrow_context(struct parser *parser)
{
    if (parser->context) {
        return;
    }
    if (parser->phase == PHASE_HEADER) {
        parser->context = parser_pool_lend_new(parser->pool);
    } else {
        parser->context = parser_pool_lend(parser->pool, parser->kind, parser->canonical);
    }
    parser->context->limits = &parser->limits;
}

/* Gives these bytes, and what is held before them, to the context. */
static bool give(struct parser *parser, const char *bytes, size_t length)
{
    if (parser->keep_bytes || parser->held.length > 0) {
        buffer_append(&parser->held, bytes, length);
        bytes = parser->held.data + parser->given;
        length = parser->held.length - parser->given;
    }
    borrow_context(parser);
    if (parser_context_push(parser->context, bytes, length)) {
        fail(parser, parser->context->error);
        return false;
    }
    if (parser->keep_bytes) {
        parser->given = parser->held.length;
    } else {
        buffer_clear(&parser->held);
    }
    return true;
}

/* Whole tags go to the context, the beginning of one is held. */
static void go_on(struct parser *parser, const char *bytes, size_t length, size_t whole)
{
    if (whole == 0 || give(parser, bytes, whole)) {
        buffer_append(&parser->held, bytes + whole, length - whole);
    }
}

static void deliver_footer(struct parser *parser)
{
    release_context(parser, false);
    begin_anew(parser);
    parser->phase = PHASE_CLOSED;
    parser->ops->footer(parser->user);
}

static void deliver_header(struct parser *parser)
{
    struct parser_context *context = parser->context;
    bool foreign = context->prefixes_foreign;
    bool closed = context->footer_seen;
    struct element *header = parser_context_take(context);

    parser->canonical = buffer_take(&context->canonical);
    parser->kind = parser_pool_kind(parser->canonical);
    context->kind = parser->kind;
    context->header_seen = false;
    release_context(parser, !closed);
    begin_anew(parser);
    parser->phase = PHASE_STREAM;
    if (parser->kind != PARSER_OWN_KIND) {
        free(parser->canonical);
        parser->canonical = NULL;
    }
    parser->ops->header(parser->user, header, foreign);
    arena_free(header->arena);
    if (closed) {
        deliver_footer(parser);
    }
}

static void deliver_element(struct parser *parser, const char *bytes, size_t length)
{
    struct parser_context *context = parser->context;
    struct element *root = parser_context_take(context);
    struct buffer held = parser->held;

    if (parser->size > context->largest) {
        context->largest = parser->size;
    }
    release_context(parser, true);
    parser->held = (struct buffer){0};
    begin_anew(parser);
    if (held.length > 0) {
        bytes = held.data;
        length = held.length;
    }
    parser->ops->element(parser->user, root, parser->keep_bytes ? bytes : NULL,
                         parser->keep_bytes ? length : 0);
    buffer_fini(&held);
}

/* The scanner says that something ends here; libxml2 has to say so too. */
static void deliver(struct parser *parser, const char *bytes, size_t length)
{
    struct parser_context *context = parser->context;

    if (!parser_context_is_drained(context)) {
        fail(parser, not_well_formed);
    } else if (parser->phase == PHASE_HEADER && context->header_seen) {
        deliver_header(parser);
    } else if (parser->phase == PHASE_STREAM && context->complete) {
        deliver_element(parser, bytes, length);
    } else if (parser->phase == PHASE_STREAM && context->footer_seen && !context->root) {
        deliver_footer(parser);
    } else {
        fail(parser, not_well_formed);
    }
}

/* The element ends with these bytes. In one piece they are neither copied nor held. */
static void finish(struct parser *parser, const char *bytes, size_t length)
{
    if (parser->held.length > 0) {
        if (give(parser, bytes, length)) {
            deliver(parser, NULL, 0);
        }
        return;
    }
    borrow_context(parser);
    if (parser_context_push(parser->context, bytes, length)) {
        fail(parser, parser->context->error);
        return;
    }
    deliver(parser, bytes, length);
}

/* White space between top-level elements is a sign of life (RFC 6120 §4.6.1) and costs nothing. In
 * front of the header it counts like the rest of it. */
static size_t skip_blanks(struct parser *parser, const char *bytes, size_t length)
{
    size_t blanks = 0;

    while (blanks < length && is_blank(bytes[blanks])) {
        blanks++;
    }
    if (parser->phase == PHASE_HEADER && !count(parser, blanks)) {
        return length;
    }
    return blanks;
}

/* A control character or a byte that begins no character is not even text. */
static void fail_outside(struct parser *parser, unsigned char byte)
{
    bool is_text = (byte >= 0x20 && byte < 0x80) || (byte >= 0xC2 && byte <= 0xF4);

    fail(parser, parser->phase == PHASE_STREAM && is_text ? text_outside : not_well_formed);
}

static size_t read_element(struct parser *parser, const char *bytes, size_t length)
{
    static const struct parser_error *const errors[] = {
        [SCAN_BROKEN_TAG] = &not_well_formed,
        [SCAN_CDATA_OUTSIDE] = &text_outside,
        [SCAN_TOO_MANY_VALUES] = &too_many_values,
    };
    size_t used, whole;

    if (!parser->inside && is_blank(*bytes)) {
        return skip_blanks(parser, bytes, length);
    }
    if (!parser->inside && *bytes != '<') {
        fail_outside(parser, (unsigned char)*bytes);
        return length;
    }
    parser->inside = true;
    enum scan_result result =
        scanner_run(&parser->scanner, bytes, length, parser->phase == PHASE_HEADER,
                    parser->limits.attributes + parser->limits.namespaces, &used, &whole);
    if (!count(parser, used)) {
        return length;
    }
    parser->rest = bytes + used;
    parser->rest_length = length - used;
    if (result == SCAN_MORE) {
        go_on(parser, bytes, used, whole);
    } else if (result == SCAN_END) {
        finish(parser, bytes, used);
    } else {
        fail(parser, *errors[result]);
    }
    return used;
}

/* The bytes that turned out to be no prolog any more. There are few of them: the next elements
 * cannot be among them. */
static void begin_header(struct parser *parser, size_t rest)
{
    struct buffer read = parser->held;

    parser->held = (struct buffer){0};
    parser->phase = PHASE_HEADER;
    parser->size -= rest; /* counted again */
    for (const char *p = read.data + read.length - rest;
         rest > 0 && parser->phase == PHASE_HEADER;) {
        size_t used = read_element(parser, p, rest);
        p += used;
        rest -= used;
    }
    buffer_fini(&read);
}

static size_t read_prolog(struct parser *parser, const char *bytes, size_t length)
{
    size_t rest;

    (void)length;
    if (!count(parser, 1) || (parser->held.length == 0 && is_blank(*bytes))) {
        return 1;
    }
    buffer_append_char(&parser->held, *bytes);
    switch (prolog_read(parser->held.data, parser->held.length, &rest)) {
    case PROLOG_MORE:
        break;
    case PROLOG_DONE:
        begin_header(parser, rest);
        break;
    case PROLOG_MALFORMED:
        fail(parser, not_well_formed);
        break;
    case PROLOG_ENCODING:
        fail(parser, wrong_encoding);
        break;
    }
    return 1;
}

int parser_feed(struct parser *parser, const char *bytes, size_t length)
{
    const char *end = bytes + length;

    parser->stopped = false;
    while (bytes < end && !parser->stopped && parser->phase < PHASE_CLOSED) {
        if (parser->phase == PHASE_PROLOG) {
            bytes += read_prolog(parser, bytes, (size_t)(end - bytes));
        } else {
            bytes += read_element(parser, bytes, (size_t)(end - bytes));
        }
    }
    parser->rest = bytes;
    parser->rest_length = (size_t)(end - bytes);
    return parser->phase == PHASE_FAILED ? ERR_MALFORMED : 0;
}

const struct parser_error *parser_error(const struct parser *parser)
{
    return &parser->error;
}

void parser_stop(struct parser *parser)
{
    parser->stopped = true;
}

const char *parser_rest(const struct parser *parser, size_t *length)
{
    *length = parser->rest_length;
    return parser->rest;
}

void parser_set_limits(struct parser *parser, const struct parser_limits *limits)
{
    parser->limits = *limits;
    /* libxml2 takes lengths as int. */
    parser->limits.header_bytes = MIN(limits->header_bytes, INT_MAX);
    parser->limits.element_bytes = MIN(limits->element_bytes, INT_MAX);
}

bool parser_is_between(const struct parser *parser)
{
    return parser->phase == PHASE_STREAM && !parser->inside && parser->held.length == 0;
}

bool parser_holds_context(const struct parser *parser)
{
    return parser->context != NULL;
}
