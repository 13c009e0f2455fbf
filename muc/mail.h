/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Stored messages on their way to the sessions of a room, and notes (note.h) to some of them or to
 * others. With urn:kontalk:durable:1 each is offered to each until somebody answers for it, and
 * stands in the database until all have: so whatever process dies, none is lost, and as an offer
 * has the same id for ever, none is doubled. Without it they are given to the router, and that is
 * all.
 */
#pragma once

#include "muc/message.h"

void mail_start(struct muc *muc);
void mail_stop(struct muc *muc);

/* Something that is stored. */
struct posting {
    int64_t seq;                /* its number in the room */
    struct stanza *stanza;      /* groupchat is a message of the room, all else a note */
    struct stanza *undelivered; /* what its sender gets if nobody takes it; NULL: nothing */
};

/* It is committed, and goes to these. Stanzas are borrowed; this one is not changed any more but
 * for its `to`. */
void mail_post(struct muc *muc, const struct room *room, const struct posting *posting,
               const struct jid *const *to, size_t count);
/* Read from the database: the same, unless it is on its way already. */
void mail_repost(struct room *room, const struct posting *posting, const struct jid *const *to,
                 size_t count);
/* A message that is pending: for the sessions that were there when it was said. */
void mail_repost_message(struct room *room, int64_t seq, struct stanza *stanza);

/* What the link tells (common/component/link.h). */
void mail_up(struct muc *muc);
void mail_route(struct muc *muc, const char *name);
void mail_answered(struct muc *muc, const struct durable *answer);
void mail_full(struct muc *muc, const char *id);
void mail_ready(struct muc *muc, const char *name);
/* How many letters wait. */
size_t mail_count(const struct muc *muc);
