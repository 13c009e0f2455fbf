/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The dispatch table of iq requests: one lookup by namespace and name. It is the one place that
 * says that a request is not served.
 */
#pragma once

#include "c2s/sm/sm.h"

/* Counters of one element, for the metrics. */
struct sm_iq_row {
    char *key; /* "namespace name" */
    const struct sm_iq **rows;
    size_t count;
    uint64_t handled;
    uint64_t refused; /* wrong type, or not for this address */
    UT_hash_handle hh;
};

void dispatch_start(struct sm *sm);
void dispatch_stop(struct sm *sm);

/* Answers an iq get or set: account NULL for SM_TO_SERVER and SM_TO_NOBODY; session: the asking one
 * of ours for SM_TO_SELF, else NULL. Borrowed. */
void dispatch_request(struct sm *sm, enum sm_address addressed, struct account *account,
                      struct session *session, struct stanza *iq);
/* The session ends: its open requests will be answered to nobody. */
void dispatch_forget(struct session *session);
