/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Offers of stanzas that somebody answers for, and the answers (docs/ROUTER.md). They go the way of
 * stanzas, but an offer is never lost here without its offerer being told: it is refused with a
 * reason, or the queue is full and he hears when there is room again. Answers that find no way are
 * dropped, since both sides may always be asked again.
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/fault_point.h"
#include "common/base/log.h"
#include "common/base/table.h"
#include "common/component/durable.h"
#include "common/service/follow.h"
#include "common/xmpp/namespaces.h"
#include "router/component.h"

/* So long after our start s2s may not have found us again: nobody is told that there is none. */
#define YOUNG_MS 10000

/* A stream that was told <full/>, and the name that it hears <ready/> for. */
struct owed {
    struct component *sender;
    char *name; /* "": the default route */
    struct owed *prev, *next;
};

struct offer {
    struct router *router;
    struct component *sender;
    struct durable *durable;
    const char *bytes;
    size_t length;
    size_t whole; /* of a batch that cannot go one by one: its length */
};

/* --- whoever waits for room --- */

static void owe(struct owed **list, struct component *sender, const char *name)
{
    struct owed *owed;
    DL_FOREACH (*list, owed) {
        if (owed->sender == sender && !strcmp(owed->name, name))
            return;
    }
    owed = xcalloc(1, sizeof(*owed));
    owed->sender = sender;
    owed->name = xstrdup(name);
    DL_APPEND(*list, owed);
}

static bool is_owed(const struct owed *list, const struct component *sender)
{
    const struct owed *owed;
    DL_FOREACH (list, owed) {
        if (owed->sender == sender)
            return true;
    }
    return false;
}

static void pay(struct owed **list, struct owed *owed, bool tell)
{
    struct buffer out = {0};
    buffer_append_text(&out, "<ready xmlns='" NS_DURABLE "'");
    if (*owed->name) {
        buffer_append_text(&out, " to='");
        xml_escape(&out, owed->name);
        buffer_append_text(&out, "'/>");
    } else {
        buffer_append_text(&out, " default='true'/>");
    }
    if (tell)
        component_send_control(owed->sender, out.data, out.length);
    buffer_fini(&out);
    DL_DELETE(*list, owed);
    free(owed->name);
    free(owed);
}

static void pay_all(struct owed **list)
{
    while (*list)
        pay(list, *list, true);
}

void durable_ready(struct component *receiver)
{
    if (receiver->owed &&
        (receiver->gone ||
         (!receiver->undecided && component_has_room(receiver, receiver->router->queue_size / 2))))
        pay_all(&receiver->owed);
}

void durable_hold_over(struct router *router)
{
    pay_all(&router->owed);
}

static void forget_in(struct owed **list, const struct component *sender)
{
    struct owed *owed, *next;
    DL_FOREACH_SAFE (*list, owed, next) {
        if (owed->sender == sender)
            pay(list, owed, false);
    }
}

void durable_forget(const struct component *sender)
{
    struct router *router = sender->router;
    forget_in(&router->owed, sender);
    for (struct component *other = router->components; other; other = other->next)
        forget_in(&other->owed, sender);
}

/* --- answers of our own --- */

static void tell(struct component *component, const struct durable *durable)
{
    struct buffer out = {0};
    durable_write(&out, durable);
    if (component_has_room(component, out.length))
        component_send(component, out.data, out.length);
    else
        component->router->counters.dropped++;
    buffer_fini(&out);
}

static void refuse(const struct offer *offer, enum stanza_condition reason)
{
    struct durable refused = durable_answer(offer->durable, DURABLE_REFUSED);
    refused.reason = reason;
    offer->router->counters.refused++;
    FOLLOW(offer->durable->stanza, "offer %s refused: %s", offer->durable->id,
           stanza_condition_name(reason));
    tell(offer->sender, &refused);
}

static void is_full(const struct offer *offer, struct owed **list, const char *name)
{
    struct buffer out = {0};
    owe(list, offer->sender, name);
    offer->router->counters.full++;
    FOLLOW(offer->durable->stanza, "offer %s has to wait for room", offer->durable->id);
    buffer_append_text(&out, "<full xmlns='" NS_DURABLE "' id='");
    xml_escape(&out, offer->durable->id);
    buffer_append_text(&out, "'/>");
    if (component_has_room(offer->sender, out.length))
        component_send(offer->sender, out.data, out.length);
    buffer_fini(&out);
}

static const char *name_of(const struct router *router, const char *domain)
{
    return routes_find(router->routes, domain) ? domain : ROUTE_DEFAULT;
}

static void write_plain(struct buffer *out, const struct durable *durable)
{
    element_write_as(out, durable->stanza, NS_CLIENT, NS_COMPONENT);
}

/* --- in the name of others --- */

static void tell_took(const struct offer *offer)
{
    struct durable took = durable_answer(offer->durable, DURABLE_TOOK);
    tell(offer->sender, &took);
}

/* Whoever does not know this protocol gets the stanza as it is; nobody can promise more than that
 * it was written. */
static void unwrap(const struct offer *offer, struct component *receiver,
                   const struct buffer *plain)
{
    component_send(receiver, plain->data, plain->length);
    taken_add(offer->router->taken, offer->durable);
    tell_took(offer);
}

/* As every taker it remembers what it took, and lets nothing overtake what it did not take. */
static bool is_done_with(const struct offer *offer, const struct component *receiver)
{
    const struct taken *taken = offer->router->taken;
    if (receiver->durable)
        return false;
    if (taken_has(taken, offer->durable))
        tell_took(offer);
    else if (!taken_has_predecessor(taken, offer->durable))
        refuse(offer, STANZA_UNEXPECTED_REQUEST);
    else
        return false;
    return true;
}

/* --- offers --- */

static void hand_on(const struct offer *offer, struct component *receiver)
{
    struct router *router = offer->router;
    struct buffer plain = {0};
    if (!receiver->durable || router->tap)
        write_plain(&plain, offer->durable);
    router->counters.offered++;
    FOLLOW(offer->durable->stanza, "offer %s to %s", offer->durable->id, component_role(receiver));
    if (receiver->durable)
        component_send(receiver, offer->bytes, offer->length);
    else
        unwrap(offer, receiver, &plain);
    if (router->tap)
        forward_copy(router, offer->sender, receiver, plain.data, plain.length);
    buffer_fini(&plain);
}

/* Handed over as a bare stanza, what its receiver knows already would be new to it. */
static void hand_over(const struct offer *offer, struct component *receiver)
{
    if (offer->whole && !receiver->batch && !receiver->undecided) {
        refuse(offer, STANZA_FEATURE_NOT_IMPLEMENTED);
    } else if (receiver->undecided || is_owed(receiver->owed, offer->sender) ||
               !component_has_room(receiver, MAX(offer->length, offer->whole))) {
        receiver->counters.full++;
        is_full(offer, &receiver->owed, name_of(offer->router, offer->durable->to.domain));
    } else if (!is_done_with(offer, receiver)) {
        hand_on(offer, receiver);
    }
}

static bool may_come_yet(const struct router *router)
{
    return !routes_find(router->routes, ROUTE_DEFAULT) &&
           clock_monotonic_ms() < router->started_ms + YOUNG_MS;
}

static void route_offer(const struct offer *offer)
{
    struct router *router = offer->router;
    struct component *receiver;
    const struct jid *to = &offer->durable->to;
    if (hold_applies(router->hold, to->domain)) {
        is_full(offer, &router->owed, to->domain);
        return;
    }
    int condition = forward_find(router, offer->sender, to, &receiver);
    if (condition == STANZA_REMOTE_SERVER_NOT_FOUND && may_come_yet(router))
        condition = STANZA_REMOTE_SERVER_TIMEOUT;
    if (condition < 0 && offer->length > router->queue_size)
        refuse(offer, STANZA_NOT_ACCEPTABLE); /* it never fits */
    else if (condition < 0)
        hand_over(offer, receiver);
    else
        refuse(offer, (enum stanza_condition)condition);
}

/* Announcements are the router's alone to make, and unwrapped one would be believed. */
static bool is_announcement(const struct durable *durable)
{
    return element_find(durable->stanza, NS_ROUTER, "route");
}

static void on_offer(struct offer *offer, int problem)
{
    if (problem >= 0)
        refuse(offer, (enum stanza_condition)problem);
    else if (is_announcement(offer->durable))
        refuse(offer, STANZA_NOT_ACCEPTABLE);
    else
        route_offer(offer);
}

struct component *durable_receiver(const struct component *sender, const struct jid *to,
                                   size_t length)
{
    struct router *router = sender->router;
    struct component *receiver;
    if (hold_applies(router->hold, to->domain) || forward_find(router, sender, to, &receiver) >= 0)
        return NULL;
    return receiver->batch && !is_owed(receiver->owed, sender) &&
                   component_has_room(receiver, length)
               ? receiver
               : NULL;
}

void durable_refuse(struct component *sender, const struct durable *durable,
                    enum stanza_condition reason)
{
    struct durable words = *durable;
    const struct offer offer = {.router = sender->router, .sender = sender, .durable = &words};
    refuse(&offer, reason);
}

/* --- answers of others --- */

/* Not held: whoever made the offer is there, and waits for it. */
static void route_answer(const struct offer *answer)
{
    struct router *router = answer->router;
    const struct jid *to = &answer->durable->to;
    struct component *receiver;
    if (answer->durable->kind == DURABLE_FORGET)
        taken_forget(router->taken, answer->durable);
    if (forward_find(router, answer->sender, to, &receiver) < 0 && receiver->durable &&
        component_has_room(receiver, answer->length))
        component_send(receiver, answer->bytes, answer->length);
    else
        router->counters.dropped++;
}

void durable_route(struct component *sender, const struct durable *durable, size_t whole)
{
    struct durable words = *durable;
    struct buffer bytes = {0};
    struct offer word = {
        .router = sender->router, .sender = sender, .durable = &words, .whole = whole};
    durable_write(&bytes, durable);
    word.bytes = bytes.data;
    word.length = bytes.length;
    if (durable->kind == DURABLE_OFFER)
        on_offer(&word, -1);
    else
        route_answer(&word);
    buffer_fini(&bytes);
}

/* --- the stream --- */

static void on_batch(void *user, struct element *element)
{
    struct component *component = user;
    struct batch batch;
    size_t length;
    const char *bytes = stream_bytes(component->stream, &length);
    if (!component->batch || batch_read(element, &batch)) {
        component_fail(component, STREAM_BAD_FORMAT, NULL);
        return;
    }
    if (!forward_may_send(component, &batch.from))
        return;
    FAULT_POINT(router_in);
    component->counters.in++;
    batch_route(component, &batch, component->foreign_prefixes ? NULL : bytes, length);
}

static void on_durable(void *user, struct element *element)
{
    struct component *component = user;
    struct durable durable;
    struct buffer anew = {0};
    int problem;
    struct offer offer = {.router = component->router, .sender = component, .durable = &durable};
    if (!component->durable || durable_read(element, &durable, &problem)) {
        component_fail(component, STREAM_BAD_FORMAT, NULL);
        return;
    }
    if (!forward_may_send(component, durable.from.domain ? &durable.from : NULL))
        return;
    FAULT_POINT(router_in);
    component->counters.in++;
    offer.bytes = stream_bytes(component->stream, &offer.length);
    if (component->foreign_prefixes) {
        element_write(&anew, element, NS_COMPONENT);
        offer.bytes = anew.data;
        offer.length = anew.length;
    }
    if (durable.kind == DURABLE_OFFER)
        on_offer(&offer, problem);
    else
        route_answer(&offer);
    buffer_fini(&anew);
}

static const struct stream_element elements[] = {
    {NS_DURABLE, "offer", on_durable},   {NS_DURABLE, "took", on_durable},
    {NS_DURABLE, "refused", on_durable}, {NS_DURABLE, "forget", on_durable},
    {NS_DURABLE, "offers", on_batch},    {NS_DURABLE, "tooks", on_batch},
    {NS_DURABLE, "forgets", on_batch},   {0},
};

const struct stream_feature durable_feature = {
    .name = "durable",
    .requires = STREAM_AUTHENTICATED | STREAM_BOUND,
    .elements = elements,
};
