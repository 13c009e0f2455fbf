/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What a taker of offers (urn:kontalk:durable:1, docs/ROUTER.md) knows of them: which are in hand,
 * and which it has taken, since they may be offered again until they are forgotten. No I/O.
 */
#pragma once

#include "common/base/table.h"
#include "common/component/durable.h"

/* So many are remembered as taken; beyond that the oldest are not. */
#define TAKINGS_MAX 65536

/* One offer. Takers put it first in a struct of their own, with what else they know of it. */
struct taking {
    UT_hash_handle hh;        /* by id */
    UT_hash_handle by_stanza; /* while it is in hand */
    char *id;
    struct stanza *stanza; /* NULL: taken */
    struct durable *offer; /* while it is in hand: in the arena of the stanza */
    struct taking *prev, *next;
};

struct takings;

/* size: of the struct of the taker; forget: frees what that has beside, may be NULL. */
struct takings *takings_new(size_t size, void (*forget)(struct taking *taking));
void takings_free(struct takings *takings);

/* NULL: it is not known. */
struct taking *takings_find(const struct takings *takings, const char *id);
/* In the order in which they came: taking->hh.next. */
struct taking *takings_first(const struct takings *takings);
/* The offer of this stanza, if it is in hand. */
struct taking *takings_find_stanza(const struct takings *takings, const struct stanza *stanza);
/* Whether this came in an order in which it can be taken: what has to be before it is known. */
bool takings_follows(const struct takings *takings, const struct durable *offer);

/* In hand from now on, with zeroes in what is the taker's. The stanza is kept; the id is new. */
struct taking *takings_add(struct takings *takings, const struct durable *offer,
                           struct stanza *stanza);
/* It is taken. */
void takings_took(struct takings *takings, struct taking *taking);
/* It is not known any more. */
void takings_forget(struct takings *takings, struct taking *taking);
