/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The daemon from start to stop, and between router and peers.
 */
#include "net/server.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/service/service.h"
#include "net/document.h"
#include "net/line.h"
#include "net/passage.h"
#include "net/peer.h"

/* What a peer has no room for goes back this way, so it needs some itself. */
#define ROUTER_QUEUE_MIN ((size_t)4 * 1024 * 1024)

/* --- outside --- */

static void pause_all(struct server *server, bool pause)
{
    struct line *line;
    if (server->congested == pause)
        return;
    server->congested = pause;
    DL_FOREACH (server->lines, line) {
        (pause ? conn_pause : conn_resume)(line->conn);
    }
}

void server_check_link(struct server *server)
{
    if (link_is_congested(server->link))
        pause_all(server, true);
}

/* Peers hear that somebody is there (again) who may have lost what was handed to him, or that there
 * is room. */
static void tell_ready(struct server *server, bool everybody)
{
    struct peer *peer, *next;
    HASH_ITER (hh, server->peers, peer, next) {
        if (!everybody && !peer->wants_room)
            continue;
        peer->wants_room = false;
        peer_tell_ready(peer);
    }
}

/* --- the router --- */

static void on_up(void *user)
{
    struct server *server = user;
    struct peer *peer, *next;
    if (server->listening || server->stopping) {
        service_status("linked");
        tell_ready(server, true);
        return;
    }
    if (server_listen(server) != 0)
        exit(EXIT_FAILURE); /* an address is taken or not ours: logged; nothing is lost yet */
    server->listening = true;
    HASH_ITER (hh, server->peers, peer, next) {
        peer_plan(peer);
    }
    service_ready("linked");
}

static void on_down(void *user)
{
    (void)user;
    service_status("the router is away");
}

static void on_stanza(void *user, struct stanza *stanza, int problem)
{
    struct server *server = user;
    struct peer *peer = stanza->has_to ? peer_find(server, stanza->to.domain) : NULL;
    if (problem >= 0)
        peer_bounce(server, stanza, (enum stanza_condition)problem);
    else if (!peer || !stanza->has_from)
        peer_bounce(server, stanza, STANZA_REMOTE_SERVER_NOT_FOUND);
    else
        peer_send(peer, stanza);
}

static void on_offer(void *user, const struct durable *offer, struct stanza *stanza)
{
    struct server *server = user;
    struct peer *peer = peer_find(server, offer->to.domain);
    if (peer) {
        peer_offer(peer, offer, stanza);
        return;
    }
    struct durable refused = durable_answer(offer, DURABLE_REFUSED);
    refused.reason = STANZA_REMOTE_SERVER_TIMEOUT; /* it may become a member again */
    link_answer(server->link, &refused);
    stanza_unref(stanza);
}

static void on_answered(void *user, const struct durable *answer)
{
    struct server *server = user;
    struct peer *peer = peer_find(server, answer->to.domain);
    if (answer->kind != DURABLE_FORGET)
        passage_remove(server, answer->id);
    if (peer)
        peer_answer(peer, answer);
}

/* All are for one node: whoever makes batches looks at that. */
static void on_batch(void *user, const struct batch *batch, struct stanza *stanza)
{
    struct server *server = user;
    const struct jid *to = batch->kind == DURABLE_TOOK ? &batch->to : &batch->items[0].jid;
    struct peer *peer = peer_find(server, to->domain);
    if (batch->kind == DURABLE_OFFER && peer)
        peer_offer_batch(peer, batch, stanza);
    else if (batch->kind == DURABLE_OFFER)
        peer_refuse_batch(server, batch, STANZA_REMOTE_SERVER_TIMEOUT);
    for (size_t i = 0; batch->kind == DURABLE_TOOK && i < batch->count; i++)
        passage_remove(server, batch->items[i].id);
    if (batch->kind != DURABLE_OFFER && peer)
        peer_answer_batch(peer, batch);
    stanza_unref(stanza);
}

static void on_full(void *user, const char *id)
{
    passage_full(user, id);
}

static void on_ready(void *user, const char *name)
{
    (void)name;
    tell_ready(user, false);
}

static void on_drained(void *user)
{
    pause_all(user, false);
    tell_ready(user, false);
}

/* A worker of ours has come: what was handed to the one before it may be lost. */
static void on_route(void *user, const char *name, bool available, const char *incarnation)
{
    struct server *server = user;
    (void)incarnation;
    if (available && name && strcmp(name, server->host) == 0)
        tell_ready(server, true);
}

static void on_undelivered(void *user, struct stanza *stanza)
{
    struct server *server = user;
    struct peer *peer = stanza->has_from ? peer_find(server, stanza->from.domain) : NULL;
    struct stanza *error = peer ? stanza_error(stanza, STANZA_REMOTE_SERVER_TIMEOUT, NULL) : NULL;
    if (error)
        peer_send(peer, error);
    stanza_unref(stanza);
}

static void on_link_closed(void *user)
{
    struct server *server = user;
    void (*stopped)(void *) = server->stopped;
    void *stopped_user = server->stopped_user;
    passage_remove_all(server);
    document_close(server->document);
    parser_pool_free(server->parsers);
    tls_context_unref(server->tls_accept);
    tls_context_unref(server->tls_dial);
    gate_free(server->gate);
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
        .address = config_text(server->config, "net", NULL, "router"),
        .name = "net",
        .queue_bytes = MAX(server->limits.queue_bytes, ROUTER_QUEUE_MIN),
    };
    server->link = link_new(server->loop, server->parsers, &settings, &link_ops, server);
}

/* --- the document --- */

bool server_is_linked_with(const struct server *server, const struct network_member *member)
{
    const struct network_member *own = network_member_by_host(server->network, server->host);
    return own && own != member &&
           network_member_is_linked(server->network, member, document_now());
}

static bool is_peer(const struct server *server, const char *host)
{
    const struct network_member *member =
        server->network ? network_member_by_host(server->network, host) : NULL;
    return member && server_is_linked_with(server, member);
}

static void remove_former(struct server *server)
{
    struct peer *peer, *next;
    HASH_ITER (hh, server->peers, peer, next) {
        if (!is_peer(server, peer->host)) {
            log_info("net_peer_removed", LOG_TEXT("host", peer->host));
            peer_remove(peer);
        }
    }
}

/* Keys may have changed. */
static void close_what_is_denied(struct server *server)
{
    struct line *line, *next;
    DL_FOREACH_SAFE (server->lines, line, next) {
        if (!line->ended && !line_is_admitted(line))
            line_close(line, STREAM_NOT_AUTHORIZED, "the network document has changed");
    }
}

static void add_new(struct server *server)
{
    for (size_t i = 0; server->network && i < server->network->members_count; i++) {
        const struct network_member *member = &server->network->members[i];
        if (!server_is_linked_with(server, member) || peer_find(server, member->host))
            continue;
        log_info("net_peer_added", LOG_TEXT("host", member->host));
        peer_add(server, member->host);
    }
}

static void apply(struct server *server)
{
    remove_former(server);
    close_what_is_denied(server);
    add_new(server);
}

static void on_document(void *user, const struct network *before, const struct network *now)
{
    struct server *server = user;
    struct peer *peer, *next;
    (void)before;
    document_tell_former(server, now);
    server->network = now;
    apply(server);
    document_tell_all(server);
    HASH_ITER (hh, server->peers, peer, next) {
        peer_hurry(peer);
    }
}

/* --- life --- */

int server_start(struct loop *loop, const struct config *config, void **state)
{
    struct server *server = xcalloc(1, sizeof(*server));
    const struct document_settings settings = {
        .loop = loop, .config = config, .changed = on_document, .user = server};
    server->loop = loop;
    server->config = config;
    server->host = config_text(config, "node", NULL, "host");
    server->domain = config_text(config, "node", NULL, "network");
    server->gate = gate_new();
    server->parsers = parser_pool_new();
    server_read_limits(server, config);
    *state = server;
    if (server_open_tls(server, config) || document_open(&settings, &server->document))
        return ERR_INVALID;
    server->network = document_network(server->document);
    open_link(server);
    apply(server);
    document_tell_all(server);
    return 0;
}

int server_reload(void *state, const struct config *config)
{
    struct server *server = state;
    int error = server_open_tls(server, config);
    if (!error)
        error = document_reload(server->document, config);
    if (error)
        return error;
    server->config = config;
    server->host = config_text(config, "node", NULL, "host");
    server->domain = config_text(config, "node", NULL, "network");
    server_read_limits(server, config);
    return 0;
}

void server_line_closed(struct server *server)
{
    if (server->stopping && !server->lines)
        link_close(server->link);
}

void server_stop(void *state, void (*stopped)(void *user), void *user)
{
    struct server *server = state;
    struct line *line, *next;
    server->stopping = true;
    server->stopped = stopped;
    server->stopped_user = user;
    listeners_close(&server->listeners);
    peer_remove_all(server);
    DL_FOREACH_SAFE (server->lines, line, next) {
        if (!stream_has_flag(line->stream, STREAM_AUTHENTICATED))
            line_abandon(line);
    }
    server_line_closed(server);
}
