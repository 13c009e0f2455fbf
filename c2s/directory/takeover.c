/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Becoming the registrar without the one before it, which is lost, with its key: the document says
 * so ("registrar-lost"). What it gave stands in the copies of all nodes, signed. Ours has been
 * checked when it came; those of the others are read page by page and checked by the key that the
 * document has of the lost one. Only when all have answered under this document, so that none takes
 * anything from the lost one any more, is it known what it gave.
 */
#include <stdlib.h>
#include <string.h>

#include "c2s/directory/core.h"
#include "c2s/directory/registrar.h"
#include "c2s/directory/rows.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/memory.h"

struct takeover {
    struct directory *directory;
    takeover_done *done;
    void *user;
    uint64_t document;
    uint8_t key[SIGNING_KEY_SIZE]; /* of the lost registrar */
    char *lost;                    /* the host of it */
    uint8_t hash[GRANT_HASH_SIZE]; /* up to which our copy has been read */
    size_t member;                 /* of the document: who is asked */
    size_t home;                   /* of the document: for whose entries */
    int64_t after;                 /* the serial in his copy */
    size_t found;
};

static const struct db_statement read_page = {
    .name = "takeover_read_page",
    .sql = "SELECT " ROWS_ENTRY "serial FROM directory WHERE jid_hash > $1::bytea"
           " ORDER BY jid_hash LIMIT $2::bigint",
    .parameters = 2,
};

static void end(struct takeover *takeover, int status, const char *host)
{
    takeover_done *done = takeover->done;
    void *user = takeover->user;
    size_t found = takeover->found;

    if (status != 0 && host)
        log_warn("handover_waits", LOG_TEXT("home", host), LOG_ERROR(status));
    free(takeover->lost);
    free(takeover);
    done(user, status, found);
}

/* The document is still the one under which all this is judged. */
static bool is_current(const struct takeover *takeover)
{
    const struct directory *directory = takeover->directory;

    return !directory->ended && directory->network &&
           directory->network->serial == takeover->document && directory_is_registrar(directory);
}

static void add_claim(struct takeover *takeover, struct db_unit *unit, struct grant *grant)
{
    grant_sign(grant, takeover->directory->settings.key);
    registrar_add_claim(unit, grant);
    takeover->found++;
}

/* --- the copies of the others --- */

/* Who is suspended by the document has no links, and nothing new. */
static bool is_asked(const struct takeover *takeover, const struct network_member *member)
{
    return strcmp(member->host, takeover->directory->host) != 0 &&
           strcmp(member->host, takeover->lost) != 0 && member->state != NETWORK_SUSPENDED;
}

static void ask_next(struct takeover *takeover);

static void on_stored(void *user, int status, const struct db_result *results, size_t count)
{
    struct takeover *takeover = user;

    (void)results;
    (void)count;
    if (status != 0)
        end(takeover, status, NULL);
    else
        ask_next(takeover);
}

static const char *asked_host(const struct takeover *takeover)
{
    return takeover->directory->network->members[takeover->member].host;
}

/* ERR_MALFORMED: it is no page of a log. */
static int take_page(struct takeover *takeover, struct db_unit *unit, struct element *copy)
{
    ELEMENT_FOREACH (entry, copy) {
        struct grant grant;
        int64_t serial;
        if (words_read_grant(entry, &grant, &serial) != 0 || serial <= takeover->after)
            return ERR_MALFORMED;
        takeover->after = serial;
        if (grant_is_good(&grant, takeover->key))
            add_claim(takeover, unit, &grant);
    }
    if (!element_get(copy, "more")) {
        takeover->home++;
        takeover->after = 0;
    }
    return 0;
}

static void on_copy(void *user, int status, struct element *copy)
{
    struct takeover *takeover = user;

    if (!is_current(takeover)) {
        end(takeover, ERR_CANCELLED, NULL);
        return;
    }
    const char *host = asked_host(takeover);
    if (status != 0 || strcmp(copy->name, "log") != 0) {
        end(takeover, status ? status : ERR_UNAVAILABLE, host);
        return;
    }
    struct db_unit *unit = db_unit_new(takeover->directory->settings.db, ROWS_AFFINITY);
    if (take_page(takeover, unit, copy) != 0) {
        db_cancel(unit);
        end(takeover, ERR_MALFORMED, host);
        return;
    }
    db_unit_add(unit, &rows_nothing, NULL);
    db_submit(unit, on_stored, takeover);
}

static bool find_next(struct takeover *takeover)
{
    const struct network *network = takeover->directory->network;

    for (; takeover->member < network->members_count; takeover->member++, takeover->home = 0)
        if (is_asked(takeover, &network->members[takeover->member]) &&
            takeover->home < network->homes_count)
            return true;
    return false;
}

static void ask_next(struct takeover *takeover)
{
    struct directory *directory = takeover->directory;
    struct element *payload;

    if (!is_current(takeover)) {
        end(takeover, ERR_CANCELLED, NULL);
        return;
    }
    if (!find_next(takeover)) {
        end(takeover, 0, NULL);
        return;
    }
    const char *host = asked_host(takeover);
    struct stanza *message = words_message(host, "since", &payload);
    element_set(payload, "home", directory->network->homes[takeover->home].name);
    element_set(payload, "copy", "true");
    words_set_number(payload, "document", (int64_t)takeover->document);
    words_set_number(payload, "serial", takeover->after);
    request_send_take(directory, host, message, payload, on_copy, takeover);
}

/* --- ours --- */

static void read_next(struct takeover *takeover);

static void on_ours_stored(void *user, int status, const struct db_result *results, size_t count)
{
    struct takeover *takeover = user;

    (void)results;
    (void)count;
    if (status != 0)
        end(takeover, status, NULL);
    else
        read_next(takeover);
}

static void on_page(void *user, int status, const struct db_result *results, size_t count)
{
    struct takeover *takeover = user;
    size_t rows = status == 0 ? db_rows(&results[0]) : 0;

    (void)count;
    if (status != 0 || !is_current(takeover)) {
        end(takeover, status ? status : ERR_CANCELLED, NULL);
        return;
    }
    if (rows == 0) {
        ask_next(takeover);
        return;
    }
    struct arena *arena = arena_new();
    struct db_unit *unit = db_unit_new(takeover->directory->settings.db, ROWS_AFFINITY);
    for (size_t row = 0; row < rows; row++) {
        struct grant grant;
        int64_t serial;
        rows_get(&results[0], row, arena, &grant, &serial);
        grant_hash(grant.jid, takeover->hash);
        add_claim(takeover, unit, &grant);
    }
    arena_free(arena);
    db_submit(unit, on_ours_stored, takeover);
}

static void read_next(struct takeover *takeover)
{
    const struct db_value values[] = {DB_BYTES(takeover->hash, sizeof(takeover->hash)),
                                      DB_INT(DIRECTORY_BATCH)};

    db_query(takeover->directory->settings.db, ROWS_AFFINITY, &read_page, values, on_page,
             takeover);
}

void takeover_begin(struct directory *directory, const struct network_home *lost,
                    takeover_done *done, void *user)
{
    struct takeover *takeover = xcalloc(1, sizeof(*takeover));

    takeover->directory = directory;
    takeover->done = done;
    takeover->user = user;
    takeover->document = directory->network->serial;
    takeover->lost = xstrdup(lost->member->host);
    memcpy(takeover->key, lost->member->signing_key, sizeof(takeover->key));
    read_next(takeover);
}
