/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What is too large for the router, or for the server of who gets it, would cost the link, or that
 * server's: a list, or a presence with all that a room adds to it, is looked at before it is sent.
 */
#pragma once

#include "common/xmpp/stanza.h"

bool stanza_fits(const struct stanza *stanza);
