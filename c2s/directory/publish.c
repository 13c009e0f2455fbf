/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The log of our home: the entries of its accounts by serial. A change gives an entry a new serial,
 * so the log never grows beyond the entries there are, and whoever was away for a month asks for
 * what came after the last serial it has seen.
 */
#include <stdlib.h>
#include <string.h>

#include "c2s/directory/core.h"
#include "c2s/directory/rows.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/memory.h"

/* Several changes are told of together. */
#define TELL_MS 200

struct publisher {
    struct directory *directory;
    struct timer *timer;
};

static const struct db_statement read_log = {
    .name = "directory_log",
    .sql = "SELECT " ROWS_ENTRY "serial FROM directory WHERE home = $1 AND serial > $2::bigint"
           " ORDER BY serial LIMIT $3::bigint",
    .parameters = 3,
};

static const struct db_statement read_last = {
    .name = "directory_last",
    .sql = "SELECT last_serial FROM directory_state WHERE id = 1",
    .parameters = 0,
};

static void tell(void *user)
{
    struct publisher *publisher = user;
    struct directory *directory = publisher->directory;
    const struct network *network = directory->network;
    struct element *payload;

    for (size_t i = 0; network && i < network->members_count; i++) {
        const char *host = network->members[i].host;
        if (strcmp(host, directory->host) == 0)
            continue;
        struct stanza *message = words_message(host, "changed", &payload);
        element_set(payload, "home", directory->home);
        directory_send_take(directory, message);
    }
}

struct publisher *publisher_new(struct directory *directory)
{
    struct publisher *publisher = xcalloc(1, sizeof(*publisher));

    publisher->directory = directory;
    publisher->timer = timer_new(directory->settings.loop, tell, publisher);
    return publisher;
}

void publisher_free(struct publisher *publisher)
{
    timer_close(publisher->timer);
    free(publisher);
}

void publish_changed(struct directory *directory)
{
    struct publisher *publisher = directory->publisher;

    if (directory->network && !directory->ended && !timer_active(publisher->timer))
        timer_start(publisher->timer, TELL_MS, 0);
}

struct serving {
    struct directory *directory;
    struct stanza *message;
    struct element *payload;
    int64_t after;
};

static void serving_free(struct serving *serving)
{
    stanza_unref(serving->message);
    free(serving);
}

static void add_entries(struct element *log, const struct db_result *rows, struct arena *arena)
{
    for (size_t row = 0; row < db_rows(rows); row++) {
        struct grant grant;
        int64_t serial;
        rows_get(rows, row, arena, &grant, &serial);
        words_add_grant(log, &grant, serial);
    }
}

static void on_log(void *user, int status, const struct db_result *results, size_t count)
{
    struct serving *serving = user;
    struct directory *directory = serving->directory;
    const struct network_home *home = directory_home(directory);
    bool copy = element_get(serving->payload, "copy") != NULL;
    struct element *log;

    (void)count;
    if (status != 0 || (home == NULL && !copy)) {
        directory_reply_wait(directory, serving->message, serving->payload, "database");
        serving_free(serving);
        return;
    }
    struct stanza *reply = directory_reply(serving->message, serving->payload, "log", &log);
    element_set(log, "home", element_get(serving->payload, "home"));
    if (!copy)
        words_set_number(log, "epoch", (int64_t)home->epoch);
    words_set_number(log, "last", db_get_int(&results[1], 0, 0));
    if (db_rows(&results[0]) == DIRECTORY_BATCH)
        element_set(log, "more", "true");
    add_entries(log, &results[0], reply->arena);
    directory_send_take(directory, reply);
    serving_free(serving);
}

/* A home's own log is asked of itself; of the others a home that was restored asks what they have
 * of it (recover.c). */
static bool may_ask(const struct directory *directory, const struct stanza *message,
                    const struct element *payload)
{
    const char *home = element_get(payload, "home");
    int64_t document;

    /* Who takes the registrar's office over has to know that we know it (takeover.c). */
    if (element_get(payload, "document") && directory->network &&
        (words_get_number(payload, "document", &document) != 0 ||
         document != (int64_t)directory->network->serial))
        return false;

    if (home == NULL || directory->network == NULL ||
        network_member_by_host(directory->network, message->from.domain) == NULL)
        return false;
    return element_get(payload, "copy") ||
           (strcmp(home, directory->home) == 0 && directory_home(directory));
}

static void on_since(struct directory *directory, struct stanza *message, struct element *payload)
{
    struct serving *serving = xcalloc(1, sizeof(*serving));
    const char *home = element_get(payload, "home");

    *serving = (struct serving){.directory = directory, .message = message, .payload = payload};
    if (!may_ask(directory, message, payload) ||
        words_get_number(payload, "serial", &serving->after) != 0) {
        directory_reply_wait(directory, message, payload, "not-my-home");
        serving_free(serving);
        return;
    }
    struct db_unit *unit = db_unit_new(directory->settings.db, ROWS_AFFINITY);
    db_unit_add_values(unit, &read_log, DB_TEXT(home), DB_INT(serving->after),
                       DB_INT(DIRECTORY_BATCH));
    db_unit_add(unit, &read_last, NULL);
    db_submit(unit, on_log, serving);
}

const struct directory_word publish_words[] = {
    {"since", on_since},
    {0},
};
