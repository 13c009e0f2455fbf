/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The slots this worker owns. The router says which worker should own a slot, the database says who
 * does: one row per slot with an epoch, and a claim raises the epoch before the new owner reads
 * anything else. Every writing unit begins with the fence, which locks that row against claims and
 * fails the unit with ERR_FENCED if another worker has claimed the slot. So a worker that was
 * stopped and wakes cannot write: an account has one writer at every moment.
 *
 *     struct db_unit *unit = db_unit_new(db, slot);
 *     if (slots_fence(slots, slot, unit) < 0) { db_cancel(unit); … not ours … }
 *     db_unit_add_values(unit, &statement, DB_INT(owner), …);
 *     db_submit(unit, done, user);  … in done(): status ERR_FENCED → slots_lost(slots, slot)
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/base/macros.h"
#include "common/component/slots.h"
#include "common/db/db.h"
#include "common/io/loop.h"

struct slots;

/* Strings are copied. */
struct slots_settings {
    struct loop *loop;
    struct db *db;
    const char *holder;      /* the worker's stable id, e.g. "c2s-1" */
    const char *incarnation; /* of this process: link_incarnation() */
    /* Slots were won or lost. Never inside a call of this module. May be NULL. */
    void (*changed)(void *user);
    void *user;
};

struct slots *slots_new(const struct slots_settings *settings);
/* Before db_close(). Claims on their way are forgotten; NULL is allowed. */
void slots_free(struct slots *slots);

/* What the router assigns to this worker now (SLOTS entries). New slots are claimed, as long as it
 * takes; those no longer assigned are not owned from this call on. A slot lost to another worker is
 * claimed again, a little later, if the router has given it to this one. */
void slots_assign(struct slots *slots, const bool *assigned);
/* The router is away: it may give the slots to others, which this worker does not hear. Until
 * slots_assign() nothing that was lost is claimed; then what is owned is compared with the
 * database. */
void slots_doubt(struct slots *slots);
/* Claimed, and not lost as far as this worker knows. */
bool slots_owned(const struct slots *slots, unsigned slot);
size_t slots_count(const struct slots *slots);
/* Every assigned slot has been claimed. */
bool slots_settled(const struct slots *slots);
/* 0 if it is not owned. */
int64_t slots_epoch(const struct slots *slots, unsigned slot);

/* Adds the fence as the first statement of a writing unit, whose affinity has to be the slot; its
 * result takes index 0. ERR_FENCED, and nothing is added, if the slot is not owned. */
MUST_CHECK int slots_fence(struct slots *slots, unsigned slot, struct db_unit *unit);
/* A unit with this slot's fence ended with ERR_FENCED: the slot is not owned any more. */
void slots_lost(struct slots *slots, unsigned slot);
