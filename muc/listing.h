/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The list of rooms that can be found (XEP-0045 §6.3), page by page (XEP-0059): those of the whole
 * network where its nodes have rooms together.
 */
#pragma once

#include "muc/turn.h"

#define NS_DISCO_ITEMS "http://jabber.org/protocol/disco#items"

/* Iq rows of the service (dispatch.h). */
void listing_tell(struct turn *turn, struct stanza *request, struct element *payload);
/* Our own ones alone, for kontalk-c2s, which tells them to other nodes (room_page.h). */
void listing_tell_own(struct turn *turn, struct stanza *request, struct element *payload);
