/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The directory of a worker: its settings, its way to other nodes, and what it tells the worker's
 * other parts.
 */
#include "c2s/directory/directory.h"

#include <stdlib.h>
#include <string.h>

#include "c2s/directory/claims.h"
#include "c2s/directory/core.h"
#include "c2s/directory/registrar.h"
#include "c2s/directory/resolver.h"
#include "c2s/worker.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/memory.h"

/* Of all slots the owner of this one is who does what is done once for a node. */
#define KEEPER_SLOT 0

static bool is_keeper(void *user)
{
    const struct worker *worker = user;

    return slots_owned(worker->slots, KEEPER_SLOT);
}

bool directory_is_shared(const struct worker *worker, const char *domain)
{
    return config_list_has(worker->config, "node", NULL, "shared-service", domain);
}

static bool is_shared(void *user, const char *domain)
{
    return directory_is_shared(user, domain);
}

static size_t workers(void *user, const char *const **ids)
{
    return worker_ids(user, ids);
}

static int send_message(void *user, struct stanza *stanza)
{
    struct worker *worker = user;
    struct arena *arena = arena_new();
    struct jid from;
    int error = ERR_STATE;

    if (worker->link && jid_parse(arena, worker->directory->address, &from) == 0) {
        stanza_set_from(stanza, &from);
        error = link_send(worker->link, stanza);
    }
    arena_free(arena);
    return error;
}

/* Without it the node cannot be the registrar; nothing else is missing. */
static int load_key(struct worker *worker)
{
    const char *file = config_text(worker->config, "node", NULL, "signing-key");
    const char *problem = NULL;

    if (file == NULL)
        return 0;
    int error = signing_key_load(file, &worker->signing_key, &problem);
    if (error)
        log_error("signing_key_unusable", LOG_TEXT("file", file), LOG_TEXT("reason", problem));
    return error;
}

static void on_document(void *user, const struct network *before, const struct network *now)
{
    struct worker *worker = user;

    (void)before;
    if (worker->directory_begun)
        directory_set_network(worker->directory, now);
}

int directory_open(struct worker *worker)
{
    char *address = xasprintf("%s/%s", worker->host, worker->id);
    int error = load_key(worker);
    const struct directory_settings settings = {
        .loop = worker->loop,
        .db = worker->db,
        .host = worker->host,
        .address = address,
        .domain = worker->network,
        .home = worker->home,
        .cache_size = (size_t)config_number(worker->config, "c2s", NULL, "directory-cache"),
        .key = worker->signing_key,
        .is_keeper = is_keeper,
        .is_shared = is_shared,
        .workers = workers,
        .send = send_message,
        .user = worker,
    };

    worker->directory = directory_new(&settings);
    worker_follow_document(worker, on_document, worker);
    free(address);
    return error;
}

void directory_begin(struct worker *worker)
{
    worker->directory_begun = true;
    directory_set_home(worker->directory, true);
    directory_set_network(worker->directory, worker_document(worker));
}

void directory_begin_without_home(struct worker *worker)
{
    worker->directory_begun = true;
    directory_set_home(worker->directory, false);
    directory_set_network(worker->directory, worker_document(worker));
}

void directory_pause(struct worker *worker)
{
    worker->directory_begun = false;
    directory_set_network(worker->directory, NULL);
}

void directory_close(struct worker *worker)
{
    directory_free(worker->directory);
    signing_key_free(worker->signing_key);
}

void directory_end(struct worker *worker)
{
    directory_stop(worker->directory);
}

void directory_keeper_changed(struct worker *worker)
{
    bool keeper = is_keeper(worker);

    if (keeper && !worker->directory_keeper && worker->directory_begun)
        directory_set_network(worker->directory, worker_document(worker));
    worker->directory_keeper = keeper;
}

void directory_node_reachable(struct worker *worker, const char *host)
{
    if (worker->directory_begun)
        directory_reachable(worker->directory, host);
}

void directory_message(struct worker *worker, const struct durable *offer, struct stanza *message,
                       struct element *payload)
{
    /* Nobody offers such; whoever does shall not go on. */
    if (offer) {
        struct durable took = durable_answer(offer, DURABLE_TOOK);
        worker_answer(worker, &took);
    }
    directory_take(worker->directory, message, payload);
}

bool directory_answered(struct worker *worker, const struct stanza *iq)
{
    return requests_take_reply(worker->directory->requests, iq);
}

void directory_list_rooms(struct worker *worker, const char *service, const struct rsm *wish,
                          directory_rooms_listed *done, void *user)
{
    listing_ask(worker->directory, service, wish, done, user);
}

bool directory_look(struct worker *worker, const struct jid *jid, struct directory_place *place)
{
    return resolver_look(worker->directory, jid, place);
}

struct directory_question *directory_ask(struct worker *worker, const struct jid *jid,
                                         directory_found *done, void *user)
{
    return resolver_ask(worker->directory, jid, done, user);
}

void directory_cancel(struct directory_question *question)
{
    resolver_cancel(question);
}

void directory_forget(struct worker *worker, const struct jid *jid)
{
    resolver_forget_place(worker->directory, jid);
}

const char *directory_own_home(struct worker *worker, int64_t *epoch)
{
    const struct directory *directory = worker->directory;
    const struct network_home *home = directory_home(directory);

    if (directory->network == NULL) {
        *epoch = 1;
        return directory->home;
    }
    *epoch = home ? (int64_t)home->epoch : 0;
    return home ? home->name : NULL;
}

/* --- accounts --- */

struct change {
    struct worker *worker;
    enum account_change change;
    struct jid *account;
    const struct account_verifiers *verifiers; /* the caller's */
    account_changed *changed;
    void *user;
};

static void finish(struct change *change, int status, const struct account_revoked *revoked)
{
    account_changed *changed = change->changed;
    void *user = change->user;

    resolver_forget(change->worker->directory, change->account->bare);
    if (status == 0) {
        claims_kick(change->worker->directory->claims);
        publish_changed(change->worker->directory);
    }
    free(change->account);
    free(change);
    changed(user, status, revoked);
}

static void on_changed(void *user, int status, const struct account_revoked *revoked)
{
    finish(user, status, revoked);
}

static void fail(struct change *change, int status)
{
    finish(change, status, &(struct account_revoked){0});
}

static void apply(struct change *change, const struct grant *grant)
{
    struct worker *worker = change->worker;
    int error = account_change(worker->db, worker->slots, change->change, change->account,
                               change->verifiers, grant, on_changed, change);

    if (error)
        fail(change, error);
}

static void on_named(void *user, int status, const struct named *named, size_t count)
{
    struct change *change = user;

    (void)count;
    if (status != 0)
        fail(change, ERR_UNAVAILABLE);
    else if (named->naming == NAMING_GRANTED)
        apply(change, &named->grant);
    else
        fail(change, named->naming == NAMING_TAKEN ? ERR_EXISTS : ERR_DENIED);
}

static bool is_networked(const struct worker *worker, const struct jid *account)
{
    return worker->directory->network && strcmp(account->domain, worker->network) == 0;
}

int directory_account_change(struct worker *worker, enum account_change what,
                             const struct jid *account, const struct account_verifiers *verifiers,
                             account_changed *changed, void *user)
{
    struct change *change = xcalloc(1, sizeof(*change));
    const struct names names = {.jids = (const char *const[]){account->bare}, .count = 1};

    change->worker = worker;
    change->change = what;
    change->account = jid_dup(account);
    change->verifiers = verifiers;
    change->changed = changed;
    change->user = user;
    if (!slots_owned(worker->slots, slot_of(account->bare))) {
        free(change->account);
        free(change);
        return ERR_FENCED;
    }
    if (what == ACCOUNT_ADD && is_networked(worker, account)) {
        claims_ask(worker->directory, &names, on_named, change);
        return 0;
    }
    int error = account_change(worker->db, worker->slots, what, account, verifiers, NULL,
                               on_changed, change);
    if (error) {
        free(change->account);
        free(change);
    }
    return error;
}
