/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What the files of the outbox share: outbox_books.c has lists, senders and parcels, outbox_offer.c
 * offers them and hears the answers, outbox.c is the rest. Nobody else includes this.
 */
#pragma once

#include "c2s/sm/outbox.h"

#define OUTBOX_TICK_MS 1000

/* A stanza that nobody else answers for. */
struct parcel {
    UT_hash_handle hh; /* by id */
    char *id;
    struct list *list;
    struct sender *sender;
    struct stanza *stanza;
    size_t size; /* of it when it came: it may grow */
    struct outbox_row row;
    unsigned attempt;
    int64_t said_us; /* wall time */
    bool old;        /* read back: it may have been offered before */
    bool offered;    /* the answer is awaited */
    uint64_t offered_ms;
    uint64_t expires_ms;
    struct parcel *prev, *next;
};

/* One domain of ours and one of others, or one slot of another home. */
struct list {
    UT_hash_handle hh; /* by key */
    char *key;         /* "ours theirs", with a slot for accounts of ours */
    char *theirs;      /* their domain, or the node that serves their home */
    bool away;         /* their home is elsewhere */
    bool unplaced;     /* of one account, whose home has to be looked up */
    bool moved;        /* the home of some has to be looked up again */
    struct parcel *parcels;
    size_t count;
    unsigned failures;            /* in a row; above 0 the head is offered first */
    uint64_t due_ms;              /* nothing is offered before; UINT64_MAX: until it is reachable */
    enum stanza_condition reason; /* of the latest failure */
    char *problem;                /* the same for people, or NULL */
};

struct sender {
    UT_hash_handle hh;
    size_t count;
    char bare[];
};

struct outbox {
    struct sm *sm;
    struct timer *timer;
    struct parcel *parcels;
    struct list *lists;
    struct sender *senders;
    size_t bytes;
    struct outbox_rows *rows;
};

/* --- outbox_books.c --- */

/* The list of this stanza, new if there is none; goes with outbox_release_list() if it is empty. */
struct list *outbox_list(struct outbox *outbox, const struct stanza *stanza);
void outbox_release_list(struct outbox *outbox, struct list *list);
/* NULL if there is none. */
struct parcel *outbox_find(const struct outbox *outbox, const char *id);
/* id is consumed, the stanza is not. old: it has its place among those that are there. */
struct parcel *outbox_add_take(struct outbox *outbox, char *id, struct stanza *stanza,
                               const struct outbox_row *row, bool old);
/* All of them again, by what the directory says now. */
void outbox_relist(struct outbox *outbox, struct list *list);
/* The list stays, even if that was its last. */
void outbox_remove(struct outbox *outbox, struct parcel *parcel);
/* Its sender gets an error. The list stays. */
void outbox_end(struct outbox *outbox, struct parcel *parcel, enum stanza_condition reason,
                const char *type, const char *text);

/* --- outbox_offer.c --- */

/* Offers what may be offered now. */
void outbox_flow(struct outbox *outbox, struct list *list);
/* Their home is known now, or is asked for later. */
void outbox_place(struct outbox *outbox, struct list *list);
/* Whoever had it is not there any more. */
void outbox_start_over(struct list *list);
