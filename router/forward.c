/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Where a stanza goes (docs/ROUTER.md, "Rules"). The bytes are forwarded as they came; the tree was
 * only made to know that they are one well-formed stanza and to read its addresses.
 */
#include "common/base/error.h"
#include "common/base/fault_point.h"
#include "common/base/log.h"
#include "common/service/follow.h"
#include "common/xmpp/namespaces.h"
#include "router/component.h"

struct passage {
    struct router *router;
    struct component *sender; /* NULL: it went while the stanza was held */
    struct stanza *stanza;
    const char *bytes; /* NULL: to be written from the tree */
    size_t length;
    struct buffer written;
};

static void write_if_needed(struct passage *passage)
{
    if (passage->bytes)
        return;
    stanza_write(&passage->written, passage->stanza, NS_COMPONENT);
    passage->bytes = passage->written.data;
    passage->length = passage->written.length;
}

/* The error goes to the stream that sent the stanza, whatever routes say: once, and only to a
 * sender that is still there. Replies are never answered. */
static void bounce(struct passage *passage, enum stanza_condition condition)
{
    struct router *router = passage->router;
    struct component *sender = passage->sender;
    struct stanza *error = stanza_error(passage->stanza, condition, NULL);
    struct buffer out = {0};
    FOLLOW(passage->stanza->root, "%s: %s", error && sender ? "bounced" : "dropped",
           stanza_condition_name(condition));
    if (error)
        stanza_write(&out, error, NS_COMPONENT);
    if (error && sender && component_has_room(sender, out.length)) {
        router->counters.bounced++;
        component_send(sender, out.data, out.length);
    } else {
        router->counters.dropped++;
    }
    buffer_fini(&out);
    stanza_unref(error);
}

void forward_copy(struct router *router, const struct component *sender,
                  const struct component *receiver, const char *bytes, size_t length)
{
    for (struct component *tap = router->components; tap; tap = tap->next) {
        if (!tap->taps || tap == sender || tap == receiver)
            continue;
        if (!component_has_room(tap, length)) {
            router->counters.dropped++;
            continue;
        }
        router->counters.tapped++;
        component_send(tap, bytes, length);
    }
}

static void deliver(struct passage *passage, struct component *receiver)
{
    struct router *router = passage->router;
    write_if_needed(passage);
    if (!component_has_room(receiver, passage->length)) {
        receiver->counters.full++;
        bounce(passage, STANZA_RESOURCE_CONSTRAINT);
        return;
    }
    router->counters.routed++;
    FOLLOW(passage->stanza->root, "to %s", component_role(receiver));
    component_send(receiver, passage->bytes, passage->length);
    if (router->tap)
        forward_copy(router, passage->sender, receiver, passage->bytes, passage->length);
}

static bool may_reach(const struct component *sender, const struct component *receiver)
{
    return !sender || receiver != sender || acl_allows(sender->acl, ACL_REFLECT);
}

/* Nobody has ever bound the domain. */
static int find_by_default(const struct router *router, const struct component *sender,
                           const char *domain, struct component **receiver)
{
    const struct route *route = routes_find(router->routes, ROUTE_DEFAULT);
    if (acl_is_known(router->acls, domain))
        return STANZA_REMOTE_SERVER_TIMEOUT;
    if (acl_is_network(router->acls, domain))
        return STANZA_REMOTE_SERVER_NOT_FOUND;
    if (!route || !sender || !acl_allows(sender->acl, ACL_USE_DEFAULT))
        return STANZA_REMOTE_SERVER_NOT_FOUND;
    if (!route->members)
        return STANZA_REMOTE_SERVER_TIMEOUT;
    *receiver = COMPONENT_OF(route->members);
    return -1;
}

int forward_find(const struct router *router, const struct component *sender, const struct jid *to,
                 struct component **receiver)
{
    const struct route *route = routes_find(router->routes, to->domain);
    if (!route)
        return find_by_default(router, sender, to->domain, receiver);
    if (!route->members)
        return STANZA_REMOTE_SERVER_TIMEOUT;
    *receiver = COMPONENT_OF(route_pick(route, to));
    return may_reach(sender, *receiver) ? -1 : STANZA_REMOTE_SERVER_NOT_FOUND;
}

static void route_now(struct passage *passage)
{
    struct component *receiver;
    int condition = forward_find(passage->router, passage->sender, &passage->stanza->to, &receiver);
    if (condition < 0)
        deliver(passage, receiver);
    else
        bounce(passage, (enum stanza_condition)condition);
}

static void route_or_hold(struct passage *passage)
{
    struct hold *hold = passage->router->hold;
    if (!hold_applies(hold, passage->stanza->to.domain)) {
        route_now(passage);
        return;
    }
    FOLLOW(passage->stanza->root, "held until everybody had time to come back");
    if (!hold_add(hold, passage->sender, passage->stanza, passage->length))
        bounce(passage, STANZA_RESOURCE_CONSTRAINT);
}

/* Announcements are ours alone to make; who gets one believes it. */
static bool is_announcement(const struct stanza *stanza)
{
    return stanza->kind == STANZA_PRESENCE && element_find(stanza->root, NS_ROUTER, "route");
}

bool forward_may_send(struct component *sender, const struct jid *from)
{
    if (!from) {
        component_fail(sender, STREAM_IMPROPER_ADDRESSING, NULL);
        return false;
    }
    if (acl_may_send(sender->acl, from->domain))
        return true;
    log_warn("component_forged_from", LOG_TEXT("role", component_role(sender)),
             LOG_TEXT("name", sender->name), LOG_TEXT("from", from->full));
    component_fail(sender, STREAM_INVALID_FROM, NULL);
    return false;
}

void forward_stanza(struct component *sender, struct stanza *stanza, int problem, const char *bytes,
                    size_t length)
{
    struct passage passage = {
        .router = sender->router,
        .sender = sender,
        .stanza = stanza,
        .bytes = sender->foreign_prefixes ? NULL : bytes,
        .length = length,
    };
    if (!forward_may_send(sender, stanza->has_from ? &stanza->from : NULL)) {
        stanza_unref(stanza);
        return;
    }
    FAULT_POINT(router_in);
    if (problem >= 0)
        bounce(&passage, (enum stanza_condition)problem);
    else if (!stanza->has_to)
        bounce(&passage, STANZA_BAD_REQUEST);
    else if (is_announcement(stanza))
        bounce(&passage, STANZA_NOT_ACCEPTABLE);
    else
        route_or_hold(&passage);
    buffer_fini(&passage.written);
    stanza_unref(stanza);
}

void forward_held(struct router *router, struct component *sender, struct stanza *stanza)
{
    struct passage passage = {.router = router, .sender = sender, .stanza = stanza};
    route_now(&passage);
    buffer_fini(&passage.written);
    stanza_unref(stanza);
}
