/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The session manager's shape: accounts with their sessions, modules in a fixed order, one dispatch
 * table for iq. One feature is one file with its code, its SQL, its rows and its disco features;
 * modules.c lists them in the order in which their hooks run.
 *
 *   client stanza ─► session queue of the account ─► outgoing hooks ─► sm_route()
 *   sm_route(): server or own account? ─► iq dispatch;  local account and short cut? ─► its queue;
 *               else ─► router (which brings it back as routed() if it is ours)
 *   routed stanza ─► queue of the account ─► incoming hooks ─► delivery (RFC 6121 §8.5)
 *
 * An account is loaded when it is first needed (row, roster, block list) and let go some time after
 * its last session. Its stanzas are worked off in order; a handler that waits for the database holds
 * the account (account_hold) until it has answered, so order is never lost, and what a client was
 * told is committed. Everything is counted from one worker; nothing is global.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "c2s/plugin.h"
#include "common/base/table.h"
#include "common/db/db.h"
#include "common/xmpp/stanza.h"

struct sm;
struct account;
struct session;

/* What a hook says about a stanza. */
enum sm_verdict {
    SM_PASS,   /* the next module */
    SM_HANDLED /* done: the hook has answered or dropped it */
};

/* Who an iq is addressed to. */
enum sm_address {
    SM_TO_SERVER = 1 << 0,  /* the domain, from anybody */
    SM_TO_SELF = 1 << 1,    /* no 'to', or the sender's own bare JID */
    SM_TO_ACCOUNT = 1 << 2  /* the bare JID of another account of ours, from anybody */
};

#define SM_GET (1 << 0)
#define SM_SET (1 << 1)

/* One iq request being answered. Answer exactly once, now or later, with sm_result(),
 * sm_reply_take() or sm_error(). */
struct sm_request {
    struct sm *sm;
    struct stanza *iq;
    struct element *payload;
    struct account *account; /* whose data is asked for; NULL for SM_TO_SERVER from outside */
    struct session *session; /* the asking session of ours, while it lives; NULL for others */
};

struct sm_iq {
    const char *ns;
    const char *name;
    unsigned types;     /* SM_GET | SM_SET */
    unsigned addressed; /* enum sm_address bits */
    void (*handle)(struct sm_request *request);
};

struct sm_spec {
    const char *name; /* "XEP-0199" */
    const char *version;
    const char *note; /* what is left out; NULL: complete */
};

struct sm_module {
    const char *name;
    const struct sm_spec *specs;           /* ends with name NULL */
    const char *const *server_features;  /* disco#info of the domain; ends with NULL */
    const char *const *account_features; /* disco#info of a bare JID */
    const struct sm_iq *iqs;               /* ends with ns NULL */

    void (*stream_features)(struct sm *sm, struct element *features);
    /* Loading an account: add one statement with the owner as $1; take its result. */
    const struct db_statement *load;
    void (*loaded)(struct account *account, const struct db_result *rows);
    void (*unload)(struct account *account);

    void (*session_opened)(struct session *session);
    /* The session's last presence is still set. */
    void (*session_closed)(struct session *session);
    /* A stanza from a client of the account, to wherever. Borrowed. */
    enum sm_verdict (*outgoing)(struct session *session, struct stanza *stanza);
    /* A stanza to the account or one of its sessions. Borrowed. */
    enum sm_verdict (*incoming)(struct account *account, struct stanza *stanza);
    /* Initial presence, and presence with priority >= 0 after a negative one: offline messages. */
    void (*session_available)(struct session *session);
};

extern const struct sm_module *const sm_modules[]; /* modules.c; ends with NULL */
