/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Client State Indication (XEP-0352): while nobody looks at a client, presence and chat states wait
 * for something that matters: the last of each sender, in the order in which they came. Everything
 * else is written at once, behind what waited, so that the order stays (RFC 6120 §10.1).
 */
#pragma once

#include "c2s/sm/sm.h"

#define NS_CSI "urn:xmpp:csi:0"

/* For session_send(). True: the stanza is held back, with a reference of its own. False: it is to
 * be written; what waited has been. */
bool csi_hold(struct session *session, struct stanza *stanza);
/* From now on the client is looked at: what waits is written. Also when a stream is resumed, which
 * begins active (§5.2). */
void csi_activate(struct session *session);
/* From the start, or now. */
void csi_inactivate(struct session *session);

/* As its row tells: while it waits, too, presence and chat states do. */
void csi_restore(struct session *session, bool inactive);

/* <active/> and <inactive/>: see c2s_element.handle. */
void csi_on_active(void *state, struct client *client, void *session, struct element *element);
void csi_on_inactive(void *state, struct client *client, void *session, struct element *element);

extern const struct sm_module csi_module;
