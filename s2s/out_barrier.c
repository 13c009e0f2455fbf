/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Servers without XEP-0198: behind stanzas that somebody answers for goes a ping (XEP-0199). As
 * stanzas between two domains are handled in order (RFC 6120 §10.1), its answer, whatever it says,
 * proves that they have arrived. One ping is in question for each pair, and covers all before it.
 * The same, whatever the server has, behind what is for several (XEP-0033): as a whole that is
 * refused by an error, which comes before the answer.
 *
 * An answer has `ack-timeout`, whatever else goes on on the stream. Where XEP-0198 acknowledges
 * what has arrived, a ping may be lost alone, as with the router of the other server: it is asked
 * again meanwhile. Elsewhere not: what stood before it may be lost with it, and the answer to
 * another ping would hide that.
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/base/table.h"
#include "common/tls/crypto.h"
#include "common/xmpp/namespaces.h"
#include "s2s/out.h"

#define NS_PING  "urn:xmpp:ping"
#define ID_BYTES 16
/* After so many streams on which no ping was answered it is taken for a server that cannot. */
#define UNANSWERED_MAX 3
/* Asked again, where it is; doubled each time. */
#define AGAIN_MS 2000

static struct stanza *ping_of(const struct pair *pair)
{
    struct stanza *ping = stanza_new(STANZA_IQ, IQ_GET);
    struct jid jid;
    element_set(ping->root, "id", pair->barrier);
    element_add(ping->root, NS_PING, "ping");
    char *way = server_return(pair->remote->server, pair->local, pair->barrier);
    if (jid_make(ping->arena, NULL, pair->local, way, &jid) == 0)
        stanza_set_from(ping, &jid);
    if (jid_make(ping->arena, NULL, pair->remote->domain, NULL, &jid) == 0)
        stanza_set_to(ping, &jid);
    free(way);
    return ping;
}

static bool is_in_question(const struct pair *pair, const struct parcel *parcel)
{
    return parcel->pair == pair && (!pair->out->sm || (parcel->several && !parcel->confirmed));
}

static bool has_unconfirmed(const struct pair *pair)
{
    const struct parcel *parcel;
    DL_FOREACH (pair->out->unacked, parcel) {
        if (is_in_question(pair, parcel))
            return true;
    }
    DL_FOREACH (pair->out->held, parcel) {
        if (is_in_question(pair, parcel))
            return true;
    }
    return false;
}

static void cover(const struct pair *pair, struct parcel *parcels)
{
    struct parcel *parcel;
    DL_FOREACH (parcels, parcel) {
        if (is_in_question(pair, parcel))
            parcel->covered = true;
    }
}

/* With acknowledgements it counts like any stanza. */
static void send_ping(struct pair *pair)
{
    struct stanza *ping = ping_of(pair);
    if (!pair->out->sm) {
        stream_send(pair->out->stream, ping);
        stanza_unref(ping);
        return;
    }
    struct parcel *parcel = parcel_new(pair, ping, NULL);
    parcel->fleeting = true;
    out_send(pair->out, parcel);
}

/* 0: it is late. */
static uint64_t time_left(const struct pair *pair)
{
    uint64_t late = pair->barrier_ms + pair->remote->server->limits.ack_ms;
    uint64_t now = clock_monotonic_ms();
    return late > now ? late - now : 0;
}

static void await_answer(struct pair *pair)
{
    uint64_t left = time_left(pair), again = pair->barrier_again_ms;
    timer_start(pair->patience, pair->out->sm ? MIN(again, left) : left, 0);
    pair->barrier_again_ms = 2 * again;
}

void barrier_ask(struct pair *pair)
{
    struct out *out = pair->out;
    char id[2 * ID_BYTES + 1];
    if (pair->barrier || out->ended || !has_unconfirmed(pair))
        return;
    crypto_random_hex(id, ID_BYTES);
    pair->barrier = xstrdup(id);
    pair->barrier_ms = clock_monotonic_ms();
    pair->barrier_again_ms = AGAIN_MS;
    cover(pair, out->unacked);
    cover(pair, out->held);
    send_ping(pair);
    await_answer(pair);
}

void barrier_lift(struct pair *pair)
{
    free(pair->barrier);
    pair->barrier = NULL;
    timer_stop(pair->patience);
}

static void confirm(struct pair *pair)
{
    struct out *out = pair->out;
    struct parcel *parcel, *next;
    barrier_lift(pair);
    DL_FOREACH_SAFE (out->held, parcel, next) {
        if (parcel->pair == pair && parcel->covered)
            out_ack_settle(out, parcel);
    }
    DL_FOREACH_SAFE (out->unacked, parcel, next) {
        if (parcel->pair != pair || !parcel->covered)
            continue;
        parcel->confirmed = true;
        if (!out->sm)
            out_ack_settle(out, parcel);
    }
    barrier_ask(pair);
}

/* For the domain, or for whom of its network has asked (docs/NETWORK.md). */
static bool is_for(const struct jid *jid, const char *id)
{
    return !jid->local && (!jid->resource || network_is_return(jid->resource, id));
}

bool barrier_answered(struct server *server, const struct stanza *stanza)
{
    const char *id = stanza_id(stanza);
    if (!stanza_is_reply(stanza) || stanza->kind != STANZA_IQ || !id || stanza->from.local ||
        stanza->from.resource || !is_for(&stanza->to, id))
        return false;
    struct pair *pair = pair_find(server, stanza->to.domain, stanza->from.domain);
    if (!pair || !pair->out || !pair->barrier || strcmp(pair->barrier, id) != 0)
        return false;
    struct out *out = pair->out;
    out->remote->unanswered = 0;
    out_ack_progress(out);
    remote_succeeded(out->remote);
    confirm(pair);
    if (out->ack_asked)
        out_ack_begin(out);
    out_flush(out);
    return true;
}

/* Rather doubled than lost, but not for ever: a server whose answers never find us has got what was
 * written and not refused. False: the stream is no good. */
static bool do_without(struct pair *pair)
{
    struct out *out = pair->out;
    if (++out->remote->unanswered < UNANSWERED_MAX || conn_queued(out->conn) > 0)
        return false;
    log_warn("s2s_unconfirmed", LOG_TEXT("remote", out->remote->domain),
             LOG_INT("stanzas", out->unacked_count + out->held_count));
    confirm(pair);
    out_flush(out);
    return true;
}

void barrier_on_timer(void *user)
{
    struct pair *pair = user;
    if (time_left(pair) == 0) {
        if (!do_without(pair))
            out_fail(pair->out, "the server does not answer a ping");
        return;
    }
    if (pair->out->sm)
        send_ping(pair);
    await_answer(pair);
}
