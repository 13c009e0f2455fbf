/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * One component: a connection, its stream, and what it has been allowed and bound. It lives until
 * its connection has closed; it is out of the route table as soon as its stream ends.
 */
#pragma once

#include "common/component/batch.h"
#include "common/io/conn.h"
#include "router/router.h"

struct component_counters {
    uint64_t in;
    uint64_t out;
    uint64_t full; /* stanzas that found the queue full */
};

struct component {
    struct router *router;
    struct router_listener *door;
    struct conn *conn;
    struct stream *stream;
    struct timer *timer; /* the stream's */
    const struct acl *acl;
    char *name; /* the stream's name, on TCP its domain; NULL before the header */
    char *incarnation;
    struct route_owner binds;
    unsigned version;      /* of urn:kontalk:router:1; 0: not spoken */
    bool durable;          /* speaks urn:kontalk:durable:1 */
    bool batch;            /* and batches of it */
    bool undecided;        /* may speak it, and has said nothing yet */
    struct owed *owed;     /* who waits for room in its queue */
    bool proven;           /* the handshake was right */
    bool taps;             /* gets copies of all stanzas */
    bool wants_routes;     /* gets announcements of routes */
    bool foreign_prefixes; /* its bytes need its own stream header */
    bool gone;             /* nothing is sent to it any more */
    bool overrun;          /* being cut off, because it reads nothing */
    bool heard;            /* something came since the last ping */
    unsigned missed;       /* pings without a sign of life */
    int condition;         /* the stream error we sent, or -1 */
    char *end_text;        /* how its stream ended, or NULL */
    struct component_counters counters;
    struct component *prev, *next;
};

#define COMPONENT_OF(bind) CONTAINER_OF((bind)->owner, struct component, binds)

void component_accept(struct router_listener *door, int fd);
/* Whether `length` more bytes fit into its queue. */
bool component_has_room(const struct component *component, size_t length);
/* A stanza; the caller has asked for room. */
void component_send(struct component *component, const char *bytes, size_t length);
/* Beside stanzas: a component that does not even take these is cut off. */
void component_send_control(struct component *component, const char *bytes, size_t length);
/* A stream error; its routes are withdrawn at once. */
void component_fail(struct component *component, enum stream_condition condition, const char *text);
/* Withdraws the routes and drops the connection. */
void component_cut(struct component *component);
/* "c2s/c2s-1" for logs and lists. */
const char *component_role(const struct component *component);

/* handshake.c */
/* It has said something: whoever waited until it is known what it speaks may go on. */
void component_decided(struct component *component);
int handshake_header(struct component *component, const struct stream_header *header);
extern const struct stream_feature *const component_features[];

/* bind.c */
void bind_request(struct component *component, struct element *request);
void unbind_request(struct component *component, struct element *request);
/* Binds a third-party component's own domain. */
MUST_CHECK int bind_own(struct component *component);
void unbind_all(struct component *component);

/* announce.c: routes as presence, members of shared names */
void announce_bind(struct router *router, const struct bind *bind, bool available);
void announce_members(const struct route *route);
/* All that it has bound once more: it speaks urn:kontalk:durable:1. */
void announce_again(const struct component *component);
/* From now on it gets announcements, first of what there is. */
void announce_begin(struct component *component);

/* durable.c: urn:kontalk:durable:1 */
extern const struct stream_feature durable_feature;
/* One word of a batch. An offer, with its stanza, goes to whoever gets it; else its offerer is told
 * why not. An answer finds its way or is dropped. `whole`: it is part of a batch that long, which
 * cannot go one by one, and did not go; 0: it is not. */
void durable_route(struct component *sender, const struct durable *offer, size_t whole);
/* Who gets what is offered to this address, if it can be handed on as it is, now, in `length`
 * bytes; NULL: ask durable_route(). */
struct component *durable_receiver(const struct component *sender, const struct jid *to,
                                   size_t length);
void durable_refuse(struct component *sender, const struct durable *offer,
                    enum stanza_condition reason);
/* batch.c: `bytes` as they came, or NULL */
void batch_route(struct component *sender, const struct batch *batch, const char *bytes,
                 size_t length);
/* There is room in its queue, or it will never be asked again: whoever waits may try. */
void durable_ready(struct component *receiver);
void durable_hold_over(struct router *router);
/* It waits for nobody any more. */
void durable_forget(const struct component *sender);

/* forward.c */
void forward_stanza(struct component *sender, struct stanza *stanza, int problem, const char *bytes,
                    size_t length);
/* XEP-0114 §3: 'from' (NULL: missing) is the component's own domain. False: its stream has failed.
 */
bool forward_may_send(struct component *sender, const struct jid *from);
/* Who gets what is sent to this address; else why nobody does. -1: *receiver is there. */
MUST_CHECK int forward_find(const struct router *router, const struct component *sender,
                            const struct jid *to, struct component **receiver);
/* To all taps but those two. */
void forward_copy(struct router *router, const struct component *sender,
                  const struct component *receiver, const char *bytes, size_t length);
/* What hold.c kept: `sender` may have gone (NULL). The stanza is consumed. */
void forward_held(struct router *router, struct component *sender, struct stanza *stanza);
