/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * WebSocket frames (RFC 6455 §5): each row whole, byte by byte, split at every boundary, and with a
 * reader that pauses in between.
 */
#include "common/http/websocket.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/buffer.h"
#include "common/base/macros.h"
#include "common/base/memory.h"
#include "tests/unit/unit.h"

struct end {
    struct buffer out;
    bool pauses, paused;
};

static void on_text(void *user, const char *bytes, size_t length, bool last)
{
    struct end *end = user;

    if (length > 0)
        buffer_append(&end->out, bytes, length);
    if (last)
        buffer_append_text(&end->out, ". ");
}

static void on_pong(void *user, const char *bytes, size_t length)
{
    struct end *end = user;

    assert_int_equal((unsigned char)bytes[0], 0x8a);
    assert_int_equal((unsigned char)bytes[1], length - 2);
    buffer_append_text(&end->out, "pong:");
    if (length > 2)
        buffer_append(&end->out, bytes + 2, length - 2);
    buffer_append_text(&end->out, " ");
}

static void on_closed(void *user, unsigned code)
{
    struct end *end = user;

    buffer_printf(&end->out, "closed %u", code);
}

static void on_failed(void *user, unsigned code)
{
    struct end *end = user;

    buffer_printf(&end->out, "failed %u", code);
}

static bool on_paused(void *user)
{
    struct end *end = user;

    end->paused = end->pauses && !end->paused;
    return end->paused;
}

static const struct websocket_ops ops = {.text = on_text,
                                         .pong = on_pong,
                                         .closed = on_closed,
                                         .failed = on_failed,
                                         .paused = on_paused};

#define MASK "\1\2\3\4"
/* A masked frame; the payload is written as it is and masked in here. */
#define FRAME(first, payload)                                                                      \
    {                                                                                              \
        first, sizeof(payload) - 1, payload                                                        \
    }
#define FIN   0x80
#define TEXT  0x1
#define CLOSE 0x8
#define PING  0x9
#define PONG  0xa

struct frame {
    unsigned char first;
    size_t length;
    const char *payload;
};

#define FRAMES_MAX 5
static const struct {
    struct frame frames[FRAMES_MAX];
    const char *expected;
} rows[] = {
    {{FRAME(FIN | TEXT, "hello")}, "hello. "},
    {{FRAME(FIN | TEXT, "")}, ". "},
    {{FRAME(FIN | TEXT, "a"), FRAME(FIN | TEXT, "b")}, "a. b. "},
    {{FRAME(TEXT, "a"), FRAME(0, "b"), FRAME(FIN, "c")}, "abc. "},
    {{FRAME(TEXT, "a"), FRAME(FIN | PING, "x"), FRAME(FIN, "b")}, "apong:x b. "},
    {{FRAME(FIN | PING, "")}, "pong: "},
    {{FRAME(FIN | PONG, "nobody asked"), FRAME(FIN | TEXT, "a")}, "a. "},
    {{FRAME(FIN | CLOSE, "")}, "closed 1005"},
    {{FRAME(FIN | CLOSE, "\3\350"), FRAME(FIN | TEXT, "a")}, "closed 1000"},
    {{FRAME(FIN | CLOSE, "\3\351bye")}, "closed 1001"},
    {{FRAME(FIN | CLOSE, "\13\270")}, "closed 3000"},
    /* What may not be. */
    {{FRAME(FIN | CLOSE, "\3")}, "failed 1002"},
    {{FRAME(FIN | CLOSE, "\3\354")}, "failed 1002"}, /* 1004 */
    {{FRAME(FIN | CLOSE, "\3\355")}, "failed 1002"}, /* 1005 */
    {{FRAME(FIN | CLOSE, "\0\1")}, "failed 1002"},
    {{FRAME(FIN | 0x2, "binary")}, "failed 1003"},
    {{FRAME(FIN | 0x3, "")}, "failed 1002"},
    {{FRAME(FIN | 0xb, "")}, "failed 1002"},
    {{FRAME(FIN | 0x40 | TEXT, "a")}, "failed 1002"},
    {{FRAME(FIN | 0x10 | TEXT, "a")}, "failed 1002"},
    {{FRAME(PING, "in two")}, "failed 1002"},
    {{FRAME(FIN, "continues nothing")}, "failed 1002"},
    {{FRAME(TEXT, "a"), FRAME(FIN | TEXT, "b")}, "afailed 1002"},
    {{FRAME(TEXT, "a"), FRAME(FIN, "b"), FRAME(FIN, "c")}, "ab. failed 1002"},
};

static void write_frame(struct buffer *out, unsigned char first, const char *payload, size_t length)
{
    buffer_append_char(out, (char)first);
    if (length < 126) {
        buffer_append_char(out, (char)(0x80 | length));
    } else {
        buffer_append_char(out, (char)(0x80 | 126));
        buffer_append_char(out, (char)(length >> 8));
        buffer_append_char(out, (char)length);
    }
    buffer_append(out, MASK, 4);
    for (size_t i = 0; i < length; i++)
        buffer_append_char(out, (char)(payload[i] ^ MASK[i % 4]));
}

/* Cut at `first`, then into pieces of `piece` bytes. */
static char *read_cut(const struct buffer *bytes, size_t first, size_t piece, bool pauses)
{
    struct end end = {.pauses = pauses};
    struct websocket *websocket = websocket_new(&ops, &end);
    size_t size;

    for (size_t at = 0; at < bytes->length; at += size) {
        size = MIN(at == 0 && first > 0 ? first : piece, bytes->length - at);
        websocket_feed(websocket, bytes->data + at, size);
    }
    for (size_t i = 0; pauses && i <= 2 * bytes->length; i++)
        websocket_feed(websocket, NULL, 0);
    websocket_free(websocket);
    return buffer_take(&end.out);
}

static void check(const struct buffer *bytes, size_t first, size_t piece, const char *expected)
{
    for (int pauses = 0; pauses < 2; pauses++) {
        char *got = read_cut(bytes, first, piece, pauses);
        assert_string_equal(got, expected);
        free(got);
    }
}

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct buffer bytes = {0};
        for (const struct frame *frame = rows[i].frames; frame->payload; frame++)
            write_frame(&bytes, frame->first, frame->payload, frame->length);
        for (size_t first = 0; first < bytes.length; first++)
            check(&bytes, first, bytes.length, rows[i].expected);
        check(&bytes, 0, 1, rows[i].expected);
        buffer_fini(&bytes);
    }
}

static void test_not_masked(void **state)
{
    struct buffer bytes = {0};

    (void)state;
    buffer_append(&bytes, "\x81\1a", 3);
    check(&bytes, 0, 3, "failed 1002");
    check(&bytes, 0, 1, "failed 1002");
    buffer_fini(&bytes);
}

/* RFC 6455 §5.5: at most 125 bytes; §5.2: lengths in their shortest form, below 2^63. */
static void test_lengths(void **state)
{
    static const char long_ping[] = "\x89\xfe\0\x7e" MASK;
    static const char long_form[] = "\x81\xfe\0\5" MASK "abcde";
    static const char longer_form[] = "\x81\xff\0\0\0\0\0\0\0\5" MASK "abcde";
    static const char endless[] = "\x81\xff\x80\0\0\0\0\0\0\5" MASK;
    const struct buffer bad[] = {{.data = (char *)long_ping, .length = sizeof(long_ping) - 1},
                                 {.data = (char *)long_form, .length = sizeof(long_form) - 1},
                                 {.data = (char *)longer_form, .length = sizeof(longer_form) - 1},
                                 {.data = (char *)endless, .length = sizeof(endless) - 1}};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        for (size_t piece = 1; piece <= bad[i].length; piece++)
            check(&bad[i], 0, piece, "failed 1002");
}

static void test_long_text(void **state)
{
    static const size_t lengths[] = {125, 126, 4096, 60000};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
        struct buffer bytes = {0}, text = {0};
        for (size_t n = 0; n < lengths[i]; n++)
            buffer_append_char(&text, (char)('a' + n % 26));
        write_frame(&bytes, FIN | TEXT, text.data, text.length);
        buffer_append_text(&text, ". ");
        for (size_t piece = 1; piece < 100000; piece = piece * 7 + 3)
            check(&bytes, 0, piece, text.data);
        buffer_fini(&bytes);
        buffer_fini(&text);
    }
}

/* What is written: no mask, lengths in their shortest form. */
static void test_write(void **state)
{
    static const struct {
        size_t length;
        const char *head;
        size_t head_length;
    } frames[] = {{3, "\x81\3", 2},
                  {125, "\x81\x7d", 2},
                  {126, "\x81\x7e\0\x7e", 4},
                  {65535, "\x81\x7e\xff\xff", 4},
                  {65536, "\x81\x7f\0\0\0\0\0\1\0\0", 10}};
    char *text = xcalloc(1, 65536);

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(frames); i++) {
        struct buffer out = {0};
        websocket_write_text(&out, text, frames[i].length);
        assert_int_equal(out.length, frames[i].head_length + frames[i].length);
        assert_memory_equal(out.data, frames[i].head, frames[i].head_length);
        buffer_fini(&out);
    }
    free(text);
}

static void test_handshake(void **state)
{
    struct buffer out = {0};

    (void)state;
    /* RFC 6455 §1.3 */
    websocket_accept(&out, "dGhlIHNhbXBsZSBub25jZQ==");
    assert_string_equal(out.data, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    buffer_fini(&out);
    assert_true(websocket_key_is_valid("dGhlIHNhbXBsZSBub25jZQ=="));
    assert_false(websocket_key_is_valid(""));
    assert_false(websocket_key_is_valid("dGhlIHNhbXBsZSBub25jZQ"));
    assert_false(websocket_key_is_valid("dGhlIHNhbXBsZSBub25jZTE="));
    assert_false(websocket_key_is_valid("not base64 at all!!"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),    cmocka_unit_test(test_not_masked),
        cmocka_unit_test(test_lengths), cmocka_unit_test(test_long_text),
        cmocka_unit_test(test_write),   cmocka_unit_test(test_handshake),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
