/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Another node: its states, and its route.
 */
#include "net/peer.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "net/document.h"
#include "net/line.h"

#define READY_MS 1000

static const char *const STATE_NAMES[] = {
    [PEER_DOWN] = "down", [PEER_LOST] = "lost", [PEER_UP] = "up"};

const char *peer_state_name(enum peer_state state)
{
    return STATE_NAMES[state];
}

struct peer *peer_find(const struct server *server, const char *host)
{
    struct peer *peer;
    HASH_FIND_STR(server->peers, host, peer);
    return peer;
}

/* --- the route --- */

static void bind(struct peer *peer, bool announced)
{
    const struct link_bind bind = {.name = peer->host, .is_private = !announced};
    link_unbind(peer->server->link, peer->host);
    link_bind(peer->server->link, &bind);
    peer->announced = announced;
}

void peer_announce(struct peer *peer)
{
    bind(peer, true);
}

void peer_announce_soon(struct peer *peer)
{
    peer->wants_ready = timer_active(peer->ready);
    if (peer->wants_ready)
        return;
    timer_start(peer->ready, READY_MS, 0);
    if (peer->state == PEER_UP)
        peer_announce(peer);
}

static void on_ready(void *user)
{
    struct peer *peer = user;
    if (peer->wants_ready)
        peer_announce_soon(peer);
}

/* --- states --- */

static void enter(struct peer *peer, enum peer_state state)
{
    log_debug("net_peer_state", LOG_TEXT("host", peer->host),
              LOG_TEXT("from", STATE_NAMES[peer->state]), LOG_TEXT("to", STATE_NAMES[state]));
    peer->state = state;
    peer->since_ms = clock_monotonic_ms();
}

static void bounce(void *user, struct stanza *stanza)
{
    struct peer *peer = user;
    peer_bounce(peer->server, stanza, STANZA_REMOTE_SERVER_TIMEOUT);
}

/* What had been sent to the other end as it was then may have arrived or not. */
void peer_end_session(struct peer *peer)
{
    ledger_drop(&peer->ledger, ENTRY_OFFER, NULL, NULL);
    ledger_drop_sent(&peer->ledger, ENTRY_STANZA, bounce, peer);
    ledger_restart(&peer->ledger);
    free(peer->session);
    peer->session = NULL;
}

/* Whoever offered something offers it again when he hears that the peer is back. */
static void go_down(struct peer *peer)
{
    const struct server_limits *limits = &peer->server->limits;
    uint64_t rest = limits->resume_ms > limits->down_ms ? limits->resume_ms - limits->down_ms : 1;
    enter(peer, PEER_DOWN);
    log_warn("net_peer_down", LOG_TEXT("host", peer->host),
             LOG_INT("queued", peer->ledger.waiting_count + peer->ledger.sent_count));
    ledger_drop(&peer->ledger, ENTRY_OFFER, NULL, NULL);
    bind(peer, false);
    timer_start(peer->patience, rest, 0);
}

static void on_patience(void *user)
{
    struct peer *peer = user;
    if (peer->state == PEER_LOST) {
        go_down(peer);
        return;
    }
    log_info("net_session_ended", LOG_TEXT("host", peer->host));
    peer_end_session(peer);
    ledger_drop(&peer->ledger, ENTRY_STANZA, bounce, peer);
    ledger_fini(&peer->ledger);
}

static void log_up(const struct peer *peer, bool resumed)
{
    log_info("net_link_up", LOG_TEXT("host", peer->host),
             LOG_TEXT("addr", conn_peer_address(peer->line->conn)),
             LOG_TEXT("sid", stream_id(peer->line->stream)),
             LOG_TEXT("by", peer->line->dialled ? "dialling" : "accepting"),
             LOG_TEXT("session", resumed ? "resumed" : "new"));
}

void peer_up(struct peer *peer, struct line *line, bool resumed)
{
    bool was_down = peer->state == PEER_DOWN;
    struct line *older = peer->line;
    peer->line = line;
    if (older)
        line_abandon(older);
    if (peer->dialled && peer->dialled != line)
        line_abandon(peer->dialled);
    peer->dialled = NULL;
    timer_stop(peer->patience);
    timer_stop(peer->retry);
    peer->failures = 0;
    free(peer->problem);
    peer->problem = NULL;
    peer->missed = 0;
    peer->misses_answers = peer->misses_answers && resumed; /* it offers everything again */
    enter(peer, PEER_UP);
    log_up(peer, resumed);
    if (was_down || !resumed)
        peer_announce(peer);
    timer_start(peer->beat, peer->server->limits.heartbeat_ms, peer->server->limits.heartbeat_ms);
    document_greet(peer);
    peer_flush(peer);
}

void peer_line_ended(struct peer *peer, struct line *line)
{
    bool was_link = peer->line == line;
    if (was_link || !peer->line) {
        free(peer->problem);
        peer->problem = xstrdup_or_null(line->problem);
    }
    bool dead = was_link && peer->missed >= peer->server->limits.down_beats;
    if (peer->dialled == line) {
        peer->dialled = NULL;
        peer->failures++;
    }
    if (was_link) {
        peer->line = NULL;
        timer_stop(peer->beat);
        timer_stop(peer->cork);
        enter(peer, PEER_LOST);
        timer_start(peer->patience, dead ? 1 : peer->server->limits.down_ms, 0);
    }
    if (!peer->line && !peer->dialled)
        peer_plan(peer);
}

/* --- life --- */

struct peer *peer_add(struct server *server, const char *host)
{
    struct peer *peer = xcalloc(1, sizeof(*peer));
    peer->server = server;
    peer->host = xstrdup(host);
    peer->since_ms = clock_monotonic_ms();
    peer->retry = timer_new(server->loop, peer_dial, peer);
    peer->patience = timer_new(server->loop, on_patience, peer);
    peer->beat = timer_new(server->loop, peer_beat, peer);
    peer->cork = timer_new(server->loop, peer_flush, peer);
    peer->ready = timer_new(server->loop, on_ready, peer);
    HASH_ADD_KEYPTR(hh, server->peers, peer->host, strlen(peer->host), peer);
    bind(peer, false);
    peer_plan(peer);
    return peer;
}

void peer_remove(struct peer *peer)
{
    struct server *server = peer->server;
    HASH_DEL(server->peers, peer);
    lines_forget(server, peer, server->stopping ? STREAM_SYSTEM_SHUTDOWN : STREAM_NOT_AUTHORIZED);
    peer_end_session(peer);
    ledger_drop(&peer->ledger, ENTRY_STANZA, bounce, peer);
    ledger_fini(&peer->ledger);
    link_unbind(server->link, peer->host);
    timer_close(peer->retry);
    timer_close(peer->patience);
    timer_close(peer->beat);
    timer_close(peer->cork);
    timer_close(peer->ready);
    free(peer->host);
    free(peer->problem);
    free(peer);
}

void peer_remove_all(struct server *server)
{
    struct peer *peer, *next;
    HASH_ITER (hh, server->peers, peer, next) {
        peer_remove(peer);
    }
}

void peer_reject(struct peer *peer, enum rejection rejection, const char *from, const char *to)
{
    peer->rejected[rejection]++;
    log_warn("net_rejected", LOG_TEXT("host", peer->host),
             LOG_TEXT("reason", rejection_name(rejection)), LOG_TEXT("from", from),
             LOG_TEXT("to", to));
}
