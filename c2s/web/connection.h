/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * An HTTP connection and its requests. Several may be open at once (BOSH holds them); the answers
 * go out in the order of the requests (RFC 9112 §9.3.2).
 *
 * A request lives until it is answered and the answer has been queued, or until its connection is
 * gone: route->gone says so, and the request is not to be used any more.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "c2s/web/web.h"
#include "common/base/buffer.h"
#include "common/http/reader.h"
#include "common/io/conn.h"
#include "common/io/timer.h"

struct web_request;

struct web_route {
    const char *path;
    const char *methods; /* "GET", for Allow and CORS; OPTIONS is answered for all */
    bool is_public;      /* any page may read it, whatever origins are configured */
    /* The head is there. It may be answered at once. */
    void (*begin)(struct web_request *request, const struct http_head *head);
    /* May be NULL: a body is not wanted. */
    void (*body)(struct web_request *request, const char *bytes, size_t length);
    void (*end)(struct web_request *request);
    /* A change of protocol: true if the connection has been taken over. NULL: there is none. */
    bool (*upgrade)(struct web_connection *connection, const struct http_head *head);
    void (*gone)(struct web_request *request);
};

struct web_request {
    struct web_request *next;
    struct web_connection *connection;
    const struct web_route *route;
    void *state; /* the route's */
    char *origin;
    struct buffer answer;
    bool answered, ended;
    bool has_body;
    bool bodiless; /* the answer: to HEAD */
};

struct web_connection {
    struct web_connection *prev, *next; /* web->connections */
    struct web *web;
    struct conn *conn;
    struct http_reader *reader;
    struct timer *timer;
    struct domains *domains;
    struct web_request *requests; /* in order, oldest first */
    struct web_request *reading;  /* the one that comes now */
    size_t requests_count;
    struct buffer unread; /* while too many are open */
    char *address;        /* of the client, or the proxy */
    bool tls;             /* ours */
    bool secure;          /* TLS, or nobody in between */
    bool counted;         /* by admission */
    bool proved;          /* somebody is logged in by it */
    bool last;            /* no request follows the one being read */
    bool upgraded;        /* somebody else has the connection */
    bool feeding, closing, paused;
    void *heir;
    void (*heir_data)(void *heir, const char *bytes, size_t length);
};

/* Answers once. `type`: of the content; NULL: there is none. */
void web_answer(struct web_request *request, unsigned status, const char *type, const char *body,
                size_t length);
/* With a text for people. */
void web_refuse(struct web_request *request, unsigned status);
/* Somebody is logged in by this connection: it is no stranger's. If it is another worker's, the
 * answers say so by this field. */
#define WEB_PROVED "X-Client-Proved"
void web_connection_proved(struct web_connection *connection);
/* For route->upgrade: the connection is the caller's, and what admission counted of it. `data` gets
 * what has come already. */
struct conn *web_connection_take(struct web_connection *connection, void *heir,
                                 void (*data)(void *heir, const char *bytes, size_t length));

/* route.c */
const struct web_route *web_route_find(const char *path);
extern const struct web_route web_host_meta, web_host_meta_json, web_websocket, web_bosh;
const char *web_reason(unsigned status);
void web_write_cors(struct buffer *out, const struct web_request *request, bool preflight);
/* Who the client is, behind configured proxies (their X-Forwarded-For); free() it. */
char *web_client_address(const struct web_connection *connection, const struct http_head *head);
