/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * A home whose epoch has risen was restored, or taken over: what it was given in the time that it
 * lost stands in the copies of the others, signed; if it is the registrar, what it gave too. All
 * nodes are asked, page by page, for what they have; only when all have answered is it known what
 * there was.
 */
#include <stdlib.h>
#include <string.h>

#include "c2s/directory/claims.h"
#include "c2s/directory/core.h"
#include "c2s/directory/registrar.h"
#include "c2s/directory/rows.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/memory.h"

#define RETRY_MS     500
#define RETRY_CAP_MS 30000

struct recovery {
    struct directory *directory;
    struct timer *timer;
    bool busy;
    unsigned attempt;
    int64_t epoch; /* that it is for */
    size_t member; /* of the document: who is asked */
    size_t home;   /* of the document: for whose entries */
    uint64_t document;
    int64_t after; /* the serial in his copy */
    size_t found;
};

static const struct db_statement read_epoch = {
    .name = "directory_read_compared",
    .sql = "SELECT compared_epoch FROM directory_state WHERE id = 1",
    .parameters = 0,
};
static const struct db_statement write_epoch = {
    .name = "directory_write_compared",
    .sql = "UPDATE directory_state SET compared_epoch = $1::bigint WHERE id = 1",
    .parameters = 1,
};

bool recovery_is_needed(const struct directory *directory, int64_t compared_epoch)
{
    const struct network_home *home = directory_home(directory);

    return home && (int64_t)home->epoch > compared_epoch;
}

/* Nothing has changed since it began: neither the document, nor whether we serve the home. */
static bool is_valid(const struct recovery *recovery)
{
    const struct directory *directory = recovery->directory;

    return !directory->ended && directory->network && directory_home(directory) &&
           directory->network->serial == recovery->document;
}

static void ask_next(struct recovery *recovery);

static void failed(struct recovery *recovery)
{
    recovery->busy = false;
    if (!recovery->directory->ended)
        timer_start(recovery->timer, backoff_ms(recovery->attempt++, RETRY_MS, RETRY_CAP_MS), 0);
}

static void on_done(void *user, int status, const struct db_result *results, size_t count)
{
    struct recovery *recovery = user;

    (void)results;
    (void)count;
    if (status != 0) {
        failed(recovery);
        return;
    }
    recovery->busy = false;
    log_info("directory_recovered", LOG_TEXT("home", recovery->directory->home),
             LOG_INT("epoch", recovery->epoch), LOG_INT("entries", recovery->found));
    handover_update(recovery->directory->handover);
    claims_kick(recovery->directory->claims);
}

static void on_stored(void *user, int status, const struct db_result *results, size_t count)
{
    (void)results;
    (void)count;
    if (status != 0)
        failed(user);
    else
        ask_next(user);
}

/* A grant of ours that we do not remember. */
static int take_entry(struct recovery *recovery, struct db_unit *unit, struct element *entry)
{
    struct directory *directory = recovery->directory;
    struct grant grant;
    int64_t serial;
    int error = words_read_grant(entry, &grant, &serial);

    if (error || serial <= recovery->after)
        return ERR_MALFORMED;
    recovery->after = serial;
    if (!grant_is_good(&grant, directory->network->registrar->member->signing_key))
        return 0;
    if (strcmp(grant.home, directory->home) == 0)
        rows_add_own(unit, &grant);
    if (directory_is_registrar(directory))
        registrar_add_claim(unit, &grant);
    recovery->found++;
    return 0;
}

static void on_copy(void *user, int status, struct element *copy)
{
    struct recovery *recovery = user;
    struct directory *directory = recovery->directory;

    if (status != 0 || strcmp(copy->name, "log") != 0 || !is_valid(recovery)) {
        failed(recovery);
        return;
    }
    struct db_unit *unit = db_unit_new(directory->settings.db, ROWS_AFFINITY);
    ELEMENT_FOREACH (entry, copy) {
        if (take_entry(recovery, unit, entry) != 0) {
            db_cancel(unit);
            failed(recovery);
            return;
        }
    }
    if (!element_get(copy, "more")) {
        recovery->home++;
        recovery->after = 0;
    }
    recovery->attempt = 0;
    db_unit_add(unit, &read_epoch, NULL); /* no unit is empty */
    db_submit(unit, on_stored, recovery);
}

/* On to the next pair of a member to ask and a home to ask about; false: there is none. */
static bool find_next(struct recovery *recovery)
{
    const struct directory *directory = recovery->directory;
    const struct network *network = directory->network;

    for (; recovery->member < network->members_count; recovery->member++, recovery->home = 0) {
        if (strcmp(network->members[recovery->member].host, directory->host) == 0)
            continue;
        for (; recovery->home < network->homes_count; recovery->home++)
            if (directory_is_registrar(directory) ||
                strcmp(network->homes[recovery->home].name, directory->home) == 0)
                return true;
    }
    return false;
}

static void ask_next(struct recovery *recovery)
{
    struct directory *directory = recovery->directory;
    const struct network *network = directory->network;
    struct element *payload;

    if (!is_valid(recovery)) {
        failed(recovery);
        return;
    }
    if (!find_next(recovery)) {
        const struct db_value values[] = {DB_INT(recovery->epoch)};
        db_query(directory->settings.db, ROWS_AFFINITY, &write_epoch, values, on_done, recovery);
        return;
    }
    const char *host = network->members[recovery->member].host;
    struct stanza *message = words_message(host, "since", &payload);
    element_set(payload, "home", network->homes[recovery->home].name);
    element_set(payload, "copy", "true");
    words_set_number(payload, "serial", recovery->after);
    request_send_take(directory, host, message, payload, on_copy, recovery);
}

static void on_epoch(void *user, int status, const struct db_result *results, size_t count)
{
    struct recovery *recovery = user;
    struct directory *directory = recovery->directory;

    (void)count;
    if (status != 0 || db_rows(&results[0]) == 0) {
        failed(recovery);
    } else if (directory->network == NULL ||
               !recovery_is_needed(directory, db_get_int(&results[0], 0, 0))) {
        recovery->busy = false;
    } else {
        recovery->epoch = (int64_t)directory_home(directory)->epoch;
        recovery->document = directory->network->serial;
        recovery->member = 0;
        recovery->home = 0;
        recovery->after = 0;
        recovery->found = 0;
        ask_next(recovery);
    }
}

static void begin(void *user)
{
    struct recovery *recovery = user;
    struct directory *directory = recovery->directory;

    if (directory->ended || recovery->busy)
        return;
    if (!directory_is_keeper(directory)) {
        failed(recovery);
        return;
    }
    recovery->busy = true;
    db_query(directory->settings.db, ROWS_AFFINITY, &read_epoch, NULL, on_epoch, recovery);
}

struct recovery *recovery_new(struct directory *directory)
{
    struct recovery *recovery = xcalloc(1, sizeof(*recovery));

    recovery->directory = directory;
    recovery->timer = timer_new(directory->settings.loop, begin, recovery);
    return recovery;
}

void recovery_free(struct recovery *recovery)
{
    timer_close(recovery->timer);
    free(recovery);
}

void recovery_update(struct recovery *recovery)
{
    recovery->attempt = 0;
    if (!recovery->busy && recovery->directory->network && !recovery->directory->ended)
        timer_start(recovery->timer, 0, 0);
}
