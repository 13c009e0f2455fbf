/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * HTTP/1.1 requests (RFC 9112) out of bytes, without I/O; http-parser is behind it and nowhere
 * else. The head of a request is bounded by HTTP_HEAD_MAX bytes and HTTP_HEADERS_MAX fields, a body
 * is given on as it comes. A reader between two requests holds no buffer.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/base/macros.h"

#define HTTP_HEAD_MAX    8192
#define HTTP_HEADERS_MAX 64

struct http_header {
    const char *name;
    const char *value;
};

struct http_head {
    const char *method; /* "GET" */
    const char *path;   /* without query and fragment; as sent, nothing is decoded */
    const struct http_header *headers;
    size_t headers_count;
    bool keep_alive; /* another request may follow the answer */
    bool upgrade;    /* a change of protocol is asked for (RFC 9110 §7.8) */
};

/* The value of a field, of the first one with that name; NULL: it is not there. */
const char *http_header(const struct http_head *head, const char *name);
/* How many fields have that name. */
size_t http_header_count(const struct http_head *head, const char *name);
/* Whether a value, a list with commas, has this token in it (without regard to case). */
bool http_has_token(const char *value, const char *token);

struct http_reader_ops {
    /* Everything before the body; valid during the call. True: the change of protocol is agreed to:
     * this was the last request, what follows is http_reader_feed()'s rest. */
    bool (*head)(void *user, const struct http_head *head);
    void (*body)(void *user, const char *bytes, size_t length);
    /* The request is complete. The reader pauses: nothing further is read until it is fed again. */
    void (*end)(void *user);
};

struct http_reader;

struct http_reader *http_reader_new(const struct http_reader_ops *ops, void *user);
void http_reader_free(struct http_reader *reader);
/* Returns the number of bytes read: all of them, or up to the end of a request. Negative: the HTTP
 * status of a refusal (-400, -431, -501), after which nothing can be read any more. */
MUST_CHECK ssize_t http_reader_feed(struct http_reader *reader, const char *bytes, size_t length);
/* Between two requests, and no byte of the next one has come. */
bool http_reader_is_idle(const struct http_reader *reader);
