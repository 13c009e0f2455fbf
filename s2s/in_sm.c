/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Acknowledging to another server (XEP-0198, without resumption): `h` covers what somebody has
 * taken or refused, and what nobody answers for and the router has got. So what it does not cover
 * is the peer's, whatever happens to us.
 *
 * <r/> is answered when everything before it is settled, or else after a moment with what is so
 * far; and again when the rest is.
 */
#include "common/stream/ack.h"
#include "common/xmpp/namespaces.h"
#include "s2s/in.h"
#include "s2s/inbound.h"
#include "s2s/out.h"

#define MOMENT_MS 250

static void advertise(void *user, struct element *features)
{
    (void)user;
    element_add(features, NS_SM, "sm");
}

static void send_failed(struct in *in, const char *condition)
{
    struct buffer text = {0};
    buffer_printf(&text, "<failed xmlns='" NS_SM "'><%s xmlns='" NS_STANZA_ERRORS "'/></failed>",
                  condition);
    stream_send_bytes(in->stream, text.data, text.length);
    buffer_fini(&text);
}

/* Numbers begin again at 0; never so many are open. */
static bool is_behind(uint32_t h, uint32_t asked)
{
    return asked - h != 0 && asked - h < UINT32_MAX / 2;
}

/* Who does not read answers gets no more of them. */
static void answer(struct in *in)
{
    struct buffer text = {0};
    uint32_t h = inbound_settled(in);
    if (in->ended || conn_queued(in->conn) >= CONN_HIGH_WATER)
        return;
    buffer_append_text(&text, "<a xmlns='" NS_SM "' h='");
    buffer_append_number(&text, h);
    buffer_append_text(&text, "'/>");
    stream_send_bytes(in->stream, text.data, text.length);
    buffer_fini(&text);
    in->told = h;
    in->ack_owed = is_behind(h, in->asked);
    if (in->ack_owed)
        timer_start(in->ack, MOMENT_MS, 0);
    else
        timer_stop(in->ack);
}

void in_sm_settled(struct in *in)
{
    if (in->ack_owed && !is_behind(inbound_settled(in), in->asked))
        answer(in);
}

void in_sm_on_timer(void *user)
{
    struct in *in = user;
    if (!in->told_once || inbound_settled(in) != in->told)
        answer(in);
    else
        timer_start(in->ack, MOMENT_MS, 0);
    in->told_once = true;
}

void in_sm_begin(struct in *in)
{
    inbound_leave(in); /* what came before is not counted (§4) */
    in->sm = true;
    in->received = 0;
}

/* What has been sent in the other direction before has a barrier behind it, and more of them suit
 * it better than a count that begins in the middle. */
static void begin_twin(struct out *twin)
{
    if (twin && !twin->unacked)
        twin->sm = true;
}

static void on_enable(void *user, struct element *element)
{
    static const char enabled[] = "<enabled xmlns='" NS_SM "'/>";
    struct in *in = user;
    (void)element;
    if (in->sm) {
        send_failed(in, "unexpected-request");
        return;
    }
    in_sm_begin(in);
    stream_send_bytes(in->stream, enabled, sizeof(enabled) - 1);
    begin_twin(in->twin);
}

void in_sm_r(void *user, struct element *element)
{
    struct in *in = user;
    (void)element;
    if (!in->sm)
        return;
    in->asked = in->received;
    in->ack_owed = true;
    in->told_once = false;
    if (inbound_settled(in) == in->received)
        answer(in);
    else if (!timer_active(in->ack))
        timer_start(in->ack, MOMENT_MS, 0);
}

static void on_a(void *user, struct element *element)
{
    struct in *in = user;
    if (in->twin)
        out_sm_a(in->twin, element);
}

static void on_resume(void *user, struct element *element)
{
    (void)element;
    send_failed(user, "item-not-found");
}

static int refuse(void *user, struct element *element)
{
    (void)element;
    send_failed(user, "unexpected-request");
    return -1;
}

static const struct stream_element elements[] = {
    {NS_SM, "enable", on_enable},
    {NS_SM, "r", in_sm_r},
    {NS_SM, "a", on_a},
    {NS_SM, "resume", on_resume},
    {0},
};

/* Dialback proves a pair without a new stream, so that there is only one list of features. */
const struct stream_feature in_sm_offer = {
    .name = "sm offer",
    .requires = STREAM_SECURE,
    .advertise = advertise,
};

const struct stream_feature in_sm = {
    .name = "sm",
    .requires = STREAM_AUTHENTICATED,
    .elements = elements,
    .refuse = refuse,
};
