/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Units of statements for one account, or for the two that a message has: the fence in front of
 * what is written, the account held and kept in memory until the answer, and what the answer means
 * to a client.
 */
#include <stdlib.h>

#include "c2s/slots.h"
#include "c2s/sm/core.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/memory.h"

/* So many numbers are reserved at once. */
#define RESERVE 128

static const struct db_statement reserve = {
    "account_reserve",
    "UPDATE account SET seq = $2::bigint, home_epoch = $3::bigint"
    " WHERE owner = $1::bigint AND seq < $2::bigint",
    3,
};

struct part {
    struct account *account;
    int64_t reserves; /* 0: nothing */
};

struct sm_unit {
    struct part first, second; /* second.account: NULL, or the other one of SM_APPEND */
    struct db_unit *unit;
    enum sm_access access;
    size_t hidden; /* statements in front of the caller's */
    size_t count;  /* of the caller's */
    size_t bytes;
    struct settle_ticket *ticket; /* of the stanza that it belongs to */
    int refused;                  /* instead of asking the database */
    sm_done *done;
    void *user;
};

static bool holds(enum sm_access access)
{
    return access == SM_READ_HELD || access == SM_WRITE || access == SM_WRITE_COPY;
}

static bool writes(enum sm_access access)
{
    return access == SM_WRITE || access == SM_WRITE_COPY || access == SM_WRITE_BEHIND ||
           access == SM_APPEND;
}

static void add_fence(struct sm_unit *unit, const struct account *account)
{
    if (account->state == ACCOUNT_DROPPED) {
        unit->refused = ERR_FENCED;
    }
    if (!unit->refused) {
        unit->refused = slots_fence(account->sm->slots, account->slot, unit->unit);
        unit->hidden++;
    }
}

struct sm_unit *sm_unit_new(struct account *account, enum sm_access access)
{
    struct sm *sm = account->sm;
    struct sm_unit *unit = xcalloc(1, sizeof(*unit));

    unit->first.account = account;
    unit->access = access;
    unit->unit =
        access == SM_READ_ASIDE ? db_unit_new_reading(sm->db) : db_unit_new(sm->db, account->slot);
    if (writes(access)) {
        add_fence(unit, account);
    } else if (account->state == ACCOUNT_DROPPED) {
        unit->refused = ERR_FENCED;
    }
    if (access == SM_APPEND) {
        db_unit_repeat(unit->unit);
    }
    return unit;
}

void sm_unit_repeat(struct sm_unit *unit)
{
    db_unit_repeat(unit->unit);
}

void sm_unit_join(struct sm_unit *unit, struct account *account)
{
    unit->second.account = account;
    if (account->slot != unit->first.account->slot) {
        add_fence(unit, account);
    } else if (account->state == ACCOUNT_DROPPED) {
        unit->refused = ERR_FENCED;
    }
}

/* Until a reservation is known to be committed every unit repeats it, so that none rests on another
 * that may fail. */
static int64_t next_seq(struct sm_unit *unit, struct part *part)
{
    struct account *account = part->account;
    int64_t seq = ++account->seq;

    if (seq > account->seq_reserved && !unit->refused) {
        part->reserves = seq + RESERVE;
        db_unit_add_values(unit->unit, &reserve, DB_INT(account->owner), DB_INT(part->reserves),
                           DB_INT(account->home_epoch));
        unit->hidden++;
    }
    return seq;
}

int64_t sm_next_seq(struct sm_unit *unit)
{
    return next_seq(unit, &unit->first);
}

int64_t sm_next_seq_joined(struct sm_unit *unit)
{
    return next_seq(unit, &unit->second);
}

static void reserved(struct part *part)
{
    if (part->reserves) {
        part->account->seq_reserved = MAX(part->account->seq_reserved, part->reserves);
    }
}

void sm_add(struct sm_unit *unit, const struct db_statement *statement,
            const struct db_value *values)
{
    unit->count++;
    if (unit->refused) {
        return;
    }
    for (int i = 0; i < statement->parameters; i++) {
        unit->bytes += values[i].length;
    }
    db_unit_add(unit->unit, statement, values);
}

size_t sm_unit_count(const struct sm_unit *unit)
{
    return unit->count;
}

/* Whether a unit that failed may have taken effect all the same (common/db/db.h). */
static bool outcome_unknown(int status)
{
    return status == ERR_UNAVAILABLE || status == ERR_TIMEOUT || status == ERR_CANCELLED;
}

/* --- which of two slots was lost --- */

struct check {
    struct sm *sm;
    unsigned slot;
};

static void checked(void *user, int status, const struct db_result *results, size_t count)
{
    struct check *check = user;

    (void)results;
    (void)count;
    if (status == ERR_FENCED) {
        slots_lost(check->sm->slots, check->slot);
    }
    check->sm->checks--;
    sm_stop_if_done(check->sm);
    free(check);
}

static void check_slot(struct sm *sm, unsigned slot)
{
    struct db_unit *unit = db_unit_new(sm->db, slot);
    struct check *check;

    if (slots_fence(sm->slots, slot, unit) < 0) {
        db_cancel(unit);
        return;
    }
    check = xcalloc(1, sizeof(*check));
    check->sm = sm;
    check->slot = slot;
    sm->checks++;
    db_submit(unit, checked, check);
}

static void fenced(const struct sm_unit *unit)
{
    const struct account *first = unit->first.account, *second = unit->second.account;

    if (!second || first->slot == second->slot) {
        slots_lost(first->sm->slots, first->slot);
        return;
    }
    check_slot(first->sm, first->slot);
    check_slot(first->sm, second->slot);
}

static void report(const struct sm_unit *unit, int status)
{
    const struct account *account = unit->first.account;

    if (status == ERR_FENCED) {
        fenced(unit);
    } else if (status < 0 && status != ERR_CANCELLED) {
        log_warn("sm_database_failed", LOG_TEXT("account", account->jid->bare), LOG_ERROR(status),
                 LOG_TEXT("problem", db_problem(account->sm->db)));
    }
}

static void let_go(struct sm_unit *unit)
{
    if (unit->access == SM_APPEND) {
        account_appended(unit->first.account, unit->bytes);
        if (unit->second.account) {
            account_appended(unit->second.account, unit->bytes);
        }
    } else if (holds(unit->access)) {
        account_release(unit->first.account);
    } else {
        account_unref(unit->first.account);
    }
}

static void finish(struct sm_unit *unit, int status, const struct db_result *results)
{
    struct account *account = unit->first.account;
    struct settle_ticket *outer = account->ticket;

    account->ticket = unit->ticket; /* of units that follow from this one too */
    if (unit->done) {
        unit->done(account, status, results, unit->user);
    }
    account->ticket = outer;
    settle_release(unit->ticket);
    let_go(unit);
    free(unit);
}

static void answered(void *user, int status, const struct db_result *results, size_t count)
{
    struct sm_unit *unit = user;

    (void)count;
    report(unit, status);
    if (status == ERR_FENCED && unit->access == SM_APPEND && db_unit_doubtful(unit->unit)) {
        status = ERR_DOUBTFUL;
    }
    if (status == 0) {
        reserved(&unit->first);
        reserved(&unit->second);
    } else if (unit->access == SM_WRITE && outcome_unknown(status)) {
        account_distrust(unit->first.account);
    }
    finish(unit, status, status == 0 ? results + unit->hidden : NULL);
}

static void refused(void *user)
{
    struct sm_unit *unit = user;

    finish(unit, unit->refused, NULL);
}

static void take_hold(struct sm_unit *unit)
{
    if (unit->access == SM_APPEND) {
        account_append(unit->first.account, unit->bytes);
        if (unit->second.account) {
            account_append(unit->second.account, unit->bytes);
        }
    } else if (holds(unit->access)) {
        unit->ticket = settle_ref(unit->first.account->ticket);
        account_hold(unit->first.account);
    } else {
        account_ref(unit->first.account);
    }
}

void sm_submit(struct sm_unit *unit, sm_done *done, void *user)
{
    unit->done = done;
    unit->user = user;
    take_hold(unit);
    if (unit->refused) {
        db_cancel(unit->unit);
        loop_defer(unit->first.account->sm->loop, refused, unit);
        return;
    }
    db_submit(unit->unit, answered, unit);
}

void sm_query(struct account *account, enum sm_access access, const struct db_statement *statement,
              const struct db_value *values, sm_done *done, void *user)
{
    struct sm_unit *unit = sm_unit_new(account, access);

    sm_add(unit, statement, values);
    sm_submit(unit, done, user);
}

enum sm_access sm_access_of(const struct sm_request *request)
{
    return request->addressed == SM_TO_SELF ? SM_READ_HELD : SM_READ_ASIDE;
}

static void written(struct account *account, int status, const struct db_result *results,
                    void *user)
{
    (void)account;
    (void)results;
    if (status < 0) {
        sm_fail(user, status);
    } else {
        sm_result(user);
    }
}

void sm_submit_for(struct sm_unit *unit, struct sm_request *request)
{
    sm_submit(unit, written, request);
}

/* The account exists whatever the database says now, so what fails is never "not found"; only a
 * value that cannot be stored is the client's fault. */
enum stanza_condition sm_condition(int status)
{
    switch (status) {
    case ERR_INVALID:
        return STANZA_BAD_REQUEST;
    case ERR_CONFLICT:
    case ERR_NOT_FOUND:
    case ERR_SYSTEM:
        return STANZA_INTERNAL_SERVER_ERROR;
    default:
        return STANZA_RESOURCE_CONSTRAINT;
    }
}
