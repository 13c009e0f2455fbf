/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What carries a client's stream: a TCP connection (client_tcp.c), a WebSocket (RFC 7395), a BOSH
 * session (XEP-0124); the last two are in c2s/web. What is above cannot tell which.
 *
 * A transport belongs to its client. It says what comes by client_transport_*() (client.h), of
 * which client_transport_closed() is the last: later than close() or abort(), and exactly once.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/tls/tls.h"

struct transport_ops {
    /* Queues without limit; of a framed stream it is one whole element (stream.h). */
    void (*write)(void *it, const char *bytes, size_t length);
    /* Bytes that have not gone out yet. */
    size_t (*queued)(const void *it);
    /* Nothing is queued, and the other side has all that was sent, as far as can be known. */
    bool (*has_drained)(const void *it);
    /* Stop and go on delivering what comes. Calls nest as a count. */
    void (*pause)(void *it);
    void (*resume)(void *it);
    /* When what is queued is out; at once. */
    void (*close)(void *it);
    void (*abort)(void *it);
    /* The TLS of the client itself, which a channel can be bound to; NULL: it ends elsewhere, or
     * there is more than one. */
    struct tls_session *(*tls)(void *it);
    /* As conn_peer_address(), of the client. */
    const char *(*address)(const void *it);
    const char *name; /* for people: "tcp" */
};

struct transport {
    const struct transport_ops *ops;
    void *it;
};

static inline void transport_write(const struct transport *transport, const char *bytes,
                                   size_t length)
{
    transport->ops->write(transport->it, bytes, length);
}

static inline size_t transport_queued(const struct transport *transport)
{
    return transport->ops->queued(transport->it);
}

static inline bool transport_has_drained(const struct transport *transport)
{
    return transport->ops->has_drained(transport->it);
}

static inline void transport_pause(const struct transport *transport)
{
    transport->ops->pause(transport->it);
}

static inline void transport_resume(const struct transport *transport)
{
    transport->ops->resume(transport->it);
}

static inline void transport_close(const struct transport *transport)
{
    transport->ops->close(transport->it);
}

static inline void transport_abort(const struct transport *transport)
{
    transport->ops->abort(transport->it);
}

static inline struct tls_session *transport_tls(const struct transport *transport)
{
    return transport->ops->tls(transport->it);
}

static inline const char *transport_address(const struct transport *transport)
{
    return transport->ops->address(transport->it);
}
