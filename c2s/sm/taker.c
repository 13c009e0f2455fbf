/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Taking offers: what is in hand, and what has been taken and may be offered again. Messages that
 * are kept are taken by the transaction that stores them (table `taken`); the rest is remembered in
 * memory only, since it does no harm to take it twice.
 */
#include "c2s/sm/taker.h"

#include <stdlib.h>
#include <string.h>

#include "c2s/sm/content.h"
#include "c2s/sm/delivery.h"
#include "c2s/sm/route.h"
#include "c2s/sm/taker_forget.h"
#include "c2s/sm/words.h"
#include "common/base/log.h"
#include "common/component/takings.h"
#include "common/service/follow.h"
#include "common/tls/crypto.h"

/* What is known of an offer. */
struct arrival {
    struct taking taking;
    bool delivered; /* but not everything is committed */
    bool stored;    /* there may be a row of it */
    bool hashed;
    uint8_t hash[CRYPTO_HASH_MAX]; /* of the id */
};

struct taker {
    struct takings *known;
    struct taker_forget *forget;
};

static struct arrival *find(const struct taker *taker, const char *id)
{
    return (struct arrival *)takings_find(taker->known, id);
}

static struct arrival *find_by_stanza(const struct taker *taker, const struct stanza *stanza)
{
    return (struct arrival *)takings_find_stanza(taker->known, stanza);
}

const uint8_t *taker_hash(struct sm *sm, const char *id, uint8_t *hash)
{
    struct arrival *arrival = find(sm->taker, id);
    uint8_t *place = arrival ? arrival->hash : hash;

    if (!arrival || !arrival->hashed)
        crypto_digest(CRYPTO_SHA256, id, strlen(id), place);
    if (arrival)
        arrival->hashed = true;
    return place;
}

void taker_forget(struct sm *sm, const struct durable *words)
{
    struct arrival *arrival = find(sm->taker, words->id);

    if (!arrival || arrival->stored) /* taken by an earlier process, perhaps */
        taker_forget_row(sm->taker->forget, words);
    if (arrival && !arrival->taking.stanza)
        takings_forget(sm->taker->known, &arrival->taking);
}

/* --- answers --- */

static void answer(struct sm *sm, const struct durable *offer, enum durable_kind kind,
                   enum stanza_condition reason)
{
    struct durable words = durable_answer(offer, kind);

    words.reason = reason;
    words.type = kind == DURABLE_REFUSED ? stanza_condition_type(reason) : NULL;
    words_say(sm, &words);
}

static void took(struct sm *sm, struct arrival *arrival)
{
    answer(sm, arrival->taking.offer, DURABLE_TOOK, 0);
    takings_took(sm->taker->known, &arrival->taking);
}

static void refuse(struct sm *sm, struct arrival *arrival)
{
    answer(sm, arrival->taking.offer, DURABLE_REFUSED, STANZA_RESOURCE_CONSTRAINT);
    takings_forget(sm->taker->known, &arrival->taking);
}

/* --- jobs --- */

/* Runs behind whatever held the account, so all of it has been committed or refused. */
static void settled_job(struct account *account, struct session *session UNUSED,
                        struct stanza *stanza, int problem UNUSED)
{
    struct arrival *arrival = find_by_stanza(account->sm->taker, stanza);

    if (arrival)
        took(account->sm, arrival);
}

static void settle(struct account *account, struct arrival *arrival)
{
    arrival->delivered = true;
    if (account->holds == 0 && account->appends == 0)
        took(account->sm, arrival);
    else if (account_queue_behind(account, settled_job, arrival->taking.stanza) < 0)
        log_debug("taker_late", LOG_TEXT("id", arrival->taking.id)); /* when it is offered again */
}

static void offered_job(struct account *account, struct session *session, struct stanza *stanza,
                        int problem)
{
    struct arrival *arrival = find_by_stanza(account->sm->taker, stanza);

    if (!arrival)
        return;
    if (account->state == ACCOUNT_FAILED || account->state == ACCOUNT_DROPPED) {
        refuse(account->sm, arrival); /* D15: not now */
        return;
    }
    if (account->state == ACCOUNT_READY && stanza->kind == STANZA_MESSAGE &&
        content_is_kept(stanza)) {
        arrival->stored = true;
        store_offered(account, stanza, arrival->taking.id);
        return;
    }
    delivery_job(account, session, stanza, problem);
    settle(account, arrival);
}

void taker_ended(struct sm *sm, const char *id, bool again)
{
    struct arrival *arrival = find(sm->taker, id);

    if (!arrival || !arrival->taking.stanza)
        return;
    if (again)
        refuse(sm, arrival);
    else
        took(sm, arrival);
}

/* --- offers --- */

static void offered_again(struct sm *sm, struct arrival *arrival, const struct durable *offer,
                          const struct stanza *stanza)
{
    struct account *account = account_lookup(sm, stanza->to.bare);

    if (!arrival->taking.stanza)
        answer(sm, offer, DURABLE_TOOK, 0);
    else if (arrival->delivered && account)
        settle(account, arrival);
}

static void take_in_hand(struct sm *sm, const struct durable *offer, struct stanza *stanza)
{
    struct arrival *arrival;

    FOLLOW(stanza->root, "offer %s arrived for %s", offer->id, stanza->to.bare);
    arrival = (struct arrival *)takings_add(sm->taker->known, offer, stanza);
    if (account_queue(account_get(sm, &stanza->to), offered_job, stanza) < 0)
        refuse(sm, arrival);
}

void taker_offered(struct sm *sm, const struct durable *offer, struct stanza *stanza)
{
    struct arrival *arrival = find(sm->taker, offer->id);

    if (arrival) {
        offered_again(sm, arrival, offer, stanza);
    } else if (sm->stopped) {
        answer(sm, offer, DURABLE_REFUSED, STANZA_RESOURCE_CONSTRAINT);
    } else if (!takings_follows(sm->taker->known, offer)) {
        answer(sm, offer, DURABLE_REFUSED, STANZA_UNEXPECTED_REQUEST);
    } else if (!stanza->to.local) {
        sm_arrived(sm, stanza);
        answer(sm, offer, DURABLE_TOOK, 0);
    } else {
        take_in_hand(sm, offer, stanza);
    }
}

/* --- life --- */

static void start(struct sm *sm)
{
    sm->taker = xcalloc(1, sizeof(*sm->taker));
    sm->taker->known = takings_new(sizeof(struct arrival), NULL);
    sm->taker->forget = taker_forget_new(sm);
}

static void stop(struct sm *sm)
{
    takings_free(sm->taker->known);
    taker_forget_free(sm->taker->forget);
    free(sm->taker);
}

const struct sm_module taker_module = {.name = "taker", .start = start, .stop = stop};
