/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What is counted of each other node: members of the network, so there are few.
 */
#pragma once

#include "c2s/sm/sm.h"

struct homes_peer {
    UT_hash_handle hh; /* sm->homes_peers, by host */
    char *host;
    uint64_t refused;     /* envelopes that it may not send */
    uint64_t misdirected; /* for accounts that are not here */
};

/* Never NULL. */
struct homes_peer *homes_peer(struct sm *sm, const char *host);
