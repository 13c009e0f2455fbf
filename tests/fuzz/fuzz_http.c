/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What comes by the web: requests, and frames of a WebSocket. However the bytes are cut into
 * pieces, and whether the reader pauses in between or not, the same comes out; in order; and
 * nothing behind an end. The first byte says which of both, and how long a piece is.
 */
#include <string.h>

#include "common/base/buffer.h"
#include "common/http/reader.h"
#include "common/http/websocket.h"
#include "tests/fuzz/fuzz.h"

#define IS_WEBSOCKET 0x80
#define PAUSES       0x40

struct record {
    struct buffer out;
    bool inside, over, pauses, paused;
};

static bool on_head(void *user, const struct http_head *head)
{
    struct record *record = user;
    size_t size = strlen(head->path);

    MUST(!record->inside && head->headers_count <= HTTP_HEADERS_MAX && head->method != NULL);
    record->inside = true;
    buffer_printf(&record->out, "%s %s %d %d\n", head->method, head->path, head->keep_alive,
                  head->upgrade);
    for (size_t i = 0; i < head->headers_count; i++) {
        MUST(strpbrk(head->headers[i].name, " \t:") == NULL);
        size += strlen(head->headers[i].name) + strlen(head->headers[i].value);
        buffer_printf(&record->out, "%s:%s\n", head->headers[i].name, head->headers[i].value);
    }
    MUST(size <= HTTP_HEAD_MAX);
    MUST(http_header_count(head, "content-length") == 0 ||
         http_header_count(head, "transfer-encoding") == 0);
    return true;
}

static void on_body(void *user, const char *bytes, size_t length)
{
    struct record *record = user;

    MUST(record->inside && length > 0);
    buffer_append(&record->out, bytes, length);
}

static void on_end(void *user)
{
    struct record *record = user;

    MUST(record->inside);
    record->inside = false;
    buffer_append_text(&record->out, "\nend\n");
}

static const struct http_reader_ops reader_ops = {.head = on_head, .body = on_body, .end = on_end};

/* All requests that are in a piece; false: nothing further is read. */
static bool read_piece(struct http_reader *reader, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t got = http_reader_feed(reader, bytes, length);
        MUST(got <= (ssize_t)length && (got > 0 || got == -400 || got == -431 || got == -501));
        if (got < 0)
            return false;
        bytes += got;
        length -= (size_t)got;
        if (length > 0 && !http_reader_is_idle(reader))
            return false; /* the rest belongs to another protocol */
    }
    return true;
}

static void read_requests(struct record *record, const char *bytes, size_t length, size_t piece)
{
    struct http_reader *reader = http_reader_new(&reader_ops, record);

    for (size_t at = 0; at < length; at += piece)
        if (!read_piece(reader, bytes + at, length - at < piece ? length - at : piece))
            break;
    http_reader_free(reader);
}

static void on_text(void *user, const char *bytes, size_t length, bool last)
{
    struct record *record = user;

    MUST(!record->over);
    if (length > 0)
        buffer_append(&record->out, bytes, length);
    if (last)
        buffer_append_text(&record->out, "\nend\n");
}

static void on_pong(void *user, const char *bytes, size_t length)
{
    struct record *record = user;

    /* Of the server: not masked (RFC 6455 §5.1), one short frame. */
    MUST(!record->over && length >= 2 && length <= 127 && (uint8_t)bytes[1] == length - 2);
    buffer_append(&record->out, bytes, length);
}

static void on_over(void *user, unsigned code)
{
    struct record *record = user;

    MUST(!record->over && code >= 1000 && code <= 4999);
    record->over = true;
    buffer_printf(&record->out, "\nover %u\n", code);
}

static bool on_paused(void *user)
{
    struct record *record = user;

    record->paused = record->pauses && !record->paused;
    return record->paused;
}

static const struct websocket_ops websocket_ops = {
    .text = on_text, .pong = on_pong, .closed = on_over, .failed = on_over, .paused = on_paused};

static void read_frames(struct record *record, const char *bytes, size_t length, size_t piece)
{
    struct websocket *websocket = websocket_new(&websocket_ops, record);

    for (size_t at = 0; at < length; at += piece)
        websocket_feed(websocket, bytes + at, length - at < piece ? length - at : piece);
    /* Each call reads a piece of a frame, at least. */
    for (size_t i = 0; record->pauses && i <= 2 * length; i++)
        websocket_feed(websocket, NULL, 0);
    websocket_free(websocket);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct record whole = {0}, pieces = {0};

    if (length < 2)
        return 0;
    bool is_websocket = bytes[0] & IS_WEBSOCKET;
    size_t piece = (bytes[0] & 0x3f) + 1u;
    const char *text = (const char *)bytes + 1;
    length = length - 1 < 20000 ? length - 1 : 20000;
    pieces.pauses = bytes[0] & PAUSES;
    (is_websocket ? read_frames : read_requests)(&whole, text, length, length);
    (is_websocket ? read_frames : read_requests)(&pieces, text, length, piece);
    MUST(whole.out.length == pieces.out.length);
    MUST(whole.out.length == 0 || memcmp(whole.out.data, pieces.out.data, whole.out.length) == 0);
    buffer_fini(&whole.out);
    buffer_fini(&pieces.out);
    return 0;
}
