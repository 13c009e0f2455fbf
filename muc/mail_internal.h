/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The inside of mail.c: a *letter* is one message, or one note, for one session; its letters stand
 * in its *bag*, in order. Letters with the same message that may be offered at the same time leave
 * in one *departure*: so the message crosses each link once.
 */
#pragma once

#include "common/base/macros.h"
#include "common/base/table.h"
#include "muc/mail.h"
#include "muc/mail_rows.h"

/* Hexadecimal digits. */
#define MAIL_TAG 32
/* When the queue to the router was full. */
#define MAIL_TICK_MS 1000

struct bag {
    UT_hash_handle hh; /* by key */
    char *key;         /* "room full" */
    struct jid *room, *to;
    char tag[MAIL_TAG + 1]; /* of `to`, in ids */
    struct letter *letters;
    size_t count;
    unsigned failures;
    uint64_t due_ms;   /* nothing is offered before; UINT64_MAX: until the router has room */
    uint64_t since_ms; /* of the first failure */
    uint64_t asked_ms; /* since then the first letter waits for an answer, or there is none */
};

struct letter {
    UT_hash_handle hh; /* by id */
    char *id;
    struct mail_message *message;
    struct bag *bag;
    unsigned attempt;
    bool offered;
    struct letter *prev, *next;
    struct departure *departure; /* in which it leaves; NULL: it does not */
    struct letter *leaving_prev, *leaving_next;
};

struct departure {
    struct mail_message *message;
    struct letter *letters;
    size_t count;
    struct departure *prev, *next; /* mail->departures, those of a room in order */
};

struct mail {
    struct muc *muc;
    struct mail_rows *rows;
    struct letter *letters;
    struct bag *bags;
    struct departure *departures;
    size_t departures_count;
    struct loop_task *depart;
    struct timer *timer;
};

/* mail.c: for who follows the message, as what this recipient gets. */
void letter_follow(const struct letter *letter, const char *format, ...) PRINTF_LIKE(2, 3);

/* departures.c: it is to be offered, in the next departure with its message. */
void departures_add(struct mail *mail, struct letter *letter);
/* It is not, after all. */
void departures_remove(struct mail *mail, struct letter *letter);
/* All leave; those for whom the link has no room do not, and their bags wait. */
void departures_leave(struct mail *mail);
/* Answers come together: what follows from them goes together. */
void departures_leave_soon(struct mail *mail);
void departures_stop(struct mail *mail);
