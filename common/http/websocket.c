/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * WebSocket frames: libwslay's frame layer says what a frame is, here is what may follow what.
 */
#include "common/http/websocket.h"

#include <stdlib.h>
#include <string.h>

#include <wslay/wslay.h>

#include "common/base/encode.h"
#include "common/base/memory.h"
#include "common/tls/crypto.h"

#define CONTROL_MAX 125 /* RFC 6455 §5.5 */
#define KEY_BYTES   16
#define MASK_BYTES  4

struct websocket {
    const struct websocket_ops *ops;
    void *user;
    wslay_frame_context_ptr frames; /* NULL: between two frames */
    const char *input;              /* while being fed */
    size_t input_length;
    struct buffer waiting; /* came while paused */
    uint64_t given;        /* bytes that `frames` got since it was made … */
    uint64_t ended;        /* … and how many of them belong to frames that are complete */
    uint64_t left;         /* of the payload of this frame */
    bool in_frame, in_message, feeding, over;
    uint8_t opcode; /* of this frame */
    bool fin;
    uint8_t control_length;
    char control[CONTROL_MAX];
};

struct websocket *websocket_new(const struct websocket_ops *ops, void *user)
{
    struct websocket *websocket = xcalloc(1, sizeof(*websocket));

    websocket->ops = ops;
    websocket->user = user;
    return websocket;
}

static void drop_frames(struct websocket *websocket)
{
    if (websocket->frames)
        wslay_frame_context_free(websocket->frames);
    websocket->frames = NULL;
    websocket->given = websocket->ended = 0;
}

void websocket_free(struct websocket *websocket)
{
    if (websocket == NULL)
        return;
    drop_frames(websocket);
    buffer_fini(&websocket->waiting);
    free(websocket);
}

static ssize_t give(uint8_t *to, size_t size, int flags, void *user)
{
    struct websocket *websocket = user;
    size_t length = MIN(size, websocket->input_length);

    (void)flags;
    if (length == 0)
        return -1; /* nothing now: WSLAY_ERR_WANT_READ */
    memcpy(to, websocket->input, length);
    websocket->input += length;
    websocket->input_length -= length;
    websocket->given += length;
    return (ssize_t)length;
}

static const struct wslay_frame_callbacks callbacks = {.recv_callback = give};

static void fail(struct websocket *websocket, unsigned code)
{
    websocket->over = true;
    websocket->ops->failed(websocket->user, code);
}

/* Of the shortest form, which is the only one that is accepted (RFC 6455 §5.2). */
static uint64_t header_size(uint64_t payload)
{
    return 2 + MASK_BYTES + (payload < 126 ? 0 : payload <= UINT16_MAX ? 2 : 8);
}

/* RFC 6455 §5.2, §5.4: the code to fail with, or 0. */
static unsigned judge(const struct websocket *websocket, const struct wslay_frame_iocb *frame)
{
    if (!frame->mask || frame->rsv != 0)
        return WEBSOCKET_PROTOCOL_ERROR;
    switch (frame->opcode) {
    case WSLAY_CONTINUATION_FRAME:
        return websocket->in_message ? 0 : WEBSOCKET_PROTOCOL_ERROR;
    case WSLAY_TEXT_FRAME:
        return websocket->in_message ? WEBSOCKET_PROTOCOL_ERROR : 0;
    case WSLAY_BINARY_FRAME: /* RFC 7395 §3.2 */
        return websocket->in_message ? WEBSOCKET_PROTOCOL_ERROR : WEBSOCKET_UNSUPPORTED;
    case WSLAY_CONNECTION_CLOSE:
    case WSLAY_PING:
    case WSLAY_PONG:
        return frame->fin && frame->payload_length <= CONTROL_MAX ? 0 : WEBSOCKET_PROTOCOL_ERROR;
    default:
        return WEBSOCKET_PROTOCOL_ERROR;
    }
}

static bool begin_frame(struct websocket *websocket, const struct wslay_frame_iocb *frame)
{
    unsigned code = judge(websocket, frame);

    if (code) {
        fail(websocket, code);
        return false;
    }
    websocket->in_frame = true;
    websocket->opcode = frame->opcode;
    websocket->fin = frame->fin;
    websocket->left = frame->payload_length;
    websocket->ended += header_size(frame->payload_length) + frame->payload_length;
    websocket->control_length = 0;
    return true;
}

static void write_frame(struct buffer *out, uint8_t opcode, const char *bytes, size_t length)
{
    buffer_append_char(out, (char)(0x80 | opcode));
    if (length < 126) {
        buffer_append_char(out, (char)length);
    } else {
        size_t bits = length <= UINT16_MAX ? 16 : 64;
        buffer_append_char(out, length <= UINT16_MAX ? 126 : 127);
        while (bits > 0) {
            bits -= 8;
            buffer_append_char(out, (char)((uint64_t)length >> bits & 0xff));
        }
    }
    buffer_append(out, bytes, length);
}

/* RFC 6455 §7.4: codes that may be sent. */
static bool is_close_code(unsigned code)
{
    return (code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006) ||
           (code >= 3000 && code <= 4999);
}

static void on_close(struct websocket *websocket)
{
    const uint8_t *bytes = (const uint8_t *)websocket->control;
    unsigned code = WEBSOCKET_NO_CODE;

    if (websocket->control_length >= 2)
        code = (unsigned)bytes[0] << 8 | bytes[1];
    if (websocket->control_length == 1 ||
        (websocket->control_length >= 2 && !is_close_code(code))) {
        fail(websocket, WEBSOCKET_PROTOCOL_ERROR);
        return;
    }
    websocket->over = true;
    websocket->ops->closed(websocket->user, code);
}

static void end_control(struct websocket *websocket)
{
    struct buffer out = {0};

    if (websocket->opcode == WSLAY_CONNECTION_CLOSE) {
        on_close(websocket);
    } else if (websocket->opcode == WSLAY_PING) {
        write_frame(&out, WSLAY_PONG, websocket->control, websocket->control_length);
        websocket->ops->pong(websocket->user, out.data, out.length);
        buffer_fini(&out);
    }
}

static void take_payload(struct websocket *websocket, const struct wslay_frame_iocb *frame)
{
    const char *bytes = (const char *)frame->data;

    websocket->left -= frame->data_length;
    websocket->in_frame = websocket->left > 0;
    if (!wslay_is_ctrl_frame(websocket->opcode)) {
        bool last = websocket->fin && !websocket->in_frame;
        websocket->in_message = !last;
        websocket->ops->text(websocket->user, bytes, frame->data_length, last);
        return;
    }
    memcpy(websocket->control + websocket->control_length, bytes, frame->data_length);
    websocket->control_length = (uint8_t)(websocket->control_length + frame->data_length);
    if (!websocket->in_frame)
        end_control(websocket);
}

/* False: nothing more can be done now. */
static bool read_piece(struct websocket *websocket)
{
    struct wslay_frame_iocb frame;
    ssize_t got;

    if (websocket->frames == NULL) {
        if (websocket->input_length == 0)
            return false;
        if (wslay_frame_context_init(&websocket->frames, &callbacks, websocket) != 0)
            abort(); /* out of memory */
    }
    got = wslay_frame_recv(websocket->frames, &frame);
    if (got == WSLAY_ERR_WANT_READ)
        return false;
    if (got < 0) {
        fail(websocket, WEBSOCKET_PROTOCOL_ERROR);
        return false;
    }
    if (!websocket->in_frame && !begin_frame(websocket, &frame))
        return false;
    take_payload(websocket, &frame);
    return !websocket->over;
}

static void keep_rest(struct websocket *websocket, struct buffer *fed)
{
    struct buffer rest = {0};

    if (websocket->input_length > 0)
        buffer_append(&rest, websocket->input, websocket->input_length);
    buffer_fini(fed);
    buffer_fini(&websocket->waiting);
    websocket->waiting = rest;
    websocket->input = NULL;
    websocket->input_length = 0;
}

void websocket_feed(struct websocket *websocket, const char *bytes, size_t length)
{
    struct buffer fed = {0};

    if (websocket->over || websocket->feeding)
        return;
    websocket->input = bytes;
    websocket->input_length = length;
    if (websocket->waiting.length > 0) {
        fed = websocket->waiting;
        websocket->waiting = (struct buffer){0};
        buffer_append(&fed, bytes ? bytes : "", length);
        websocket->input = fed.data;
        websocket->input_length = fed.length;
    }
    websocket->feeding = true;
    while (!websocket->over && !websocket->ops->paused(websocket->user) && read_piece(websocket))
        continue;
    websocket->feeding = false;
    keep_rest(websocket, &fed);
    if (!websocket->in_frame && !websocket->over && websocket->given == websocket->ended)
        drop_frames(websocket);
}

void websocket_accept(struct buffer *out, const char *key)
{
    uint8_t digest[CRYPTO_HASH_MAX];
    struct buffer text = {0};

    buffer_printf(&text, "%s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key);
    crypto_digest(CRYPTO_SHA1, text.data, text.length, digest);
    base64_encode(out, digest, crypto_hash_size(CRYPTO_SHA1));
    buffer_fini(&text);
}

bool websocket_key_is_valid(const char *key)
{
    struct buffer bytes = {0};
    bool valid = base64_decode(&bytes, key, strlen(key)) == 0 && bytes.length == KEY_BYTES;

    buffer_fini(&bytes);
    return valid;
}

void websocket_write_text(struct buffer *out, const char *bytes, size_t length)
{
    write_frame(out, WSLAY_TEXT_FRAME, bytes, length);
}

void websocket_write_close(struct buffer *out, unsigned code)
{
    const char bytes[] = {(char)(code >> 8), (char)(code & 0xff)};

    write_frame(out, WSLAY_CONNECTION_CLOSE, bytes, sizeof(bytes));
}
