/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Fronts and owners (docs/FRONTS.md). The worker that has a client's connection is its front, the
 * one that serves its account the owner. Where they are not the same, the front's client has a
 * channel in place of a plugin, and the owner has a client without connection, which its plugin
 * cannot tell from others.
 *
 *    client ══ stream ══ front's struct client ── channel ═══ trunk ═══ channel ──
 *                                             owner's struct client ── plugin
 *
 * The front decides nothing for the account: it checks what a stream may carry (from, sizes,
 * rates) and brings everything over in the order in which it came.
 */
#pragma once

#include <stdbool.h>

#include "c2s/client.h"
#include "common/component/link.h"

struct front;

/* front.c */
struct front *front_new(struct worker *worker);
/* The worker stops: clients of other fronts are sent away. */
void front_stop(struct front *front);
void front_free(struct front *front);
void front_reload(struct front *front);
/* What the router says: who serves which slot, and that the way is open or has room. */
void front_members(struct front *front, const struct link_members *members);
/* The node that has the other half. */
const char *channel_host(const struct channel *channel);
/* The ids of the workers of this node. */
size_t front_member_ids(const struct front *front, const char *const **ids);
void front_way_open(struct front *front);
/* Somebody is behind the name of this node again, maybe somebody else. */
void front_node_reachable(struct front *front, const char *host);
/* outdated.c: the account has a new password, or was deleted: whoever is logging in as it, or has
 * logged in but has no session yet, at any worker of this node or through it, is sent away. */
void front_account_changed(struct front *front, const struct jid *account);
/* A node message in NS_TRUNK (node_message.h). To be consumed. */
void front_message(struct worker *worker, const struct durable *offer, struct stanza *message,
                   struct element *payload);
/* A frame of a trunk, of which nobody need be told that it was lost. */
bool front_is_frame(const struct stanza *stanza);
void front_show(const struct front *front, struct control_request *request);

/* relay.c: the front's half. */
/* Before a client asks its account for anything: true if that is served elsewhere; then it has a
 * channel, and what it says goes there by the following. */
bool relay_begin(struct client *client);
void relay_bind(struct client *client, const char *resource);
/* What is asked for together with the login. */
void relay_authenticated(struct client *client, const struct c2s_begin *begin);
void relay_stanza(struct client *client, const struct stanza *stanza);
void relay_element(struct client *client, const struct element *element);
void relay_silent(struct client *client);
void relay_writable(struct client *client);
/* The stream has ended. */
void relay_ended(struct client *client);
bool relay_is_full(const struct client *client);
/* The owner has not answered in time (DEADLINE_OWNER). */
void relay_overdue(struct client *client);
