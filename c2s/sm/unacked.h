/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What a client was sent and has not acknowledged (XEP-0198 §4): texts in the order of their
 * numbers, to be sent again when it resumes its session. The number of a stanza follows from its
 * place: the first one is acknowledged + gap + 1, modulo 2^32. Pure: no I/O.
 *
 * Stored messages are sent only while there is room (unacked_is_full()): what is beyond stays in
 * the tables. What is not stored cannot wait there; above the second limit its text is forgotten
 * and only its number is kept, so that a client that never acknowledges costs no more than this.
 * A stored message is never forgotten, and may be sent again while numbers before it are open.
 *
 * Errors for messages that were refused are in no table, and the client drops the message when it
 * is acknowledged: so they are a part of the row of the session (smacks_row.c), up to a limit.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/buffer.h"
#include "common/base/macros.h"

struct unacked_stanza {
    struct unacked_stanza *next;
    int64_t seq;     /* of a stored message, or 0 */
    int64_t sent_us; /* wall time */
    size_t size;
    uint32_t gap; /* forgotten between this and the next one */
    bool error;   /* the row has it */
    bool old;     /* it comes from the row, with a number of another process */
    uint32_t was; /* that number */
    char *text;
};

struct unacked {
    uint32_t acknowledged; /* by the peer: its last h */
    uint32_t count;        /* sent since */
    uint32_t forgotten;    /* of them */
    uint32_t gap;          /* of those, before the first text */
    size_t bytes;
    size_t limit_count, limit_bytes;
    size_t errors, error_bytes; /* that the row has */
    bool unnumbered;            /* read from a row: what the client was sent is not known */
    struct unacked_stanza *first, *last;
};

/* Beyond this many times the limits texts are forgotten. */
#define UNACKED_FORGET 2
/* Of the errors in a row. */
#define UNACKED_ERRORS      32
#define UNACKED_ERROR_BYTES 32768

void unacked_init(struct unacked *unacked, size_t limit_count, size_t limit_bytes);
void unacked_fini(struct unacked *unacked);
/* The number of the last one that was sent. */
uint32_t unacked_sent(const struct unacked *unacked);
bool unacked_is_full(const struct unacked *unacked);
/* `text` is the stanza as it was written; consumed. False: only its number is kept. */
bool unacked_add(struct unacked *unacked, char *text, size_t size, int64_t seq, int64_t now_us);
/* The same for the error of a message. False: it is not among those that the row has. */
bool unacked_add_error(struct unacked *unacked, char *text, size_t size, int64_t now_us);
/* The client has handled all up to h: each(user) sees them in order, then they go. ERR_LIMIT: it
 * was not sent so many (or h has fallen, which cannot be told apart); nothing has changed. */
MUST_CHECK int unacked_acknowledge(struct unacked *unacked, uint32_t h,
                                   void (*each)(void *user, const struct unacked_stanza *stanza),
                                   void *user);
/* It will be sent what is left, and counts on from there: what was forgotten has no number any
 * more. True if there was any. */
bool unacked_resume(struct unacked *unacked);

/* For the column of the row: those errors with their numbers; nothing if there are none. */
void unacked_write_errors(const struct unacked *unacked, struct buffer *column);
/* Of a session whose process has died: errors are all that is left. Before anything is added. */
void unacked_read_errors(struct unacked *unacked, const char *column);
/* Its client is back, and says how far it is: errors that it has go, and numbers begin there. */
void unacked_restart(struct unacked *unacked, uint32_t h);
