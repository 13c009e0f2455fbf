/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Acknowledgements from another server (XEP-0198, without resumption): what is sent is kept until
 * then; what is sent to a server that has not, if somebody answers for it. A server may answer
 * before it has handled everything, so it is asked again some times before too little progress
 * means that it does nothing any more.
 */
#include <stdlib.h>

#include "common/base/fault_point.h"
#include "common/base/limit.h"
#include "common/base/memory.h"
#include "common/service/follow.h"
#include "s2s/in.h"
#include "s2s/offer.h"
#include "s2s/out.h"
#include "s2s/suspect.h"

#define TICKS 4 /* in ack-timeout */

static void send_text(struct out *out, const char *text, size_t length)
{
    stream_send_bytes(out->stream, text, length);
}

void out_sm_begin(struct out *out)
{
    static const char enable[] = "<enable xmlns='" NS_SM "'/>";
    if (!out->sm_offered || out->sm)
        return;
    out->sm = true; /* counting begins with the request (XEP-0198 §4) */
    send_text(out, enable, sizeof(enable) - 1);
}

void out_ack_begin(struct out *out)
{
    uint64_t tick_ms = out->server->limits.ack_ms / TICKS;
    if (!timer_active(out->ack))
        timer_start(out->ack, tick_ms, tick_ms);
}

static void ask(struct out *out)
{
    static const char request[] = "<r xmlns='" NS_SM "'/>";
    if (out->ack_asked || !out->unacked || out->ended)
        return;
    out->ack_asked = true;
    out_ack_begin(out);
    send_text(out, request, sizeof(request) - 1);
}

void out_ack_progress(struct out *out)
{
    out->ack_ticks = 0;
    timer_stop(out->ack);
}

void out_sm_on_timer(void *user)
{
    struct out *out = user;
    if (++out->ack_ticks < TICKS) {
        ask(out);
        return;
    }
    limit_reached("ack-timeout");
    out_fail(out, "the server does not acknowledge");
}

bool out_sm_has_room(const struct out *out)
{
    const struct server_limits *limits = &out->server->limits;
    return out->unacked_count + out->held_count < limits->queue_stanzas &&
           out->unacked_bytes < limits->queue_bytes;
}

static void count(struct out *out, const struct parcel *parcel, int by)
{
    size_t bytes = by > 0 ? parcel->size : -parcel->size;
    *(parcel->held ? &out->held_count : &out->unacked_count) += (uint32_t)by;
    out->unacked_bytes += bytes;
    out->server->queued_bytes += bytes;
}

void out_sm_sent(struct out *out, struct parcel *parcel)
{
    if (!out->sm && !parcel->offer) {
        parcel_free(parcel);
        return;
    }
    DL_APPEND(out->unacked, parcel);
    count(out, parcel, 1);
    if (out->sm)
        ask(out);
    if (!out->sm || parcel->several)
        barrier_ask(parcel->pair);
}

static void leave(struct out *out, struct parcel *parcel)
{
    if (parcel->held)
        DL_DELETE(out->held, parcel);
    else
        DL_DELETE(out->unacked, parcel);
    count(out, parcel, -1);
}

void out_ack_settle(struct out *out, struct parcel *parcel)
{
    struct offer *offer = parcel->offer;
    suspect_acquit(parcel);
    parcel->offer = NULL;
    leave(out, parcel);
    FOLLOW(parcel->stanza->root, "%s has it", out->remote->domain);
    parcel_free(parcel);
    if (offer) {
        FAULT_POINT(s2s_acked_before_delete);
        offer_took(offer);
    }
}

/* What is for several may still be refused as a whole. */
static void acknowledged(struct out *out, struct parcel *parcel)
{
    if (!parcel->several || parcel->confirmed) {
        out_ack_settle(out, parcel);
        return;
    }
    suspect_acquit(parcel);
    leave(out, parcel);
    parcel->held = true;
    DL_APPEND(out->held, parcel);
    count(out, parcel, 1);
}

void out_sm_a(void *user, struct element *element)
{
    struct out *out = user;
    uint32_t h, settled;
    if (!out->sm)
        return;
    if (ack_read_h(element, &h)) {
        stream_fail(out->stream, STREAM_BAD_FORMAT, NULL);
        return;
    }
    if (ack_progress(h, out->acknowledged, out->unacked_count, &settled)) {
        stream_fail(out->stream, STREAM_UNDEFINED_CONDITION, "more acknowledged than sent");
        return;
    }
    out->ack_asked = false;
    if (settled == 0)
        return; /* the timer asks again: not at once, or the two of us would do nothing else */
    out->acknowledged = h;
    for (; settled > 0; settled--)
        acknowledged(out, out->unacked);
    out_ack_progress(out);
    remote_succeeded(out->remote);
    ask(out);
    out_flush(out);
}

/* Unless it has a twin, nothing comes in this direction. Who does not read answers gets no more of
 * them. */
static void on_r(void *user, struct element *element)
{
    static const char none[] = "<a xmlns='" NS_SM "' h='0'/>";
    struct out *out = user;
    if (out->twin && out->twin->sm)
        in_sm_r(out->twin, element);
    else if (conn_queued(out->conn) < CONN_HIGH_WATER)
        send_text(out, none, sizeof(none) - 1);
}

static void on_enabled(void *user, struct element *element)
{
    struct out *out = user;
    (void)element;
    if (out->sm && out->twin && !out->twin->sm)
        in_sm_begin(out->twin);
}

static void on_failed(void *user, struct element *element)
{
    struct out *out = user;
    struct parcel *parcel, *next;
    struct pair *pair;
    (void)element;
    out->sm = false;
    out->sm_offered = false;
    out->ack_asked = false;
    out_ack_progress(out);
    DL_FOREACH_SAFE (out->unacked, parcel, next) {
        if (!parcel->offer)
            out_ack_settle(out, parcel);
    }
    DL_FOREACH (out->remote->pairs, pair) {
        if (pair->out == out)
            barrier_ask(pair);
    }
    out_flush(out);
}

bool out_sm_return(struct out *out)
{
    bool any = out->unacked || out->held;
    while (out->unacked || out->held) {
        struct parcel *parcel = (out->unacked ? out->unacked : out->held)->prev; /* the last one */
        leave(out, parcel);
        pair_return(parcel->pair, parcel);
    }
    return any;
}

static const struct stream_element elements[] = {
    {NS_SM, "a", out_sm_a},
    {NS_SM, "r", on_r},
    {NS_SM, "enabled", on_enabled},
    {NS_SM, "failed", on_failed},
    {0},
};

const struct stream_feature out_sm = {
    .name = "sm",
    .requires = STREAM_AUTHENTICATED,
    .elements = elements,
};
