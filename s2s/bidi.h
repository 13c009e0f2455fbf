/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Streams in both directions (XEP-0288): the connection of one is shared by a twin, an `out` by an
 * `in` or the other way round, which is its guest and ends with it. Only for the pair of the
 * stream's header, and only if both sides are proven on it: whoever connected by SASL EXTERNAL or
 * dialback, whoever accepted by his certificate.
 */
#pragma once

#include "s2s/in.h"
#include "s2s/out.h"

/* As the one who accepts: it is offered, and asked for. */
extern const struct stream_feature in_bidi_offer, in_bidi;
/* The pair of the header has been proven on the stream: what is for it goes this way from the next
 * turn of the loop on. */
void bidi_share_in(struct in *in);

/* As the one who connects: asks for it, if it is offered and the server's certificate is that of
 * the domain. Before anything that proves who we are. */
void bidi_ask(struct out *out, const struct element *features);
/* The pair of the stream has been proven: what comes is heard. */
void bidi_share_out(struct out *out);
