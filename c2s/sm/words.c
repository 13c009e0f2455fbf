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

struct said {
    struct arena *arena;
    struct durable word;
    struct said *prev, *next;
};

struct words {
    struct said *said;
    struct loop_task *task;
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

static void say_away(struct sm *sm, const struct durable *word)
{
    struct arena *arena = arena_new();
    struct durable said = *word;
    char *id;

    said.from = envelope_address(arena, word->from.local, worker_host(sm->worker));
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
    DL_FOREACH_SAFE (sm->words->said, said, next) {
        arena_free(said->arena);
    }
    free(sm->words);
}

const struct sm_module words_module = {.name = "words", .start = start, .stop = stop};
