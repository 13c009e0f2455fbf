/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Taking offers: what is in hand, and what has been taken and may be offered again.
 */
#include "muc/taker.h"

#include <stdlib.h>

#include "common/service/follow.h"
#include "common/tls/crypto.h"
#include "muc/dispatch.h"
#include "muc/store.h"

/* What has been taken is remembered until it is forgotten; beyond this many, the oldest are. */
#define TAKEN_MAX 65536

struct taking {
    UT_hash_handle hh;        /* by id */
    UT_hash_handle by_stanza; /* while it is in hand */
    char *id;
    struct stanza *stanza; /* NULL: taken */
    struct jid *from, *to; /* of the offer */
    char *after;
    unsigned attempt;
    struct stanza *passed; /* the message in which it was offered on; NULL: it was not */
    struct taking *prev, *next;
};

struct taker {
    struct taking *all;
    struct taking *in_hand; /* by stanza */
    struct taking *taken;   /* the oldest first */
    size_t count;           /* of those */
};

static const struct db_statement forget_statement = {"muc_taken_forget",
                                                     "DELETE FROM taken WHERE id_hash = $1", 1};

static struct taking *find(const struct taker *taker, const char *id)
{
    struct taking *taking;

    HASH_FIND_STR(taker->all, id, taking);
    return taking;
}

struct taking *taker_find(struct muc *muc, const struct stanza *stanza)
{
    struct taking *taking;

    HASH_FIND(by_stanza, muc->taker->in_hand, &stanza, sizeof(stanza), taking);
    return taking;
}

const char *taking_id(const struct taking *taking)
{
    return taking->id;
}

static void let_go(struct taker *taker, struct taking *taking)
{
    HASH_DELETE(by_stanza, taker->in_hand, taking);
    stanza_unref(taking->stanza);
    taking->stanza = NULL;
}

static void drop(struct taker *taker, struct taking *taking)
{
    if (taking->stanza) {
        let_go(taker, taking);
    } else {
        DL_DELETE(taker->taken, taking);
        taker->count--;
    }
    HASH_DEL(taker->all, taking);
    stanza_unref(taking->passed);
    free(taking->after);
    free(taking->id);
    free(taking->from);
    free(taking->to);
    free(taking);
}

static void answer(struct muc *muc, const struct durable *offer, enum durable_kind kind,
                   enum stanza_condition reason)
{
    struct durable words = durable_answer(offer, kind);

    words.reason = reason;
    words.type = kind == DURABLE_REFUSED ? stanza_condition_type(reason) : NULL;
    link_answer(muc->link, &words);
}

static struct durable offer_of(const struct taking *taking)
{
    return (struct durable){.id = taking->id, .from = *taking->from, .to = *taking->to};
}

static void answer_taking(struct muc *muc, const struct taking *taking, enum durable_kind kind)
{
    const struct durable offer = offer_of(taking);

    answer(muc, &offer, kind, STANZA_RESOURCE_CONSTRAINT);
}

void taker_settled(struct muc *muc, struct taking *taking, bool failed)
{
    struct taker *taker = muc->taker;

    FOLLOW(taking->stanza->root, "offer %s %s", taking->id, failed ? "refused for now" : "taken");
    if (failed) {
        answer_taking(muc, taking, DURABLE_REFUSED);
        drop(taker, taking);
        return;
    }
    answer_taking(muc, taking, DURABLE_TOOK);
    let_go(taker, taking);
    DL_APPEND(taker->taken, taking);
    if (++taker->count > TAKEN_MAX)
        drop(taker, taker->taken);
}

static void take_in_hand(struct muc *muc, const struct durable *offer, struct stanza *stanza)
{
    struct taker *taker = muc->taker;
    struct taking *taking = xcalloc(1, sizeof(*taking));

    taking->id = xstrdup(offer->id);
    taking->from = jid_dup(&offer->from);
    taking->to = jid_dup(&offer->to);
    taking->after = xstrdup_or_null(offer->after);
    taking->attempt = offer->attempt;
    taking->stanza = stanza_ref(stanza);
    HASH_ADD_KEYPTR(hh, taker->all, taking->id, strlen(taking->id), taking);
    HASH_ADD(by_stanza, taker->in_hand, stanza, sizeof(struct stanza *), taking);
    FOLLOW(stanza->root, "offer %s arrived, attempt %u", offer->id, offer->attempt);
    dispatch_take(muc, stanza, -1);
    if (offer->to.local == NULL && find(taker, offer->id) == taking && taking->stanza)
        taker_settled(muc, taking, false); /* nothing followed from it */
}

/* --- offers to rooms of other homes --- */

void taker_refuse(struct muc *muc, struct taking *taking, enum stanza_condition reason,
                  const char *type)
{
    const struct durable offer = offer_of(taking);
    struct durable words = durable_answer(&offer, DURABLE_REFUSED);

    FOLLOW(taking->stanza->root, "offer %s refused: %s", taking->id, stanza_condition_name(reason));
    words.reason = reason;
    words.type = type;
    link_answer(muc->link, &words);
    drop(muc->taker, taking);
}

static void offer_on(struct muc *muc, struct taking *taking)
{
    if (link_offer(muc->link, taking->id, taking->attempt, taking->after, taking->passed) != 0)
        taker_refuse(muc, taking, STANZA_RESOURCE_CONSTRAINT, "wait");
}

void taker_pass(struct muc *muc, struct taking *taking, struct stanza *message)
{
    taking->passed = stanza_ref(message);
    offer_on(muc, taking);
}

bool taker_answered(struct muc *muc, const struct durable *answer)
{
    struct taking *taking = find(muc->taker, answer->id);

    if (taking == NULL || taking->passed == NULL)
        return false;
    if (taking->stanza && answer->kind == DURABLE_TOOK)
        taker_settled(muc, taking, false);
    else if (taking->stanza)
        taker_refuse(muc, taking, answer->reason, answer->type);
    return true;
}

bool taker_full(struct muc *muc, const char *id)
{
    struct taking *taking = find(muc->taker, id);

    if (taking == NULL || taking->passed == NULL)
        return false;
    if (taking->stanza)
        taker_refuse(muc, taking, STANZA_RESOURCE_CONSTRAINT, "wait");
    return true;
}

void taker_route(struct muc *muc, const char *name)
{
    struct taking *taking, *next;

    if (!link_is_up(muc->link))
        return;
    HASH_ITER (hh, muc->taker->all, taking, next) {
        if (taking->stanza == NULL || taking->passed == NULL ||
            strcmp(taking->passed->to.domain, name) != 0)
            continue;
        taking->attempt++;
        offer_on(muc, taking);
    }
}

/* Its home remembers it, too. */
static void forget_there(struct muc *muc, const struct taking *taking)
{
    const struct durable words = {.kind = DURABLE_FORGET,
                                  .id = taking->id,
                                  .from = taking->passed->from,
                                  .to = taking->passed->to};

    link_answer(muc->link, &words);
}

void taker_offered(struct muc *muc, const struct durable *offer, struct stanza *stanza)
{
    struct taking *known = find(muc->taker, offer->id);

    if (known)
        FOLLOW(stanza->root, "offer %s, attempt %u, is known", offer->id, offer->attempt);
    if (known == NULL && offer->after && !find(muc->taker, offer->after)) {
        FOLLOW(stanza->root, "offer %s refused: what was before it has not come", offer->id);
        answer(muc, offer, DURABLE_REFUSED, STANZA_UNEXPECTED_REQUEST);
    } else if (known == NULL) {
        take_in_hand(muc, offer, stanza);
        return;
    } else if (known->stanza == NULL) {
        answer(muc, offer, DURABLE_TOOK, 0);
    } else if (known->passed) {
        known->attempt = offer->attempt;
        offer_on(muc, known);
    }
    stanza_unref(stanza);
}

void taker_forget(struct muc *muc, const struct durable *forget)
{
    struct taking *taking = find(muc->taker, forget->id);
    uint8_t place[STORE_HASH_SIZE];
    const struct db_value values[] = {store_hash(forget->id, place)};

    if (taking && taking->passed)
        forget_there(muc, taking);
    if (taking && taking->stanza == NULL)
        drop(muc->taker, taking);
    db_query(muc->db, 0, &forget_statement, values, NULL, NULL);
}

void taker_start(struct muc *muc)
{
    muc->taker = xcalloc(1, sizeof(*muc->taker));
}

void taker_stop(struct muc *muc)
{
    struct taking *taking, *next;

    HASH_ITER (hh, muc->taker->all, taking, next) {
        drop(muc->taker, taking);
    }
    free(muc->taker);
    muc->taker = NULL;
}
