/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Messages on their last step, from the tables to the devices of an account
 * (docs/rules/offline.md).
 *
 * offline.c   what waits for the account, until one of its devices has acknowledged it
 * catch_up.c  sessions that are not up to date: what was stored for them, in order
 * confirm.c   when a client without XEP-0198 has got something
 */
#pragma once

#include "c2s/sm/sm.h"

/* offline.c */

/* Whether there is room for one more message that nobody can take now. */
bool offline_is_full(const struct account *account);
/* A message for the account is being stored; it failed. */
void offline_stored(struct account *account, size_t size);
void offline_not_stored(struct account *account, size_t size);
/* So many, of this size together, do not wait any more: their time is over. */
void offline_expired(struct account *account, size_t count, size_t size);
/* The session's client has them: they do not wait any more. Written behind. */
void offline_acknowledged(struct session *session, const int64_t *seqs, size_t count);
/* Writes now what is to be written behind, so that what is read next knows of it. */
void offline_flush(struct account *account);
/* catch_up_again() is called after a while. */
void offline_try_again(struct sm *sm);
/* Up to where the device of this session has everything; -1: it has not been here before. */
int64_t offline_mark(const struct session *session);

extern const struct sm_module offline_module;

/* catch_up.c */

/* A stored message that is for the session now: its client gets it, or the session falls behind. */
void offline_deliver(struct session *session, struct stanza *message, int64_t seq);
/* Everything that was stored after session->sent_seq, and what waits, is sent to the session as
 * fast as it takes it; until then nothing newer. */
void catch_up_begin(struct session *session, int64_t after);
void catch_up_writable(struct session *session);
/* Something may have been stored that nobody was sent. */
void catch_up_missed(struct account *account);
/* A session that is known from its row, with presence and sent_seq: it gets everything behind that
 * once its client has come for it. */
void catch_up_restored(struct session *session);
/* Sessions that are behind because the database did not answer try again. */
void catch_up_again(struct sm *sm);
/* What was for one session alone is for all, now that it is gone. */
void catch_up_inherit(struct account *account, const char *resource);
/* The last message that its client has, with all before it. */
int64_t catch_up_mark(const struct session *session);
/* The same when nothing is being stored for the account any more. */
int64_t catch_up_end_mark(const struct session *session);

/* confirm.c */

struct confirm; /* session->confirm */

/* Written to a client without XEP-0198. */
void confirm_sent(struct session *session, int64_t seq);
/* Everything up to here in one: asks now. */
void confirm_ask(struct session *session);
/* The first message that is not confirmed, or 0. */
int64_t confirm_first(const struct session *session);

extern const struct sm_module confirm_module;
