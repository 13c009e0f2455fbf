/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Stored messages on their way to the sessions of a room. With urn:kontalk:durable:1 each is
 * offered to each session until somebody answers for it, and stands in the database as pending
 * until all have: so whatever process dies, none is lost, and as an offer has the same id for ever,
 * none is doubled. Without it they are given to the router, and that is all.
 */
#pragma once

#include "muc/message.h"

void mail_start(struct muc *muc);
void mail_stop(struct muc *muc);

/* It is committed. Both are borrowed; the stanza is not changed any more but for its `to`. */
void mail_post(struct muc *muc, const struct room *room, int64_t seq, struct stanza *stanza,
               struct jid *const *to, size_t count);
/* Read from the database as pending: for the sessions that were there when it was said, unless it
 * is on its way already. */
void mail_repost(struct room *room, int64_t seq, struct stanza *stanza);

/* What the link tells (common/component/link.h). */
void mail_up(struct muc *muc);
void mail_route(struct muc *muc, const char *name);
void mail_answered(struct muc *muc, const struct durable *answer);
void mail_full(struct muc *muc, const char *id);
void mail_ready(struct muc *muc, const char *name);
/* How many letters wait. */
size_t mail_count(const struct muc *muc);
