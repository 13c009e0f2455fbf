/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * kontalk-muc: Multi-User Chat (XEP-0045) as a component. Everything hangs from one struct muc.
 *
 * A stanza for a room makes a *turn* (turn.h): the room is changed in memory at once, what has to
 * be written goes into one unit, and what has to be said is said when that is committed. Turns of a
 * room speak in the order in which they began. So whoever has heard of something can rely on it.
 */
#pragma once

#include "common/component/link.h"
#include "common/config/config.h"
#include "common/db/db.h"
#include "common/io/loop.h"
#include "common/io/timer.h"
#include "common/service/control.h"
#include "common/service/metrics.h"
#include "common/service/spec.h"
#include "common/xmpp/parser.h"
#include "common/xmpp/stanza.h"

struct founding;
struct room;

/* Read from the configuration once per (re)load. */
struct muc_limits {
    uint64_t rooms_per_user; /* that one has created and that still exist */
    uint64_t occupants;      /* of a room, at most */
    uint64_t affiliations;   /* of a room: members, outcasts and so on */
    uint64_t history;        /* messages that a newcomer may get */
    uint64_t rate;           /* messages of an occupant in ten seconds */
    uint64_t size;           /* of a message, in bytes */
    uint64_t retention_ms;   /* messages are kept for so long; 0: for ever */
    uint64_t interval_ms;    /* between two searches for what is too old */
    uint64_t idle_ms;        /* a room without occupants leaves the memory after that */
};

struct muc {
    struct loop *loop;
    const struct config *config;
    struct muc_limits limits;
    char *domain;
    struct parser_pool *parsers;
    struct link *link;
    struct db *db;
    struct schema_work *schema; /* while the tables are brought up to date */
    struct begin *begin;        /* what is read then */
    struct room *rooms;         /* in memory, by local part */
    struct mail *mail;          /* NULL: not durable */
    struct takings *takings;    /* offers that came (taker.h) */
    struct homes *homes;        /* NULL: all rooms are here */
    struct gathering *gatherings;
    char *host, *network; /* of this node */
    struct creator *creators;
    struct founding *foundings; /* that wait for their room */
    struct turn *turns;         /* that belong to no room's order */
    struct timer *tick;
    struct retention *retention;
    uint64_t tidied_ms; /* the table `taken` */
    int64_t last_room;  /* the highest number that was given */
    uint64_t messages;  /* since the start */
    size_t open;        /* link and database, which stop() waits for */
    bool stopping;
    void (*stopped)(void *user);
    void *stopped_user;
};

extern const struct control_command muc_commands[];
extern const struct spec muc_specs[];
/* metrics.c; as in struct service. */
extern const struct metric muc_metrics[];
const char *muc_problem(void *state);

int muc_start(struct loop *loop, const struct config *config, void **state);
int muc_reload(void *state, const struct config *config);
void muc_stop(void *state, void (*stopped)(void *user), void *user);

/* Borrowed. What the router does not take is lost, which is logged. */
void muc_send(struct muc *muc, struct stanza *stanza);

/* The database does not keep up: nothing more may be begun. */
bool muc_is_busy(const struct muc *muc);

/* Stanzas that are kept as XML text: NULL if the text is none. */
struct stanza *muc_parse_stanza(struct muc *muc, const char *xml);
