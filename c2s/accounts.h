/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Accounts and their verifiers in the database. Passwords never get there: what is stored are SCRAM
 * verifiers (common/sasl/verifier.h), one for each hash.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "c2s/account_change.h"
#include "c2s/slots.h"
#include "common/db/db.h"
#include "common/sasl/verifier.h"
#include "common/xmpp/jid.h"

#define ACCOUNT_VERIFIERS 3

/* Whether an account may be created with this name: a local part that preparing leaves as it was
 * written. `jid` is what jid_parse() made of `text`. */
bool account_registrable(const char *text, const struct jid *jid);

/* The verifiers of a password, ready to be stored. */
struct account_verifiers {
    char *values[ACCOUNT_VERIFIERS];
};

/* Slow, in any thread. ERR_INVALID: the password is empty or SASLprep forbids it; nothing is to be
 * freed then. */
MUST_CHECK int account_verifiers_make(const char *password, struct account_verifiers *verifiers);
void account_verifiers_free(struct account_verifiers *verifiers);

/* What a login needs. */
struct account_credentials {
    bool exists;
    bool disabled;
    bool has_verifier; /* of the wanted hash */
    struct verifier verifier;
};

/* status: as db_callback. The credentials are valid during the call. wanted_hash -1: the strongest
 * there is. */
typedef void account_fetched(void *user, int status, const struct account_credentials *credentials);
struct account_fetch;
struct account_fetch *account_fetch(struct db *db, const struct jid *account, int wanted_hash,
                                    account_fetched *fetched, void *user);
/* The callback will not be called. NULL is allowed. */
void account_fetch_cancel(struct account_fetch *fetch);

/* What a worker says of an account that another worker of the node serves; kontalkctl then asks
 * that one. */
#define ACCOUNT_ELSEWHERE "the account is served by another worker"

/* The clients whose tokens ended with a password (XEP-0484); valid during the call. */
struct account_revoked {
    const struct db_result *rows; /* NULL: none */
};
size_t account_revoked_count(const struct account_revoked *revoked);
/* "software, machine (id)", to be freed with free(). */
char *account_revoked_name(const struct account_revoked *revoked, size_t which);

/* `changed` gets 0; ERR_EXISTS (add), ERR_NOT_FOUND (the others), or what the database says.
 * ERR_FENCED, and no callback, if the slot is not owned. */
typedef void account_changed(void *user, int status, const struct account_revoked *revoked);
struct grant;
/* grant: of the name, if it was claimed (c2s/directory); NULL: it was not. */
MUST_CHECK int account_change(struct db *db, struct slots *slots, enum account_change change,
                              const struct jid *account, const struct account_verifiers *verifiers,
                              const struct grant *grant, account_changed *changed, void *user);
/* The same for kontalkctl, blocking, while c2s is down. A transaction may be open around it. */
MUST_CHECK int account_change_run(struct db_session *session, enum account_change change,
                                  const struct jid *account,
                                  const struct account_verifiers *verifiers, const char **problem);

/* $1 domain, $2 local part after which to begin ("" at first), $3 how many. Columns: local part,
 * disabled, admin, created. */
extern const struct db_statement account_list;
/* $1 domain, $2 local part, $3 boolean. */
extern const struct db_statement account_set_admin;
