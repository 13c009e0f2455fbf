/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What administrators do to accounts, whether by kontalkctl or in band (XEP-0133): the change in
 * the database, and what follows from it for those who are logged in.
 */
#pragma once

#include "c2s/accounts.h"

struct client;
struct worker;

/* done() later or inside the call, exactly once; problem NULL: it is done, and `revoked` are the
 * clients that have to log in anew. The account has to be
 * one of a domain that is served here, a new one registrable (account_registrable()). password: for
 * ACCOUNT_ADD and ACCOUNT_PASSWORD, else NULL. Both are copied. */
typedef void account_worked(void *user, const char *problem, const struct account_revoked *revoked);
void account_work(struct worker *worker, enum account_change change, const struct jid *account,
                  const char *password, account_worked *done, void *user);
/* The same, but of the sessions that the change ends the one of the client stays that keep() names
 * when it is done; NULL: none. */
void account_work_keeping(struct worker *worker, enum account_change change,
                          const struct jid *account, const char *password,
                          struct client *(*keep)(void *user), account_worked *done, void *user);
#define ACCOUNT_BAD_PASSWORD "the password is empty or has forbidden characters"
/* What a status of such a change means, for people. */
const char *account_work_problem(int status);
