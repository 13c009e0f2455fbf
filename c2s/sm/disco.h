/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What the server says about itself (XEP-0030), for those who hash it (caps.c).
 */
#pragma once

#include "c2s/sm/sm.h"

#define NS_DISCO_INFO  "http://jabber.org/protocol/disco#info"
#define NS_DISCO_ITEMS "http://jabber.org/protocol/disco#items"

extern const struct sm_module disco_module;

/* Fills a disco#info <query/> with the server's identity, features and forms. */
void disco_server_info(struct sm *sm, struct element *query);
