/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Services of domains.
 */
#include "c2s/pubsub/service.h"

#include <stdlib.h>
#include <string.h>

#include "c2s/pubsub/namespaces.h"
#include "c2s/pubsub/pubsub.h"
#include "c2s/pubsub/subscribe.h"
#include "c2s/slots.h"
#include "c2s/sm/core.h"
#include "c2s/sm/disco.h"
#include "c2s/sm/dispatch.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/xmpp/datetime.h"

struct service {
    struct sm *sm;
    char *domain;
    struct jid *jid;
    bool bound, asked;
    struct service *next;
};

/* Its row is like an account's, but nobody can have its name: the local part is empty. */
static const struct db_statement create = {
    .name = "pubsub_service_create",
    .sql = "WITH next AS (UPDATE home SET last_account = last_account + 1 WHERE home_id = 1"
           " AND NOT EXISTS (SELECT 1 FROM account WHERE domain = $1 AND local = '')"
           " RETURNING last_account)"
           " INSERT INTO account (owner, domain, local, slot, created, granted)"
           " SELECT last_account, $1, '', $2::bigint, $3::timestamptz, 1 FROM next",
    .parameters = 3,
};

static struct service *find(const struct sm *sm, const struct jid *jid)
{
    struct service *service;

    LL_FOREACH (sm->services, service) {
        if (!jid->local && strcmp(service->jid->domain, jid->domain) == 0)
            return service;
    }
    return NULL;
}

/* --- its name --- */

static void on_created(void *user, int status, const struct db_result *results, size_t count)
{
    struct service *service = user;
    struct sm *sm = service->sm;

    (void)results;
    (void)count;
    service->asked = false;
    sm->checks--;
    if (status < 0)
        log_warn("pubsub_service_failed", LOG_TEXT("name", service->jid->domain),
                 LOG_ERROR(status));
    else if (!sm->stopped && slots_owned(sm->slots, slot_of(service->jid->bare))) {
        service->bound = true;
        worker_bind_alone(sm->worker, service->jid->domain);
    }
    sm_stop_if_done(sm);
}

static void make(struct service *service)
{
    struct sm *sm = service->sm;
    unsigned slot = slot_of(service->jid->bare);
    struct db_unit *unit = db_unit_new(sm->db, slot);
    char now[DATETIME_SIZE];

    if (slots_fence(sm->slots, slot, unit) < 0) {
        db_cancel(unit);
        return;
    }
    datetime_format(clock_wall_us(), now);
    db_unit_add_values(unit, &create, DB_TEXT(service->jid->domain), DB_INT(slot), DB_TEXT(now));
    service->asked = true;
    sm->checks++;
    db_submit(unit, on_created, service);
}

void services_slots_changed(struct sm *sm)
{
    struct service *service;

    LL_FOREACH (sm->services, service) {
        bool owned = slots_owned(sm->slots, slot_of(service->jid->bare));

        if (owned && !service->bound && !service->asked)
            make(service);
        if (!owned && service->bound) {
            service->bound = false;
            worker_unbind_alone(sm->worker, service->jid->domain);
        }
    }
}

static void add(struct sm *sm, const char *domain)
{
    struct service *service;
    struct arena *arena = arena_new();
    char *name = xasprintf("pubsub.%s", domain);
    struct jid jid;

    if (jid_parse(arena, name, &jid) == 0) {
        service = xcalloc(1, sizeof(*service));
        service->sm = sm;
        service->domain = xstrdup(domain);
        service->jid = jid_dup(&jid);
        LL_PREPEND(sm->services, service);
    }
    free(name);
    arena_free(arena);
}

void services_start(struct sm *sm)
{
    const struct config *config = worker_config(sm->worker);

    for (size_t i = 0; i < config_instances(config, "domain"); i++) {
        const char *domain = config_instance(config, "domain", i);

        if (config_bool(config, "domain", domain, "pubsub"))
            add(sm, domain);
    }
}

void services_stop(struct sm *sm)
{
    struct service *service, *next;

    LL_FOREACH_SAFE (sm->services, service, next) {
        free(service->domain);
        free(service->jid);
        free(service);
    }
    sm->services = NULL;
}

/* --- what comes --- */

static bool is_request(const struct stanza *stanza)
{
    return stanza->type == IQ_GET || stanza->type == IQ_SET;
}

static void job(struct account *account, struct session *session, struct stanza *stanza,
                int problem)
{
    (void)session;
    (void)problem;
    if (account->state != ACCOUNT_READY)
        sm_refuse(account->sm, stanza, STANZA_RESOURCE_CONSTRAINT, NULL);
    else if (is_request(stanza))
        dispatch_request(account->sm, SM_TO_SERVICE, account, NULL, stanza);
    else if (!approval_answered(account, stanza) && stanza->type != MESSAGE_HEADLINE)
        sm_refuse(account->sm, stanza, STANZA_SERVICE_UNAVAILABLE, NULL);
}

/* It has no presence, and waits for no answers. */
bool service_arrived(struct sm *sm, struct stanza *stanza)
{
    const struct service *service = find(sm, &stanza->to);

    if (!service)
        return false;
    if (stanza->kind == STANZA_PRESENCE || stanza_is_reply(stanza))
        return true;
    if (stanza->to.resource)
        sm_refuse(sm, stanza, STANZA_SERVICE_UNAVAILABLE, NULL);
    else if (account_queue(account_get(sm, service->jid), job, stanza) < 0)
        sm_refuse(sm, stanza, STANZA_RESOURCE_CONSTRAINT, NULL);
    return true;
}

/* --- what it is --- */

static struct element *begin(struct sm_request *request, struct stanza **reply)
{
    struct element *query;

    *reply = stanza_result(request->iq);
    query = element_add((*reply)->root, request->payload->ns, "query");
    element_set(query, "node", element_get(request->payload, "node"));
    return query;
}

static void add_feature(struct element *query, const char *name)
{
    element_set(element_add(query, NS_DISCO_INFO, "feature"), "var", name);
}

static void add_self(struct element *query)
{
    struct element *identity = element_add(query, NS_DISCO_INFO, "identity");

    element_set(identity, "category", "pubsub");
    element_set(identity, "type", "service");
    add_feature(query, NS_DISCO_INFO);
    add_feature(query, NS_DISCO_ITEMS);
    for (const char *const *feature = pubsub_service_features; *feature; feature++)
        add_feature(query, *feature);
}

void service_info(struct sm_request *request)
{
    const char *node = element_get(request->payload, "node");
    struct stanza *reply;
    struct element *query = begin(request, &reply);

    if (!node) {
        add_self(query);
    } else if (!pubsub_disco_info(request->account, node, &request->iq->from, query)) {
        stanza_unref(reply);
        sm_error(request, STANZA_ITEM_NOT_FOUND, NULL);
        return;
    }
    sm_reply_take(request, reply);
}

void service_items(struct sm_request *request)
{
    const char *node = element_get(request->payload, "node");
    struct stanza *reply;

    if (node) {
        if (!pubsub_disco_items(request, node))
            sm_error(request, STANZA_ITEM_NOT_FOUND, NULL);
        return;
    }
    pubsub_disco_nodes(request->account, &request->iq->from, begin(request, &reply));
    sm_reply_take(request, reply);
}

void service_announce(struct sm *sm, const char *domain, struct element *query)
{
    struct service *service;

    LL_FOREACH (sm->services, service) {
        if (strcmp(service->domain, domain) == 0)
            element_set(element_add(query, NS_DISCO_ITEMS, "item"), "jid", service->jid->domain);
    }
}
