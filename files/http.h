/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * An HTTP/1.1 server (RFC 9112) on a loop: libmicrohttpd, which does the protocol and its TLS, and
 * without TLS sends files without copying them. One exchange is one request with its answer.
 *
 * Callbacks run on the loop. Of each exchange `request` comes first, when its header is complete;
 * whoever does not answer there gets the body, if it has one, then `end`, and answers there or
 * later; `gone` is the last, also if the client went away.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/io/loop.h"

struct http_server;

struct http_exchange {
    const char *method; /* "GET" */
    const char *target; /* the path as it was sent, not decoded; without the query */
    void *user;         /* of the handler */
};

/* Ends with a NULL. */
struct http_field {
    const char *name, *value;
};

struct http_answer {
    unsigned status;
    const struct http_field *fields; /* NULL: none */
    int file;                        /* a descriptor, to be consumed; -1: no content */
    uint64_t offset, length;         /* of the file */
};

struct http_ops {
    void (*request)(void *user, struct http_exchange *exchange);
    /* False: that takes too long: 408, and the connection is closed. */
    bool (*body)(void *user, struct http_exchange *exchange, const char *bytes, size_t length);
    void (*end)(void *user, struct http_exchange *exchange);
    void (*gone)(void *user, struct http_exchange *exchange);
};

struct http_settings {
    const char *address;     /* numeric, "127.0.0.1:5280" */
    const char *certificate; /* PEM, with its chain; NULL: without TLS */
    const char *key;         /* PEM */
    unsigned idle_s;         /* a connection on which nothing moves is closed */
    unsigned connections;    /* at most, in all */
    unsigned per_address;
};

/* ERR_INVALID: no address; ERR_UNAVAILABLE: it cannot be listened on, or certificate and key are no
 * pair. Settings are copied. */
MUST_CHECK int http_server_open(struct loop *loop, const struct http_settings *settings,
                                const struct http_ops *ops, void *user,
                                struct http_server **server);
/* New connections get another certificate. ERR_TLS: they are no pair, the old ones are kept. */
MUST_CHECK int http_server_change(struct http_server *server, const char *certificate,
                                  const char *key);
/* Nothing new is accepted; closed(user) when every exchange is gone and all connections are cut. */
void http_server_close(struct http_server *server, void (*closed)(void *user), void *user);

/* The value of a field of the request's header; NULL: there is none. */
const char *exchange_header(const struct http_exchange *exchange, const char *name);
/* Exactly once, before `gone`. */
void http_answer(struct http_exchange *exchange, const struct http_answer *answer);
