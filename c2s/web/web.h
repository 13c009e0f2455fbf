/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Clients that come by HTTP: WebSocket (RFC 7395), BOSH (XEP-0124, XEP-0206), and the files that
 * tell where these are (XEP-0156). Listeners of their own, the connections, limits and certificates
 * of all others.
 *
 * connection.c  a connection: requests in, answers out in their order
 * route.c       what there is, by path; who may use it from a page of the web
 * host_meta.c   XEP-0156
 * websocket.c   a transport of clients
 * bosh*.c       another one
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "c2s/networks.h"
#include "c2s/worker.h"

struct web_connection;
struct bosh_session;

struct web {
    struct worker *worker;
    struct networks *proxies;
    struct web_connection *connections; /* list */
    struct bosh_session *sessions;      /* by sid (bosh.h) */
    char *https_port;                   /* of the first listener with TLS; NULL: there is none */
    bool stopping;
};

struct web *web_new(struct worker *worker);
void web_reload(struct web *web);
/* As `accepted` of listener_open(). */
void web_accept(struct web *web, int fd, const char *peer, bool tls);
/* The address of a listener with TLS: what host-meta tells where no other URL is configured. */
void web_listens(struct web *web, const char *address);
/* No further request; connections that carry no client close. */
void web_stop(struct web *web);
bool web_is_empty(const struct web *web);
void web_free(struct web *web);

/* Whether who connects from there speaks for others: a proxy, or another worker. */
bool web_is_proxy(const struct web *web, const char *address);
/* Whether a page of this origin may be a client; NULL: it is no page of the web. */
bool web_allows_origin(const struct web *web, const char *origin);
