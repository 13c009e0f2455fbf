/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What only an account's own server may say to its clients, taken out of what others say: clients
 * do not always look who it comes from (CVE-2017-5589 and its family, CVE-2019-16237).
 *
 *   <stanza-id/> with a `by` of ours (XEP-0359 §3), wherever in the stanza
 *   <sent/> and <received/> of carbons (XEP-0280 §11)
 *   <delay/> in the name of one of our domains (XEP-0203 §4)
 *   <result/> of an archive (XEP-0313 §8.2) that the receiving session has not asked
 */
#pragma once

#include "c2s/sm/sm.h"

/* From a client of ours, before any hook sees it. The stanza may be changed. */
void forged_strip_sent(struct session *session, struct stanza *stanza);
/* From the router. The stanza may be changed. */
void forged_strip_arrived(struct sm *sm, struct stanza *stanza);
/* The same for one that is for many: what an archive has been asked for is none. */
void forged_strip_shared(struct sm *sm, struct stanza *stanza);

extern const struct sm_module forged_module;
