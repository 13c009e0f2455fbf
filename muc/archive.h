/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The archive of a room (XEP-0313): every message that was accepted while the room was logged,
 * once. It is asked on the room's bare JID by whoever may enter. What was retracted is a tombstone.
 */
#pragma once

#include "common/tls/sealed_id.h"
#include "common/xmpp/archive_query.h"
#include "muc/dispatch.h"

#define NS_SID "urn:xmpp:sid:0"

/* archive_id.c: the ids of messages (XEP-0359) hold room and number, so they are never used again,
 * and are recognised. */
void archive_id(struct room *room, int64_t seq, char id[SEALED_ID_SIZE]);
/* ERR_MALFORMED: it is none of this room's. */
MUST_CHECK int archive_seq(struct room *room, const char *id, int64_t *seq);
/* Whoever makes the room empty does it for the ids as well. */
void archive_id_forget(struct room *room);

/* One message as it is read: columns from `first` on are
 * seq, time (us), nick, sender, occupant_id, message_id, content, retracted. */
#define ARCHIVE_COLUMNS                                                                            \
    "m.seq, (extract(epoch FROM m.said) * 1000000)::bigint, m.nick, m.sender, m.occupant_id,"      \
    " m.message_id, m.content, m.retracted"
/* The stanza without `to`; a tombstone (XEP-0424 §4) where it was retracted. NULL: unreadable. */
struct stanza *archive_stanza(struct room *room, const struct db_result *result, size_t row,
                              int first);

/* archive_page.c: answers the request, whose query has been read. Consumes the query. `with`: what
 * it is compared with is decided by then. */
struct archive_with {
    const char *nick;   /* NULL: any */
    const char *sender; /* a real bare JID; NULL: any */
};
void archive_page(struct turn *turn, struct archive_query *query, struct archive_with with);

/* Whether who asks may know what is said in the room. */
bool archive_may_read(const struct room *room, const struct jid *asks);
/* Whether who asks may see the real JIDs of others (XEP-0045 §4.2). */
bool archive_shows_jids(const struct room *room, const struct jid *asks);
