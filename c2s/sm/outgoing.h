/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Stanzas that a client of ours sends.
 */
#pragma once

#include "c2s/sm/sm.h"

/* See c2s_plugin.stanza; borrowed. */
void outgoing_stanza(struct session *session, struct stanza *stanza, int problem);
