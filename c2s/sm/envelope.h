/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Envelopes: how a stanza travels from one home of the network to another (docs/NETWORK.md). A
 * message from an account at a node to one at another node has one child:
 *
 *   <message from='alice@alpha.example.net' to='bob@beta.example.net'>
 *     <envelope xmlns='urn:kontalk:net:1' stage='home' home='alpha' epoch='1'>
 *       <message xmlns='jabber:client' from='alice@example.net/phone' …/>
 *       <to>bob@example.net</to>…
 *     </envelope>
 *   </message>
 *
 * The stanza inside has the addresses that users see. Without <to/> it is for its own 'to';
 * forward_open() takes it out. No I/O.
 */
#pragma once

#include "common/base/macros.h"
#include "common/xmpp/forward.h"
#include "common/xmpp/namespaces.h"
#include "common/xmpp/stanza.h"

enum envelope_stage {
    ENVELOPE_HOME,   /* from the home of the stanza's sender */
    ENVELOPE_GATEWAY /* from a node where a stanza of a foreign domain has come in */
};

/* What the sending node says it is. */
struct envelope {
    enum envelope_stage stage;
    const char *home; /* which the sender belongs to; of a gateway: its own */
    int64_t epoch;    /* of that home */
};

/* The message around `stanza` (NULL: around something else, to be added), from and to the accounts
 * with these local parts (NULL: any worker of that node) at these hosts. The stanza is copied. */
struct stanza *envelope_wrap(const struct envelope *envelope, const struct stanza *stanza,
                             const struct jid *from, const struct jid *to);
/* One more who is to get the stanza, in an envelope that has just been made. */
void envelope_add(struct stanza *message, const struct jid *to);

/* Presence in it says all its sender has to say, and is this version of it (far.h). */
void envelope_set_version(struct stanza *message, uint64_t version);
/* 0: none. */
uint64_t envelope_version(const struct element *element);

/* An address of an account at a node, in `arena`. */
struct jid envelope_address(struct arena *arena, const char *local, const char *host);

/* The envelope of a message, or NULL. */
struct element *envelope_of(const struct stanza *message);
/* What it says; the strings are those of the element. ERR_MALFORMED: it is none of ours. */
MUST_CHECK int envelope_read(const struct element *element, struct envelope *envelope);
/* The recipients: the first, the next; NULL: no more. Their texts are not checked. */
const struct element *envelope_first(const struct element *element);
const struct element *envelope_next(const struct element *recipient);
