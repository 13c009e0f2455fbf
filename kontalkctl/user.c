/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Accounts. A running c2s does it, so that live sessions follow; while it is down add, passwd and
 * del work on the database.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "c2s/accounts.h"
#include "common/base/error.h"
#include "common/base/memory.h"
#include "kontalkctl/ctl.h"

static int ask_running(const struct ctl *ctl, const char *word, size_t argc,
                       const char *const *argv)
{
    const char *words[4] = {"user", word};

    for (size_t i = 0; i < argc && i < 2; i++)
        words[2 + i] = argv[i];
    return ctl_ask(ctl, "c2s", 2 + argc, words);
}

static bool is_served(const struct ctl *ctl, const char *domain)
{
    for (size_t i = 0; i < config_instances(ctl->config, "domain"); i++)
        if (strcmp(config_instance(ctl->config, "domain", i), domain) == 0)
            return true;
    return false;
}

const char *ctl_read_account(const struct ctl *ctl, struct arena *arena, const char *text,
                             bool is_new, struct jid *jid)
{
    if (jid_parse(arena, text, jid) != 0 || jid->local == NULL || jid->resource != NULL)
        return "not the address of an account";
    if (!is_served(ctl, jid->domain))
        return "not at a domain of this node";
    if (is_new && !account_registrable(text, jid))
        return "this name cannot be registered";
    return NULL;
}

bool ctl_is_networked(const struct ctl *ctl, const struct jid *jid)
{
    return config_text(ctl->config, "node", NULL, "document") &&
           strcmp(jid->domain, config_text(ctl->config, "node", NULL, "network")) == 0;
}

static const char *explain(int error, const char *problem)
{
    if (error == ERR_EXISTS)
        return "the account exists already";
    if (error == ERR_NOT_FOUND && problem == NULL)
        return "there is no such account";
    return problem ? problem : error_text(error);
}

static int change_database(const struct ctl *ctl, enum account_change change, const struct jid *jid,
                           const struct account_verifiers *verifiers)
{
    struct db_session *session = ctl_database(ctl);
    const char *problem = NULL;

    if (session == NULL)
        return EXIT_FAILURE;
    int error = db_session_execute(session, "BEGIN", &problem);
    if (error == 0)
        error = account_change_run(session, change, jid, verifiers, &problem);
    if (error == 0)
        error = db_session_execute(session, "COMMIT", &problem);
    int status = error ? ctl_fail("%s", explain(error, problem)) : EXIT_SUCCESS;
    db_session_close(session);
    return status;
}

/* c2s is down. */
static int change_offline(const struct ctl *ctl, enum account_change change, const char *account,
                          const char *password)
{
    struct account_verifiers verifiers = {0};
    struct arena *arena = arena_new();
    struct jid jid;
    const char *problem = ctl_read_account(ctl, arena, account, change == ACCOUNT_ADD, &jid);

    if (!problem && change == ACCOUNT_ADD && ctl_is_networked(ctl, &jid))
        problem = "kontalk-c2s is not running, which has to claim the name";
    int status = problem ? ctl_fail("%s: %s", account, problem) : EXIT_SUCCESS;

    if (status == EXIT_SUCCESS && password && account_verifiers_make(password, &verifiers) != 0)
        status = ctl_fail("the password has forbidden characters");
    if (status == EXIT_SUCCESS)
        status = change_database(ctl, change, &jid, &verifiers);
    account_verifiers_free(&verifiers);
    arena_free(arena);
    return status;
}

static int change(const struct ctl *ctl, enum account_change what, const char *word,
                  const char *account)
{
    char *password = what == ACCOUNT_DELETE ? NULL : ctl_read_password();

    if (what != ACCOUNT_DELETE && password == NULL)
        return EXIT_FAILURE;
    const char *const arguments[] = {account, password};
    int error = ask_running(ctl, word, password ? 2 : 1, arguments);
    int status = error ? EXIT_FAILURE : EXIT_SUCCESS;
    if (error == ERR_UNAVAILABLE)
        status = change_offline(ctl, what, account, password);
    if (password)
        explicit_bzero(password, strlen(password));
    free(password);
    return status;
}

static int add(const struct ctl *ctl, size_t argc, const char *const *argv)
{
    (void)argc;
    return change(ctl, ACCOUNT_ADD, "add", argv[0]);
}

static int passwd(const struct ctl *ctl, size_t argc, const char *const *argv)
{
    (void)argc;
    return change(ctl, ACCOUNT_PASSWORD, "passwd", argv[0]);
}

static int del(const struct ctl *ctl, size_t argc, const char *const *argv)
{
    (void)argc;
    return change(ctl, ACCOUNT_DELETE, "del", argv[0]);
}

static int only_running(const struct ctl *ctl, const char *word, size_t argc,
                        const char *const *argv)
{
    return ctl_asked("c2s", ask_running(ctl, word, argc, argv));
}

static int list(const struct ctl *ctl, size_t argc, const char *const *argv)
{
    return only_running(ctl, "list", argc, argv);
}

static int disable(const struct ctl *ctl, size_t argc, const char *const *argv)
{
    return only_running(ctl, "disable", argc, argv);
}

static int enable(const struct ctl *ctl, size_t argc, const char *const *argv)
{
    return only_running(ctl, "enable", argc, argv);
}

static int admin(const struct ctl *ctl, size_t argc, const char *const *argv)
{
    return only_running(ctl, "admin", argc, argv);
}

const struct ctl_verb user_verbs[] = {
    {"user add", 1, 1, add, "JID  adds an account; the password comes on standard input"},
    {"user passwd", 1, 1, passwd, "JID  changes its password; its sessions end"},
    {"user del", 1, 1, del, "JID  removes it with all it has"},
    {"user disable", 1, 1, disable, "JID  nobody can log in as it; its sessions end"},
    {"user enable", 1, 1, enable, "JID  it can be used again"},
    {"user list", 0, 1, list, "[DOMAIN]  lists accounts"},
    {"user admin", 1, 2, admin, "JID [no]  makes an administrator, or no longer"},
    {"user import", 1, 1, user_import,
     "FILE  adds accounts from lines jid<TAB>password, or with all they have from "
     "portable data (XEP-0227)"},
    {"user export", 1, 2, user_export,
     "FILE [JID]  writes all accounts, or one, with all they have (XEP-0227)"},
    {0},
};
