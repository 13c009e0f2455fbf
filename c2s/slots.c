/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Claiming slots and fencing what is written under them.
 */
#include "c2s/slots.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/io/timer.h"

#define RETRY_MS     100
#define RETRY_CAP_MS 2000

/* none → claiming → owned → none (lost or no longer assigned); claiming → waiting → claiming while
 * the database is away; any → none */
enum slot_state { SLOT_NONE, SLOT_CLAIMING, SLOT_WAITING, SLOT_OWNED };

struct slot {
    struct slots *slots;
    unsigned number;
    enum slot_state state;
    int64_t epoch;         /* of SLOT_OWNED */
    struct db_unit *claim; /* of SLOT_CLAIMING */
};

struct slots {
    struct slots_settings settings;
    char *holder, *incarnation;
    struct timer *retry;
    unsigned attempt;
    struct loop_task *changed;
    struct db_unit *check; /* of what is owned, after the router was away */
    bool doubted;          /* what the router said may not hold any more */
    bool assigned[SLOTS];  /* as it said last */
    struct slot slot[SLOTS];
};

/* Raises the epoch, whoever held it: the router has decided. A claim that was done twice because
 * its outcome was unknown only raises it twice. */
static const struct db_statement claim = {
    "slot_claim",
    "INSERT INTO slot (slot, epoch, holder, incarnation) VALUES ($1, 1, $2, $3)"
    " ON CONFLICT (slot) DO UPDATE SET epoch = slot.epoch + 1, holder = excluded.holder,"
    " incarnation = excluded.incarnation RETURNING epoch",
    3};

/* FOR SHARE conflicts with the UPDATE of a claim, not with other fences: a claim waits for the
 * transactions that hold the row, and whoever comes behind a claim sees the row anew. No row: the
 * division by zero (22012) aborts the unit. */
static const struct db_statement fence = {
    "slot_fence",
    "SELECT 1 / (SELECT count(*) FROM (SELECT 1 FROM slot WHERE slot = $1 AND epoch = $2"
    " AND holder = $3 AND incarnation = $4 FOR SHARE) AS held)",
    4};

/* What the database says that this worker owns. */
static const struct db_statement owned = {
    "slot_owned", "SELECT slot, epoch FROM slot WHERE holder = $1 AND incarnation = $2", 2};

static void report(void *user)
{
    struct slots *slots = user;

    slots->changed = NULL;
    if (slots->settings.changed != NULL) {
        slots->settings.changed(slots->settings.user);
    }
}

static void enter(struct slot *slot, enum slot_state state)
{
    struct slots *slots = slot->slots;
    bool owned_changes = (slot->state == SLOT_OWNED) != (state == SLOT_OWNED);

    db_cancel(slot->claim);
    slot->claim = NULL;
    slot->state = state;
    if (state != SLOT_OWNED) {
        slot->epoch = 0;
    }
    if (owned_changes && slots->changed == NULL) {
        slots->changed = loop_defer(slots->settings.loop, report, slots);
    }
}

static void claim_failed(struct slot *slot)
{
    struct slots *slots = slot->slots;

    enter(slot, SLOT_WAITING);
    if (!timer_active(slots->retry)) {
        timer_start(slots->retry, backoff_ms(slots->attempt++, RETRY_MS, RETRY_CAP_MS), 0);
    }
}

static void claimed(void *user, int status, const struct db_result *results, size_t count)
{
    struct slot *slot = user;

    slot->claim = NULL;
    if (status < 0 || count == 0 || db_rows(&results[0]) == 0) {
        claim_failed(slot);
        return;
    }
    slot->slots->attempt = 0;
    slot->epoch = db_get_int(&results[0], 0, 0);
    enter(slot, SLOT_OWNED);
}

static void start_claim(struct slot *slot)
{
    struct slots *slots = slot->slots;
    const struct db_value values[] = {DB_INT(slot->number), DB_TEXT(slots->holder),
                                      DB_TEXT(slots->incarnation)};

    enter(slot, SLOT_CLAIMING);
    slot->claim = db_query(slots->settings.db, slot->number, &claim, values, claimed, slot);
}

static void retry_claims(void *user)
{
    struct slots *slots = user;

    for (unsigned i = 0; i < SLOTS && !slots->doubted; i++) {
        if (slots->slot[i].state == SLOT_WAITING) {
            start_claim(&slots->slot[i]);
        }
    }
}

static void checked(void *user, int status, const struct db_result *results, size_t count)
{
    struct slots *slots = user;
    int64_t epochs[SLOTS] = {0};

    slots->check = NULL;
    for (size_t row = 0; status == 0 && count > 0 && row < db_rows(&results[0]); row++) {
        int64_t slot = db_get_int(&results[0], row, 0);

        if (slot >= 0 && slot < SLOTS) {
            epochs[slot] = db_get_int(&results[0], row, 1);
        }
    }
    for (unsigned i = 0; i < SLOTS && status == 0; i++) {
        if (slots_owned(slots, i) && slots->slot[i].epoch > epochs[i]) {
            slots_lost(slots, i);
        }
    }
}

struct slots *slots_new(const struct slots_settings *settings)
{
    struct slots *slots = xcalloc(1, sizeof(*slots));

    slots->settings = *settings;
    slots->holder = xstrdup(settings->holder);
    slots->incarnation = xstrdup(settings->incarnation);
    slots->retry = timer_new(settings->loop, retry_claims, slots);
    for (unsigned i = 0; i < SLOTS; i++) {
        slots->slot[i].slots = slots;
        slots->slot[i].number = i;
    }
    return slots;
}

void slots_free(struct slots *slots)
{
    if (slots == NULL) {
        return;
    }
    for (unsigned i = 0; i < SLOTS; i++) {
        db_cancel(slots->slot[i].claim);
    }
    db_cancel(slots->check);
    if (slots->changed != NULL) {
        loop_defer_cancel(slots->changed);
    }
    timer_close(slots->retry);
    free(slots->holder);
    free(slots->incarnation);
    free(slots);
}

void slots_doubt(struct slots *slots)
{
    slots->doubted = true;
}

/* While the router was away, or this process stood still, others may have claimed what it owns. */
static void check_owned(struct slots *slots)
{
    const struct db_value values[] = {DB_TEXT(slots->holder), DB_TEXT(slots->incarnation)};

    db_cancel(slots->check);
    slots->check = db_query(slots->settings.db, 0, &owned, values, checked, slots);
}

void slots_assign(struct slots *slots, const bool *assigned)
{
    bool doubted = slots->doubted;

    slots->doubted = false;
    memcpy(slots->assigned, assigned, sizeof(slots->assigned));
    for (unsigned i = 0; i < SLOTS; i++) {
        struct slot *slot = &slots->slot[i];

        if (!assigned[i] && slot->state != SLOT_NONE) {
            enter(slot, SLOT_NONE);
        } else if (assigned[i] && (slot->state == SLOT_NONE || slot->state == SLOT_WAITING)) {
            start_claim(slot);
        }
    }
    if (doubted && slots_count(slots) > 0) {
        check_owned(slots);
    }
}

bool slots_owned(const struct slots *slots, unsigned slot)
{
    return slot < SLOTS && slots->slot[slot].state == SLOT_OWNED;
}

size_t slots_count(const struct slots *slots)
{
    size_t count = 0;

    for (unsigned i = 0; i < SLOTS; i++) {
        count += slots_owned(slots, i) ? 1 : 0;
    }
    return count;
}

bool slots_settled(const struct slots *slots)
{
    for (unsigned i = 0; i < SLOTS; i++) {
        if (slots->slot[i].state != SLOT_OWNED && slots->slot[i].state != SLOT_NONE) {
            return false;
        }
    }
    return true;
}

int64_t slots_epoch(const struct slots *slots, unsigned slot)
{
    return slots_owned(slots, slot) ? slots->slot[slot].epoch : 0;
}

int slots_fence(struct slots *slots, unsigned slot, struct db_unit *unit)
{
    if (!slots_owned(slots, slot)) {
        return ERR_FENCED;
    }
    const struct db_value values[] = {DB_INT(slot), DB_INT(slots_epoch(slots, slot)),
                                      DB_TEXT(slots->holder), DB_TEXT(slots->incarnation)};

    db_unit_add_once(unit, &fence, values);
    return 0;
}

void slots_lost(struct slots *slots, unsigned slot)
{
    if (slots_owned(slots, slot)) {
        log_warn("slot_lost", LOG_INT("slot", slot), LOG_INT("epoch", slots_epoch(slots, slot)));
        enter(&slots->slot[slot], SLOT_NONE);
        if (slots->assigned[slot] && !slots->doubted) {
            claim_failed(&slots->slot[slot]);
        }
    }
}
