/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Which domains take stanzas for several, and what is sent to them.
 */
#include "s2s/several.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/config/number.h"
#include "common/service/follow.h"
#include "common/tls/crypto.h"
#include "common/xmpp/form.h"
#include "common/xmpp/namespaces.h"
#include "s2s/addresses.h"
#include "s2s/offer.h"
#include "s2s/out.h"

#define NS_DISCO_INFO "http://jabber.org/protocol/disco#info"
#define ID_BYTES      16
#define KNOWN_MS      3600000 /* XEP-0033 §2.2: not more than 24 hours */
#define ASK_MS        60000   /* who has not answered is asked again */
/* §8: everybody takes more than 20, unless he says another number; and what we send at most. */
#define USUAL 20
#define MOST  BATCH_MAX

/* --- what is known --- */

/* As this node alone gets the answers to what the network's domain and shared services say, or the
 * stream has both directions. Else nobody would hear of a refusal. */
static bool hears_answers(const struct pair *pair)
{
    const struct server *server = pair->remote->server;
    return !document_network(server->document) || pair->out->twin;
}

/* A service that all nodes have together has no address of its own for an answer. */
static const char *who_asks(const struct server *server, const char *local)
{
    const struct network *network = document_network(server->document);
    bool shared = config_list_has(server->config, "node", NULL, "shared-service", local);
    return network && shared ? network->domain : local;
}

static void ask(struct pair *pair)
{
    struct remote *remote = pair->remote;
    struct server *server = remote->server;
    const char *local = who_asks(server, pair->local);
    struct stanza *question = stanza_new(STANZA_IQ, IQ_GET);
    char id[2 * ID_BYTES + 1];
    struct jid jid;
    crypto_random_hex(id, ID_BYTES);
    free(remote->question);
    remote->question = xstrdup(id);
    remote->addresses = 0;
    remote->addresses_until_ms = clock_monotonic_ms() + ASK_MS;
    element_set(question->root, "id", id);
    element_add(question->root, NS_DISCO_INFO, "query");
    char *way = server_return(server, local, id);
    if (jid_make(question->arena, NULL, local, way, &jid) == 0)
        stanza_set_from(question, &jid);
    if (jid_make(question->arena, NULL, remote->domain, NULL, &jid) == 0)
        stanza_set_to(question, &jid);
    free(way);
    server_to_remote(server, question);
}

/* How many at once; 0: none. */
static unsigned room_of(struct pair *pair)
{
    struct remote *remote;
    if (!pair || pair->state != PAIR_READY || !pair->out || !hears_answers(pair))
        return 0;
    remote = pair->remote;
    if (remote->addresses_until_ms <= clock_monotonic_ms())
        ask(pair);
    return remote->addresses;
}

static bool has_feature(const struct element *query)
{
    ELEMENT_FOREACH (child, query) {
        const char *var = element_get(child, "var");
        if (element_is(child, NS_DISCO_INFO, "feature") && var && strcmp(var, NS_ADDRESS) == 0)
            return true;
    }
    return false;
}

/* Some say the number (XEP-0128). */
static unsigned read_room(const struct element *query)
{
    const struct element *form = query ? element_find(query, NS_DATA_FORM, "x") : NULL;
    const char *type = form ? form_get(form, "FORM_TYPE") : NULL, *text;
    int64_t number = USUAL;
    if (!query || !has_feature(query))
        return 0;
    text = type && strcmp(type, NS_ADDRESS) == 0 ? form_get(form, "message") : NULL;
    if (!text || config_number_parse(CONFIG_NUMBER, text, &number) < 0 || number < 0)
        number = USUAL;
    return number > MOST ? MOST : (unsigned)number;
}

static void learn(struct remote *remote, unsigned room)
{
    remote->addresses = room;
    remote->addresses_until_ms = clock_monotonic_ms() + KNOWN_MS;
    log_debug("s2s_addresses", LOG_TEXT("remote", remote->domain), LOG_INT("max", room));
}

/* --- sending --- */

/* Offers of one stanza that are for one domain, and have not been sorted yet. */
struct sorting {
    struct server *server;
    const struct batch *batch;
    const struct stanza *stanza;
    bool *done; /* for each item */
};

static void send_single(const struct sorting *sorting, const struct durable *offer)
{
    struct stanza *copy = stanza_copy(sorting->stanza);
    stanza_set_to(copy, &offer->to);
    offer_received(sorting->server, offer, copy);
}

/* Those that were taken together; one alone needs no header. */
static void send_together(const struct sorting *sorting, struct offer *offers)
{
    struct stanza *copy = stanza_copy(sorting->stanza);
    struct jid domain;
    struct offer *all = NULL, *offer;
    if (!offer_is_of_several(offers)) {
        stanza_set_to(copy, offer_recipient(offers));
        offer_send(offers, copy);
        return;
    }
    if (jid_make(copy->arena, NULL, offer_recipient(offers)->domain, NULL, &domain) == 0)
        addresses_begin(copy, &domain);
    while ((offer = offer_pop(&offers)) != NULL) {
        addresses_add(copy, offer_recipient(offer));
        offer_push(&all, offer);
    }
    offer_send(all, copy);
}

static void send_to_domain(const struct sorting *sorting, const char *domain, unsigned room)
{
    struct offer *offers = NULL;
    unsigned count = 0;
    for (size_t i = 0; i < sorting->batch->count; i++) {
        const struct durable offer = batch_word(sorting->batch, i);
        if (sorting->done[i] || strcmp(offer.to.domain, domain) != 0)
            continue;
        sorting->done[i] = true;
        count += offer_add(sorting->server, &offer, &sorting->stanza->from, &offers) ? 1 : 0;
        if (count < room)
            continue;
        send_together(sorting, offers);
        offers = NULL;
        count = 0;
    }
    if (offers)
        send_together(sorting, offers);
}

static bool is_for_several(const struct sorting *sorting, size_t first)
{
    const char *domain = sorting->batch->items[first].jid.domain;
    for (size_t i = first + 1; i < sorting->batch->count; i++) {
        if (strcmp(sorting->batch->items[i].jid.domain, domain) == 0)
            return true;
    }
    return false;
}

static void sort(const struct sorting *sorting, size_t first)
{
    const struct durable offer = batch_word(sorting->batch, first);
    const char *ours = sorting->stanza->from.domain, *domain = offer.to.domain;
    /* One that has a header of its own cannot have another. */
    bool fits = sorting->stanza->kind == STANZA_MESSAGE && is_for_several(sorting, first) &&
                !element_find(sorting->stanza->root, NS_ADDRESS, "addresses");
    unsigned room = fits ? room_of(pair_find(sorting->server, ours, domain)) : 0;
    if (room > 1)
        send_to_domain(sorting, domain, room);
    else
        send_single(sorting, &offer);
}

void several_offered(struct server *server, const struct batch *batch, struct stanza *stanza)
{
    struct sorting sorting = {.server = server, .batch = batch, .stanza = stanza};
    sorting.done = xcalloc(batch->count, sizeof(bool));
    for (size_t i = 0; i < batch->count; i++) {
        if (!sorting.done[i])
            sort(&sorting, i);
    }
    free(sorting.done);
    stanza_unref(stanza);
}

/* --- what they answer --- */

/* For the domain, or for whom of its network has asked (docs/NETWORK.md). */
static bool is_for_us(const struct jid *jid, const char *id)
{
    return !jid->local && (!jid->resource || network_is_return(jid->resource, id));
}

static bool is_open(const struct pair *pair, const struct parcel *parcel)
{
    return parcel->several && !parcel->confirmed && parcel->pair == pair;
}

bool several_open(const struct pair *pair)
{
    const struct parcel *parcel;
    DL_FOREACH (pair->out->held, parcel) {
        if (is_open(pair, parcel))
            return true;
    }
    DL_FOREACH (pair->out->unacked, parcel) {
        if (is_open(pair, parcel))
            return true;
    }
    return false;
}

static bool is_of(const struct parcel *parcel, const struct pair *pair, const struct stanza *error)
{
    const char *id = stanza_id(parcel->stanza), *other = stanza_id(error);
    return parcel->several && parcel->pair == pair &&
           jid_equal(&parcel->stanza->from, &error->to) &&
           (id && other ? strcmp(id, other) == 0 : id == other);
}

static struct parcel *find_refused(const struct pair *pair, const struct stanza *error)
{
    struct parcel *parcel;
    DL_FOREACH (pair->out->held, parcel) {
        if (is_of(parcel, pair, error))
            return parcel;
    }
    DL_FOREACH (pair->out->unacked, parcel) {
        if (is_of(parcel, pair, error))
            return parcel;
    }
    return NULL;
}

/* What is left of it still counts for acknowledgements. */
static void send_one_by_one(struct pair *pair, struct parcel *parcel)
{
    struct offer *offers = parcel->offer, *offer;
    struct stanza *stanza = stanza_ref(parcel->stanza);
    parcel->offer = NULL;
    parcel->several = false;
    parcel->fleeting = true;
    if (parcel->held)
        out_ack_settle(pair->out, parcel);
    while ((offer = offer_pop(&offers)) != NULL)
        pair_send_again(pair, addresses_single(stanza, offer_recipient(offer)), offer);
    stanza_unref(stanza);
    pair_flush(pair);
}

static bool refused(struct server *server, const struct stanza *error)
{
    struct pair *pair = pair_find(server, error->to.domain, error->from.domain);
    struct parcel *parcel = pair && pair->out ? find_refused(pair, error) : NULL;
    if (!parcel)
        return false;
    log_info("s2s_several_refused", LOG_TEXT("remote", error->from.domain),
             LOG_TEXT("from", error->to.full));
    learn(pair->remote, 0);
    send_one_by_one(pair, parcel);
    return true;
}

bool several_answered(struct server *server, const struct stanza *stanza)
{
    const char *id = stanza_id(stanza);
    struct remote *remote;
    if (stanza->from.local || stanza->from.resource || !stanza_is_reply(stanza))
        return false;
    if (stanza->kind == STANZA_MESSAGE)
        return refused(server, stanza);
    remote = remote_find(server, stanza->from.domain);
    if (!remote || !remote->question || !id || stanza->kind != STANZA_IQ ||
        strcmp(remote->question, id) != 0 || !is_for_us(&stanza->to, id))
        return false;
    free(remote->question);
    remote->question = NULL;
    learn(remote, stanza_is_error(stanza) ? 0 : read_room(stanza_payload(stanza)));
    return true;
}
