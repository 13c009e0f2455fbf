/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The inside of framed streams, for common/stream only.
 */
#pragma once

#include <stdbool.h>

#include "common/stream/stream.h"

#define NS_FRAMING "urn:ietf:params:xml:ns:xmpp-framing"

/* A new parser, or one that was reset: if the stream is framed, it is behind a header now. */
void stream_prime_parser(struct stream *stream);
/* An element came. False: it may not come here, or not in this frame; if it was the first one the
 * stream has failed. */
bool stream_frames_element(struct stream *stream, const struct element *root);
/* <open/> and <close/>; false: it is neither. */
bool stream_on_framing(struct stream *stream, const struct element *root);
