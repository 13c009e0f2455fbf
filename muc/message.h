/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Groupchat messages (XEP-0045 §7.4): whoever may speak has his message stored, under a number that
 * rises by one in each room, and then reflected to everybody. Nothing is reflected that is not
 * stored.
 */
#pragma once

#include "muc/turn.h"

/* One that was accepted. Strings are its own, in its arena. */
struct message {
    struct arena *arena;
    int64_t seq;
    int64_t said_us;       /* wall time */
    const char *stanza_id; /* XEP-0359, by the room */
    const char *nick;      /* NULL: the room itself */
    const char *sender;    /* the real bare JID; NULL: the room itself */
    const char *occupant_id;
    const char *id;        /* the attribute of the stanza; NULL: none */
    struct stanza *stanza; /* as it is reflected, from room@service/nick, without `to` */
    struct message *prev, *next;
};

/* A groupchat message from a session of an occupant: refuses it or accepts it. */
void message_take(struct turn *turn, struct session *session, struct stanza *stanza);
/* Whether an occupant may say this: he has voice, it is not too large nor too much; else it has
 * been refused. */
bool message_may_take(struct turn *turn, const struct session *session,
                      const struct stanza *stanza);
/* Chat states alone, and what its sender does not want to be kept, are only passed on. */
bool message_is_kept(const struct stanza *stanza);
/* Beyond `size`, or nested too deeply. */
bool message_is_too_large(const struct muc *muc, const struct stanza *stanza);
/* What only the room may say of a stanza. */
void message_remove_forged(const struct room *room, struct stanza *stanza);
/* Accepts what may be said, and keeps it in any case. */
void message_keep(struct turn *turn, const struct session *session, const struct stanza *stanza);
/* Stores what an occupant, or the room (NULL) says, and reflects it to all: the one way into a
 * room. The stanza is consumed; it has `from` already. Messages without a body, unless `keep`, are
 * reflected only. */
struct message *room_accept_take(struct turn *turn, const struct occupant *occupant,
                                 struct stanza *stanza, bool keep);
/* Without a name yet. */
struct message *message_new_take(struct stanza *stanza);
/* Copies. */
void message_name(struct message *message, const char *stanza_id, const char *nick,
                  const char *sender, const char *occupant_id);
void message_free(struct message *message);
/* It was committed: into the history. */
void message_remember(struct room *room, struct message *message);
void message_forget_all(struct room *room);
/* Adds when it was said (XEP-0203). */
void stanza_delay(struct stanza *stanza, const struct room *room, int64_t said_us);
/* What a newcomer gets (§7.2.13): as its <history/> asks, or the default. */
void message_send_history(struct turn *turn, const struct session *session,
                          const struct element *wish);
