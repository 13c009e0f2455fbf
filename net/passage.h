/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Offers of peers that were handed to our router, by id. Net answers for none of them: this is only
 * so that an offer for which the router has no room can be refused to whoever made it. What is
 * forgotten here is asked for again by its offerer.
 */
#pragma once

#include "common/component/durable.h"
#include "net/server.h"

void passage_add(struct server *server, const char *peer, const struct durable *offer);
/* It has been answered. */
void passage_remove(struct server *server, const char *id);
void passage_remove_all(struct server *server);
/* The router had no room for it: its peer is told. */
void passage_full(struct server *server, const char *id);
