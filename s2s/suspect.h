/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Stanzas that a server cannot stand: it ends the stream with an error when one comes, and whoever
 * answers for that offers it again on the next stream, so that all behind it would wait until it
 * expires. One that was the first that is not acknowledged on three streams which ended so goes
 * back. While one is suspected, the next stanza is sent when the one before is acknowledged.
 */
#pragma once

#include "s2s/pair.h"

struct out;
struct suspect;

/* The stream has ended; `text` as of stream_ops.ended. */
void suspect_blame(struct out *out, int condition, const char *text);
/* It was acknowledged. */
void suspect_acquit(const struct parcel *parcel);
/* Whether one is suspected. */
bool suspect_any(const struct remote *remote);
void suspect_free_all(struct server *server);
