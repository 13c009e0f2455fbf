/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * A room as it is in memory: its configuration, who has which affiliation, who is in it. All of it
 * stands in the database too (store.h) and is loaded from there when the first stanza for the room
 * comes; a room without occupants is put aside again when nothing has come for a while.
 *
 * An *occupant* is a nickname; the sessions (full JIDs) of one account may share it.
 */
#pragma once

#include "common/base/table.h"
#include "common/tls/crypto.h"
#include "muc/muc.h"
#include "muc/options.h"

#define NS_MUC       "http://jabber.org/protocol/muc"
#define NS_MUC_USER  NS_MUC "#user"
#define NS_MUC_ADMIN NS_MUC "#admin"
#define NS_MUC_OWNER NS_MUC "#owner"

#define NS_OCCUPANT_ID "urn:xmpp:occupant-id:0"
#define NS_HATS        "urn:xmpp:hats:0"

/* XEP-0045 §5.2, in the order of what they may. */
enum affiliation {
    AFFILIATION_OUTCAST,
    AFFILIATION_NONE,
    AFFILIATION_MEMBER,
    AFFILIATION_ADMIN,
    AFFILIATION_OWNER,
    AFFILIATIONS
};
/* §5.1 */
enum role { ROLE_NONE, ROLE_VISITOR, ROLE_PARTICIPANT, ROLE_MODERATOR, ROLES };

const char *affiliation_name(enum affiliation affiliation);
const char *role_name(enum role role);
/* -1: it is none. */
int affiliation_parse(const char *name);
int role_parse(const char *name);

/* A bare JID, or a domain, that the room knows. */
struct affiliated {
    UT_hash_handle hh; /* by jid */
    char *jid;
    enum affiliation affiliation;
    char *nick;   /* reserved for it (§7.10); NULL: none */
    char *reason; /* NULL: none */
};

/* A connected client in the room. */
struct session {
    UT_hash_handle hh; /* by jid->full */
    struct jid *jid;
    struct occupant *occupant;
    int64_t joined;              /* the last message before it came */
    char *mark;                  /* names it to others, who may not know its JID (between.c) */
    struct stanza *presence;     /* the last one, without what only rooms say */
    struct session *prev, *next; /* of the occupant */
};

struct occupant {
    UT_hash_handle hh; /* by nick */
    struct room *room;
    char *nick;
    struct jid *bare; /* whose it is */
    struct jid *jid;  /* in the room: room@service/nick */
    char *id;         /* XEP-0421 */
    enum role role;
    struct session *sessions; /* the first one's presence is the one that others see */
    uint64_t rate_ms;         /* anti-flood: since when */
    uint64_t rate_count;      /* it has said so much, */
    uint64_t presence_count;  /* and changed its presence so often */
};

enum room_state {
    ROOM_LOADING, /* stanzas wait: for the database, or for an answer about its home */
    ROOM_READY,
    ROOM_FAILED, /* memory and database differ: to be loaded again */
};

/* Where the directory of the network has it (home.h). */
enum home { HOME_UNKNOWN, HOME_HERE, HOME_NOBODY, HOME_ELSEWHERE };

struct room_waiting {
    struct stanza *stanza;
    struct room_waiting *prev, *next;
};

struct room {
    UT_hash_handle hh; /* by jid->local */
    struct muc *muc;
    struct jid *jid;
    enum room_state state;
    bool exists; /* else nobody has created it yet, or it has been destroyed */
    bool locked; /* §10.1.3: its creator has to configure it first */
    int64_t id;  /* in the database */
    int64_t seq; /* of the last message */
    char *creator;
    char *salt;                      /* of the occupant ids */
    char *photos;                    /* SHA-1 of each, with line breaks between; NULL: none */
    struct hat *hats;                /* that there are (hats.c) */
    struct kept_role *kept_roles;    /* by jid (kept_role.h) */
    struct crypto_block *ids;        /* of its messages (archive_id.c), NULL until needed */
    char *options[OPTIONS];          /* NULL: the default */
    struct affiliated *affiliations; /* by jid */
    struct occupant *occupants;      /* by nick */
    struct session *sessions;        /* by full jid */
    struct stanza *subject;          /* the last message that has set it; NULL: none has */
    struct message *history;         /* the last ones, the oldest first (message.h) */
    size_t history_count;
    struct turn *turns; /* that have not spoken yet, in order */
    size_t aside;       /* turns beside them */
    struct room_waiting *waiting;
    struct db_unit *loading;
    enum home home;
    uint64_t home_ms; /* since when that is known */
    bool claimed;     /* the registrar has given us its name since it was in memory */
    bool founded;     /* the administrator's claim was answered */
    struct home_question *question;
    uint64_t used_ms; /* when something came for it the last time */
};

/* The room of this local part, which is loaded if it is not there. */
struct room *room_get(struct muc *muc, const struct jid *jid);
/* Frees it, with what waits for it. */
void room_free(struct room *room);
/* Memory only: everything of it but its address, so that it does not exist. */
void room_empty(struct room *room);
/* Puts rooms aside that nobody uses, all of them with `all`. */
void room_sweep(struct muc *muc, bool all);
/* store_load.c: it has been read, or could not be. */
void room_loaded(struct room *room, int status);
/* home.h: it is known whose it is. */
void room_ready(struct room *room);
/* The stanza waits, before all others or behind them. Borrowed. False: too many do. */
bool room_wait(struct room *room, struct stanza *stanza, bool first);
/* A turn has spoken. */
void room_settled(struct room *room);
/* For the stanza when the room is ready; the stanza is borrowed. */
void room_take(struct room *room, struct stanza *stanza);

/* --- who is who --- */

enum affiliation room_affiliation(const struct room *room, const struct jid *jid);
/* NULL: it is not known. */
struct affiliated *room_affiliated(const struct room *room, const char *bare);
/* Memory only; NONE without a nick removes it. nick and reason may be NULL. */
void room_set_affiliated(struct room *room, const char *bare, enum affiliation affiliation,
                         const char *nick, const char *reason);
size_t room_count(const struct room *room, enum affiliation affiliation);
/* Who has reserved this nick; NULL: nobody. */
const struct affiliated *room_nick_owner(const struct room *room, const char *nick);
/* Whether somebody else than this account has it, or has reserved it. */
bool room_nick_is_taken(const struct room *room, const char *nick, const char *bare);
/* The role with which somebody comes in (§5.1.2). */
enum role room_role_of(const struct room *room, enum affiliation affiliation);

struct session *room_session(const struct room *room, const struct jid *full);
struct occupant *room_occupant(const struct room *room, const char *nick);
/* The occupant of this account under any nick; NULL: none. */
struct occupant *room_occupant_of(const struct room *room, const struct jid *bare);
/* Under all its nicknames. */
size_t room_sessions_of(const struct room *room, const struct jid *bare);
/* Memory only. The presence is kept. A new occupant gets `role`. */
struct session *room_add_session(struct room *room, const struct jid *full, const char *nick,
                                 enum role role, struct stanza *presence);
/* Memory only; with the last session the occupant goes. */
void room_remove_session(struct room *room, struct session *session);
/* Memory only. */
void room_rename(struct room *room, struct occupant *occupant, const char *nick);
/* Whether the real JIDs are shown to this one (§4.2). */
bool room_shows_jids_to(const struct room *room, const struct occupant *occupant);

bool room_is(const struct room *room, enum option option);
/* Never NULL. */
const char *room_text(const struct room *room, enum option option);
uint64_t room_number(const struct room *room, enum option option);
