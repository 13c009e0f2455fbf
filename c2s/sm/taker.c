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
#include "common/service/follow.h"
#include "common/tls/crypto.h"

/* What has been taken is remembered until it is forgotten; beyond this many, the oldest are. */
#define TAKEN_MAX 65536

struct taking {
    UT_hash_handle hh;        /* by id */
    UT_hash_handle by_stanza; /* while it is in hand */
    char *id;
    struct stanza *stanza; /* NULL: taken */
    struct durable *offer; /* while it is in hand: in the arena of the stanza */
    bool delivered;        /* but not everything is committed */
    bool stored;           /* there may be a row of it */
    bool hashed;
    uint8_t hash[CRYPTO_HASH_MAX]; /* of the id */
    struct taking *prev, *next;
};

struct taker {
    struct taking *all;
    struct taking *in_hand; /* by stanza */
    struct taking *taken;   /* the oldest first */
    size_t count;           /* of those taken */
    struct taker_forget *forget;
};

static struct taking *find(const struct taker *taker, const char *id)
{
    struct taking *taking;

    HASH_FIND_STR(taker->all, id, taking);
    return taking;
}

static struct taking *find_by_stanza(const struct taker *taker, const struct stanza *stanza)
{
    struct taking *taking;

    HASH_FIND(by_stanza, taker->in_hand, &stanza, sizeof(stanza), taking);
    return taking;
}

static void let_go(struct taker *taker, struct taking *taking)
{
    if (taking->stanza)
        HASH_DELETE(by_stanza, taker->in_hand, taking);
    stanza_unref(taking->stanza);
    taking->stanza = NULL;
    taking->offer = NULL;
}

static void forget(struct taker *taker, struct taking *taking)
{
    if (taking->stanza) {
        let_go(taker, taking);
    } else {
        DL_DELETE(taker->taken, taking);
        taker->count--;
    }
    HASH_DEL(taker->all, taking);
    free(taking->id);
    free(taking);
}

const uint8_t *taker_hash(struct sm *sm, const char *id, uint8_t *hash)
{
    struct taking *taking = find(sm->taker, id);
    uint8_t *place = taking ? taking->hash : hash;

    if (!taking || !taking->hashed)
        crypto_digest(CRYPTO_SHA256, id, strlen(id), place);
    if (taking)
        taking->hashed = true;
    return place;
}

void taker_forget(struct sm *sm, const struct durable *words)
{
    struct taking *taking = find(sm->taker, words->id);

    if (!taking || taking->stored) /* taken by an earlier process, perhaps */
        taker_forget_row(sm->taker->forget, words);
    if (taking && !taking->stanza)
        forget(sm->taker, taking);
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

static void took(struct sm *sm, struct taking *taking)
{
    struct taker *taker = sm->taker;

    answer(sm, taking->offer, DURABLE_TOOK, 0);
    let_go(taker, taking);
    DL_APPEND(taker->taken, taking);
    if (++taker->count > TAKEN_MAX)
        forget(taker, taker->taken);
}

static void refuse(struct sm *sm, struct taking *taking)
{
    answer(sm, taking->offer, DURABLE_REFUSED, STANZA_RESOURCE_CONSTRAINT);
    forget(sm->taker, taking);
}

/* --- jobs --- */

/* Runs behind whatever held the account, so all of it has been committed or refused. */
static void settled_job(struct account *account, struct session *session UNUSED,
                        struct stanza *stanza, int problem UNUSED)
{
    struct taking *taking = find_by_stanza(account->sm->taker, stanza);

    if (taking)
        took(account->sm, taking);
}

static void settle(struct account *account, struct taking *taking)
{
    taking->delivered = true;
    if (account->holds == 0 && account->appends == 0)
        took(account->sm, taking);
    else if (account_queue_behind(account, settled_job, taking->stanza) < 0)
        log_debug("taker_late", LOG_TEXT("id", taking->id)); /* when it is offered again */
}

static void offered_job(struct account *account, struct session *session, struct stanza *stanza,
                        int problem)
{
    struct taking *taking = find_by_stanza(account->sm->taker, stanza);

    if (!taking)
        return;
    if (account->state == ACCOUNT_FAILED || account->state == ACCOUNT_DROPPED) {
        refuse(account->sm, taking); /* D15: not now */
        return;
    }
    if (account->state == ACCOUNT_READY && stanza->kind == STANZA_MESSAGE &&
        content_is_kept(stanza)) {
        taking->stored = true;
        store_offered(account, stanza, taking->id);
        return;
    }
    delivery_job(account, session, stanza, problem);
    settle(account, taking);
}

void taker_ended(struct sm *sm, const char *id, bool again)
{
    struct taking *taking = find(sm->taker, id);

    if (!taking || !taking->stanza)
        return;
    if (again)
        refuse(sm, taking);
    else
        took(sm, taking);
}

/* --- offers --- */

static void offered_again(struct sm *sm, struct taking *taking, const struct durable *offer,
                          const struct stanza *stanza)
{
    struct account *account = account_lookup(sm, stanza->to.bare);

    if (!taking->stanza)
        answer(sm, offer, DURABLE_TOOK, 0);
    else if (taking->delivered && account)
        settle(account, taking);
}

static void take_in_hand(struct sm *sm, const struct durable *offer, struct stanza *stanza)
{
    struct taker *taker = sm->taker;
    struct taking *taking = xcalloc(1, sizeof(*taking));

    FOLLOW(stanza->root, "offer %s arrived for %s", offer->id, stanza->to.bare);
    taking->id = xstrdup(offer->id);
    taking->stanza = stanza_ref(stanza);
    taking->offer = arena_alloc(stanza->arena, sizeof(*taking->offer));
    durable_copy(stanza->arena, offer, taking->offer);
    HASH_ADD_KEYPTR(hh, taker->all, taking->id, strlen(taking->id), taking);
    HASH_ADD(by_stanza, taker->in_hand, stanza, sizeof(struct stanza *), taking);
    if (account_queue(account_get(sm, &stanza->to), offered_job, stanza) < 0)
        refuse(sm, taking);
}

void taker_offered(struct sm *sm, const struct durable *offer, struct stanza *stanza)
{
    struct taking *taking = find(sm->taker, offer->id);

    if (taking) {
        offered_again(sm, taking, offer, stanza);
    } else if (sm->stopped) {
        answer(sm, offer, DURABLE_REFUSED, STANZA_RESOURCE_CONSTRAINT);
    } else if (offer->after && !find(sm->taker, offer->after)) {
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
    sm->taker->forget = taker_forget_new(sm);
}

static void stop(struct sm *sm)
{
    struct taking *taking, *next;

    HASH_ITER (hh, sm->taker->all, taking, next) {
        forget(sm->taker, taking);
    }
    taker_forget_free(sm->taker->forget);
    free(sm->taker);
}

const struct sm_module taker_module = {.name = "taker", .start = start, .stop = stop};
