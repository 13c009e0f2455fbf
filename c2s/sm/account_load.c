/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Loading an account: first its row, which has the key of all others, then in one unit whatever the
 * modules keep in memory of it.
 */
#include <stdlib.h>

#include "c2s/slots.h"
#include "c2s/sm/account.h"
#include "c2s/sm/sm.h"
#include "common/base/log.h"

static const struct db_statement select_account = {
    "account_select",
    "SELECT a.owner, a.seq, h.epoch, a.invitation FROM account a, home h"
    " WHERE a.domain = $1 AND a.local = $2 AND h.home_id = 1",
    2,
};

static void modules_loaded(struct account *account, int status, const struct db_result *results,
                           void *user)
{
    size_t at = 0;

    (void)user;
    if (account->state != ACCOUNT_LOADING) {
        return;
    }
    if (status < 0) {
        account_loaded(account, ACCOUNT_FAILED);
        return;
    }
    account_forget(account);
    account->loaded = true;
    SM_MODULES (module)
        if (module->load) {
            module->loaded(account, &results[at++]);
        }
    account_loaded(account, ACCOUNT_READY);
}

static void load_modules(struct account *account)
{
    struct sm_unit *unit = sm_unit_new(account, SM_READ);

    SM_MODULES (module)
        if (module->load) {
            sm_add_values(unit, module->load, DB_INT(account->owner));
        }
    sm_submit(unit, modules_loaded, NULL);
}

/* Numbers of a later epoch of the home are above all of an earlier one. What was given here since
 * the row was last raised stays given. */
static void read_numbers(struct account *account, const struct db_result *row)
{
    int64_t seq = db_get_int(row, 0, 1);

    account->home_epoch = db_get_int(row, 0, 2);
    account->seq_reserved = seq;
    account->seq = MAX(account->seq, MAX(seq, account->home_epoch << SM_EPOCH_BITS));
}

static void account_selected(struct account *account, int status, const struct db_result *results,
                             void *user)
{
    (void)user;
    if (status < 0) {
        account_loaded(account, ACCOUNT_FAILED);
    } else if (db_rows(&results[0]) == 0) {
        account_loaded(account, ACCOUNT_ABSENT);
    } else {
        account->owner = db_get_int(&results[0], 0, 0);
        read_numbers(account, &results[0]);
        free(account->invitation);
        account->invitation =
            db_is_null(&results[0], 0, 3) ? NULL : xstrdup(db_get_text(&results[0], 0, 3));
        load_modules(account);
    }
}

static void not_owned(void *user)
{
    struct account *account = user;

    account_loaded(account, ACCOUNT_FAILED);
    account_unref(account);
}

/* What the modules hold stays in use until there is something better to put in its place. */
void account_forget(struct account *account)
{
    SM_MODULES (module)
        if (account->loaded && module->unload) {
            module->unload(account);
        }
    account->loaded = false;
}

void account_distrust(struct account *account)
{
    if (account->state == ACCOUNT_READY) {
        log_info("account_distrusted", LOG_TEXT("account", account->jid->bare));
        account_loaded(account, ACCOUNT_LOADING);
        account_load(account);
    }
}

/* What is read before the slot was claimed may be out of date, so it is not read at all. */
void account_load(struct account *account)
{
    struct sm *sm = account->sm;

    account->epoch = slots_epoch(sm->slots, account->slot);
    if (!slots_owned(sm->slots, account->slot)) {
        account_ref(account);
        loop_defer(sm->loop, not_owned, account);
        return;
    }
    sm_query(account, SM_READ, &select_account,
             (const struct db_value[]){DB_TEXT(account->jid->domain),
                                       DB_TEXT(account->jid->local ? account->jid->local : "")},
             account_selected, NULL);
}
