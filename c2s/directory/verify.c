/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Verifying the directory, page by page, and then home by home.
 */
#include "c2s/directory/verify.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "c2s/directory/compare.h"
#include "c2s/directory/rows.h"
#include "common/base/error.h"
#include "common/base/memory.h"

/* More names than these are only counted: nobody reads them. */
#define NAMED_MAX 100

struct verification {
    struct directory *directory; /* counted */
    struct control_request *request;
    struct network *network; /* counted: all of it is judged by one document */
    uint8_t key[SIGNING_KEY_SIZE];
    struct arena *arena; /* of a page */
    struct grant grants[DIRECTORY_BATCH];
    bool good[DIRECTORY_BATCH];
    size_t count;
    uint8_t after[GRANT_HASH_SIZE];
    uint64_t entries, bad;
    size_t home;        /* of the document: which is compared */
    uint64_t differ;    /* of its names */
    uint64_t named;     /* of all that differ, and have been told of */
    unsigned differing; /* homes */
};

static const struct db_statement read_page = {
    .name = "directory_read_page",
    .sql = "SELECT " ROWS_ENTRY "serial FROM directory WHERE jid_hash > $1::bytea"
           " ORDER BY jid_hash LIMIT $2::bigint",
    .parameters = 2,
};
static void end(struct verification *v, const char *error)
{
    control_end(v->request, error);
    arena_free(v->arena);
    network_unref(v->network);
    directory_free(v->directory);
    free(v);
}

static void compare_next(struct verification *v);

static void on_difference(void *user, const char *jid, const char *what)
{
    struct verification *v = user;

    v->differ++;
    if (v->named++ < NAMED_MAX)
        control_print(v->request, "%s of home %s: %s", jid, v->network->homes[v->home].name, what);
}

static void on_compared(void *user, int status, uint64_t entries)
{
    struct verification *v = user;
    const char *home = v->network->homes[v->home].name;

    if (status != 0)
        control_print(v->request, "home %s: not compared, its node is not reached", home);
    else if (v->differ == 0)
        control_print(v->request, "home %s: %" PRIu64 " entries: the same", home, entries);
    if (v->differ > 0) {
        control_print(v->request, "home %s: %" PRIu64 " entries, %" PRIu64 " different", home,
                      entries, v->differ);
        v->differing++;
    }
    v->home++;
    compare_next(v);
}

static const struct compare_ops compare_ops = {on_difference, on_compared};

static void compare_next(struct verification *v)
{
    while (v->home < v->network->homes_count &&
           strcmp(v->network->homes[v->home].member->host, v->directory->host) == 0)
        v->home++;
    if (v->directory->ended || v->home == v->network->homes_count) {
        if (v->named > NAMED_MAX)
            control_print(v->request, "%" PRIu64 " others are not named", v->named - NAMED_MAX);
        end(v, v->bad || v->differing ? "the directory is not as it should be" : NULL);
        return;
    }
    v->differ = 0;
    directory_compare(v->directory, v->network->homes[v->home].name, &compare_ops, v);
}

static void read_next(struct verification *v);

static void check(void *user)
{
    struct verification *v = user;

    for (size_t i = 0; i < v->count; i++)
        v->good[i] = grant_is_good(&v->grants[i], v->key);
}

static void checked(void *user)
{
    struct verification *v = user;

    for (size_t i = 0; i < v->count; i++) {
        if (!v->good[i] && v->bad < NAMED_MAX)
            control_print(v->request, "no valid grant: %s at home %s", v->grants[i].jid,
                          v->grants[i].home);
        v->bad += !v->good[i];
    }
    v->entries += v->count;
    if (v->count == DIRECTORY_BATCH && !v->directory->ended) {
        read_next(v);
        return;
    }
    control_print(v->request, "%" PRIu64 " entries, %" PRIu64 " without a valid grant", v->entries,
                  v->bad);
    compare_next(v);
}

static void on_page(void *user, int status, const struct db_result *results, size_t count)
{
    struct verification *v = user;
    int64_t serial;

    (void)count;
    if (status != 0) {
        end(v, error_text(status));
        return;
    }
    arena_free(v->arena);
    v->arena = arena_new();
    v->count = MIN(db_rows(&results[0]), DIRECTORY_BATCH);
    for (size_t i = 0; i < v->count; i++)
        rows_get(&results[0], i, v->arena, &v->grants[i], &serial);
    if (v->count > 0)
        grant_hash(v->grants[v->count - 1].jid, v->after);
    loop_work(v->directory->settings.loop, check, checked, v);
}

static void read_next(struct verification *v)
{
    const struct db_value values[] = {DB_BYTES(v->after, v->entries ? sizeof(v->after) : 0),
                                      DB_INT(DIRECTORY_BATCH)};

    db_query(v->directory->settings.db, ROWS_AFFINITY, &read_page, values, on_page, v);
}

void directory_verify(struct directory *directory, struct control_request *request)
{
    struct verification *v;

    if (directory->network == NULL) {
        control_end(request, "there is no network document: this is a network of one");
        return;
    }
    v = xcalloc(1, sizeof(*v));
    v->directory = directory_ref(directory);
    v->request = request;
    v->network = network_ref(directory->network);
    memcpy(v->key, v->network->registrar->member->signing_key, sizeof(v->key));
    read_next(v);
}
