/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * A worker's link to the router: what comes by it is the plugin's.
 */
#include <string.h>

#include "c2s/client.h"
#include "c2s/directory/directory.h"
#include "c2s/front/front.h"
#include "c2s/node_message.h"
#include "c2s/worker.h"
#include "common/base/log.h"
#include "common/base/table.h"
#include "common/service/service.h"

static void reachable(struct worker *worker, enum c2s_reach how, const char *name)
{
    if (worker->plugin->reachable)
        worker->plugin->reachable(worker->plugin_state, how, name);
}

static void on_link_up(void *user)
{
    struct worker *worker = user;

    if (worker->ready && worker->serving)
        service_status("serving clients");
    front_way_open(worker->front);
    reachable(worker, C2S_REACH_ALL, NULL);
}

/* Clients stay, and what they send waits in the link. */
static void on_link_down(void *user)
{
    struct worker *worker = user;

    slots_doubt(worker->slots);
    service_status("the router is away");
}

static void on_link_stanza(void *user, struct stanza *stanza, int problem)
{
    struct worker *worker = user;

    if (problem < 0 && node_message_take(worker, NULL, stanza))
        return;
    if (problem < 0 && directory_answered(worker, stanza)) {
        stanza_unref(stanza);
        return;
    }
    worker->plugin->routed(worker->plugin_state, stanza, problem);
}

static void on_undelivered(void *user, struct stanza *stanza)
{
    struct worker *worker = user;

    if (front_is_frame(stanza)) {
        stanza_unref(stanza); /* its trunk sends it again */
        return;
    }
    worker->plugin->undelivered(worker->plugin_state, stanza);
}

bool worker_is_congested(const struct worker *worker)
{
    return (worker->link && link_is_congested(worker->link)) ||
           (worker->db && db_is_congested(worker->db));
}

void worker_drained(void *user)
{
    struct worker *worker = user;
    struct client *client, *next;

    if (worker_is_congested(worker))
        return;
    DL_FOREACH_SAFE (worker->clients, client, next) {
        client_drained(client);
    }
}

static void on_drained(void *user)
{
    struct worker *worker = user;

    worker_drained(worker);
    front_way_open(worker->front);
    reachable(worker, C2S_REACH_ROOM, NULL);
}

static void on_route(void *user, const char *name, bool available, const char *incarnation)
{
    struct worker *worker = user;

    (void)incarnation;
    if (available && name) {
        directory_node_reachable(worker, name);
        front_node_reachable(worker->front, name);
    }
    reachable(worker, available ? C2S_REACH_ROUTE : C2S_REACH_LOST, name);
}

static void on_route_is_durable(void *user, const char *name)
{
    reachable(user, C2S_REACH_DURABLE, name);
}

static void on_offer(void *user, const struct durable *offer, struct stanza *stanza)
{
    struct worker *worker = user;
    struct durable took = durable_answer(offer, DURABLE_TOOK);

    if (node_message_take(worker, offer, stanza))
        return;
    if (worker->plugin->offered) {
        worker->plugin->offered(worker->plugin_state, offer, stanza);
        return;
    }
    worker->plugin->routed(worker->plugin_state, stanza, -1);
    link_answer(worker->link, &took);
}

static void on_batch(void *user, const struct batch *batch, struct stanza *stanza)
{
    struct worker *worker = user;

    if (worker->plugin->batch) {
        worker->plugin->batch(worker->plugin_state, batch, stanza);
        return;
    }
    link_take_one_by_one(worker->link, batch);
    stanza_unref(stanza);
}

static void on_answered(void *user, const struct durable *answer)
{
    struct worker *worker = user;

    if (worker->plugin->answered)
        worker->plugin->answered(worker->plugin_state, answer);
}

static void on_full(void *user, const char *id)
{
    struct worker *worker = user;

    if (worker->plugin->offer_full)
        worker->plugin->offer_full(worker->plugin_state, id);
}

static void on_ready(void *user, const char *name)
{
    reachable(user, C2S_REACH_ROOM, name);
}

/* The network domain decides about the slots; all names are shared by the same workers. */
static void on_members(void *user, const struct link_members *members)
{
    struct worker *worker = user;
    bool assigned[SLOTS];

    if (strcmp(members->name, worker->network) != 0 || !worker->serving)
        return;
    for (size_t slot = 0; slot < SLOTS; slot++)
        assigned[slot] = strcmp(members->ids[members->owner[slot]], worker->id) == 0;
    front_members(worker->front, members);
    slots_assign(worker->slots, assigned);
}

static void on_refused(void *user, const struct link_bind *bind, const char *condition)
{
    (void)user;
    log_error("bind_refused", LOG_TEXT("name", bind->name), LOG_TEXT("condition", condition));
}

static void on_link_closed(void *user)
{
    struct worker *worker = user;

    worker->link = NULL;
    worker_end_when_closed(worker);
}

static const struct link_ops link_ops = {
    .up = on_link_up,
    .down = on_link_down,
    .stanza = on_link_stanza,
    .members = on_members,
    .refused = on_refused,
    .undelivered = on_undelivered,
    .drained = on_drained,
    .route = on_route,
    .route_is_durable = on_route_is_durable,
    .offer = on_offer,
    .answered = on_answered,
    .batch = on_batch,
    .full = on_full,
    .ready = on_ready,
    .closed = on_link_closed,
};

static void bind_name(struct worker *worker, const char *name)
{
    const struct link_bind bind = {.name = name, .shared = worker->id};

    link_bind(worker->link, &bind);
}

/* Nothing is bound yet: stanzas come only once they can be served. */
void worker_open_link(struct worker *worker)
{
    const struct link_settings settings = {
        .address = config_text(worker->config, "c2s", NULL, "router"),
        .name = worker->id,
    };

    worker->link = link_new(worker->loop, worker->parsers, &settings, &link_ops, worker);
}

void worker_bind_host(struct worker *worker)
{
    bind_name(worker, worker->host);
}

void worker_bind_domains(struct worker *worker)
{
    for (size_t i = 0; i < worker->domains->count; i++)
        if (strcmp(worker->domains->list[i].name, worker->host) != 0)
            bind_name(worker, worker->domains->list[i].name);
}

void worker_unbind_host(struct worker *worker)
{
    link_unbind(worker->link, worker->host);
}

void worker_unbind_domains(struct worker *worker)
{
    for (size_t i = 0; i < worker->domains->count; i++)
        if (strcmp(worker->domains->list[i].name, worker->host) != 0)
            link_unbind(worker->link, worker->domains->list[i].name);
}

void worker_bind_alone(struct worker *worker, const char *name)
{
    link_bind(worker->link, &(const struct link_bind){.name = name});
}

void worker_unbind_alone(struct worker *worker, const char *name)
{
    if (worker->link)
        link_unbind(worker->link, name);
}

int worker_route(struct worker *worker, struct stanza *stanza)
{
    return link_send(worker->link, stanza);
}

int worker_offer(struct worker *worker, const char *id, unsigned attempt, const char *after,
                 const struct stanza *stanza)
{
    return link_offer(worker->link, id, attempt, after, stanza);
}

void worker_answer(struct worker *worker, const struct durable *answer)
{
    link_answer(worker->link, answer);
}

int worker_offer_batch(struct worker *worker, const struct batch *batch, struct stanza *stanza,
                       size_t *made)
{
    return link_offer_batch(worker->link, batch, stanza, made);
}

void worker_answer_batch(struct worker *worker, const struct batch *batch)
{
    link_answer_batch(worker->link, batch);
}
