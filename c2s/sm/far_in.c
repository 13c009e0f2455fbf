/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What has been seen here of accounts of other homes.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "c2s/slots.h"
#include "c2s/sm/delivery.h"
#include "c2s/sm/envelope.h"
#include "c2s/sm/far.h"
#include "c2s/sm/places.h"
#include "c2s/sm/roster.h"
#include "common/base/clock.h"
#include "common/base/log.h"

#define TICK_MS 1000
/* Told in one envelope. */
#define TELL_MAX 100
/* Remembered of all nodes; of what is beyond that nobody hears that it cannot be reached. */
#define SEEN_MAX 500000

struct resource {
    struct resource *next;
    char name[];
};

/* An account that somebody here has seen available. */
struct seen {
    UT_hash_handle hh; /* by bare */
    struct jid *jid;
    char *host;
    uint64_t version;
    struct resource *resources;
    bool gone; /* its node has been away for too long: it is being shown as unavailable */
};

struct far_node {
    UT_hash_handle hh;
    bool lost;
    bool given_up;
    uint64_t lost_ms;
    char host[];
};

struct far_in {
    struct seen *seen;
    struct far_node *nodes;
    struct timer *timer;
};

/* --- the books --- */

static struct seen *find(const struct sm *sm, const char *bare)
{
    struct seen *seen;

    HASH_FIND_STR(sm->far_in->seen, bare, seen);
    return seen;
}

static void forget_resource(struct seen *seen, const char *name)
{
    struct resource *resource, *next;

    LL_FOREACH_SAFE (seen->resources, resource, next) {
        if (!name || strcmp(resource->name, name) == 0) {
            LL_DELETE(seen->resources, resource);
            free(resource);
        }
    }
}

static void forget(struct sm *sm, struct seen *seen)
{
    HASH_DEL(sm->far_in->seen, seen);
    forget_resource(seen, NULL);
    free(seen->jid);
    free(seen->host);
    free(seen);
}

static struct seen *get(struct sm *sm, const struct jid *jid)
{
    struct seen *seen = find(sm, jid->bare);

    if (seen || HASH_COUNT(sm->far_in->seen) >= SEEN_MAX)
        return seen;
    seen = xcalloc(1, sizeof(*seen));
    seen->jid = jid_dup_with_resource(jid, NULL);
    HASH_ADD_KEYPTR(hh, sm->far_in->seen, seen->jid->bare, strlen(seen->jid->bare), seen);
    return seen;
}

static void add_resource(struct seen *seen, const char *name)
{
    struct resource *resource = xcalloc(1, sizeof(*resource) + strlen(name) + 1);

    forget_resource(seen, name);
    memcpy(resource->name, name, strlen(name) + 1);
    LL_APPEND(seen->resources, resource);
}

void far_saw(struct sm *sm, const struct stanza *presence, const char *host, uint64_t version)
{
    bool available = presence->type == PRESENCE_AVAILABLE;
    struct seen *seen;

    if (!presence->from.resource || (!available && presence->type != PRESENCE_UNAVAILABLE))
        return;
    seen = available ? get(sm, &presence->from) : find(sm, presence->from.bare);
    if (!seen)
        return;
    seen->gone = false;
    if (!seen->host || strcmp(seen->host, host) != 0) {
        free(seen->host);
        seen->host = xstrdup(host);
    }
    if (version)
        seen->version = version;
    if (available)
        add_resource(seen, presence->from.resource);
    else
        forget_resource(seen, presence->from.resource);
    if (!seen->resources)
        forget(sm, seen);
}

/* --- telling its node what was seen --- */

static void describe(struct element *envelope, const struct seen *seen)
{
    struct element *element = element_add(envelope, NS_NET, "seen");
    const struct resource *resource;

    element_set(element, "jid", seen->jid->bare);
    element_set(element, "version", arena_printf(element->arena, "%" PRIx64, seen->version));
    LL_FOREACH (seen->resources, resource) {
        element_add_with_text(element, NS_NET, "resource", resource->name);
    }
}

/* To whoever owns the slot there, with the others of the slot. */
static struct stanza *begin_telling(struct sm *sm, const struct seen *first)
{
    struct envelope envelope = {.stage = ENVELOPE_HOME};
    struct arena *arena = arena_new();
    struct stanza *message = NULL;
    struct jid from, to;

    envelope.home = directory_own_home(sm->worker, &envelope.epoch);
    if (envelope.home) {
        from = envelope_address(arena, NULL, worker_host(sm->worker));
        to = envelope_address(arena, first->jid->local, first->host);
        message = envelope_wrap(&envelope, NULL, &from, &to);
    }
    arena_free(arena);
    return message;
}

static void send_take(struct sm *sm, struct stanza *message)
{
    if (message && worker_route(sm->worker, message) < 0)
        log_debug("presence_not_compared", LOG_TEXT("to", message->to.full));
    stanza_unref(message);
}

static void tell_slot(struct sm *sm, const char *host, unsigned slot)
{
    struct stanza *message = NULL;
    struct seen *seen, *next;
    unsigned count = 0;

    HASH_ITER (hh, sm->far_in->seen, seen, next) {
        if (slot_of(seen->jid->bare) != slot || strcmp(seen->host, host) != 0 || seen->gone)
            continue;
        if (!message)
            message = begin_telling(sm, seen);
        if (message)
            describe(envelope_of(message), seen);
        if (++count % TELL_MAX == 0) {
            send_take(sm, message);
            message = NULL;
        }
    }
    send_take(sm, message);
}

/* --- giving up --- */

static void show_gone(struct account *account, const struct seen *seen)
{
    const struct resource *resource;

    LL_FOREACH (seen->resources, resource) {
        struct stanza *unavailable = stanza_new(STANZA_PRESENCE, PRESENCE_UNAVAILABLE);
        struct jid *from = jid_dup_with_resource(seen->jid, resource->name);

        stanza_set_from(unavailable, from);
        stanza_set_to(unavailable, account->jid);
        if (account_queue(account, delivery_job, unavailable) < 0)
            log_debug("presence_not_shown", LOG_TEXT("account", account->jid->bare));
        stanza_unref(unavailable);
        free(from);
    }
}

static void show_all_gone(struct sm *sm, const struct jid *jid, const char *host)
{
    struct account *account = account_find(sm, jid->bare);

    if (!account)
        return;
    ROSTER_ITEMS (item, account) {
        const struct seen *seen =
            subscription_to(item->subscription) ? find(sm, item->jid->bare) : NULL;

        if (seen && seen->gone && strcmp(seen->host, host) == 0)
            show_gone(account, seen);
    }
}

static void forget_gone(struct sm *sm, const struct jid *jid UNUSED, const char *host)
{
    struct seen *seen, *next;

    HASH_ITER (hh, sm->far_in->seen, seen, next) {
        if (seen->gone && strcmp(seen->host, host) == 0)
            forget(sm, seen);
    }
}

static void give_up(struct sm *sm, struct far_node *node)
{
    struct account *account, *next_account;
    struct seen *seen, *next;

    log_info("node_given_up", LOG_TEXT("peer", node->host));
    node->given_up = true;
    HASH_ITER (hh, sm->far_in->seen, seen, next) {
        seen->gone = seen->gone || strcmp(seen->host, node->host) == 0;
    }
    HASH_ITER (hh, sm->accounts, account, next_account) {
        if (account->sessions)
            far_errand(sm, account->jid, node->host, show_all_gone);
    }
    far_errand(sm, NULL, node->host, forget_gone);
}

static void on_tick(void *user)
{
    struct sm *sm = user;
    uint64_t now = clock_monotonic_ms();
    struct far_node *node, *next;
    bool waiting = false;

    HASH_ITER (hh, sm->far_in->nodes, node, next) {
        if (!node->lost || node->given_up)
            continue;
        if (node->lost_ms + sm->limits.presence_ms <= now)
            give_up(sm, node);
        else
            waiting = true;
    }
    if (!waiting)
        timer_stop(sm->far_in->timer);
}

/* --- nodes come and go --- */

static struct far_node *get_node(struct sm *sm, const char *host)
{
    struct far_node *node;

    HASH_FIND_STR(sm->far_in->nodes, host, node);
    if (node)
        return node;
    node = xcalloc(1, sizeof(*node) + strlen(host) + 1);
    memcpy(node->host, host, strlen(host) + 1);
    HASH_ADD_STR(sm->far_in->nodes, host, node);
    return node;
}

/* How long it was away. */
static uint64_t back(struct sm *sm, struct far_node *node)
{
    uint64_t outage_ms = node->lost ? clock_monotonic_ms() - node->lost_ms : 0;

    node->lost = node->given_up = false;
    for (unsigned slot = 0; slot < SLOTS; slot++)
        tell_slot(sm, node->host, slot);
    return outage_ms;
}

void far_node_reachable(struct sm *sm, const char *host, bool reachable)
{
    struct far_node *node = get_node(sm, host);
    uint64_t outage_ms = 0;

    if (reachable) {
        outage_ms = back(sm, node);
    } else if (!node->lost) {
        node->lost = true;
        node->lost_ms = clock_monotonic_ms();
        timer_start(sm->far_in->timer, TICK_MS, TICK_MS);
    }
    far_out_reachable(sm, host, reachable, outage_ms * 2 >= sm->limits.presence_ms);
}

/* --- life --- */

static void start(struct sm *sm)
{
    sm->far_in = xcalloc(1, sizeof(*sm->far_in));
    sm->far_in->timer = timer_new(sm->loop, on_tick, sm);
}

static void stop(struct sm *sm)
{
    struct seen *seen, *next;
    struct far_node *node, *next_node;

    timer_close(sm->far_in->timer);
    HASH_ITER (hh, sm->far_in->seen, seen, next) {
        forget(sm, seen);
    }
    HASH_ITER (hh, sm->far_in->nodes, node, next_node) {
        HASH_DEL(sm->far_in->nodes, node);
        free(node);
    }
    free(sm->far_in);
}

const struct sm_module far_in_module = {.name = "far-in", .start = start, .stop = stop};
