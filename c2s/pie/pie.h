/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Accounts as portable data (XEP-0227): what kontalkctl writes into a file and reads from one, of
 * ours and of other servers. Blocking. Passwords are not known here; SCRAM verifiers go both ways.
 */
#pragma once

#include <stdio.h>

#include "common/base/macros.h"
#include "common/db/db.h"
#include "common/xmpp/element.h"
#include "common/xmpp/jid.h"

#define NS_PIE "urn:xmpp:pie:0"

/* Writes <host/> with the accounts of the domain, or with the one that has this local part (NULL:
 * all). *count rises by those that were written. Problems as of db_session_run(). */
MUST_CHECK int pie_export(struct db_session *session, const char *domain, const char *local,
                          FILE *file, size_t *count, const char **problem);

/* What of a <user/> is not taken, for the operator: "a privacy list that is more than a block
 * list". */
typedef void pie_note(void *user, const char *text);
/* Makes an account of <user/> in the transaction that is open, with all it has. ERR_EXISTS: there
 * is one; ERR_INVALID: it has neither a password nor verifiers that we know; else as of
 * db_session_run(). Behind an error the transaction has to be rolled back. */
MUST_CHECK int pie_import(struct db_session *session, const struct jid *account,
                          const struct element *user, pie_note *note, void *note_user,
                          const char **problem);
