/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What kind of message something is, by what is in it: one place for all who store, copy or hold
 * back (docs/rules/messages.md). Hints (XEP-0334) are what its sender wished for it.
 */
#pragma once

#include <stdbool.h>

#include "common/xmpp/stanza.h"

#define NS_HINTS       "urn:xmpp:hints"
#define NS_CHAT_STATES "http://jabber.org/protocol/chatstates"
#define NS_RETRACT     "urn:xmpp:message-retract:1"

/* Kept until a device of the recipient has it, and part of what an acknowledgement promises. */
bool content_is_kept(const struct stanza *message);
/* Of groupchat: something to be in the archive of the room, by the same hints. */
bool content_is_said(const struct stanza *message);
/* Part of the archive (XEP-0313), as far as the user's preferences go. */
bool content_is_archived(const struct stanza *message);
/* Of no use later: a chat state (XEP-0085) and nothing else, or nothing at all. */
bool content_is_fleeting(const struct stanza *message);
/* A chat state and nothing that anybody could wait for; the element of a message. */
bool content_is_chat_state(const struct element *message);
/* A message people write to each other, or what belongs to one: receipts (XEP-0184), markers
 * (XEP-0333), chat states, invitations (XEP-0045, XEP-0249). */
bool content_is_conversation(const struct stanza *message);
/* <no-copy/> or <private/>: nobody but the addressee is to see it. */
bool content_is_private(const struct stanza *message);
/* Somebody wants the user's attention: a body, what is encrypted (XEP-0384, XEP-0373), a call
 * (XEP-0353). Receipts, markers and chat states are none of these. */
bool content_wakes(const struct stanza *message);
/* From or to an occupant of a room, as the room marks it (XEP-0045 §7.5), and no invitation. */
bool content_is_of_room(const struct stanza *message);
/* Takes back another one (XEP-0424): it is kept and archived whatever its hints say. */
bool content_retracts(const struct stanza *message);
/* Something to read: a body, or what is encrypted. */
bool content_is_text(const struct stanza *message);
