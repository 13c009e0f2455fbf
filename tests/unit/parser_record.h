/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * For the tests of the stream parser: what the parser reports is written down as one line, e.g.
 * "H E<presence/> F" or "H !not-well-formed", and that line is compared.
 */
#pragma once

#include <stdlib.h>
#include <string.h>

#include "common/base/error.h"
#include "common/base/memory.h"
#include "common/xmpp/namespaces.h"
#include "common/xmpp/parser.h"
#include "tests/unit/unit.h"

#define DECLARATION "<?xml version='1.0'?>"
#define HEADER                                                                                     \
    "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' "        \
    "to='h.test' version='1.0'>"
#define H DECLARATION HEADER

struct record {
    struct parser *parser;
    struct buffer line;
    struct buffer header;
    bool foreign;
    bool stop_at_elements;
};

static inline void separate(struct record *record)
{
    if (record->line.length > 0) {
        buffer_append_char(&record->line, ' ');
    }
}

static inline void on_header(void *user, const struct element *header, bool foreign)
{
    struct record *record = user;

    separate(record);
    buffer_append_char(&record->line, 'H');
    element_write(&record->header, header, "");
    record->foreign = foreign;
}

static inline void on_element(void *user, struct element *root, const char *bytes, size_t length)
{
    struct record *record = user;

    separate(record);
    buffer_append_char(&record->line, 'E');
    if (bytes) {
        buffer_append(&record->line, bytes, length);
    } else {
        element_write(&record->line, root, NS_CLIENT);
    }
    arena_free(root->arena);
    if (record->stop_at_elements) {
        parser_stop(record->parser);
    }
}

static inline void on_footer(void *user)
{
    struct record *record = user;

    separate(record);
    buffer_append_char(&record->line, 'F');
}

static const struct parser_ops recording = {on_header, on_element, on_footer};

static inline void begin(struct record *record, struct parser_pool *pool,
                         const struct parser_limits *limits, bool keep_bytes)
{
    *record = (struct record){0};
    record->parser = parser_new(pool, limits, keep_bytes, &recording, record);
    buffer_append_text(&record->line, "");
}

static inline int feed(struct record *record, const char *bytes, size_t length)
{
    /* In a block of exactly this size, so that sanitizers see who reads beyond it. */
    char *copy = xmalloc(length + (length == 0));
    memcpy(copy, bytes, length);
    int error = parser_feed(record->parser, copy, length);
    free(copy);

    if (error) {
        const struct parser_error *failure = parser_error(record->parser);
        assert_int_equal(error, ERR_MALFORMED);
        separate(record);
        buffer_printf(&record->line, "!%s%s", stream_condition_name(failure->condition),
                      failure->too_big ? "+too-big" : "");
    }
    return error;
}

static inline int feed_text(struct record *record, const char *text)
{
    return feed(record, text, strlen(text));
}

static inline void end(struct record *record)
{
    parser_free(record->parser);
    buffer_fini(&record->line);
    buffer_fini(&record->header);
}

/* In pieces of `step` bytes, the first one of `first`; the line is the caller's. */
static inline char *read_in_pieces(struct parser_pool *pool, const struct parser_limits *limits,
                                   bool keep_bytes, const char *bytes, size_t length, size_t first,
                                   size_t step)
{
    struct record record;
    size_t piece = MIN(first, length);

    begin(&record, pool, limits, keep_bytes);
    for (size_t at = 0; at < length; at += piece, piece = MIN(step, length - at)) {
        if (feed(&record, bytes + at, piece)) {
            break;
        }
    }
    char *line = buffer_take(&record.line);
    end(&record);
    assert_int_equal(parser_pool_lent(pool), 0);
    return line;
}

static inline void expect(struct parser_pool *pool, const struct parser_limits *limits,
                          bool keep_bytes, const char *bytes, size_t length, size_t first,
                          size_t step, const char *expected, const char *name)
{
    char *line = read_in_pieces(pool, limits, keep_bytes, bytes, length, first, step);

    if (strcmp(line, expected) != 0) {
        fail_msg("%s, first %zu, then %zu bytes:\n got      %.400s\n expected %.400s", name, first,
                 step, line, expected);
    }
    free(line);
}

static inline void expect_everywhere(struct parser_pool *pool, const struct parser_limits *limits,
                                     const char *bytes, size_t length, const char *expected,
                                     const char *name)
{
    expect(pool, limits, false, bytes, length, length, 1, expected, name);
    expect(pool, limits, false, bytes, length, 1, 1, expected, name);
    for (size_t first = 1; first < length; first++) {
        expect(pool, limits, false, bytes, length, first, length, expected, name);
    }
}

struct row {
    const char *name;
    const char *bytes;
    size_t length;
    const char *expected;
};
#define ROW(name, bytes, expected)                                                                 \
    {                                                                                              \
        name, bytes, sizeof(bytes) - 1, expected                                                   \
    }

#define NWF        " !not-well-formed"
#define RESTRICTED " !restricted-xml"
#define BODY(text) H "<message><body>" text "</body></message>"

static inline void append_repeated(struct buffer *out, const char *text, size_t times)
{
    for (size_t i = 0; i < times; i++) {
        buffer_append_text(out, text);
    }
}

static inline int set_up(void **state)
{
    *state = parser_pool_new();
    return 0;
}

static inline int tear_down(void **state)
{
    parser_pool_free(*state);
    return 0;
}
