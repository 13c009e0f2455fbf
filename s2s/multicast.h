/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Stanzas of other servers that are for several accounts here (XEP-0033): each gets its copy, which
 * goes on as if it had come alone. The stream's stanza is settled when all copies are.
 */
#pragma once

#include "s2s/in.h"

/* A stanza whose sender is proven. True: it was one of these, and is consumed. */
bool multicast_came(struct in *in, struct stanza *stanza);
/* §5: presence that has no header: whom its sender has told here that he is there. Borrowed. */
void multicast_presence(struct in *in, const struct stanza *presence);
void multicast_stop(struct server *server);
