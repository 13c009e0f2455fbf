/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What follows from one stanza: what is written to the database, in one unit, and what is said once
 * that is committed. Turns of a room speak in the order in which they began, also those that write
 * nothing. If the unit fails nothing is said, who asked gets an error, and the room is loaded
 * again.
 */
#pragma once

#include "muc/errors.h"
#include "muc/room.h"

struct output;
struct message;
struct taking;

struct turn {
    struct muc *muc;
    struct room *room;      /* NULL: the service itself */
    struct stanza *request; /* what it follows from; NULL: nothing of others */
    struct db_unit *unit;   /* NULL: nothing to write */
    struct output *outputs;
    struct message *message; /* accepted with it; NULL: none */
    struct taking *taking;   /* the offer that the request came by; NULL: none */
    size_t statements;       /* in the unit */
    size_t taken_at;         /* which of them tells whether it was known already; 0: none */
    int64_t taken_seq;       /* what was written of it if not: under this number of the room */
    bool known;              /* it was: nothing is said */
    bool written;            /* committed, or there was nothing */
    bool reading;            /* turn_query() is under way */
    bool aside;              /* in no order, but it needs its room */
    int64_t about;           /* the number of the room when it began */
    bool failed;
    void (*queried)(struct turn *turn, const struct db_result *result);
    void (*committed)(struct turn *turn, const struct db_result *results, size_t count);
    void *user; /* of `queried` */
    struct turn *prev, *next;
};

/* The request is borrowed. */
struct turn *turn_begin(struct muc *muc, struct room *room, struct stanza *request);
/* Everything has been written and said: from now on it goes by itself. */
void turn_end(struct turn *turn);
void turn_drop(struct turn *turn);
/* Nothing can be done with this stanza now: it is refused, or offered again. */
void turn_fail(struct muc *muc, struct stanza *request);

/* Says it; consumes the stanza, NULL is allowed. `to` and `from` are set. */
void turn_send_take(struct turn *turn, struct stanza *stanza);
/* The same stanza to each session of the occupants, rendered once; `from` is set. */
void turn_send_all_take(struct turn *turn, struct stanza *stanza);
/* The same to some, whose JIDs are added one by one. */
struct output *turn_send_to_take(struct turn *turn, struct stanza *stanza);
void output_add(struct output *output, const struct jid *to);
/* It is stored under that number, and mailed; consumes `undelivered` (struct posting). */
void output_post_take(struct output *output, int64_t seq, struct stanza *undelivered);
/* These go to all sessions until somebody answers for each (mail.h): a message that is stored. */
void turn_mail_take(struct turn *turn, struct stanza *stanza, int64_t seq);
/* Answers the request with the error of this situation (errors.def). */
void turn_refuse(struct turn *turn, enum situation situation);
/* Answers the request, an iq, with an empty result, which may be filled; borrowed from the turn. */
struct stanza *turn_result(struct turn *turn);

/* Adds a statement to the unit. */
#define turn_write(turn, statement, ...)                                                           \
    db_unit_add_values(turn_unit(turn), (statement), __VA_ARGS__)
struct db_unit *turn_unit(struct turn *turn);

/* Asks the database and goes on in `done`, which says what there is to say; the turn leaves the
 * order of its room. Before turn_end(). If the database does not answer the request is refused. */
void turn_query(struct turn *turn, const struct db_statement *statement,
                const struct db_value *values,
                void (*done)(struct turn *turn, const struct db_result *result), void *user);
