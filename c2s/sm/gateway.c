/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Offers that pass through.
 */
#include "c2s/sm/gateway.h"

#include <stdlib.h>
#include <string.h>

#include "c2s/node_message.h"
#include "c2s/sm/envelope.h"
#include "c2s/sm/forged.h"
#include "c2s/sm/places.h"
#include "c2s/sm/shared.h"
#include "c2s/sm/taker.h"
#include "c2s/sm/words.h"
#include "common/base/clock.h"

/* That are remembered; beyond it the oldest are not, and are offered again by whoever has them. */
#define PASSING_MAX 65536

/* Who does not understand batches is asked again so much later. */
#define ALONE_MS 60000

/* A node of an older release. */
struct alone {
    UT_hash_handle hh; /* by host */
    char *host;
    uint64_t until_ms;
};

/* An offer on its way, until it is forgotten or comes back. */
struct passing {
    UT_hash_handle hh; /* by id; in the order of their coming */
    char *id;
    char *host;
    struct jid *from, *to;
};

struct gateway {
    struct passing *passing;
    struct alone *alone;
};

/* An offer whose account is being looked up. */
struct arriving {
    struct arena *arena;
    struct durable offer;
    struct stanza *stanza;
};

static struct passing *find(const struct sm *sm, const char *id)
{
    struct passing *passing;

    HASH_FIND_STR(sm->gateway->passing, id, passing);
    return passing;
}

static void drop(struct sm *sm, struct passing *passing)
{
    HASH_DEL(sm->gateway->passing, passing);
    free(passing->id);
    free(passing->host);
    free(passing->from);
    free(passing->to);
    free(passing);
}

static void remember(struct sm *sm, const struct durable *offer, const char *host)
{
    struct passing *passing = find(sm, offer->id);

    if (passing)
        drop(sm, passing);
    passing = xcalloc(1, sizeof(*passing));
    passing->id = xstrdup(offer->id);
    passing->host = xstrdup(host);
    passing->from = jid_dup(&offer->from);
    passing->to = jid_dup(&offer->to);
    HASH_ADD_KEYPTR(hh, sm->gateway->passing, passing->id, strlen(passing->id), passing);
    if (HASH_COUNT(sm->gateway->passing) > PASSING_MAX)
        drop(sm, sm->gateway->passing);
}

/* Lists of other homes are of many accounts, whose offers go by other workers. */
static bool is_of_same(const char *id, const char *other)
{
    size_t length = strcspn(id, "/");

    return strcspn(other, "/") == length && strncmp(id, other, length) == 0;
}

/* False: what came before it is not on its way. It came back, or was lost with the process before
 * this one: without it this would overtake. *after NULL: it went elsewhere. */
static bool find_predecessor(const struct sm *sm, const struct durable *offer, const char *host,
                             const char **after)
{
    const struct passing *before = offer->after ? find(sm, offer->after) : NULL;

    *after = before && strcmp(before->host, host) == 0 ? offer->after : NULL;
    return before || !offer->after || !is_of_same(offer->id, offer->after);
}

static void refuse(struct sm *sm, const struct durable *offer, enum stanza_condition reason)
{
    struct durable refused = durable_answer(offer, DURABLE_REFUSED);

    refused.reason = reason;
    refused.type = "wait";
    words_say(sm, &refused);
}

static void pass_alone(struct sm *sm, const struct durable *offer, struct stanza *stanza,
                       const char *host)
{
    struct durable words = *offer;

    if (!find_predecessor(sm, offer, host, &words.after)) {
        refuse(sm, offer, STANZA_UNEXPECTED_REQUEST);
        return;
    }
    remember(sm, offer, host);
    if (shared_offer(sm, &words, stanza) < 0)
        refuse(sm, offer, STANZA_RESOURCE_CONSTRAINT);
}

/* --- many at once --- */

static bool is_alone(const struct sm *sm, const char *host)
{
    struct alone *alone;

    HASH_FIND_STR(sm->gateway->alone, host, alone);
    return alone && clock_monotonic_ms() < alone->until_ms;
}

static void leave_alone(struct sm *sm, const char *host)
{
    struct alone *alone;

    HASH_FIND_STR(sm->gateway->alone, host, alone);
    if (!alone) {
        alone = xcalloc(1, sizeof(*alone));
        alone->host = xstrdup(host);
        HASH_ADD_KEYPTR(hh, sm->gateway->alone, alone->host, strlen(alone->host), alone);
    }
    alone->until_ms = clock_monotonic_ms() + ALONE_MS;
}

static void pass_one_by_one(struct sm *sm, const struct batch *batch, const struct stanza *stanza,
                            const char *host)
{
    for (size_t i = 0; i < batch->count; i++) {
        const struct durable offer = batch_word(batch, i);
        struct stanza *copy = stanza_copy(stanza);

        stanza_set_to(copy, &offer.to);
        pass_alone(sm, &offer, copy, host);
        stanza_unref(copy);
    }
}

static void pass_together(struct sm *sm, const struct batch *batch, struct stanza *stanza,
                          const char *host)
{
    struct batch_item *items = xcalloc(batch->count, sizeof(*items));
    struct batch passed = *batch;
    size_t made;

    passed.items = items;
    passed.count = 0;
    for (size_t i = 0; i < batch->count; i++) {
        const struct durable offer = batch_word(batch, i);
        struct batch_item item = batch->items[i];

        if (find_predecessor(sm, &offer, host, &item.after)) {
            items[passed.count++] = item;
            remember(sm, &offer, host);
        } else {
            refuse(sm, &offer, STANZA_UNEXPECTED_REQUEST);
        }
    }
    if (passed.count > 0 && words_offer_batch(sm, &passed, stanza, host, &made) < 0) {
        for (size_t i = made; i < passed.count; i++) {
            const struct durable offer = batch_word(&passed, i);
            refuse(sm, &offer, STANZA_RESOURCE_CONSTRAINT);
        }
    }
    free(items);
}

void gateway_pass_batch(struct sm *sm, const struct batch *batch, struct stanza *stanza,
                        const char *host)
{
    if (!node_is_host(sm->worker, host) || is_alone(sm, host))
        pass_one_by_one(sm, batch, stanza, host);
    else
        pass_together(sm, batch, stanza, host);
}

/* What another home answers to an offer in the name of an account goes to the slot of that account.
 * A service speaks to accounts of all slots, and only a batch is the worker's own. */
static bool is_of_service(const struct sm *sm, const struct stanza *stanza)
{
    return places_is_networked(sm, &stanza->from) && !places_is_account(sm, &stanza->from) &&
           places_is_account(sm, &stanza->to);
}

void gateway_pass(struct sm *sm, const struct durable *offer, struct stanza *stanza,
                  const char *host)
{
    const struct batch_item item = {
        .jid = offer->to, .id = offer->id, .attempt = offer->attempt, .after = offer->after};
    const struct batch batch = {
        .kind = DURABLE_OFFER, .from = offer->from, .items = &item, .count = 1};
    struct stanza *copy;

    if (!is_of_service(sm, stanza)) {
        pass_alone(sm, offer, stanza, host);
        return;
    }
    copy = stanza_copy(stanza);
    gateway_pass_batch(sm, &batch, copy, host);
    stanza_unref(copy);
}

/* --- one --- */

static void on_place(struct sm *sm, const struct directory_place *place, void *user)
{
    struct arriving *arriving = user;

    if (place->answer == DIRECTORY_UNKNOWN) {
        refuse(sm, &arriving->offer, STANZA_REMOTE_SERVER_TIMEOUT);
    } else if (place->answer == DIRECTORY_ELSEWHERE) {
        gateway_pass(sm, &arriving->offer, arriving->stanza, place->host);
    } else {
        forged_strip_arrived(sm, arriving->stanza);
        taker_offered(sm, &arriving->offer, arriving->stanza);
    }
    stanza_unref(arriving->stanza);
    arena_free(arriving->arena);
    free(arriving);
}

void gateway_offered(struct sm *sm, const struct durable *offer, struct stanza *stanza)
{
    struct arriving *arriving = xcalloc(1, sizeof(*arriving));

    arriving->arena = arena_new();
    durable_copy(arriving->arena, offer, &arriving->offer);
    arriving->stanza = stanza_ref(stanza);
    places_ask(sm, &stanza->to, on_place, arriving);
}

/* To s2s it makes no difference that the account has another home now: it offers it again. */
static enum stanza_condition reason_for(struct sm *sm, const struct passing *passing,
                                        const struct durable *answer)
{
    if (answer->reason == STANZA_FEATURE_NOT_IMPLEMENTED) {
        leave_alone(sm, passing->host);
        return STANZA_REMOTE_SERVER_TIMEOUT;
    }
    if (answer->reason != STANZA_GONE || strcmp(answer->type, "wait") != 0)
        return answer->reason;
    directory_forget(sm->worker, passing->to);
    return STANZA_REMOTE_SERVER_TIMEOUT;
}

bool gateway_answered(struct sm *sm, const struct durable *answer)
{
    struct passing *passing = find(sm, answer->id);
    struct durable words = *answer;

    if (!passing)
        return false;
    if (answer->from.domain && strcmp(answer->from.domain, passing->host) != 0)
        return true; /* not its to answer */
    words.from = *passing->to;
    words.to = *passing->from;
    if (answer->kind == DURABLE_REFUSED)
        words.reason = reason_for(sm, passing, answer);
    if (words.reason != answer->reason)
        words.type = "wait";
    words_say(sm, &words);
    if (answer->kind == DURABLE_REFUSED)
        drop(sm, passing);
    return true;
}

bool gateway_forget(struct sm *sm, const struct durable *forget)
{
    struct passing *passing = find(sm, forget->id);
    struct durable words = *forget;
    struct arena *arena;

    if (!passing)
        return false;
    arena = arena_new();
    words.from = *passing->to; /* for words.c, which makes it the account at this node */
    words.to = envelope_address(arena, passing->to->local, passing->host);
    words_say(sm, &words);
    arena_free(arena);
    drop(sm, passing);
    return true;
}

static void start(struct sm *sm)
{
    sm->gateway = xcalloc(1, sizeof(*sm->gateway));
}

static void stop(struct sm *sm)
{
    struct passing *passing, *next;
    struct alone *alone, *next_alone;

    HASH_ITER (hh, sm->gateway->alone, alone, next_alone) {
        HASH_DEL(sm->gateway->alone, alone);
        free(alone->host);
        free(alone);
    }

    HASH_ITER (hh, sm->gateway->passing, passing, next) {
        drop(sm, passing);
    }
    free(sm->gateway);
}

const struct sm_module gateway_module = {.name = "gateway", .start = start, .stop = stop};
