/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The daemon from start to stop, and between router and other servers.
 */
#include "s2s/server.h"

#include <stdlib.h>

#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/service/follow.h"
#include "common/service/service.h"
#include "s2s/dns_unbound.h"
#include "s2s/in.h"
#include "s2s/inbound.h"
#include "s2s/multicast.h"
#include "s2s/offer.h"
#include "s2s/out.h"
#include "s2s/pair.h"
#include "s2s/probe.h"
#include "s2s/several.h"
#include "s2s/suspect.h"

/* --- stanzas --- */

void server_bounce(struct server *server, const struct stanza *stanza,
                   enum stanza_condition condition, const char *text)
{
    if (probe_bounced(server, stanza, text))
        return;
    struct stanza *error = stanza_error(stanza, condition, text);
    log_debug("s2s_bounced", LOG_TEXT("from", stanza->has_from ? stanza->from.full : NULL),
              LOG_TEXT("to", stanza->has_to ? stanza->to.full : NULL),
              LOG_TEXT("condition", stanza_condition_name(condition)), LOG_TEXT("reason", text));
    FOLLOW(stanza->root, "bounced: %s%s%s", stanza_condition_name(condition), text ? ", " : "",
           text ? text : "");
    if (error && link_send(server->link, error) != 0)
        log_debug("s2s_error_lost", LOG_TEXT("to", error->has_to ? error->to.full : NULL));
    stanza_unref(error);
}

static void pause_all(struct server *server, bool pause)
{
    struct in *in;
    if (server->congested == pause)
        return;
    server->congested = pause;
    DL_FOREACH (server->ins, in) {
        (pause ? conn_pause : conn_resume)(in->conn);
    }
}

/* What came from outside and cannot get in goes back out as an error. */
static void return_to_sender(struct server *server, struct stanza *stanza,
                             enum stanza_condition condition)
{
    struct stanza *error = stanza_error(stanza, condition, NULL);
    stanza_unref(stanza);
    if (error)
        server_to_remote(server, error);
}

void server_check_link(struct server *server)
{
    if (link_is_congested(server->link))
        pause_all(server, true);
}

void server_to_router(struct server *server, struct stanza *stanza)
{
    int error = link_send(server->link, stanza);
    FOLLOW(stanza->root,
           error ? "came in: sent back, the router is away or full" : "came in, to the router");
    server_check_link(server);
    if (error)
        return_to_sender(server, stanza, STANZA_RESOURCE_CONSTRAINT);
    else
        stanza_unref(stanza);
}

const char *server_why_not(const struct server *server, const char *local, const char *remote)
{
    if (!policy_is_ours(server->policy, local))
        return "this domain does not federate";
    if (policy_is_ours(server->policy, remote))
        return "the domain is here, but nobody serves it";
    if (!policy_admits(server->policy, remote))
        return "federation with this domain is not allowed here";
    return NULL;
}

void server_to_remote(struct server *server, struct stanza *stanza)
{
    if (!stanza->has_from || !stanza->has_to) {
        stanza_unref(stanza);
        return;
    }
    const char *problem = server_why_not(server, stanza->from.domain, stanza->to.domain);
    if (problem) {
        server_bounce(server, stanza, STANZA_REMOTE_SERVER_NOT_FOUND, problem);
        stanza_unref(stanza);
        return;
    }
    pair_send(pair_get(server, stanza->from.domain, stanza->to.domain), stanza, NULL);
}

/* --- the router --- */

static void on_up(void *user)
{
    struct server *server = user;
    inbound_reachable(server, NULL, true);
    if (server->listeners.count > 0 || server->stopping) {
        service_status("federating");
        return;
    }
    if (server_listen(server) != 0)
        exit(EXIT_FAILURE); /* an address is taken or not ours: logged; nothing is lost yet */
    service_ready("federating");
}

static void on_down(void *user)
{
    (void)user;
    service_status("the router is away");
}

static void on_stanza(void *user, struct stanza *stanza, int problem)
{
    struct server *server = user;
    if (server_returned(server, stanza))
        return;
    if (problem < 0) {
        server_to_remote(server, stanza);
        return;
    }
    server_bounce(server, stanza, (enum stanza_condition)problem, NULL);
    stanza_unref(stanza);
}

static void on_drained(void *user)
{
    pause_all(user, false);
    inbound_reachable(user, NULL, false);
}

static void on_undelivered(void *user, struct stanza *stanza)
{
    struct server *server = user;
    if (stanza->has_from && policy_is_ours(server->policy, stanza->to.domain) && !server->stopping)
        return_to_sender(server, stanza, STANZA_REMOTE_SERVER_TIMEOUT);
    else
        stanza_unref(stanza);
}

static void on_offer(void *user, const struct durable *offer, struct stanza *stanza)
{
    offer_received(user, offer, stanza);
}

static void on_batch(void *user, const struct batch *batch, struct stanza *stanza)
{
    struct server *server = user;
    if (batch->kind == DURABLE_OFFER && !batch->whole) {
        several_offered(server, batch, stanza);
        return;
    }
    if (batch->kind == DURABLE_OFFER) /* whole: for nodes of the network */
        link_refuse_batch(server->link, batch, STANZA_FEATURE_NOT_IMPLEMENTED);
    else if (batch->kind == DURABLE_TOOK)
        inbound_took_all(server, batch);
    else
        link_take_one_by_one(server->link, batch);
    stanza_unref(stanza);
}

static void on_answered(void *user, const struct durable *answer)
{
    if (answer->kind == DURABLE_FORGET)
        offer_forget(user, answer->id);
    else
        inbound_answered(user, answer);
}

static void on_full(void *user, const char *id)
{
    inbound_full(user, id);
}

static void on_ready(void *user, const char *name)
{
    inbound_reachable(user, name, false);
}

/* Nothing of what comes from outside takes the default route. */
static void on_route(void *user, const char *name, bool available, const char *incarnation)
{
    (void)incarnation;
    if (available && name)
        inbound_reachable(user, name, true);
}

static void on_link_closed(void *user)
{
    struct server *server = user;
    void (*stopped)(void *) = server->stopped;
    void *stopped_user = server->stopped_user;
    struct remote *remote, *next;
    probe_free_all(server);
    HASH_ITER (hh, server->remotes, remote, next) {
        remote_free(remote);
    }
    offer_free_all(server);
    inbound_stop(server);
    multicast_stop(server);
    suspect_free_all(server);
    dns_unbound_free(server->dns);
    parser_pool_free(server->parsers);
    server_close_network(server);
    policy_unref(server->policy);
    gate_free(server->gate);
    turns_free(server->turns);
    free(server->own);
    free(server);
    stopped(stopped_user);
}

static const struct link_ops link_ops = {
    .up = on_up,
    .down = on_down,
    .stanza = on_stanza,
    .drained = on_drained,
    .undelivered = on_undelivered,
    .offer = on_offer,
    .answered = on_answered,
    .batch = on_batch,
    .full = on_full,
    .ready = on_ready,
    .route = on_route,
    .closed = on_link_closed,
};

static void open_link(struct server *server)
{
    const struct link_settings settings = {
        .address = config_text(server->config, "s2s", NULL, "router"),
        .name = "s2s",
    };
    const struct link_bind bind = {.is_default = true};
    server->link = link_new(server->loop, server->parsers, &settings, &link_ops, server);
    link_bind(server->link, &bind);
    server_bind_return(server);
}

/* --- life --- */

int server_start(struct loop *loop, const struct config *config, void **state)
{
    struct server *server = xcalloc(1, sizeof(*server));
    server->loop = loop;
    server->config = config;
    server->gate = gate_new();
    server->turns = turns_new(server);
    server->parsers = parser_pool_new();
    server_read_limits(server, config);
    *state = server;
    if (policy_load(config, NULL, &server->policy) != 0 ||
        server_open_network(server, config) != 0 || server_open_dns(server, config) != 0)
        return ERR_INVALID;
    open_link(server);
    inbound_start(server);
    return 0;
}

/* Streams go on under the policy they began with; what is no longer allowed is closed. */
static void close_what_is_denied(struct server *server)
{
    struct in *in, *next_in;
    struct out *out, *next_out;
    struct remote *remote, *next_remote;
    DL_FOREACH_SAFE (server->ins, in, next_in) {
        if (!in_is_admitted(in, server->policy))
            in_close(in, STREAM_POLICY_VIOLATION);
    }
    DL_FOREACH_SAFE (server->outs, out, next_out) {
        if (!policy_admits(server->policy, out->remote->domain))
            out_close(out);
    }
    HASH_ITER (hh, server->remotes, remote, next_remote) {
        if (!policy_admits(server->policy, remote->domain))
            remote_deny(remote);
    }
}

int server_reload(void *state, const struct config *config)
{
    struct server *server = state;
    struct policy *policy;
    int error = document_reload(server->document, config);
    if (!error)
        error = policy_load(config, server->policy, &policy);
    if (error)
        return error;
    policy_unref(server->policy);
    server->policy = policy;
    server->config = config;
    server_read_limits(server, config);
    server_bind_return(server);
    close_what_is_denied(server);
    return 0;
}

void server_stream_closed(struct server *server)
{
    if (server->stopping && !server->ins && !server->outs)
        link_close(server->link);
}

static void end_remotes(struct server *server)
{
    struct remote *remote, *next;
    HASH_ITER (hh, server->remotes, remote, next) {
        remote_stop(remote);
    }
}

void server_stop(void *state, void (*stopped)(void *user), void *user)
{
    struct server *server = state;
    struct in *in, *next_in;
    struct out *out, *next_out;
    server->stopping = true;
    server->stopped = stopped;
    server->stopped_user = user;
    listeners_close(&server->listeners);
    probe_end_all(server, "the server stops");
    DL_FOREACH_SAFE (server->ins, in, next_in) {
        in_close(in, STREAM_SYSTEM_SHUTDOWN);
    }
    DL_FOREACH_SAFE (server->outs, out, next_out) {
        out_close(out);
    }
    end_remotes(server);
    server_stream_closed(server);
}
