/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The list of rooms that can be found (XEP-0045 §6.3), page by page (XEP-0059).
 */
#pragma once

#include "muc/turn.h"

#define NS_DISCO_ITEMS "http://jabber.org/protocol/disco#items"

/* An iq row of the service (dispatch.h). */
void listing_tell(struct turn *turn, struct stanza *request, struct element *payload);
