/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Changes of accounts on their way: password to verifiers in a thread, then the database.
 */
#include "c2s/account_work.h"

#include <stdlib.h>
#include <string.h>

#include "c2s/directory/directory.h"
#include "c2s/front/front.h"
#include "c2s/worker.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/memory.h"

struct change {
    struct worker *worker;
    struct client *(*keep)(void *user); /* NULL: nobody stays */
    account_worked *done;
    void *user;
    enum account_change change;
    struct jid *account;
    char *password;
    struct account_verifiers verifiers;
    int made; /* result of the thread */
};

const char *account_work_problem(int status)
{
    switch (status) {
    case ERR_EXISTS:
        return "the account exists already";
    case ERR_NOT_FOUND:
        return "there is no such account";
    case ERR_FENCED:
        return ACCOUNT_ELSEWHERE;
    case ERR_UNAVAILABLE:
        return "the database, or the registrar of the network, is not reached now: try again later";
    case ERR_DENIED:
        return "the name is reserved: its account was deleted";
    default:
        return error_text(status);
    }
}

static void change_free(struct change *change)
{
    account_verifiers_free(&change->verifiers);
    crypto_wipe_text(change->password);
    free(change->account);
    free(change);
}

static void end_change(struct change *change, const char *problem,
                       const struct account_revoked *revoked)
{
    change->done(change->user, problem, revoked);
    change_free(change);
}

/* Who had a token for the old password has to log in anew. */
static void log_revoked(const struct change *change, const struct account_revoked *revoked)
{
    for (size_t i = 0; i < account_revoked_count(revoked); i++) {
        char *name = account_revoked_name(revoked, i);
        log_info("token_revoked", LOG_TEXT("jid", change->account->bare), LOG_TEXT("client", name));
        free(name);
    }
}

static void on_changed(void *user, int status, const struct account_revoked *revoked)
{
    static const struct {
        const char *event;
        bool may_stay;
    } effects[ACCOUNT_CHANGES] = {
        [ACCOUNT_ADD] = {"add", true},       [ACCOUNT_PASSWORD] = {"passwd", false},
        [ACCOUNT_DELETE] = {"del", false},   [ACCOUNT_DISABLE] = {"disable", false},
        [ACCOUNT_ENABLE] = {"enable", true},
    };
    struct change *change = user;
    struct worker *worker = change->worker;

    if (status == 0) {
        log_revoked(change, revoked);
        log_info("account_changed", LOG_TEXT("change", effects[change->change].event),
                 LOG_TEXT("jid", change->account->bare));
        worker->plugin->account_changed(worker->plugin_state, change->account,
                                        effects[change->change].may_stay,
                                        change->keep ? change->keep(change->user) : NULL);
        if (!effects[change->change].may_stay)
            front_account_changed(worker->front, change->account);
    }
    end_change(change, status == 0 ? NULL : account_work_problem(status), revoked);
}

static const struct account_revoked nobody;

static void submit(struct change *change)
{
    struct worker *worker = change->worker;

    int error = directory_account_change(worker, change->change, change->account,
                                         &change->verifiers, on_changed, change);
    if (error)
        end_change(change, account_work_problem(error), &nobody);
}

static void make_verifiers(void *user)
{
    struct change *change = user;

    change->made = account_verifiers_make(change->password, &change->verifiers);
}

static void verifiers_made(void *user)
{
    struct change *change = user;

    if (change->made != 0)
        end_change(change, ACCOUNT_BAD_PASSWORD, &nobody);
    else
        submit(change);
}

void account_work(struct worker *worker, enum account_change what, const struct jid *account,
                  const char *password, account_worked *done, void *user)
{
    account_work_keeping(worker, what, account, password, NULL, done, user);
}

void account_work_keeping(struct worker *worker, enum account_change what,
                          const struct jid *account, const char *password,
                          struct client *(*keep)(void *user), account_worked *done, void *user)
{
    struct change *change = xcalloc(1, sizeof(*change));

    change->worker = worker;
    change->keep = keep;
    change->done = done;
    change->user = user;
    change->change = what;
    change->account = jid_dup(account);
    if (password) {
        change->password = xstrdup(password);
        loop_work(worker->loop, make_verifiers, verifiers_made, change);
    } else {
        submit(change);
    }
}
