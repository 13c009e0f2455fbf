/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * A daemon's link to the router: the connecting side of XEP-0114 with urn:kontalk:router:1
 * (docs/ROUTER.md). It connects, binds, and after every loss comes back by itself with back-off
 * and binds everything again. What is sent while the router is away waits in a bounded queue for
 * `patience_ms` and then comes back by ops->undelivered. It never stops reading because it cannot
 * write.
 *
 * Callbacks never run inside a call made on the link. ops->closed is the last.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/component/batch.h"
#include "common/component/durable.h"
#include "common/io/loop.h"
#include "common/xmpp/parser.h"
#include "common/xmpp/stanza.h"

struct link;

struct link_settings {
    const char *address;  /* "unix:/run/kontalk/router/c2s.sock" or host:port */
    const char *name;     /* the stream's name: a worker's id; for TCP the component's domain */
    const char *secret;   /* NULL on a role socket, where file permissions authenticate */
    size_t queue_bytes;   /* 0: 4 MiB */
    uint64_t patience_ms; /* 0: 30 s */
    bool is_plain;        /* XEP-0114 and no more, as other servers have it; with a secret */
    bool durable;         /* with a secret: the router allows it urn:kontalk:durable:1 */
};

struct link_bind {
    const char *name; /* a domain; NULL with is_default only */
    bool is_default;
    bool is_private;
    bool log;
    const char *shared; /* this stream's stable id; NULL: not shared */
};

/* Who shares a name now; `owner[slot]` says which member owns a slot. */
struct link_members {
    const char *name;
    uint64_t generation;
    size_t count;
    const char *const *ids;
    const char *const *incarnations;
    const unsigned char *owner; /* SLOTS entries, indexes into ids */
};

struct link_ops {
    /* All binds are confirmed. */
    void (*up)(void *user);
    void (*down)(void *user);
    /* To be consumed. `problem` as stanza_from_element_take(). */
    void (*stanza)(void *user, struct stanza *stanza, int problem);
    /* A route came or went; `name` NULL: the default route; incarnation names the stream behind it.
     * A shared name has one incarnation for each member. All are forgotten with `down`, and told
     * anew. May be NULL. */
    void (*route)(void *user, const char *name, bool available, const char *incarnation);
    /* … and the component behind it speaks urn:kontalk:durable:1; told behind `route`. May be NULL.
     */
    void (*route_is_durable)(void *user, const char *name);
    /* May be NULL. */
    void (*members)(void *user, const struct link_members *members);
    /* A bind was refused (logged already): `condition` is the stanza error's name. It is asked for
     * again after a while. May be NULL. */
    void (*refused)(void *user, const struct link_bind *bind, const char *condition);
    /* Below the low-water mark again. May be NULL. */
    void (*drained)(void *user);
    /* Not handed to the router in time; to be consumed. */
    void (*undelivered)(void *user, struct stanza *stanza);
    /* urn:kontalk:durable:1, spoken if `offer` is given; then all of these have to be. Of an offer:
     * the stanza is to be consumed; `after` NULL: none. Answer it, now or later, by link_answer()
     * with DURABLE_TOOK or DURABLE_REFUSED. */
    void (*offer)(void *user, const struct durable *offer, struct stanza *stanza);
    /* Took, refused or forget. */
    void (*answered)(void *user, const struct durable *answer);
    /* A batch, to be consumed with the stanza (NULL: it is no offer). May be NULL: then it comes
     * one by one by offer() and answered(). */
    void (*batch)(void *user, const struct batch *batch, struct stanza *stanza);
    /* An offer found no room: it may be made again after `ready`. */
    void (*full)(void *user, const char *id);
    /* There is room again under this name; NULL: at the default route. */
    void (*ready)(void *user, const char *name);
    void (*closed)(void *user);
};

/* Settings are copied. The binds are added before the loop runs or any time later. */
struct link *link_new(struct loop *loop, struct parser_pool *pool,
                      const struct link_settings *settings, const struct link_ops *ops, void *user);
void link_bind(struct link *link, const struct link_bind *bind);
/* NULL: the default route. */
void link_unbind(struct link *link, const char *name);
/* ERR_LIMIT: the queue is full; ERR_STATE: link_close() was called. Nothing was sent then. The
 * stanza is borrowed; it must not be changed afterwards. */
MUST_CHECK int link_send(struct link *link, struct stanza *stanza);
/* Offers a stanza that the caller answers for. It never waits here: ERR_UNAVAILABLE: the router is
 * away (offer again with ops->up); ERR_LIMIT: the queue is full (ops->drained); ERR_UNSUPPORTED:
 * the router does not know the protocol; ERR_STATE as above. `after`: the offer that has to come
 * before it, or NULL. */
MUST_CHECK int link_offer(struct link *link, const char *id, unsigned attempt, const char *after,
                          const struct stanza *stanza);
/* Answers an offer, or forgets one. What cannot be sent is dropped: whoever misses it asks again.
 */
void link_answer(struct link *link, const struct durable *answer);
/* Offers one stanza to all of batch->items; its `to` is changed. *made: to how many, the first
 * ones; all if there is no error. Errors as of link_offer(); ERR_UNSUPPORTED also for a whole
 * batch, if the router knows none. Any other goes one by one then. */
MUST_CHECK int link_offer_batch(struct link *link, const struct batch *batch, struct stanza *stanza,
                                size_t *made);
/* The same answers to many offers. */
void link_answer_batch(struct link *link, const struct batch *batch);
/* Of offers that cannot be taken together. */
void link_refuse_batch(struct link *link, const struct batch *batch, enum stanza_condition reason);
/* For ops->batch: each item by ops->offer or ops->answered. */
void link_take_one_by_one(struct link *link, const struct batch *batch);
bool link_is_up(const struct link *link);
/* What is wrong with it, for people (static); NULL: nothing. */
const char *link_problem(const struct link *link);
/* Above the high-water mark: slow down whoever causes it. */
bool link_is_congested(const struct link *link);
/* Random per process: names this run of the daemon. */
const char *link_incarnation(const struct link *link);
/* What was given to the router is still sent; what waits in the queue comes back by
 * ops->undelivered. Neither ops->down nor any other but these follows, then ops->closed. */
void link_close(struct link *link);
