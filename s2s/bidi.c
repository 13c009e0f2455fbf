/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Agreeing on streams in both directions.
 */
#include "s2s/bidi.h"

#include "s2s/remote.h"

#define NS_BIDI          "urn:xmpp:bidi"
#define NS_BIDI_FEATURES "urn:xmpp:features:bidi"

/* --- accepted --- */

static void advertise(void *user, struct element *features)
{
    struct in *in = user;
    if (in->server->limits.bidi)
        element_add(features, NS_BIDI_FEATURES, "bidi");
}

static void on_bidi(void *user, struct element *element)
{
    struct in *in = user;
    (void)element;
    in->bidi = in->server->limits.bidi;
}

static const struct stream_element elements[] = {
    {NS_BIDI, "bidi", on_bidi},
    {0},
};

const struct stream_feature in_bidi_offer = {
    .name = "bidi offer",
    .excludes = STREAM_AUTHENTICATED,
    .advertise = advertise,
};

const struct stream_feature in_bidi = {
    .name = "bidi",
    .requires = STREAM_SECURE,
    .excludes = STREAM_AUTHENTICATED,
    .elements = elements,
};

/* Features are out by now. A pair that has a stream of its own keeps it. */
static void use_in(void *user)
{
    struct in *in = user;
    struct server *server = in->server;
    in->task = NULL;
    if (in->ended || server->stopping || server_why_not(server, in->to, in->from))
        return;
    struct pair *pair = pair_get(server, in->to, in->from);
    if (!pair->out && !pair->remote->attempt)
        in->twin = out_new_guest(pair, in);
    else
        remote_release(pair->remote);
}

void bidi_share_in(struct in *in)
{
    if (in->bidi && !in->twin && !in->task && in->from && in_is_proven(in, in->from, in->to))
        in->task = loop_defer(in->server->loop, use_in, in);
}

/* --- connected --- */

void bidi_ask(struct out *out, const struct element *features)
{
    static const char bidi[] = "<bidi xmlns='" NS_BIDI "'/>";
    if (out->bidi || !out->server->limits.bidi || !out->certified || out->remote->trace ||
        !element_find(features, NS_BIDI_FEATURES, "bidi"))
        return;
    out->bidi = true;
    stream_send_bytes(out->stream, bidi, sizeof(bidi) - 1);
}

void bidi_share_out(struct out *out)
{
    if (out->bidi && !out->twin && !out->ended)
        out->twin = in_new_guest(out);
}
