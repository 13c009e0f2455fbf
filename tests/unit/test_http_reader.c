/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * HTTP requests out of bytes: each row whole, byte by byte, and split at every boundary.
 */
#include "common/http/reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/buffer.h"
#include "common/base/memory.h"
#include "tests/unit/unit.h"

static bool on_head(void *user, const struct http_head *head)
{
    struct buffer *out = user;

    buffer_printf(out, "%s %s%s%s", head->method, head->path, head->keep_alive ? "" : " last",
                  head->upgrade ? " upgrade" : "");
    for (size_t i = 0; i < head->headers_count; i++)
        buffer_printf(out, " %s=%s", head->headers[i].name, head->headers[i].value);
    buffer_append_text(out, " [");
    return true;
}

static void on_body(void *user, const char *bytes, size_t length)
{
    buffer_append(user, bytes, length);
}

static void on_end(void *user)
{
    buffer_append_text(user, "] ");
}

static const struct http_reader_ops ops = {.head = on_head, .body = on_body, .end = on_end};

/* All requests in these bytes; what has not been read then is shown behind "rest". */
static bool feed(struct http_reader *reader, struct buffer *out, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t got = http_reader_feed(reader, bytes, length);
        if (got < 0) {
            buffer_printf(out, "%d", (int)-got);
            return false;
        }
        assert_true((size_t)got <= length);
        bytes += got;
        length -= (size_t)got;
        if (length > 0 && !http_reader_is_idle(reader)) {
            buffer_append_text(out, "rest ");
            buffer_append(out, bytes, length);
            return false;
        }
    }
    return true;
}

/* Cut at `first`, then into pieces of `piece` bytes. */
static char *read_cut(const char *text, size_t first, size_t piece)
{
    struct buffer out = {0};
    struct http_reader *reader = http_reader_new(&ops, &out);
    size_t length = strlen(text), size;
    bool goes_on = true;

    assert_true(http_reader_is_idle(reader));
    for (size_t at = 0; goes_on && at < length; at += size) {
        size = MIN(at == 0 && first > 0 ? first : piece, length - at);
        goes_on = feed(reader, &out, text + at, size);
    }
    http_reader_free(reader);
    return buffer_take(&out);
}

#define GET(fields)  "GET /a HTTP/1.1\r\n" fields "\r\n"
#define POST(fields) "POST /b HTTP/1.1\r\n" fields "\r\n"

static const struct {
    const char *bytes, *expected;
} rows[] = {
    {GET("Host: x\r\n"), "GET /a Host=x [] "},
    {"GET /a?b=c#d HTTP/1.1\r\n\r\n", "GET /a [] "},
    {"GET http://host/a HTTP/1.1\r\n\r\n", "GET http://host/a [] "},
    {"\r\n" GET(""), "GET /a [] "},
    {"GET /a HTTP/1.0\r\n\r\n", "GET /a last [] "},
    {GET("Connection: close\r\n"), "GET /a last Connection=close [] "},
    {GET("Empty:\r\nBlank:  \r\nMany:  a  b \r\n"), "GET /a Empty= Blank= Many=a  b  [] "},
    {POST("Content-Length: 5\r\n") "hello", "POST /b Content-Length=5 [hello] "},
    {POST("Content-Length: 0\r\n"), "POST /b Content-Length=0 [] "},
    {POST("Content-Length: 2\r\n") "hi" GET("") GET(""),
     "POST /b Content-Length=2 [hi] GET /a [] GET /a [] "},
    {POST("Transfer-Encoding: chunked\r\n") "2\r\nhi\r\n3;x=y\r\n !!\r\n0\r\n\r\n" GET(""),
     "POST /b Transfer-Encoding=chunked [hi !!] GET /a [] "},
    {POST("Transfer-Encoding: chunked\r\n") "1\r\nx\r\n0\r\nTrailer: y\r\n\r\n" GET(""),
     "POST /b Transfer-Encoding=chunked [x] GET /a [] "},
    {GET("Connection: Upgrade\r\nUpgrade: websocket\r\n"),
     "GET /a upgrade Connection=Upgrade Upgrade=websocket [] "},
    /* Two readers that disagree (RFC 9112 §11.2). */
    {POST("Content-Length: 1\r\nContent-Length: 2\r\n") "xy", "400"},
    {POST("Content-Length: 1\r\nContent-Length: 1\r\n") "x", "400"},
    {POST("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n") "0\r\n\r\n", "400"},
    {POST("Transfer-Encoding: chunked\r\nContent-Length: 1\r\n") "0\r\n\r\n", "400"},
    {POST("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n") "0\r\n\r\n", "400"},
    {POST("Transfer-Encoding: chunked, identity\r\n") "0\r\n\r\n", "400"},
    {POST("Transfer-Encoding: gzip, chunked\r\n") "0\r\n\r\n", "400"},
    {POST("Transfer-Encoding: xchunked\r\n") "0\r\n\r\n", "400"},
    {POST("Content-Length: -1\r\n"), "400"},
    {POST("Content-Length: +1\r\n") "x", "400"},
    {POST("Content-Length: 1x\r\n") "x", "400"},
    {POST("Content-Length: 0x1\r\n") "x", "400"},
    {POST("Content-Length: 99999999999999999999\r\n") "x", "400"},
    {POST("Transfer-Encoding: chunked\r\n") "x\r\n", "POST /b Transfer-Encoding=chunked [400"},
    {POST("Transfer-Encoding: chunked\r\n") "-1\r\n", "POST /b Transfer-Encoding=chunked [400"},
    {POST("Transfer-Encoding: chunked\r\n") "fffffffffffffffff\r\n",
     "POST /b Transfer-Encoding=chunked [400"},
    {POST("Content-Length : 1\r\n") "x", "400"},
    {POST("Transfer-Encoding : chunked, identity\r\n") "0\r\n\r\n", "400"},
    {GET("Host : x\r\n"), "400"},
    {GET(" Host: x\r\n"), "400"},
    {GET("Ho st: x\r\n"), "400"},
    {GET("Host\r\n"), "400"},
    {GET(": x\r\n"), "400"},
    /* No request of ours. */
    {"GET /a HTTP/2.0\r\n\r\n", "501"},
    {"GET /a HTTP/0.9\r\n\r\n", "501"},
    {"CONNECT a:1 HTTP/1.1\r\n\r\n", "501"},
    {"GET /a\r\n\r\n", "501"},
    {"GET  HTTP/1.1\r\n\r\n", "400"},
    {"NONSENSE /a HTTP/1.1\r\n\r\n", "400"},
    {"\x16\x03\x01 \r\n\r\n", "400"},
};

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        size_t length = strlen(rows[i].bytes);
        for (size_t first = 0; first <= length; first++) {
            /* 0: the whole; the last: byte by byte. */
            char *got = read_cut(rows[i].bytes, first, first == length ? 1 : length);
            if (strcmp(got, rows[i].expected) != 0)
                print_message("row %zu cut at %zu: %s\n", i, first, got);
            assert_string_equal(got, rows[i].expected);
            free(got);
        }
    }
}

/* So many bytes of a head, in one field or in many. */
static char *make_head(size_t fields, size_t value)
{
    struct buffer out = {0};

    buffer_append_text(&out, "GET /a HTTP/1.1\r\n");
    for (size_t i = 0; i < fields; i++) {
        buffer_append_text(&out, "X: ");
        for (size_t n = 0; n < value; n++)
            buffer_append_char(&out, 'y');
        buffer_append_text(&out, "\r\n");
    }
    buffer_append_text(&out, "\r\n");
    return buffer_take(&out);
}

static const struct {
    size_t fields, value;
    bool good;
} limits[] = {
    {HTTP_HEADERS_MAX, 1, true},
    {HTTP_HEADERS_MAX + 1, 1, false},
    {1, HTTP_HEAD_MAX - 100, true},
    {1, HTTP_HEAD_MAX, false},
    {1, 3 * HTTP_HEAD_MAX, false},
    {60, 130, true},
    {60, 200, false},
};

static void test_limits(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(limits); i++)
        for (size_t piece = 1; piece < 100000; piece *= 17) {
            char *head = make_head(limits[i].fields, limits[i].value);
            char *got = read_cut(head, 0, piece);
            if (limits[i].good)
                assert_memory_equal(got, "GET /a X=", 9);
            else
                assert_string_equal(got, "431");
            free(got);
            free(head);
        }
}

static void test_nul(void **state)
{
    static const char bytes[] = "GET /a HTTP/1.1\r\nX: a\0b\r\n\r\n";
    struct buffer out = {0};
    struct http_reader *reader = http_reader_new(&ops, &out);

    (void)state;
    assert_int_equal(http_reader_feed(reader, bytes, sizeof(bytes) - 1), -400);
    assert_int_equal(out.length, 0);
    http_reader_free(reader);
    buffer_fini(&out);
}

static void test_idle(void **state)
{
    struct buffer out = {0};
    struct http_reader *reader = http_reader_new(&ops, &out);

    (void)state;
    assert_true(http_reader_is_idle(reader));
    assert_int_equal(http_reader_feed(reader, "G", 1), 1);
    assert_false(http_reader_is_idle(reader));
    assert_int_equal(http_reader_feed(reader, "ET / HTTP/1.1\r\n\r\n", 17), 17);
    assert_true(http_reader_is_idle(reader));
    http_reader_free(reader);
    buffer_fini(&out);
}

static const struct {
    const char *value, *token;
    bool has;
} tokens[] = {
    {"Upgrade", "upgrade", true},       {"keep-alive, Upgrade", "upgrade", true},
    {"a,,upgrade ,b", "upgrade", true}, {"upgraded", "upgrade", false},
    {"up grade", "upgrade", false},     {"", "upgrade", false},
    {NULL, "upgrade", false},           {"xupgrade", "upgrade", false},
};

static void test_tokens(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(tokens); i++)
        assert_int_equal(http_has_token(tokens[i].value, tokens[i].token), tokens[i].has);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows), cmocka_unit_test(test_limits), cmocka_unit_test(test_nul),
        cmocka_unit_test(test_idle), cmocka_unit_test(test_tokens),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
