/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Invitations in the database (docs/SCHEMA.md): what a token is good for, and that it is used as
 * often as it may be and no more. A token is known to whoever was given it; stored is its SHA-256.
 *
 *     find ─► hold ─► (the account is made) ─► spend
 *                          └── it is not ────► release
 *
 * Held it is nobody else's; after a minute it is free again, should the holder have died.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/db/db.h"
#include "common/service/control.h"
#include "common/xmpp/jid.h"

#define INVITATION_ACCOUNT "account" /* a new one */
#define INVITATION_RESET   "reset"   /* a new password for one that is there */

struct invitation {
    char *id;
    char *local; /* NULL: whoever has it chooses */
    bool reset;
    bool admin; /* the account becomes an administrator's */
};
void invitation_fini(struct invitation *invitation);

/* Whether the token is good now at this domain. One row: for invitation_read(). None: it is not. */
struct db_unit *invitation_find(struct db *db, const char *token, const char *domain,
                                db_callback *found, void *user);
void invitation_read(const struct db_result *found, struct invitation *invitation);

/* holder: a text that nobody else has. One row: for invitation_hold_problem(). */
struct db_unit *invitation_hold(struct db *db, const struct invitation *invitation,
                                const char *holder, const struct jid *account, db_callback *held,
                                void *user);
enum invitation_hold {
    INVITATION_HELD,
    INVITATION_RESERVED, /* another open invitation has this name */
    INVITATION_SPENT,
    INVITATION_BUSY /* somebody else holds it */
};
enum invitation_hold invitation_hold_result(const struct db_result *held);
/* The account is there. Repeated until it is known to be written. done may be NULL. */
void invitation_spend(struct db *db, const struct invitation *invitation, const char *holder,
                      const struct jid *account, db_callback *done, void *user);
void invitation_release(struct db *db, const struct invitation *invitation, const char *holder);

/* Of kontalkctl, on the control socket; their state is the worker. */
extern const struct control_command invitation_commands[];
