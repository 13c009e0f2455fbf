/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Stanzas from other homes. net has proved which node has sent the message, and that this node
 * serves the home it names (docs/NETWORK.md); here it is proved that the sender of the stanza
 * belongs to that home.
 */
#include <stdlib.h>
#include <string.h>

#include "c2s/node_message.h"
#include "c2s/slots.h"
#include "c2s/sm/envelope.h"
#include "c2s/sm/far.h"
#include "c2s/sm/forged.h"
#include "c2s/sm/gateway.h"
#include "c2s/sm/homes.h"
#include "c2s/sm/homes_peer.h"
#include "c2s/sm/route.h"
#include "c2s/sm/shared.h"
#include "c2s/sm/taker.h"
#include "common/base/log.h"
#include "common/service/follow.h"

/* On its way in. */
struct arrival {
    unsigned references;
    struct stanza *message; /* the envelope's */
    struct element *element;
    struct envelope envelope;
    struct stanza *stanza;    /* inside */
    struct batch_item *items; /* of an offer: who is to get it, as our router has it */
    size_t count;             /* of an offer for one: 1 */
    bool many;                /* a batch: the stanza inside is for the items, not for its `to` */
    bool asked_anew;
};

/* A copy for one of its recipients. */
struct copy {
    struct arrival *arrival;
    struct stanza *stanza;
    const struct batch_item *item; /* NULL: it was not offered */
    bool asked_anew;
};

static void release(struct arrival *arrival)
{
    if (--arrival->references > 0)
        return;
    stanza_unref(arrival->stanza);
    stanza_unref(arrival->message);
    free(arrival);
}

/* A room has a new home, or none, from one moment to the next: what contradicts what is remembered
 * of it is a reason to ask once more. */
static bool asks_anew(struct sm *sm, const struct jid *jid, bool *asked_anew)
{
    if (*asked_anew || !directory_is_shared(sm->worker, jid->domain))
        return false;
    *asked_anew = true;
    directory_forget(sm->worker, jid);
    return true;
}

/* --- answers --- */

/* As the offer of the account here: the answer goes where the envelope came from. */
static struct durable offer_of(const struct sm *sm, const struct arrival *arrival,
                               const struct batch_item *item)
{
    struct arena *arena = arrival->message->arena;

    return (struct durable){
        .kind = DURABLE_OFFER,
        .id = item->id,
        .after = item->after,
        .from = arrival->message->from,
        .to = envelope_address(arena, item->jid.local, worker_host(sm->worker)),
    };
}

static void answer(struct sm *sm, const struct arrival *arrival, const struct batch_item *item,
                   enum stanza_condition reason, const char *type)
{
    struct durable offer, words;

    if (!item)
        return;
    offer = offer_of(sm, arrival, item);
    words = durable_answer(&offer, DURABLE_REFUSED);
    words.reason = reason;
    words.type = type;
    worker_answer(sm->worker, &words);
}

static void answer_all(struct sm *sm, const struct arrival *arrival, enum stanza_condition reason,
                       const char *type)
{
    for (size_t i = 0; i < arrival->count; i++)
        answer(sm, arrival, &arrival->items[i], reason, type);
}

/* What no node of ours would send. */
static void reject(struct sm *sm, const struct arrival *arrival, const char *reason)
{
    const struct stanza *stanza = arrival->stanza;

    sm->envelopes_refused++;
    homes_peer(sm, arrival->message->from.domain)->refused++;
    FOLLOW(arrival->message->root, "envelope from %s refused: %s", arrival->message->from.domain,
           reason);
    log_warn("envelope_refused", LOG_TEXT("peer", arrival->message->from.domain),
             LOG_TEXT("from", stanza ? stanza->from.full : NULL),
             LOG_TEXT("to", stanza && stanza->has_to ? stanza->to.full : NULL),
             LOG_TEXT("reason", reason));
    answer_all(sm, arrival, STANZA_NOT_ALLOWED, "cancel");
}

/* --- the recipients --- */

/* Nobody forwards what is not for an account here; whoever sent it asks the directory anew. */
static void misdirected(struct sm *sm, const struct copy *copy, const struct directory_place *place)
{
    const struct arrival *arrival = copy->arrival;
    const struct stanza *stanza = copy->stanza;
    bool moved = place->answer == DIRECTORY_ELSEWHERE;

    homes_peer(sm, arrival->message->from.domain)->misdirected++;
    FOLLOW(stanza->root, "envelope from %s: the account is %s", arrival->message->from.domain,
           moved ? "of another home" : "not known now");
    log_info("envelope_misdirected", LOG_TEXT("peer", arrival->message->from.domain),
             LOG_TEXT("to", stanza->to.bare), LOG_TEXT("home", moved ? place->home : NULL));
    answer(sm, arrival, copy->item, moved ? STANZA_GONE : STANZA_REMOTE_SERVER_TIMEOUT, "wait");
}

/* Another worker may have the slot of one of many recipients, or has just got it. What is foreign
 * only s2s may write, so that is answered here as if the router had brought it. */
static bool is_for_us(struct sm *sm, const struct stanza *stanza)
{
    return sm_is_ours(sm, &stanza->to) && (slots_owned(sm->slots, slot_of(stanza->to.bare)) ||
                                           homes_is_foreign(sm, stanza->from.domain));
}

static void arrived_here(struct sm *sm, const struct copy *copy)
{
    struct stanza *stanza = copy->stanza;

    forged_strip_arrived(sm, stanza);
    if (shared_is_unheard(sm, stanza)) {
        log_debug("envelope_unheard", LOG_TEXT("from", stanza->from.full),
                  LOG_TEXT("to", stanza->to.full));
        answer(sm, copy->arrival, copy->item, STANZA_SERVICE_UNAVAILABLE, "cancel");
    } else if (copy->item) {
        const struct durable offer = offer_of(sm, copy->arrival, copy->item);
        if (sm_is_ours(sm, &stanza->to))
            taker_offered(sm, &offer, stanza);
        else
            gateway_pass(sm, &offer, stanza, stanza->to.domain);
    } else if (is_for_us(sm, stanza)) {
        sm_arrived(sm, stanza);
    } else if (shared_route(sm, stanza) < 0) {
        sm_undelivered(sm, stanza);
    }
}

static void on_recipient(struct sm *sm, const struct directory_place *place, void *user)
{
    struct copy *copy = user;

    if (place->answer == DIRECTORY_ELSEWHERE &&
        asks_anew(sm, &copy->stanza->to, &copy->asked_anew)) {
        places_ask(sm, &copy->stanza->to, on_recipient, copy);
        return;
    }
    if (place->answer == DIRECTORY_HERE || place->answer == DIRECTORY_NOBODY)
        arrived_here(sm, copy);
    else
        misdirected(sm, copy, place);
    stanza_unref(copy->stanza);
    release(copy->arrival);
    free(copy);
}

static void deliver_take(struct sm *sm, struct arrival *arrival, struct stanza *stanza,
                         const struct batch_item *item)
{
    struct copy *copy = xcalloc(1, sizeof(*copy));

    copy->arrival = arrival;
    copy->stanza = stanza;
    copy->item = item;
    arrival->references++;
    places_ask(sm, &stanza->to, on_recipient, copy);
}

static void deliver_to(struct sm *sm, struct arrival *arrival, const struct element *recipient)
{
    struct stanza *stanza = stanza_copy(arrival->stanza);
    struct jid to;

    if (jid_parse(stanza->arena, element_text(recipient), &to) < 0 ||
        !places_is_networked(sm, &to)) {
        reject(sm, arrival, "recipient");
        stanza_unref(stanza);
        return;
    }
    stanza_set_to(stanza, &to);
    deliver_take(sm, arrival, stanza, NULL);
}

static void deliver_to_items(struct sm *sm, struct arrival *arrival)
{
    for (size_t i = 0; i < arrival->count; i++) {
        struct stanza *stanza = stanza_copy(arrival->stanza);

        stanza_set_to(stanza, &arrival->items[i].jid);
        deliver_take(sm, arrival, stanza, &arrival->items[i]);
    }
}

static void deliver(struct sm *sm, struct arrival *arrival)
{
    const struct element *recipient = envelope_first(arrival->element);

    if (arrival->envelope.stage == ENVELOPE_HOME && arrival->stanza->kind == STANZA_PRESENCE &&
        places_is_account(sm, &arrival->stanza->from))
        far_saw(sm, arrival->stanza, arrival->message->from.domain,
                envelope_version(arrival->element));
    if (arrival->many) {
        deliver_to_items(sm, arrival);
        return;
    }
    if (!recipient) {
        deliver_take(sm, arrival, arrival->stanza, arrival->items);
        arrival->stanza = NULL;
        return;
    }
    for (; recipient; recipient = envelope_next(recipient))
        deliver_to(sm, arrival, recipient);
}

/* --- the sender --- */

static bool is_home_of_sender(const struct arrival *arrival, const struct directory_place *place)
{
    return place->answer == DIRECTORY_ELSEWHERE &&
           strcmp(place->host, arrival->message->from.domain) == 0 &&
           strcmp(place->home, arrival->envelope.home) == 0;
}

static void on_sender(struct sm *sm, const struct directory_place *place, void *user)
{
    struct arrival *arrival = user;
    const struct jid *from = &arrival->stanza->from;

    if (place->answer == DIRECTORY_UNKNOWN) {
        answer_all(sm, arrival, STANZA_REMOTE_SERVER_TIMEOUT, "wait");
    } else if (is_home_of_sender(arrival, place)) {
        deliver(sm, arrival);
    } else if (asks_anew(sm, from, &arrival->asked_anew)) {
        places_ask(sm, from, on_sender, arrival);
        return;
    } else {
        reject(sm, arrival, "home of the sender");
    }
    release(arrival);
}

bool homes_is_foreign(const struct sm *sm, const char *domain)
{
    const char *network = worker_network(sm->worker);
    size_t length = strlen(domain), below = strlen(network);

    if (worker_serves(sm->worker, domain) || strcmp(domain, network) == 0)
        return false;
    return length <= below || domain[length - below - 1] != '.' ||
           strcmp(domain + length - below, network) != 0;
}

static bool is_of_node(const struct jid *from, const char *id)
{
    size_t length = strlen(from->domain);

    return strncmp(id, from->domain, length) == 0 && id[length] == '/';
}

bool homes_owns_id(const struct sm *sm, const struct jid *from, const char *id)
{
    const char *network = worker_network(sm->worker);
    size_t length = from->local ? strlen(from->local) : 0;

    if (length > 0 && strncmp(id, from->local, length) == 0 && id[length] == '@') {
        id += length + 1;
        length = strlen(network);
        return strncmp(id, network, length) == 0 && id[length] == '/';
    }
    return is_of_node(from, id);
}

struct forgetting {
    struct arena *arena;
    struct durable forget;
    void (*done)(struct sm *sm, const struct durable *forget);
};

static void on_forgetter(struct sm *sm, const struct directory_place *place, void *user)
{
    struct forgetting *forgetting = user;

    if (place->answer == DIRECTORY_ELSEWHERE &&
        strcmp(place->host, forgetting->forget.from.domain) == 0)
        forgetting->done(sm, &forgetting->forget);
    arena_free(forgetting->arena);
    free(forgetting);
}

void homes_forget(struct sm *sm, const struct durable *forget,
                  void (*done)(struct sm *sm, const struct durable *forget))
{
    const struct jid *from = &forget->from;
    struct forgetting *forgetting;
    struct jid account;

    if (!from->domain || strcmp(from->domain, worker_host(sm->worker)) == 0 ||
        !node_is_host(sm->worker, from->domain) || is_of_node(from, forget->id)) {
        done(sm, forget);
        return;
    }
    if (!homes_owns_id(sm, from, forget->id))
        return;
    forgetting = xcalloc(1, sizeof(*forgetting));
    forgetting->arena = arena_new();
    forgetting->done = done;
    durable_copy(forgetting->arena, forget, &forgetting->forget);
    account = envelope_address(forgetting->arena, from->local, worker_network(sm->worker));
    places_ask(sm, &account, on_forgetter, forgetting);
}

const char *homes_id(const struct sm *sm, const char *id)
{
    const char *host = worker_host(sm->worker);
    size_t length = strlen(host);

    return strncmp(id, host, length) == 0 && id[length] == '/' ? id + length + 1 : id;
}

/* As homes_wrap() has it for what is offered. */
static const char *whose_slot(const struct sm *sm, const struct stanza *stanza)
{
    bool gateway = stanza->to.local && homes_is_foreign(sm, stanza->from.domain);

    return places_is_account(sm, &stanza->to) || gateway ? stanza->to.local : stanza->from.local;
}

/* An offer is for one account, and its id is that of its sender, or of the gateway. */
static bool is_proper_offer(const struct sm *sm, const struct arrival *arrival)
{
    const struct jid *from = &arrival->message->from, *to = &arrival->message->to;
    const char *slot = whose_slot(sm, arrival->stanza);

    if (envelope_first(arrival->element) || !to->local || !slot || strcmp(to->local, slot) != 0)
        return false;
    return arrival->envelope.stage == ENVELOPE_HOME ? homes_owns_id(sm, from, arrival->items->id)
                                                    : is_of_node(from, arrival->items->id);
}

/* By the node itself, to accounts. */
static bool is_proper_batch(const struct sm *sm, const struct arrival *arrival)
{
    const struct jid *from = &arrival->message->from;

    if (envelope_first(arrival->element) || from->local || arrival->stanza->has_to)
        return false;
    for (size_t i = 0; i < arrival->count; i++) {
        const struct batch_item *item = &arrival->items[i];

        if (!places_is_account(sm, &item->jid) || !is_of_node(from, item->id))
            return false;
    }
    return true;
}

static const char *problem_of(const struct sm *sm, const struct arrival *arrival)
{
    const struct stanza *stanza = arrival->stanza;
    bool home = arrival->envelope.stage == ENVELOPE_HOME;

    if (home ? !places_is_networked(sm, &stanza->from) : !homes_is_foreign(sm, stanza->from.domain))
        return "sender";
    if (arrival->many)
        return is_proper_batch(sm, arrival) ? NULL : "offer";
    if (home && arrival->items &&
        (!arrival->message->from.local || !stanza->from.local ||
         strcmp(arrival->message->from.local, stanza->from.local) != 0))
        return "sender";
    if (!envelope_first(arrival->element) &&
        (!stanza->has_to || !places_is_networked(sm, &stanza->to)))
        return "recipient";
    return arrival->items && !is_proper_offer(sm, arrival) ? "offer" : NULL;
}

/* What has been seen there of accounts here. */
static bool compares(struct sm *sm, const struct arrival *arrival)
{
    if (arrival->items || !element_find(arrival->element, NS_NET, "seen"))
        return false;
    ELEMENT_FOREACH (seen, arrival->element) {
        if (element_is(seen, NS_NET, "seen"))
            far_compare(sm, seen, arrival->message->from.domain);
    }
    return true;
}

static void begin(struct sm *sm, struct arrival *arrival)
{
    const char *problem = NULL;

    if (compares(sm, arrival))
        return;

    if (envelope_read(arrival->element, &arrival->envelope) < 0 ||
        forward_open(arrival->element, &arrival->stanza) < 0)
        problem = "malformed";
    else
        problem = problem_of(sm, arrival);
    if (problem) {
        reject(sm, arrival, problem);
    } else if (arrival->envelope.stage == ENVELOPE_GATEWAY) {
        deliver(sm, arrival);
    } else {
        arrival->references++;
        places_ask(sm, &arrival->stanza->from, on_sender, arrival);
    }
}

static struct arrival *arrival_new(struct stanza *message, const struct batch_item *items,
                                   size_t count)
{
    struct arrival *arrival = xcalloc(1, sizeof(*arrival));

    arrival->references = 1;
    arrival->message = stanza_ref(message);
    arrival->element = envelope_of(message);
    if (count > 0)
        arrival->items = arena_zalloc(message->arena, count * sizeof(*items));
    for (size_t i = 0; i < count; i++)
        arrival->items[i] = batch_copy_item(message->arena, &items[i]);
    arrival->count = count;
    return arrival;
}

bool homes_arrived(struct sm *sm, const struct durable *offer, struct stanza *message)
{
    struct arrival *arrival;

    if (!envelope_of(message) || !node_is_host(sm->worker, message->from.domain))
        return false;
    /* For what comes from other nodes net writes our network. */
    if (strcmp(message->to.domain, worker_host(sm->worker)) == 0)
        return !message->to.local || homes_came_back(sm, message);
    if (message->type == MESSAGE_ERROR)
        return true;
    if (offer) {
        const struct batch_item item = {.jid = message->to, .id = offer->id, .after = offer->after};
        arrival = arrival_new(message, &item, 1);
    } else {
        arrival = arrival_new(message, NULL, 0);
    }
    begin(sm, arrival);
    release(arrival);
    return true;
}

bool homes_arrived_for_many(struct sm *sm, const struct batch *batch, struct stanza *message)
{
    struct arrival *arrival;

    if (!envelope_of(message) || !node_is_host(sm->worker, message->from.domain))
        return false;
    arrival = arrival_new(message, batch->items, batch->count);
    arrival->many = true;
    begin(sm, arrival);
    release(arrival);
    return true;
}
