/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Words on their way: some do not leave the worker, some leave the node.
 */
#include "c2s/sm/words.h"

#include <stdlib.h>
#include <string.h>

#include "c2s/node_message.h"
#include "c2s/sm/envelope.h"
#include "c2s/sm/homes.h"
#include "c2s/sm/outbox.h"
#include "c2s/sm/route.h"
#include "c2s/sm/taker.h"
#include "common/base/error.h"
#include "common/base/table.h"
#include "common/component/batch.h"

struct said {
    struct arena *arena;
    struct durable word;
    struct said *prev, *next;
};

/* The same word for several, on its way out: took to one offerer, or forget to one node. */
struct shared {
    UT_hash_handle hh; /* by key */
    char *key;
    struct arena *arena;
    struct batch batch;
    struct batch_item items[BATCH_MAX];
};

struct words {
    struct said *said;
    struct loop_task *task;
    struct shared *shared;
    struct loop_task *shared_task;
};

/* What comes from outside may be changed by who gets it, so he gets his own. */
static void offer_here(struct sm *sm, const struct durable *offer, const struct stanza *stanza)
{
    struct stanza *copy = stanza_copy(stanza);

    taker_offered(sm, offer, copy);
    stanza_unref(copy);
}

/* In the name of an account of this node, or of the node itself for what is not of our network: the
 * id shows whose it is (homes_owns_id()). */
static char *id_at_node(struct sm *sm, const struct jid *from, const char *id)
{
    if (!id)
        return NULL;
    return homes_owns_id(sm, from, id) ? xstrdup(id)
                                       : xasprintf("%s/%s", worker_host(sm->worker), id);
}

/* The predecessor may be another account's: it went under the id that it had there. */
static bool is_of_account(const struct sm *sm, const char *id)
{
    const char *network = worker_network(sm->worker);
    size_t local = strcspn(id, "@/"), length = strlen(network);

    return id[local] == '@' && strncmp(id + local + 1, network, length) == 0 &&
           id[local + 1 + length] == '/';
}

static char *predecessor_at_node(struct sm *sm, const struct jid *from, const char *id)
{
    return id && is_of_account(sm, id) ? xstrdup(id) : id_at_node(sm, from, id);
}

static int offer_away(struct sm *sm, const struct durable *offer, const struct stanza *stanza,
                      const struct directory_place *place)
{
    struct stanza *message = homes_wrap(sm, stanza, place);
    char *id, *after;
    int error;

    if (!message)
        return ERR_UNAVAILABLE;
    id = id_at_node(sm, &message->from, offer->id);
    after = predecessor_at_node(sm, &message->from, offer->after);
    error = worker_offer(sm->worker, id, offer->attempt, after, message);
    free(after);
    free(id);
    stanza_unref(message);
    return error;
}

int words_offer(struct sm *sm, const char *id, unsigned attempt, const char *after,
                const struct stanza *stanza)
{
    const struct durable offer = {.kind = DURABLE_OFFER,
                                  .id = id,
                                  .from = stanza->from,
                                  .to = stanza->to,
                                  .attempt = attempt,
                                  .after = after};

    struct directory_place place;

    if (!places_look(sm, &stanza->to, &place))
        return ERR_NOT_FOUND;
    if (place.answer == DIRECTORY_ELSEWHERE)
        return offer_away(sm, &offer, stanza, &place);
    if (!route_is_short(sm, &stanza->to))
        return worker_offer(sm->worker, id, attempt, after, stanza);
    offer_here(sm, &offer, stanza);
    return 0;
}

/* In one envelope, as if by this worker; the addresses are those of accounts at that node. */
int words_offer_batch(struct sm *sm, const struct batch *batch, struct stanza *stanza,
                      const char *host, size_t *made)
{
    struct batch words = {.kind = DURABLE_OFFER, .whole = true, .count = batch->count};
    struct stanza *message;
    struct batch_item *items;
    int error = 0;

    *made = 0;
    stanza_set_to(stanza, NULL);
    message = homes_wrap_for_many(sm, stanza, host);
    if (!message)
        return ERR_UNAVAILABLE;
    items = arena_zalloc(message->arena, batch->count * sizeof(*items));
    for (size_t i = 0; i < batch->count && !error; i++) {
        const struct batch_item *item = &batch->items[i];
        char *id = id_at_node(sm, &message->from, item->id);
        char *after = predecessor_at_node(sm, &message->from, item->after);
        struct batch_item there = {.attempt = item->attempt, .id = id, .after = after};

        error = jid_make(message->arena, item->jid.local, host, item->jid.resource, &there.jid);
        items[i] = error ? (struct batch_item){0} : batch_copy_item(message->arena, &there);
        free(id);
        free(after);
    }
    words.items = items;
    if (!error)
        error = worker_offer_batch(sm->worker, &words, message, made);
    stanza_unref(message);
    return error;
}

static void hear(struct sm *sm, const struct durable *word)
{
    if (word->kind == DURABLE_FORGET)
        taker_forget(sm, word);
    else
        outbox_answered(sm, word);
}

static void hear_all(void *user)
{
    struct sm *sm = user;
    struct said *said, *next, *all = sm->words->said;

    sm->words->task = NULL;
    sm->words->said = NULL;
    DL_FOREACH_SAFE (all, said, next) {
        hear(sm, &said->word);
        arena_free(said->arena);
    }
}

static void say_here(struct sm *sm, const struct durable *word)
{
    struct arena *arena = arena_new();
    struct said *said = arena_zalloc(arena, sizeof(*said));

    said->arena = arena;
    durable_copy(arena, word, &said->word);
    DL_APPEND(sm->words->said, said);
    if (!sm->words->task)
        sm->words->task = loop_defer(sm->loop, hear_all, sm);
}

/* --- to others, together --- */

static void send_shared(struct sm *sm, struct shared *shared)
{
    shared->batch.items = shared->items;
    worker_answer_batch(sm->worker, &shared->batch);
    HASH_DEL(sm->words->shared, shared);
    free(shared->key);
    arena_free(shared->arena);
    free(shared);
}

static void send_all_shared(void *user)
{
    struct sm *sm = user;
    struct shared *shared, *next;

    sm->words->shared_task = NULL;
    HASH_ITER (hh, sm->words->shared, shared, next) {
        send_shared(sm, shared);
    }
}

/* Those of one turn of the loop leave together. */
static struct shared *shared_for(struct sm *sm, const struct durable *word)
{
    bool took = word->kind == DURABLE_TOOK;
    char *key = took ? xjoin(word->from.domain, " took ", word->to.full)
                     : xjoin(word->from.domain, " forget ", word->to.domain);
    struct shared *shared;

    HASH_FIND_STR(sm->words->shared, key, shared);
    if (shared) {
        free(key);
        return shared;
    }
    shared = xcalloc(1, sizeof(*shared));
    shared->key = key;
    shared->arena = arena_new();
    shared->batch.kind = word->kind;
    shared->batch.from = envelope_address(shared->arena, NULL, word->from.domain);
    if (took && jid_make(shared->arena, word->to.local, word->to.domain, word->to.resource,
                         &shared->batch.to) < 0)
        shared->batch.to = (struct jid){0};
    HASH_ADD_KEYPTR(hh, sm->words->shared, shared->key, strlen(shared->key), shared);
    if (!sm->words->shared_task)
        sm->words->shared_task = loop_defer(sm->loop, send_all_shared, sm);
    return shared;
}

static void share(struct sm *sm, const struct durable *word, const struct jid *jid)
{
    struct shared *shared = shared_for(sm, word);
    const struct batch_item item = {.jid = *jid, .id = word->id};

    shared->items[shared->batch.count++] = batch_copy_item(shared->arena, &item);
    if (shared->batch.count == BATCH_MAX)
        send_shared(sm, shared);
}

/* In the name of the node: took by a worker's offer, forget by an offer of this one's. */
static void share_away(struct sm *sm, const struct durable *word)
{
    struct arena *arena = arena_new();
    struct durable said = *word;
    char *id;

    said.from = envelope_address(arena, NULL, worker_host(sm->worker));
    id = word->kind == DURABLE_FORGET ? id_at_node(sm, &said.from, word->id) : xstrdup(word->id);
    said.id = id;
    share(sm, &said, word->kind == DURABLE_TOOK ? &said.from : &said.to);
    free(id);
    arena_free(arena);
}

/* What a node has offered itself is answered for many at once, and what is not an account's (as of
 * `from`, at this node) is forgotten so. */
static bool is_shared(const struct sm *sm, const struct durable *word, const struct jid *from)
{
    if (word->kind == DURABLE_TOOK)
        return !word->to.local && word->to.resource;
    return word->kind == DURABLE_FORGET && !homes_owns_id(sm, from, word->id);
}

static void say_away(struct sm *sm, const struct durable *word)
{
    struct arena *arena = arena_new();
    struct durable said = *word;
    char *id;

    said.from = envelope_address(arena, word->from.local, worker_host(sm->worker));
    if (is_shared(sm, word, &said.from)) {
        share_away(sm, word);
        arena_free(arena);
        return;
    }
    id = word->kind == DURABLE_FORGET ? id_at_node(sm, &said.from, word->id) : xstrdup(word->id);
    said.id = id;
    worker_answer(sm->worker, &said);
    free(id);
    arena_free(arena);
}

static bool is_at_other_node(const struct sm *sm, const struct jid *jid)
{
    return jid->domain && strcmp(jid->domain, worker_host(sm->worker)) != 0 &&
           node_is_host(sm->worker, jid->domain);
}

void words_say(struct sm *sm, const struct durable *word)
{
    if (is_at_other_node(sm, &word->to))
        say_away(sm, word);
    else if (word->to.domain && route_is_short(sm, &word->to))
        say_here(sm, word);
    else if (word->kind == DURABLE_TOOK && word->to.domain)
        share(sm, word, &word->from);
    else
        worker_answer(sm->worker, word);
}

/* --- life --- */

static void start(struct sm *sm)
{
    sm->words = xcalloc(1, sizeof(*sm->words));
}

static void stop(struct sm *sm)
{
    struct said *said, *next;

    if (sm->words->task)
        loop_defer_cancel(sm->words->task);
    if (sm->words->shared_task)
        loop_defer_cancel(sm->words->shared_task);
    send_all_shared(sm);
    DL_FOREACH_SAFE (sm->words->said, said, next) {
        arena_free(said->arena);
    }
    free(sm->words);
}

const struct sm_module words_module = {.name = "words", .start = start, .stop = stop};
