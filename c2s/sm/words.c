/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Words that do not leave the worker.
 */
#include "c2s/sm/words.h"

#include <stdlib.h>

#include "c2s/sm/outbox.h"
#include "c2s/sm/route.h"
#include "c2s/sm/taker.h"
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

int words_offer(struct sm *sm, const char *id, unsigned attempt, const char *after,
                const struct stanza *stanza)
{
    const struct durable offer = {.kind = DURABLE_OFFER,
                                  .id = id,
                                  .from = stanza->from,
                                  .to = stanza->to,
                                  .attempt = attempt,
                                  .after = after};

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

void words_say(struct sm *sm, const struct durable *word)
{
    if (word->to.domain && route_is_short(sm, &word->to))
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
