/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What administration asks of c2s, in the place of c2s/account_work.c, c2s/accounts.c and the
 * worker.
 */
#pragma once

#include "c2s/account_work.h"
#include "c2s/accounts.h"

void account_work(struct worker *worker, enum account_change change, const struct jid *account,
                  const char *password, account_worked *done, void *user)
{
    (void)worker;
    (void)change;
    (void)account;
    (void)password;
    done(user, "not in this test", NULL);
}

void account_work_keeping(struct worker *worker, enum account_change change,
                          const struct jid *account, const char *password,
                          struct client *(*keep)(void *user), account_worked *done, void *user)
{
    (void)keep;
    account_work(worker, change, account, password, done, user);
}

const char *account_work_problem(int status)
{
    (void)status;
    return "a problem";
}

bool account_registrable(const char *text, const struct jid *jid)
{
    (void)text;
    (void)jid;
    return true;
}

const struct db_statement account_set_admin = {.name = "account_set_admin", .parameters = 3};

const char *worker_id(const struct worker *worker)
{
    (void)worker;
    return "c2s-1";
}

size_t worker_ids(const struct worker *worker, const char *const **ids)
{
    (void)worker;
    (void)ids;
    return 0;
}

const char *client_node(const struct client *client)
{
    (void)client;
    return "alpha.example.net";
}

/* No section with a name is configured. */
size_t config_instances(const struct config *config, const char *section)
{
    (void)config;
    (void)section;
    return 0;
}

const char *config_instance(const struct config *config, const char *section, size_t index)
{
    (void)config;
    (void)section;
    (void)index;
    return NULL;
}
