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
#include "common/xmpp/datetime.h"
#include "common/xmpp/jid.h"

#define INVITATION_ACCOUNT "account" /* a new one */
#define INVITATION_RESET   "reset"   /* a new password for one that is there */
#define INVITATION_CONTACT "contact" /* none: whoever has it becomes a contact (XEP-0379) */

#define INVITATION_ID_BYTES    4
#define INVITATION_TOKEN_BYTES 16

/* What a new one is to be. Borrowed. */
struct invitation_wish {
    const char *kind;
    const struct jid *where; /* the account, or the domain */
    bool admin;
    int64_t uses;
    int64_t life_ms;
    const char *creator; /* a name for people */
    const char *inviter; /* bare JID whose contact becomes whoever uses it, once; NULL: nobody's */
    int64_t limit;       /* of inviter's in limit_ms; 0: none */
    int64_t limit_ms;
};

struct invitation_made {
    char id[2 * INVITATION_ID_BYTES + 1];
    char token[2 * INVITATION_TOKEN_BYTES + 1]; /* to be wiped */
    char expires[DATETIME_SIZE];
};

/* `made` is filled in at once, and is good if invitation_was_made(). */
void invitation_make(struct db *db, const struct invitation_wish *wish,
                     struct invitation_made *made, db_callback *done, void *user);
/* Of what `done` got, status 0. False: the name is taken or given away, or there is none for a
 * reset, or the inviter has made as many as he may. */
bool invitation_was_made(const struct db_result *results, size_t count);

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
