/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Finding the home of a name: what is remembered, then the node's copy of the directory, then the
 * registrar. Whoever asks for a name that is being looked for waits for the same answer.
 */
#include "c2s/directory/resolver.h"

#include <stdlib.h>
#include <string.h>

#include "c2s/directory/registrar.h"
#include "c2s/directory/rows.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/memory.h"
#include "common/base/table.h"

/* Other workers of the node learn of changes only when this has passed. */
#define HOME_MS   60000
#define NOBODY_MS 2000
/* A room may be somewhere else the next moment. */
#define ROOM_MS 5000
/* Strangers can ask for any number of names that there are not. */
#define LOOKUPS_MAX 10000

struct directory_question {
    struct lookup *lookup; /* NULL: answered at once, by the task */
    struct directory *directory;
    struct loop_task *task;
    bool here; /* it is no name of the network */
    directory_found *done;
    void *user;
    struct directory_question *prev, *next;
};

/* A name that is being looked for. */
struct lookup {
    UT_hash_handle hh;
    struct directory *directory;
    struct jid *jid;
    struct directory_question *questions;
    struct db_unit *unit;
    struct registrar_reading *reading;
    struct request *request;
};

static const struct db_statement read_entry = {
    .name = "directory_read",
    .sql = "SELECT " ROWS_ENTRY "serial FROM directory WHERE jid_hash = $1::bytea",
    .parameters = 1,
};

/* One that was there before the node joined, and whose name is still to be claimed. */
static const struct db_statement read_account = {
    .name = "directory_read_account",
    .sql = "SELECT 1 FROM account WHERE domain = $1 AND local = $2 AND granted = 0",
    .parameters = 2,
};

/* What the directory may have of it: an account, a room, or a service with all that is under its
 * domain. NULL: nothing. */
static const char *name_of(const struct directory *directory, const struct jid *jid)
{
    if (!directory->network || !jid)
        return NULL;
    if (strcmp(jid->domain, directory->domain) == 0)
        return jid->local ? jid->bare : NULL;
    if (directory_shares(directory, jid->domain))
        return jid->local ? jid->bare : NULL;
    return directory_service(directory, jid->domain);
}

static void place_own(const struct directory *directory, struct directory_place *place)
{
    const struct network_home *own = directory_home(directory);

    *place = (struct directory_place){.answer = DIRECTORY_UNKNOWN};
    if (directory->without_home)
        return;
    *place = (struct directory_place){
        .answer = DIRECTORY_HERE,
        .home = directory->home,
        .host = directory->host,
        .epoch = own ? (int64_t)own->epoch : 1,
    };
}

/* Which node serves a home may change at any moment, so it is not what is remembered. */
static void place_home(const struct directory *directory, const char *name,
                       struct directory_place *place)
{
    const struct network_home *home = network_home_by_name(directory->network, name);

    *place = (struct directory_place){.answer = DIRECTORY_UNKNOWN};
    if (home == NULL)
        return;
    bool here = strcmp(home->member->host, directory->host) == 0;
    if (here && (strcmp(home->name, directory->home) != 0 || directory->without_home))
        return; /* we should serve it, and do not have its data */
    *place = (struct directory_place){
        .answer = here ? DIRECTORY_HERE : DIRECTORY_ELSEWHERE,
        .home = home->name,
        .host = home->member->host,
        .epoch = (int64_t)home->epoch,
    };
}

static void place_remembered(const struct directory *directory, const char *home,
                             struct directory_place *place)
{
    if (home)
        place_home(directory, home, place);
    else
        *place = (struct directory_place){.answer = DIRECTORY_NOBODY};
}

bool resolver_look(struct directory *directory, const struct jid *jid,
                   struct directory_place *place)
{
    const char *home, *name = name_of(directory, jid);

    if (!name) {
        place_own(directory, place);
        return place->answer != DIRECTORY_UNKNOWN;
    }
    if (!cache_get(directory->cache, name, clock_monotonic_ms(), &home))
        return false;
    place_remembered(directory, home, place);
    return place->answer != DIRECTORY_UNKNOWN;
}

static void remember(struct directory *directory, const char *bare, const char *home)
{
    uint64_t known_ms = directory_is_room(directory, bare) ? ROOM_MS : HOME_MS;

    cache_put(directory->cache, bare, home, clock_monotonic_ms() + (home ? known_ms : NOBODY_MS));
}

void resolver_learn(struct directory *directory, const struct grant *grant)
{
    remember(directory, grant->jid, grant->deleted ? NULL : grant->home);
}

void resolver_forget(struct directory *directory, const char *name)
{
    cache_remove(directory->cache, name);
}

void resolver_forget_place(struct directory *directory, const struct jid *jid)
{
    const char *name = name_of(directory, jid);

    if (name)
        resolver_forget(directory, name);
}

static void answer(struct lookup *lookup, const struct directory_place *place)
{
    struct directory_question *question;

    /* Who asks from now on asks anew, and who is called may cancel others. */
    HASH_DEL(lookup->directory->lookups, lookup);
    while ((question = lookup->questions)) {
        DL_DELETE(lookup->questions, question);
        question->done(question->user, place);
        free(question);
    }
    free(lookup->jid);
    free(lookup);
}

static void answer_unknown(struct lookup *lookup)
{
    answer(lookup, &(struct directory_place){.answer = DIRECTORY_UNKNOWN});
}

static void answer_grant(struct lookup *lookup, const struct grant *grant)
{
    struct directory *directory = lookup->directory;
    struct directory_place place;

    if (directory->network == NULL) {
        place_own(directory, &place); /* it was taken away meanwhile */
    } else {
        resolver_learn(directory, grant);
        place_remembered(directory, grant->deleted ? NULL : grant->home, &place);
    }
    answer(lookup, &place);
}

static void answer_nobody(struct lookup *lookup)
{
    remember(lookup->directory, lookup->jid->bare, NULL);
    answer(lookup, &(struct directory_place){.answer = DIRECTORY_NOBODY});
}

static void on_own_claim(void *user, int status, const struct grant *grant)
{
    struct lookup *lookup = user;

    lookup->reading = NULL;
    if (status != 0)
        answer_unknown(lookup);
    else if (grant == NULL)
        answer_nobody(lookup);
    else
        answer_grant(lookup, grant);
}

static bool is_about(const struct lookup *lookup, const struct grant *grant)
{
    const struct network_home *registrar =
        lookup->directory->network ? lookup->directory->network->registrar : NULL;

    return strcmp(grant->jid, lookup->jid->bare) == 0 && registrar &&
           grant_is_good(grant, registrar->member->signing_key);
}

static void on_registrar(void *user, int status, struct element *found)
{
    struct lookup *lookup = user;
    struct element *entry;
    struct grant grant;
    int64_t serial;

    lookup->request = NULL;
    if (status != 0 || strcmp(found->name, "found") != 0) {
        answer_unknown(lookup);
        return;
    }
    entry = element_first(found);
    if (entry == NULL)
        answer_nobody(lookup);
    else if (words_read_grant(entry, &grant, &serial) == 0 && is_about(lookup, &grant))
        answer_grant(lookup, &grant);
    else
        answer_unknown(lookup);
}

static void ask_registrar(struct lookup *lookup)
{
    struct directory *directory = lookup->directory;
    const char *host = directory_registrar_host(directory);
    struct element *payload;
    struct stanza *message;

    if (directory_is_registrar(directory)) {
        lookup->reading = registrar_read(directory, lookup->jid->bare, on_own_claim, lookup);
        if (lookup->reading == NULL)
            answer_unknown(lookup);
        return;
    }
    if (host == NULL || strcmp(host, directory->host) == 0) {
        answer_unknown(lookup);
        return;
    }
    message = words_message(host, "lookup", &payload);
    element_set(payload, "jid", lookup->jid->bare);
    lookup->request = request_send_take(directory, host, message, payload, on_registrar, lookup);
}

/* Released, it may belong to another home by now. */
static void take_entry(struct lookup *lookup, const struct db_result *result)
{
    struct arena *arena = arena_new();
    struct grant grant;
    int64_t serial;

    rows_get(result, 0, arena, &grant, &serial);
    if (grant.deleted && directory_is_room(lookup->directory, grant.jid))
        ask_registrar(lookup);
    else
        answer_grant(lookup, &grant);
    arena_free(arena);
}

static void on_read(void *user, int status, const struct db_result *results, size_t count)
{
    struct lookup *lookup = user;
    struct directory_place place;

    (void)count;
    lookup->unit = NULL;
    if (status != 0) {
        answer_unknown(lookup);
    } else if (lookup->directory->network == NULL) {
        place_own(lookup->directory, &place);
        answer(lookup, &place);
    } else if (db_rows(&results[0]) > 0) {
        take_entry(lookup, &results[0]);
    } else if (db_rows(&results[1]) > 0) {
        place_own(lookup->directory, &place);
        answer(lookup, &place);
    } else if (!lookup->jid->local) {
        answer_nobody(lookup);
    } else {
        ask_registrar(lookup);
    }
}

/* A name is what a prepared address was. */
static struct jid *parse(const char *name)
{
    struct arena *arena = arena_new();
    struct jid jid, *copy;

    if (jid_parse(arena, name, &jid) < 0)
        jid = (struct jid){.domain = name, .bare = name, .full = name};
    copy = jid_dup(&jid);
    arena_free(arena);
    return copy;
}

static struct lookup *lookup_new(struct directory *directory, const char *name)
{
    struct lookup *lookup = xcalloc(1, sizeof(*lookup));
    struct db_unit *unit = db_unit_new_reading(directory->settings.db);
    uint8_t hash[GRANT_HASH_SIZE];

    lookup->directory = directory;
    lookup->jid = parse(name);
    HASH_ADD_KEYPTR(hh, directory->lookups, lookup->jid->bare, strlen(lookup->jid->bare), lookup);
    grant_hash(name, hash);
    db_unit_add_values(unit, &read_entry, DB_BYTES(hash, sizeof(hash)));
    db_unit_add_values(unit, &read_account, DB_TEXT(lookup->jid->domain),
                       DB_TEXT(lookup->jid->local));
    lookup->unit = db_submit(unit, on_read, lookup);
    return lookup;
}

/* Without a network, or with too much to do. */
static void answer_at_once(void *user)
{
    struct directory_question *question = user;
    struct directory_place place;

    question->task = NULL;
    if (question->directory->network && !question->here)
        place = (struct directory_place){.answer = DIRECTORY_UNKNOWN};
    else
        place_own(question->directory, &place);
    question->done(question->user, &place);
    free(question);
}

struct directory_question *resolver_ask(struct directory *directory, const struct jid *jid,
                                        directory_found *done, void *user)
{
    struct directory_question *question = xcalloc(1, sizeof(*question));
    struct lookup *lookup = NULL;
    const char *name = name_of(directory, jid);

    question->directory = directory;
    question->done = done;
    question->user = user;
    question->here = !name;
    if (!question->here) {
        HASH_FIND_STR(directory->lookups, name, lookup);
        if (lookup == NULL && HASH_COUNT(directory->lookups) < LOOKUPS_MAX)
            lookup = lookup_new(directory, name);
    }
    question->lookup = lookup;
    if (lookup)
        DL_APPEND(lookup->questions, question);
    else
        question->task = loop_defer(directory->settings.loop, answer_at_once, question);
    return question;
}

void resolver_cancel(struct directory_question *question)
{
    if (question == NULL)
        return;
    if (question->lookup)
        DL_DELETE(question->lookup->questions, question);
    if (question->task)
        loop_defer_cancel(question->task);
    free(question);
}
