/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Presence of occupants, as the room tells it to each other (XEP-0045 §§7.1, 7.2.2 to 7.2.4).
 */
#pragma once

#include "muc/turn.h"

/* Status codes (§15.6.2). */
enum {
    STATUS_NON_ANONYMOUS = 100,
    STATUS_SELF = 110,
    STATUS_CONFIGURED = 104,
    STATUS_LOGGED = 170,
    STATUS_CREATED = 201,
    STATUS_NICK_GIVEN = 210,
    STATUS_BANNED = 301,
    STATUS_NICK_CHANGED = 303,
    STATUS_KICKED = 307,
    STATUS_NOT_AFFILIATED = 321,
    STATUS_MEMBERS_ONLY = 322,
    STATUS_SHUTDOWN = 332,
    STATUS_ERROR = 333,
};

#define NEWS_CODES 4

/* What is told beside the presence itself. */
struct news {
    const struct stanza *presence; /* its content; NULL: none */
    bool gone;                     /* unavailable, with the role none unless `nick` */
    const char *nick;              /* the new one, with STATUS_NICK_CHANGED */
    const char *actor;             /* the nick of who did it */
    const char *reason;
    const struct element *destroy; /* §10.9 */
    int codes[NEWS_CODES];         /* for all; 0: none */
    int own_codes[NEWS_CODES];     /* for the occupant itself, beside STATUS_SELF */
    const char *own_id;            /* of the stanza that it answers */
};

/* To all in the room, the occupant itself last, with STATUS_SELF. `only`: to the occupant itself
 * only this session of it; NULL: to all of them. */
void presence_tell(struct turn *turn, const struct occupant *occupant, const struct news *news,
                   const struct session *only);
/* Whether others see it has changed: to them it comes, or goes (muc#roomconfig_presencebroadcast).
 */
void presence_tell_shown(struct turn *turn, const struct occupant *occupant, bool was_shown);
/* To this session alone, which is told that it is its own. */
void presence_tell_self(struct turn *turn, const struct session *session, const struct news *news);
/* Those of all others, to a newcomer. */
void presence_tell_others(struct turn *turn, const struct session *newcomer);
/* Whether others see it at all (muc#roomconfig_presencebroadcast). */
bool presence_is_shown(const struct room *room, enum role role);
/* A copy without what only rooms say, and nothing for the room alone. */
struct stanza *presence_cleaned(const struct stanza *presence);
