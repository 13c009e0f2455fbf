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

struct arrival {
    struct taking taking;
    struct stanza *passed; /* the message in which it was offered on; NULL: it was not */
};

static const struct db_statement forget_statement = {"muc_taken_forget",
                                                     "DELETE FROM taken WHERE id_hash = $1", 1};

static struct arrival *find(const struct muc *muc, const char *id)
{
    return (struct arrival *)takings_find(muc->takings, id);
}

struct taking *taker_find(struct muc *muc, const struct stanza *stanza)
{
    return takings_find_stanza(muc->takings, stanza);
}

static void forget_rest(struct taking *taking)
{
    stanza_unref(((struct arrival *)taking)->passed);
}

static void answer(struct muc *muc, const struct durable *offer, enum durable_kind kind,
                   enum stanza_condition reason)
{
    struct durable words = durable_answer(offer, kind);

    words.reason = reason;
    words.type = kind == DURABLE_REFUSED ? stanza_condition_type(reason) : NULL;
    link_answer(muc->link, &words);
}

void taker_settled(struct muc *muc, struct taking *taking, bool failed)
{
    FOLLOW(taking->stanza->root, "offer %s %s", taking->id, failed ? "refused for now" : "taken");
    answer(muc, taking->offer, failed ? DURABLE_REFUSED : DURABLE_TOOK, STANZA_RESOURCE_CONSTRAINT);
    if (failed)
        takings_forget(muc->takings, taking);
    else
        takings_took(muc->takings, taking);
}

static void take_in_hand(struct muc *muc, const struct durable *offer, struct stanza *stanza)
{
    struct arrival *arrival = (struct arrival *)takings_add(muc->takings, offer, stanza);

    FOLLOW(stanza->root, "offer %s arrived, attempt %u", offer->id, offer->attempt);
    dispatch_take(muc, stanza, -1);
    if (offer->to.local == NULL && find(muc, offer->id) == arrival && arrival->taking.stanza)
        taker_settled(muc, &arrival->taking, false); /* nothing followed from it */
}

/* --- offers to rooms of other homes --- */

void taker_refuse(struct muc *muc, struct taking *taking, enum stanza_condition reason,
                  const char *type)
{
    struct durable words = durable_answer(taking->offer, DURABLE_REFUSED);

    FOLLOW(taking->stanza->root, "offer %s refused: %s", taking->id, stanza_condition_name(reason));
    words.reason = reason;
    words.type = type;
    link_answer(muc->link, &words);
    takings_forget(muc->takings, taking);
}

static void offer_on(struct muc *muc, struct arrival *arrival)
{
    const struct durable *offer = arrival->taking.offer;

    if (link_offer(muc->link, offer->id, offer->attempt, offer->after, arrival->passed) != 0)
        taker_refuse(muc, &arrival->taking, STANZA_RESOURCE_CONSTRAINT, "wait");
}

void taker_pass(struct muc *muc, struct taking *taking, struct stanza *message)
{
    struct arrival *arrival = (struct arrival *)taking;

    arrival->passed = stanza_ref(message);
    offer_on(muc, arrival);
}

/* NULL: it was not offered on. */
static struct arrival *find_passed(const struct muc *muc, const char *id)
{
    struct arrival *arrival = find(muc, id);

    return arrival && arrival->passed ? arrival : NULL;
}

bool taker_answered(struct muc *muc, const struct durable *answer)
{
    struct arrival *arrival = find_passed(muc, answer->id);
    bool in_hand = arrival && arrival->taking.stanza;

    if (in_hand && answer->kind == DURABLE_TOOK)
        taker_settled(muc, &arrival->taking, false);
    else if (in_hand)
        taker_refuse(muc, &arrival->taking, answer->reason, answer->type);
    return arrival != NULL;
}

bool taker_full(struct muc *muc, const char *id)
{
    struct arrival *arrival = find_passed(muc, id);

    if (arrival && arrival->taking.stanza)
        taker_refuse(muc, &arrival->taking, STANZA_RESOURCE_CONSTRAINT, "wait");
    return arrival != NULL;
}

void taker_route(struct muc *muc, const char *name)
{
    struct taking *taking, *next;

    if (!link_is_up(muc->link))
        return;
    for (taking = takings_first(muc->takings); taking; taking = next) {
        struct arrival *arrival = (struct arrival *)taking;

        next = taking->hh.next;
        if (taking->stanza && arrival->passed && strcmp(arrival->passed->to.domain, name) == 0) {
            taking->offer->attempt++;
            offer_on(muc, arrival);
        }
    }
}

/* Its home remembers it, too. */
static void forget_there(struct muc *muc, const struct arrival *arrival)
{
    const struct durable words = {.kind = DURABLE_FORGET,
                                  .id = arrival->taking.id,
                                  .from = arrival->passed->from,
                                  .to = arrival->passed->to};

    link_answer(muc->link, &words);
}

void taker_offered(struct muc *muc, const struct durable *offer, struct stanza *stanza)
{
    struct arrival *known = find(muc, offer->id);

    if (known)
        FOLLOW(stanza->root, "offer %s, attempt %u, is known", offer->id, offer->attempt);
    if (known == NULL && !takings_follows(muc->takings, offer)) {
        FOLLOW(stanza->root, "offer %s refused: what was before it has not come", offer->id);
        answer(muc, offer, DURABLE_REFUSED, STANZA_UNEXPECTED_REQUEST);
    } else if (known == NULL) {
        take_in_hand(muc, offer, stanza);
        return;
    } else if (known->taking.stanza == NULL) {
        answer(muc, offer, DURABLE_TOOK, 0);
    } else if (known->passed) {
        known->taking.offer->attempt = offer->attempt;
        offer_on(muc, known);
    }
    stanza_unref(stanza);
}

void taker_forget(struct muc *muc, const struct durable *forget)
{
    struct arrival *arrival = find(muc, forget->id);
    uint8_t place[STORE_HASH_SIZE];
    const struct db_value values[] = {store_hash(forget->id, place)};

    if (arrival && arrival->passed)
        forget_there(muc, arrival);
    if (arrival && arrival->taking.stanza == NULL)
        takings_forget(muc->takings, &arrival->taking);
    db_query(muc->db, 0, &forget_statement, values, NULL, NULL);
}

void taker_start(struct muc *muc)
{
    muc->takings = takings_new(sizeof(struct arrival), forget_rest);
}

void taker_stop(struct muc *muc)
{
    takings_free(muc->takings);
    muc->takings = NULL;
}
