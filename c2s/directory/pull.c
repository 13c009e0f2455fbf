/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Following the logs of the other homes: what came after the last serial that was stored, page by
 * page, when a home says that it has changed, when its node is reached again, and every now and
 * then. Of an epoch that was not seen before the log is read from its beginning; so is one that
 * ends earlier than what was read of it, because its home was restored from a backup, and every log
 * when the registrar's key changes, because what it signed may have come before the document that
 * says so.
 */
#include <stdlib.h>
#include <string.h>

#include "c2s/directory/claims.h"
#include "c2s/directory/core.h"
#include "c2s/directory/resolver.h"
#include "c2s/directory/rows.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/base/table.h"

#define LOOK_MS      60000
#define RETRY_MS     500
#define RETRY_CAP_MS 30000

/* One home that another node serves. */
struct pull {
    struct pulls *pulls;
    char *home;
    struct timer *timer;
    bool busy;  /* a page is on its way, or being checked, or stored */
    bool again; /* it has changed meanwhile */
    unsigned attempt;
    bool gone; /* not in the document any more */
    struct pull *prev, *next;
};

struct pulls {
    struct directory *directory;
    struct pull *all;
};

/* A page: read from the answer, checked in a thread, then stored. */
struct page {
    struct pull *pull;
    struct arena *arena;
    uint8_t key[SIGNING_KEY_SIZE]; /* of the registrar */
    uint8_t key_id[GRANT_KEY_ID_SIZE];
    int64_t epoch, last;
    bool more;
    struct grant grants[DIRECTORY_BATCH];
    int64_t serials[DIRECTORY_BATCH];
    bool good[DIRECTORY_BATCH];
    size_t count;
    int64_t reached; /* the serial up to which it goes */
};

static const struct db_statement read_place = {
    .name = "directory_read_place",
    .sql = "SELECT serial FROM directory_peer WHERE home = $1 AND epoch = $2::bigint"
           " AND key_id = $3::bytea",
    .parameters = 3,
};
static const struct db_statement write_place = {
    .name = "directory_write_place",
    .sql = "INSERT INTO directory_peer (home, epoch, key_id, serial)"
           " VALUES ($1, $2::bigint, $3::bytea, $4::bigint) ON CONFLICT (home) DO UPDATE"
           " SET epoch = excluded.epoch, key_id = excluded.key_id, serial = excluded.serial",
    .parameters = 4,
};

static const struct network_home *home_of(const struct pull *pull)
{
    const struct directory *directory = pull->pulls->directory;

    return directory->network ? network_home_by_name(directory->network, pull->home) : NULL;
}

static void begin(void *user);

static void finish(struct pull *pull, uint64_t ms)
{
    pull->busy = false;
    if (pull->pulls->directory->ended)
        return;
    timer_start(pull->timer, pull->again ? 0 : ms, 0);
    pull->again = false;
}

static void failed(struct pull *pull)
{
    finish(pull, backoff_ms(pull->attempt++, RETRY_MS, RETRY_CAP_MS));
}

static void page_free(struct page *page)
{
    arena_free(page->arena);
    free(page);
}

static void forget(struct directory *directory, const struct page *page)
{
    const char *jids[DIRECTORY_BATCH];

    for (size_t i = 0; i < page->count; i++) {
        jids[i] = page->grants[i].jid;
        resolver_forget(directory, jids[i]);
    }
    fellows_forget(directory, jids, page->count);
}

static void on_stored(void *user, int status, const struct db_result *results, size_t count)
{
    struct page *page = user;
    struct pull *pull = page->pull;
    struct directory *directory = pull->pulls->directory;

    (void)results;
    (void)count;
    if (status != 0) {
        page_free(page);
        failed(pull);
        return;
    }
    forget(directory, page);
    if (page->count > 0)
        log_debug("directory_pulled", LOG_TEXT("home", pull->home), LOG_INT("entries", page->count),
                  LOG_INT("serial", page->reached));
    pull->attempt = 0;
    pull->again = pull->again || page->more;
    page_free(page);
    finish(pull, LOOK_MS);
}

/* A home may publish nothing but names that the registrar has given to it. */
static void report(const struct page *page, const struct grant *grant)
{
    if (memcmp(page->key_id, grant->key_id, sizeof(page->key_id)) != 0)
        log_warn("directory_outdated", LOG_TEXT("home", page->pull->home),
                 LOG_TEXT("jid", grant->jid));
    else
        log_error("directory_refused", LOG_TEXT("home", page->pull->home),
                  LOG_TEXT("jid", grant->jid));
}

static void store(void *user)
{
    struct page *page = user;
    struct directory *directory = page->pull->pulls->directory;

    if (directory->ended) {
        page_free(page);
        directory_free(directory);
        return;
    }
    struct db_unit *unit = db_unit_new(directory->settings.db, ROWS_AFFINITY);
    for (size_t i = 0; i < page->count; i++) {
        if (page->good[i])
            rows_add_other(unit, &page->grants[i], page->serials[i]);
        else
            report(page, &page->grants[i]);
    }
    db_unit_add_values(unit, &write_place, DB_TEXT(page->pull->home), DB_INT(page->epoch),
                       DB_BYTES(page->key_id, sizeof(page->key_id)), DB_INT(page->reached));
    db_submit(unit, on_stored, page);
    directory_free(directory);
}

/* In a thread: a hundred signatures take as long as thousands of stanzas. */
static void check(void *user)
{
    struct page *page = user;

    for (size_t i = 0; i < page->count; i++)
        page->good[i] = strcmp(page->grants[i].home, page->pull->home) == 0 &&
                        grant_is_good(&page->grants[i], page->key);
}

static struct page *page_read(struct pull *pull, struct element *log)
{
    struct page *page = xcalloc(1, sizeof(*page));
    int error = words_get_number(log, "epoch", &page->epoch);

    page->pull = pull;
    page->arena = arena_new();
    page->more = element_get(log, "more") != NULL;
    error = error ? error : words_get_number(log, "last", &page->last);
    ELEMENT_FOREACH (child, log) {
        struct element *entry = element_copy(page->arena, child);
        size_t at = page->count;
        if (error == 0 && at < DIRECTORY_BATCH)
            error = words_read_grant(entry, &page->grants[at], &page->serials[at]);
        if (error || at == DIRECTORY_BATCH || page->serials[at] <= page->reached) {
            page_free(page);
            return NULL;
        }
        page->reached = page->serials[at];
        page->count++;
    }
    return page;
}

/* What was asked for. */
struct asked {
    struct pull *pull;
    int64_t epoch, after;
    uint8_t key[SIGNING_KEY_SIZE];
    uint8_t key_id[GRANT_KEY_ID_SIZE];
};

static void restart_log(const struct asked *asked)
{
    struct pull *pull = asked->pull;
    struct directory *directory = pull->pulls->directory;
    const struct db_value values[] = {DB_TEXT(pull->home), DB_INT(asked->epoch),
                                      DB_BYTES(asked->key_id, sizeof(asked->key_id)), DB_INT(0)};

    /* Behind it, on the same connection, the place is read again. */
    db_query(directory->settings.db, ROWS_AFFINITY, &write_place, values, NULL, NULL);
    pull->again = true;
    finish(pull, 0);
}

static void take_log(struct asked *asked, struct element *log)
{
    struct pull *pull = asked->pull;
    struct directory *directory = pull->pulls->directory;
    struct page *page = page_read(pull, log);

    if (page == NULL || page->epoch != asked->epoch || home_of(pull) == NULL ||
        (int64_t)home_of(pull)->epoch != page->epoch) {
        log_warn("directory_bad_log", LOG_TEXT("home", pull->home));
        if (page)
            page_free(page);
        failed(pull);
    } else if (page->last < asked->after) {
        log_error("directory_log_shorter", LOG_TEXT("home", pull->home),
                  LOG_INT("last", page->last), LOG_INT("known", asked->after));
        restart_log(asked);
        page_free(page);
    } else {
        memcpy(page->key, asked->key, sizeof(page->key));
        memcpy(page->key_id, asked->key_id, sizeof(page->key_id));
        page->reached = page->count > 0 ? page->reached : asked->after;
        loop_work(directory_ref(directory)->settings.loop, check, store, page);
    }
}

static void on_log(void *user, int status, struct element *log)
{
    struct asked *asked = user;

    if (status == 0 && strcmp(log->name, "log") == 0)
        take_log(asked, log);
    else
        failed(asked->pull);
    free(asked);
}

static bool key_is_current(const struct asked *asked)
{
    return directory_is_current(asked->pull->pulls->directory, asked->key_id);
}

static void on_place(void *user, int status, const struct db_result *results, size_t count)
{
    struct asked *asked = user;
    struct pull *pull = asked->pull;
    struct directory *directory = pull->pulls->directory;
    const struct network_home *home = home_of(pull);
    struct element *payload;

    (void)count;
    if (status != 0 || home == NULL || directory->ended || !key_is_current(asked)) {
        free(asked);
        failed(pull);
        return;
    }
    if (db_rows(&results[0]) > 0)
        asked->after = db_get_int(&results[0], 0, 0);
    struct stanza *message = words_message(home->member->host, "since", &payload);
    element_set(payload, "home", home->name);
    words_set_number(payload, "serial", asked->after);
    request_send_take(directory, home->member->host, message, payload, on_log, asked);
}

static void begin(void *user)
{
    struct pull *pull = user;
    struct directory *directory = pull->pulls->directory;
    const struct network_home *home = home_of(pull);

    if (pull->gone || directory->ended)
        return;
    pull->busy = true;
    if (home == NULL || !directory_is_keeper(directory)) {
        finish(pull, LOOK_MS);
        return;
    }
    struct asked *asked = xcalloc(1, sizeof(*asked));
    *asked = (struct asked){.pull = pull, .epoch = (int64_t)home->epoch};
    memcpy(asked->key, directory->network->registrar->member->signing_key, sizeof(asked->key));
    grant_key_id(asked->key, asked->key_id);
    const struct db_value values[] = {DB_TEXT(pull->home), DB_INT(asked->epoch),
                                      DB_BYTES(asked->key_id, sizeof(asked->key_id))};
    db_query(directory->settings.db, ROWS_AFFINITY, &read_place, values, on_place, asked);
}

struct pulls *pulls_new(struct directory *directory)
{
    struct pulls *pulls = xcalloc(1, sizeof(*pulls));

    pulls->directory = directory;
    return pulls;
}

void pulls_free(struct pulls *pulls)
{
    struct pull *pull, *next;

    DL_FOREACH_SAFE (pulls->all, pull, next) {
        timer_close(pull->timer);
        free(pull->home);
        free(pull);
    }
    free(pulls);
}

static struct pull *find(struct pulls *pulls, const char *home)
{
    struct pull *pull;

    DL_FOREACH (pulls->all, pull) {
        if (strcmp(pull->home, home) == 0)
            return pull;
    }
    return NULL;
}

static void now(struct pull *pull)
{
    pull->again = pull->busy;
    pull->attempt = 0;
    if (!pull->busy && !pull->gone)
        timer_start(pull->timer, 0, 0);
}

static void follow(struct pulls *pulls, const struct network_home *home)
{
    struct pull *pull = find(pulls, home->name);

    if (pull == NULL) {
        pull = xcalloc(1, sizeof(*pull));
        pull->pulls = pulls;
        pull->home = xstrdup(home->name);
        pull->timer = timer_new(pulls->directory->settings.loop, begin, pull);
        DL_APPEND(pulls->all, pull);
    }
    pull->gone = false;
    now(pull);
}

void pulls_update(struct pulls *pulls)
{
    const struct directory *directory = pulls->directory;
    const struct network *network = directory->network;
    struct pull *pull;

    DL_FOREACH (pulls->all, pull) {
        pull->gone = true;
    }
    for (size_t i = 0; network && i < network->homes_count; i++)
        if (strcmp(network->homes[i].member->host, directory->host) != 0)
            follow(pulls, &network->homes[i]);
}

void pulls_reachable(struct pulls *pulls, const char *host)
{
    struct pull *pull;

    DL_FOREACH (pulls->all, pull) {
        const struct network_home *home = home_of(pull);
        if (home && strcmp(home->member->host, host) == 0)
            now(pull);
    }
}

/* It only makes it sooner: who says so does not matter. */
static void on_changed(struct directory *directory, struct stanza *message, struct element *payload)
{
    const char *home = element_get(payload, "home");
    struct pull *pull = home ? find(directory->pulls, home) : NULL;

    if (pull && home_of(pull) && strcmp(home_of(pull)->member->host, message->from.domain) == 0)
        now(pull);
    stanza_unref(message);
}

const struct directory_word pull_words[] = {
    {"changed", on_changed},
    {0},
};
