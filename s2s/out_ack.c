/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Acknowledgements from another server (XEP-0198, without resumption): what is sent is kept until
 * then.
 */
#include <stdlib.h>

#include "common/base/memory.h"
#include "s2s/out.h"

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

static void ask(struct out *out)
{
    static const char request[] = "<r xmlns='" NS_SM "'/>";
    if (out->ack_asked || !out->unacked || out->ended)
        return;
    out->ack_asked = true;
    timer_start(out->ack, out->server->limits.ack_ms, 0);
    send_text(out, request, sizeof(request) - 1);
}

void out_sm_sent(struct out *out, struct parcel *parcel)
{
    if (!out->sm) {
        parcel_free(parcel);
        return;
    }
    DL_APPEND(out->unacked, parcel);
    out->unacked_count++;
    ask(out);
}

static void settle(struct out *out)
{
    struct parcel *parcel = out->unacked;
    DL_DELETE(out->unacked, parcel);
    out->unacked_count--;
    out->acknowledged++;
    parcel_free(parcel);
}

static void on_a(void *user, struct element *element)
{
    struct out *out = user;
    uint32_t h, count;
    if (ack_read_h(element, &h)) {
        stream_fail(out->stream, STREAM_BAD_FORMAT, NULL);
        return;
    }
    if (ack_progress(h, out->acknowledged, out->unacked_count, &count)) {
        stream_fail(out->stream, STREAM_UNDEFINED_CONDITION, "more acknowledged than sent");
        return;
    }
    for (; count > 0; count--)
        settle(out);
    out->ack_asked = false;
    timer_stop(out->ack);
    remote_succeeded(out->remote);
    ask(out);
}

/* Nothing comes in this direction. */
static void on_r(void *user, struct element *element)
{
    static const char none[] = "<a xmlns='" NS_SM "' h='0'/>";
    (void)element;
    send_text(user, none, sizeof(none) - 1);
}

static void on_enabled(void *user, struct element *element)
{
    (void)user, (void)element;
}

static void on_failed(void *user, struct element *element)
{
    struct out *out = user;
    (void)element;
    while (out->unacked)
        settle(out);
    out->sm = false;
    out->sm_offered = false;
    out->ack_asked = false;
    timer_stop(out->ack);
}

bool out_sm_return(struct out *out)
{
    bool any = out->unacked;
    while (out->unacked) {
        struct parcel *parcel = out->unacked->prev; /* the last one */
        DL_DELETE(out->unacked, parcel);
        out->unacked_count--;
        pair_return(parcel->pair, parcel);
    }
    return any;
}

static const struct stream_element elements[] = {
    {NS_SM, "a", on_a},
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
