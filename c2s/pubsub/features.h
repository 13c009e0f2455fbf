/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What clients want to be told of: the features "node+notify" (XEP-0060 §9.2) behind the hash in
 * their presence (XEP-0115). The first client that shows a hash is asked once what it stands for,
 * and believed only if its answer has that hash: then it is known for all. Who answers something
 * else, or nothing, is not believed nor asked again with that hash, and the next one is asked.
 * What is known is bounded, and what nobody has shown for longest is forgotten.
 */
#pragma once

#include "c2s/sm/sm.h"

struct features;

/* The hash is known now: with what `listen` was given. The strings are valid during the call. */
typedef void features_known(struct sm *sm, const char *account, const char *full);

void features_start(struct sm *sm, features_known *known);
void features_stop(struct sm *sm);

/* What a presence stanza shows; NULL: nothing, or a hash of a kind that is not understood (older
 * ones without `hash`, §1.4 of XEP-0115). Counted: features_unref(). */
struct features *features_of(struct sm *sm, const struct stanza *presence);
void features_unref(struct sm *sm, struct features *features);
/* Once it is known known() is called for this pair of a bare and a full JID; true: it is known
 * already, and nothing is called. Asks whoever has that full JID if nobody has been asked: the
 * question is from `asker`. */
bool features_listen(struct sm *sm, struct features *features, const struct jid *account,
                     const struct jid *full, const struct jid *asker);
bool features_want(const struct features *features, const char *node);
/* Whether a stanza answers a question; it is used up then. */
bool features_answered(struct sm *sm, const struct stanza *stanza);
