/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Units of statements for one account: the fence in front of what is written, the account held and
 * kept in memory until the answer, and what the answer means to a client.
 */
#include <stdlib.h>

#include "c2s/slots.h"
#include "c2s/sm/sm.h"
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

struct sm_unit {
    struct account *account;
    struct db_unit *unit;
    enum sm_access access;
    size_t hidden;                /* statements in front of the caller's */
    int64_t reserves;             /* 0: nothing */
    struct settle_ticket *ticket; /* of the stanza that it belongs to */
    int refused;                  /* instead of asking the database */
    sm_done *done;
    void *user;
};

static bool writes(enum sm_access access)
{
    return access == SM_WRITE || access == SM_WRITE_BEHIND;
}

struct sm_unit *sm_unit_new(struct account *account, enum sm_access access)
{
    struct sm *sm = account->sm;
    struct sm_unit *unit = xcalloc(1, sizeof(*unit));

    unit->account = account;
    unit->access = access;
    unit->unit =
        access == SM_READ_ASIDE ? db_unit_new_reading(sm->db) : db_unit_new(sm->db, account->slot);
    if (account->state == ACCOUNT_DROPPED) {
        unit->refused = ERR_FENCED;
    } else if (writes(access)) {
        unit->refused = slots_fence(sm->slots, account->slot, unit->unit);
        unit->hidden = 1;
    }
    return unit;
}

/* Until a reservation is known to be committed every unit repeats it, so that none rests on another
 * that may fail. */
int64_t sm_next_seq(struct sm_unit *unit)
{
    struct account *account = unit->account;
    int64_t seq = ++account->seq;

    if (seq > account->seq_reserved && !unit->refused) {
        unit->reserves = seq + RESERVE;
        db_unit_add_values(unit->unit, &reserve, DB_INT(account->owner), DB_INT(unit->reserves),
                           DB_INT(account->home_epoch));
        unit->hidden++;
    }
    return seq;
}

void sm_add(struct sm_unit *unit, const struct db_statement *statement,
            const struct db_value *values)
{
    if (!unit->refused) {
        db_unit_add(unit->unit, statement, values);
    }
}

/* Whether a unit that failed may have taken effect all the same (common/db/db.h). */
static bool outcome_unknown(int status)
{
    return status == ERR_UNAVAILABLE || status == ERR_TIMEOUT || status == ERR_CANCELLED;
}

static void report(const struct sm_unit *unit, int status)
{
    if (status == ERR_FENCED) {
        slots_lost(unit->account->sm->slots, unit->account->slot);
    } else if (status < 0 && status != ERR_CANCELLED) {
        log_warn("sm_database_failed", LOG_TEXT("account", unit->account->jid->bare),
                 LOG_ERROR(status), LOG_TEXT("problem", db_problem(unit->account->sm->db)));
    }
}

static bool holds(const struct sm_unit *unit)
{
    return unit->access == SM_READ_HELD || unit->access == SM_WRITE;
}

static void finish(struct sm_unit *unit, int status, const struct db_result *results)
{
    struct settle_ticket *outer = unit->account->ticket;

    unit->account->ticket = unit->ticket; /* of units that follow from this one too */
    if (unit->done) {
        unit->done(unit->account, status, results, unit->user);
    }
    unit->account->ticket = outer;
    settle_release(unit->ticket);
    if (!holds(unit)) {
        account_unref(unit->account);
    } else {
        account_release(unit->account);
    }
    free(unit);
}

static void answered(void *user, int status, const struct db_result *results, size_t count)
{
    struct sm_unit *unit = user;

    (void)count;
    if (status == 0) {
        unit->account->seq_reserved = MAX(unit->account->seq_reserved, unit->reserves);
    }
    report(unit, status);
    if (unit->access == SM_WRITE && outcome_unknown(status)) {
        account_distrust(unit->account);
    }
    finish(unit, status, status == 0 ? results + unit->hidden : NULL);
}

static void refused(void *user)
{
    struct sm_unit *unit = user;

    finish(unit, unit->refused, NULL);
}

void sm_submit(struct sm_unit *unit, sm_done *done, void *user)
{
    unit->done = done;
    unit->user = user;
    if (holds(unit)) {
        unit->ticket = settle_ref(unit->account->ticket);
        account_hold(unit->account);
    } else {
        account_ref(unit->account);
    }
    if (unit->refused) {
        db_cancel(unit->unit);
        loop_defer(unit->account->sm->loop, refused, unit);
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
