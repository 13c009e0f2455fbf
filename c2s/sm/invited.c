/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Accounts that somebody was invited to by a user (XEP-0401 §4.5): when the new one is first used
 * it asks that user to be a contact, as its client would that had the link (XEP-0379). What it
 * shows is the id of the invitation, which is good for this account alone.
 */
#include <stdlib.h>

#include "c2s/sm/preauth.h"
#include "c2s/sm/subscription.h"

static const struct db_statement inviter_statement = {
    .name = "invited_by",
    .sql = "SELECT inviter FROM invitation WHERE invitation_id = $1 AND inviter IS NOT NULL",
    .parameters = 1,
};

static const struct db_statement forget_statement = {
    .name = "invited_forget",
    .sql = "UPDATE account SET invitation = NULL WHERE owner = $1::bigint",
    .parameters = 1,
};

void invited_forget(struct sm_unit *unit, const struct account *account)
{
    sm_add_values(unit, &forget_statement, DB_INT(account->owner));
}

/* The invitation has been taken back, or its account is gone; or the client has done it. */
static void give_up(struct account *account)
{
    struct sm_unit *unit = sm_unit_new(account, SM_WRITE_BEHIND);

    invited_forget(unit, account);
    sm_submit(unit, NULL, NULL);
    free(account->invitation);
    account->invitation = NULL;
}

static void on_inviter(struct account *account, int status, const struct db_result *results,
                       void *user UNUSED)
{
    struct arena *arena;
    struct jid inviter;

    if (status < 0 || !account->invitation)
        return;
    arena = arena_new();
    if (db_rows(&results[0]) > 0 &&
        jid_parse(arena, db_get_text(&results[0], 0, 0), &inviter) == 0 &&
        !subscription_to(roster_subscription(account, inviter.full)))
        subscription_ask_inviter(account, &inviter);
    else
        give_up(account);
    arena_free(arena);
}

static void session_ready(struct session *session, bool initial)
{
    struct account *account = session->account;

    if (!initial || !account->invitation)
        return;
    const struct db_value id = DB_TEXT(account->invitation);
    sm_query(account, SM_READ_HELD, &inviter_statement, &id, on_inviter, NULL);
}

static const struct spec specs[] = {{"XEP-0379", "0.3.3", "by invitations of XEP-0401"}, {0}};

const struct sm_module invited_module = {
    .name = "invited",
    .specs = specs,
    .session_ready = session_ready,
};
