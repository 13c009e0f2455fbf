/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Messages that are pending in the database, and notes (note.h): when nobody waits for one any
 * more its row is changed or deleted, some behind, many together; then whoever took it may forget
 * it.
 */
#pragma once

#include "common/component/batch.h"
#include "muc/mail.h"

struct mail_rows;

struct mail_message {
    int64_t room, seq;
    struct stanza *stanza, *undelivered; /* as in struct posting */
    size_t open;                         /* letters, and whoever is about to write some */
    bool taken;                          /* by one of them */
    struct arena *arena;                 /* of what its takers are told in the end; NULL: nothing */
    struct mail_forget *forgets;
    size_t forgets_count;
    struct jid offerer;
    struct mail_message *prev, *next; /* all of them */
};

struct mail_rows *mail_rows_new(struct muc *muc);
/* Nothing is written any more. */
void mail_rows_stop(struct mail_rows *rows);
void mail_rows_free(struct mail_rows *rows);
/* With one open, for the caller. The stanzas are kept. */
struct mail_message *mail_rows_add(struct mail_rows *rows, int64_t room,
                                   const struct posting *posting);
bool mail_rows_has(const struct mail_rows *rows, int64_t room, int64_t seq);
/* One less is open. If it was the last one, and nobody took it, its sender is told. */
void mail_rows_settled(struct mail_rows *rows, struct mail_message *message);
/* Who took this will be told to forget it when the row is changed: until then the next process may
 * offer it again. */
void mail_rows_took(struct mail_message *message, const struct durable *took);
