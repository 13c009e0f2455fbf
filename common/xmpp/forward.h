/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Messages inside of messages (XEP-0297), as the server itself makes them.
 */
#pragma once

#include "common/xmpp/stanza.h"

#define NS_FORWARD "urn:xmpp:forward:0"

/* Adds a <forwarded/> with a copy of the message to `parent`, and when it came (XEP-0082) unless
 * `stamp` is NULL. Returns the copy, which may be changed. */
struct element *forward_message(struct element *parent, const struct element *message,
                                const char *stamp);

/* The first stanza of jabber:client in an element, with a tree of its own. ERR_MALFORMED: there is
 * none, it is not well made, or nobody has sent it. */
MUST_CHECK int forward_open(const struct element *wrapper, struct stanza **stanza);
