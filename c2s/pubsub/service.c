/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Services of domains.
 */
#include "c2s/pubsub/service.h"

#include <stdlib.h>
#include <string.h>

#include "c2s/directory/directory.h"
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

/* How often it is asked whose the name is: by and by a node may join a network. */
#define RETRY_MS 500
#define LOOK_MS  60000

struct service {
    struct sm *sm;
    char *domain; /* whose service it is; NULL: a component answers there, and only the name is ours
                   */
    struct jid *jid;
    bool bound, asked;
    struct timer *timer; /* until the next question whose it is */
    unsigned attempts;
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
        if (!jid->local && service->domain && strcmp(service->jid->domain, jid->domain) == 0)
            return service;
    }
    return NULL;
}

bool service_is_here(const struct sm *sm, const struct jid *jid)
{
    const struct service *service = find(sm, jid);

    return service && service->bound;
}

/* --- its name --- */

static bool is_owned(const struct service *service)
{
    return !service->sm->stopped && slots_owned(service->sm->slots, slot_of(service->jid->bare));
}

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
    else if (is_owned(service)) {
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

/* --- which home has its name in the network --- */

static void unbind(struct service *service)
{
    if (service->bound)
        worker_unbind_alone(service->sm->worker, service->jid->domain);
    service->bound = false;
}

/* Another home's is reached by the directory (c2s/sm/places.h), here as everywhere. */
static void on_claimed(void *user, int status)
{
    struct service *service = user;
    struct sm *sm = service->sm;
    bool ours = status == 0;

    service->asked = false;
    sm->checks--;
    if (status == ERR_EXISTS && service->attempts == 0)
        log_info("service_elsewhere", LOG_TEXT("name", service->jid->domain));
    service->attempts = ours ? 0 : service->attempts + 1;
    if (ours && is_owned(service) && service->domain && !service->bound)
        make(service);
    if (status == ERR_EXISTS)
        unbind(service);
    if (!sm->stopped)
        timer_start(service->timer,
                    ours ? LOOK_MS : backoff_ms(service->attempts, RETRY_MS, LOOK_MS), 0);
    sm_stop_if_done(sm);
}

static void claim(void *user)
{
    struct service *service = user;

    if (!is_owned(service) || service->asked)
        return;
    service->asked = true;
    service->sm->checks++;
    directory_claim(service->sm->worker, service->jid, on_claimed, service);
}

void services_slots_changed(struct sm *sm)
{
    struct service *service;

    LL_FOREACH (sm->services, service) {
        if (is_owned(service))
            claim(service);
        else
            unbind(service);
    }
}

static void add(struct sm *sm, const char *name, const char *domain)
{
    struct service *service;
    struct arena *arena = arena_new();
    struct jid jid;

    if (jid_parse(arena, name, &jid) == 0 && !jid.local && !jid.resource) {
        service = xcalloc(1, sizeof(*service));
        service->sm = sm;
        service->domain = xstrdup_or_null(domain);
        service->jid = jid_dup(&jid);
        service->timer = timer_new(sm->loop, claim, service);
        LL_PREPEND(sm->services, service);
    }
    arena_free(arena);
}

static void add_pubsub(struct sm *sm, const char *domain)
{
    char *name = xasprintf("pubsub.%s", domain);

    add(sm, name, domain);
    free(name);
}

void services_start(struct sm *sm)
{
    const struct config *config = worker_config(sm->worker);

    for (size_t i = 0; i < config_instances(config, "domain"); i++) {
        const char *domain = config_instance(config, "domain", i);

        if (config_bool(config, "domain", domain, "pubsub"))
            add_pubsub(sm, domain);
    }
    for (size_t i = 0; i < config_list_size(config, "node", NULL, "network-service"); i++)
        add(sm, config_list_item(config, "node", NULL, "network-service", i), NULL);
}

void services_stop(struct sm *sm)
{
    struct service *service, *next;

    LL_FOREACH_SAFE (sm->services, service, next) {
        timer_close(service->timer);
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
        if (service->domain && strcmp(service->domain, domain) == 0)
            element_set(element_add(query, NS_DISCO_ITEMS, "item"), "jid", service->jid->domain);
    }
}
