/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What goes to a peer: it waits here, within bounds, so that no peer that is slow harms another.
 */
#include <string.h>

#include "common/base/log.h"
#include "common/service/follow.h"
#include "net/address.h"
#include "net/line.h"
#include "net/peer.h"

/* Small ones that follow each other leave together (TCP and TLS frame each write). */
#define CORK_MS    2
#define CORK_BYTES ((size_t)32 * 1024)

void peer_bounce(struct server *server, struct stanza *stanza, enum stanza_condition condition)
{
    struct stanza *error = stanza_error(stanza, condition, NULL);
    FOLLOW(stanza->root, "bounced: %s", stanza_condition_name(condition));
    if (error && link_send(server->link, error) != 0)
        log_debug("net_error_lost", LOG_TEXT("to", error->has_to ? error->to.full : NULL));
    stanza_unref(error);
    stanza_unref(stanza);
}

static bool write_some(struct peer *peer, struct buffer *out)
{
    while (out->length < CORK_BYTES && ledger_next(&peer->ledger, out))
        continue;
    return out->length > 0;
}

static bool is_full(const struct peer *peer)
{
    return ledger_bytes(&peer->ledger) >= peer->server->limits.queue_bytes;
}

/* The other end need not have seen that the link was down, and waits for them still. */
static void make_good(struct peer *peer)
{
    if (!peer->misses_answers || !peer->line || is_full(peer))
        return;
    peer->misses_answers = false;
    peer_tell_ready(peer);
}

void peer_flush(void *user)
{
    struct peer *peer = user;
    struct buffer out = {0};
    while (peer->line && line_has_room(peer->line) && write_some(peer, &out)) {
        line_write(peer->line, out.data, out.length);
        peer_count_sent(peer, out.length);
        buffer_clear(&out);
    }
    buffer_fini(&out);
    make_good(peer);
}

/* The first goes at once, and what comes shortly behind it with the next. */
static void added(struct peer *peer)
{
    if (!peer->line)
        return;
    if (peer->ledger.waiting_bytes >= CORK_BYTES) {
        peer_flush(peer);
    } else if (!timer_active(peer->cork)) {
        peer_flush(peer);
        timer_start(peer->cork, CORK_MS, 0);
    }
}

/* -1: it may go. */
static int why_not(const struct peer *peer)
{
    if (peer->state == PEER_DOWN)
        return STANZA_REMOTE_SERVER_TIMEOUT;
    return is_full(peer) ? STANZA_RESOURCE_CONSTRAINT : -1;
}

static void make_outward(const struct peer *peer, struct stanza *stanza)
{
    const struct server *server = peer->server;
    struct jid from = address_outward(stanza->arena, &stanza->from, server->host, server->domain);
    stanza_set_from(stanza, &from);
}

void peer_send(struct peer *peer, struct stanza *stanza)
{
    int problem = why_not(peer);
    if (!judge_is_node_message(stanza))
        problem = STANZA_REMOTE_SERVER_NOT_FOUND;
    if (problem >= 0) {
        peer_bounce(peer->server, stanza, (enum stanza_condition)problem);
        return;
    }
    FOLLOW(stanza->root, "to node %s%s", peer->host, peer->line ? "" : ": waits for the link");
    make_outward(peer, stanza);
    ledger_add_stanza(&peer->ledger, stanza);
    peer->sent++;
    added(peer);
}

static void refuse(struct server *server, const struct durable *offer, enum stanza_condition reason)
{
    struct durable refused = durable_answer(offer, DURABLE_REFUSED);
    refused.reason = reason;
    link_answer(server->link, &refused);
}

static void add_words(struct peer *peer, enum entry_kind kind, const struct durable *words)
{
    struct buffer bytes = {0};
    durable_write(&bytes, words);
    ledger_add(&peer->ledger, kind, &bytes);
    added(peer);
}

void peer_offer(struct peer *peer, const struct durable *offer, struct stanza *stanza)
{
    int problem = why_not(peer);
    if (!judge_is_node_message(stanza))
        problem = STANZA_REMOTE_SERVER_NOT_FOUND;
    if (problem >= 0) {
        FOLLOW(stanza->root, "offer %s refused: %s", offer->id,
               stanza_condition_name((enum stanza_condition)problem));
        refuse(peer->server, offer, (enum stanza_condition)problem);
    } else {
        struct durable words = *offer;
        FOLLOW(stanza->root, "offer %s to node %s%s", offer->id, peer->host,
               peer->line ? "" : ": waits for the link");
        make_outward(peer, stanza);
        words.stanza = stanza->root;
        add_words(peer, ENTRY_OFFER, &words);
        peer->sent++;
    }
    stanza_unref(stanza);
}

/* Beyond the bound of all else, since they make room at the other end; but not for ever. */
void peer_answer(struct peer *peer, const struct durable *answer)
{
    const struct server *server = peer->server;
    struct arena *arena = arena_new();
    struct durable words = *answer;
    if (peer->state != PEER_DOWN && ledger_bytes(&peer->ledger) < 2 * server->limits.queue_bytes) {
        words.from = address_outward(arena, &answer->from, server->host, server->domain);
        add_words(peer, words.kind == DURABLE_FORGET ? ENTRY_FORGET : ENTRY_ANSWER, &words);
    } else {
        peer->misses_answers = true;
    }
    arena_free(arena);
}

/* --- batches --- */

void peer_refuse_batch(struct server *server, const struct batch *batch,
                       enum stanza_condition reason)
{
    for (size_t i = 0; i < batch->count; i++) {
        const struct durable offer = batch_word(batch, i);
        refuse(server, &offer, reason);
    }
}

static void add_batch(struct peer *peer, enum entry_kind kind, const struct batch *batch)
{
    for (size_t done = 0; done < batch->count;) {
        const struct batch rest = batch_from(batch, done);
        struct buffer bytes = {0};
        done += batch_write(&bytes, &rest);
        ledger_add(&peer->ledger, kind, &bytes);
        added(peer);
    }
}

static bool is_for(const struct batch *batch, const char *host)
{
    for (size_t i = 0; i < batch->count; i++) {
        if (strcmp(batch->items[i].jid.domain, host) != 0)
            return false;
    }
    return true;
}

/* Nothing has been agreed with a peer that was never there. */
static int why_no_batch(const struct peer *peer, const struct batch *batch)
{
    if (peer->versions[PROTOCOL_NET] == 0)
        return STANZA_REMOTE_SERVER_TIMEOUT;
    if (peer->versions[PROTOCOL_BATCH] == 0)
        return STANZA_FEATURE_NOT_IMPLEMENTED;
    return is_for(batch, peer->host) ? -1 : STANZA_REMOTE_SERVER_NOT_FOUND;
}

void peer_offer_batch(struct peer *peer, const struct batch *batch, struct stanza *stanza)
{
    struct batch words = *batch;
    int problem = why_not(peer);
    if (problem < 0)
        problem = why_no_batch(peer, batch);
    if (!judge_is_node_message(stanza))
        problem = STANZA_REMOTE_SERVER_NOT_FOUND;
    if (problem >= 0) {
        peer_refuse_batch(peer->server, batch, (enum stanza_condition)problem);
        return;
    }
    make_outward(peer, stanza);
    words.stanza = stanza->root;
    add_batch(peer, ENTRY_OFFER, &words);
    peer->sent++;
}

static void answer_one_by_one(struct peer *peer, const struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        const struct durable word = batch_word(batch, i);
        peer_answer(peer, &word);
    }
}

void peer_answer_batch(struct peer *peer, const struct batch *batch)
{
    const struct server *server = peer->server;
    enum entry_kind kind = batch->kind == DURABLE_FORGET ? ENTRY_FORGET : ENTRY_ANSWER;
    if (peer->versions[PROTOCOL_BATCH] == 0) {
        answer_one_by_one(peer, batch);
    } else if (peer->state != PEER_DOWN &&
               ledger_bytes(&peer->ledger) < 2 * server->limits.queue_bytes) {
        struct arena *arena = arena_new();
        struct batch words = *batch;
        words.from = address_outward(arena, &batch->from, server->host, server->domain);
        add_batch(peer, kind, &words);
        arena_free(arena);
    } else {
        peer->misses_answers = true;
    }
}

void peer_note(struct peer *peer, struct buffer *bytes)
{
    if (peer->state == PEER_DOWN) {
        buffer_fini(bytes);
        return;
    }
    ledger_add(&peer->ledger, ENTRY_NOTE, bytes);
    added(peer);
}

void peer_tell_ready(struct peer *peer)
{
    struct buffer bytes = {0};
    buffer_append_text(&bytes, "<ready xmlns='" NS_LINK "'/>");
    peer_note(peer, &bytes);
}
