/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What the server says to its users by itself (XEP-0133 §4.24 to §4.28): a message of the day, once
 * to each account, when it is set or when somebody comes next; a welcome, to an account that was
 * made while there is one, when it is used for the first time. They are ordinary messages from the
 * domain, which wait and are archived. Administrators set them for the home (admin_notices.c).
 */
#pragma once

#include "c2s/sm/sm.h"

enum notice_kind { NOTICE_MOTD, NOTICE_WELCOME, NOTICE_KINDS };

struct notice {
    int64_t number; /* rises whenever it is set; 0: there is none */
    char *text;
    char *since; /* it has not been without a text since */
};

/* All of the home, as this worker knows it. */
const struct notice *notices_get(const struct sm *sm, enum notice_kind kind);
/* Reads them again, and gives them to those who are here; done(user, how many accounts). */
void notices_renew(struct sm *sm, void (*done)(void *user, size_t count), void *user);

/* $1 kind, $2 text, $3 now, $4 whether it is given to all again: what they are when set. */
extern const struct db_statement notice_set_statement;
extern const char *const notice_names[NOTICE_KINDS];

extern const struct sm_module notices_module;
