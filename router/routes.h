/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The route table: which stream answers for which domain. A name stays known after its last stream
 * has gone, so that "down now" can be told from "never heard of". No I/O.
 *
 * A route owns its members (struct bind); a stream lists its own in a struct route_owner that it
 * embeds, and unbinds all of them before it goes.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/macros.h"
#include "common/base/table.h"
#include "common/component/slots.h"
#include "common/xmpp/jid.h"

/* The key of the default route, which no domain can be. */
#define ROUTE_DEFAULT ""
/* Names that are known and down; beyond it the oldest are forgotten. */
#define ROUTES_DOWN_MAX 8192

struct route;
struct routes;

struct route_owner {
    struct bind *binds; /* linked by owner_next */
    size_t count;
};

/* One stream under one name. */
struct bind {
    struct route *route;
    struct route_owner *owner;
    char *id; /* the stream's stable id under a shared name; NULL: not shared */
    bool is_private;
    struct bind *prev, *next; /* among the members of the route */
    struct bind *owner_prev, *owner_next;
};

struct route {
    const char *name;
    struct bind *members; /* NULL: known and down */
    size_t count;
    uint64_t generation;       /* of the set of members, while the table lives */
    struct bind *slots[SLOTS]; /* of a shared name with members */
    UT_hash_handle hh;
};

struct routes *routes_new(void);
/* All owners must have unbound before. */
void routes_free(struct routes *routes);

/* `id` and `is_private` as in struct bind; copied. ERR_CONFLICT: the name is taken, or the stream
 * or its id is there already. */
MUST_CHECK int routes_bind(struct routes *routes, const char *name, struct route_owner *owner,
                           const char *id, bool is_private, struct bind **bind);
/* Whether routes_bind() would succeed. */
MUST_CHECK int routes_may_bind(struct routes *routes, const char *name,
                               const struct route_owner *owner, const char *id);
/* Frees the bind; the route stays. */
void routes_unbind(struct routes *routes, struct bind *bind);

/* NULL: never known (or forgotten). */
struct route *routes_find(struct routes *routes, const char *name);
/* All routes, also those that are down, in the order in which they became known. */
struct route *routes_first(struct routes *routes);
struct route *routes_next(struct route *route);

bool route_is_shared(const struct route *route);
struct bind *route_bind_of(const struct route *route, const struct route_owner *owner);
/* The member that a stanza for `to` goes to: without a local part a resource may name a member, and
 * no resource means any; else the owner of the account's slot. The route has members. */
struct bind *route_pick(const struct route *route, const struct jid *to);
