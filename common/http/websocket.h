/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The server's end of a WebSocket (RFC 6455), without I/O; libwslay takes frames apart, and is
 * nowhere else. Text is given on as it comes; what is in it, UTF-8 too, is for its reader to judge.
 * Pings are answered, pongs ignored. A WebSocket that stands between two frames holds no buffer.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/buffer.h"

/* RFC 6455 §7.4.1 */
enum websocket_code {
    WEBSOCKET_NORMAL = 1000,
    WEBSOCKET_GOING_AWAY = 1001,
    WEBSOCKET_PROTOCOL_ERROR = 1002,
    WEBSOCKET_UNSUPPORTED = 1003,
    WEBSOCKET_NO_CODE = 1005,
    WEBSOCKET_POLICY = 1008,
    WEBSOCKET_TOO_BIG = 1009,
};

struct websocket_ops {
    /* A piece of a text message; `last`: it ends here. */
    void (*text)(void *user, const char *bytes, size_t length, bool last);
    /* An answer to a ping: a whole frame. */
    void (*pong)(void *user, const char *bytes, size_t length);
    /* The peer closes, with this code. Nothing is called after it. */
    void (*closed)(void *user, unsigned code);
    /* It broke the protocol, which is to be told by this code. Nothing is called after it. */
    void (*failed)(void *user, unsigned code);
    /* Whether to stop here for now; asked before each piece. */
    bool (*paused)(void *user);
};

struct websocket;

struct websocket *websocket_new(const struct websocket_ops *ops, void *user);
void websocket_free(struct websocket *websocket);
/* Bytes that came. What cannot be given on while paused is kept; feeding nothing goes on with it.
 */
void websocket_feed(struct websocket *websocket, const char *bytes, size_t length);

/* The value of Sec-WebSocket-Accept (RFC 6455 §4.2.2). */
void websocket_accept(struct buffer *out, const char *key);
/* Whether a Sec-WebSocket-Key is one: 16 bytes in base64. */
bool websocket_key_is_valid(const char *key);
/* Appends a whole frame. */
void websocket_write_text(struct buffer *out, const char *bytes, size_t length);
void websocket_write_close(struct buffer *out, unsigned code);
