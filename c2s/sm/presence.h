/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Presence (RFC 6121 §4, docs/rules/presence.md): what other features ask of it, and what its files
 * ask of each other.
 */
#pragma once

#include "c2s/sm/sm.h"

extern const struct sm_module presence_module;
extern const struct sm_module probe_module;

/* Sends the presence of every available resource to one address: after a subscription was
 * approved, a contact unblocked, a probe answered. */
void presence_show(struct account *account, const struct jid *to);
/* Sends unavailable presence of every available resource to one address. */
void presence_hide(struct account *account, const struct jid *to);
/* Every available resource says once more what it has said: what is added to it is another. */
void presence_again(struct account *account);
/* The session is not available any more: tells everybody who saw it, as `presence` says (the
 * client's stanza) or with an empty unavailable presence (NULL). */
void presence_end(struct session *session, struct stanza *presence);

/* Nobody is told: the session goes on elsewhere. */
void presence_forget(struct session *session);

/* A copy of `presence`, from this address of the account, to one contact. says_all: it goes to all
 * that may see the account, and to this one for that reason. */
void presence_say(struct account *account, const struct jid *from, const struct stanza *presence,
                  const struct jid *to, bool says_all);
/* A copy of `presence` from the session to `to`, on its way. Blocked addresses get nothing. */
void presence_send(struct session *session, const struct stanza *presence, const struct jid *to);

/* presence_directed.c: to whom a session has sent presence of its own accord (§4.6). */
/* 1: the address is new; ERR_LIMIT: too many. */
MUST_CHECK int directed_note(struct session *session, const struct stanza *presence);
/* Whether it has, to this address or another resource of it. */
bool directed_has(const struct session *session, const struct jid *jid);
/* Sends `unavailable` to all of them who have not heard of it as contacts; forgets them. */
void directed_end(struct session *session, const struct stanza *unavailable);
/* The same of all sessions and one address, with all that it is a part of: a room and who is in it,
 * a domain. */
void directed_end_within(struct account *account, const struct jid *whole);
void directed_forget(struct session *session);
/* All of them as one text, for directed_restore(). Free with free(); NULL: none. */
char *directed_format(const struct session *session);
void directed_restore(struct session *session, const char *text);
