/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Commands about accounts: each address is asked for where it is served, all at once; what could
 * not be done is told in a note each.
 */
#include <stdlib.h>
#include <string.h>

#include "c2s/account_work.h"
#include "c2s/sm/admin.h"
#include "common/base/error.h"
#include "common/tls/crypto.h"
#include "common/xmpp/form.h"

#define NS_ROSTER "jabber:iq:roster"

/* Of a run: kept in run->data until all have answered. */
struct accounts_batch {
    struct command_run *run;
    const char *what;
    void (*tell)(struct accounts_batch *batch, const struct jid *account,
                 const struct element *answer);
    struct element *form; /* of the reply, once there is something to tell */
    size_t open;          /* and one while they are being asked */
    bool conflict;
};

struct one {
    struct accounts_batch *batch;
    struct jid *account;
};

static struct element *form_of(struct accounts_batch *batch)
{
    if (!batch->form)
        batch->form = command_result(batch->run);
    return batch->form;
}

static void note(struct accounts_batch *batch, const char *text, const char *problem)
{
    command_note(batch->run, "error",
                 arena_printf(batch->run->reply->arena, "%s: %s", text, problem));
}

static void end_one(struct accounts_batch *batch)
{
    if (--batch->open > 0)
        return;
    if (batch->conflict)
        command_refuse(batch->run, STANZA_CONFLICT, NULL); /* XEP-0133 §5 */
    else
        command_end(batch->run);
    free(batch);
}

static void on_answer(struct sm *sm UNUSED, const struct element *answer, const char *problem,
                      void *user)
{
    struct one *one = user;
    struct accounts_batch *batch = one->batch;

    if (!problem)
        problem = element_get(answer, "problem");
    if (problem) {
        note(batch, one->account->bare, problem);
        batch->conflict = strcmp(problem, account_work_problem(ERR_EXISTS)) == 0;
    } else if (batch->tell) {
        batch->tell(batch, one->account, answer);
    }
    free(one->account);
    free(one);
    end_one(batch);
}

/* NULL: it may be asked for. */
static const char *check(const struct accounts_batch *batch, const char *text, struct jid *jid)
{
    const struct sm *sm = batch->run->request->sm;

    if (jid_parse(batch->run->reply->arena, text, jid) != 0 || !jid->local)
        return "not the address of an account";
    if (!worker_serves(sm->worker, jid->domain))
        return "this domain is not served here";
    if (jid->resource && strcmp(batch->what, "kick") != 0)
        return "not the address of an account";
    if (strcmp(batch->what, "add") == 0 && !account_registrable(text, jid))
        return "this name cannot be registered";
    return NULL;
}

static void ask(struct accounts_batch *batch, const char *text)
{
    const char *password = form_get(batch->run->form, "password");
    struct element *question;
    struct one *one;
    struct jid jid;
    const char *problem = check(batch, text, &jid);

    if (problem) {
        note(batch, text, problem);
        return;
    }
    question = admin_call_begin("account", batch->what);
    element_set(question, "password", password);
    element_set(question, "resource", jid.resource);
    one = xcalloc(1, sizeof(*one));
    one->batch = batch;
    one->account = jid_dup_with_resource(&jid, NULL);
    batch->open++;
    admin_call_account(batch->run->request->sm, question, one->account, on_answer, one);
}

static void ask_all(struct accounts_batch *batch, const char *var)
{
    FORM_FIELDS(field, batch->run->form)
    {
        if (strcmp(element_get(field, "var"), var) != 0)
            continue;
        ELEMENT_FOREACH (value, field) {
            if (element_is(value, NS_DATA_FORM, "value") && *element_text(value) != '\0')
                ask(batch, element_text(value));
        }
    }
}

static void begin(struct command_run *run, const char *what, const char *var,
                  void (*tell)(struct accounts_batch *batch, const struct jid *account,
                               const struct element *answer))
{
    struct accounts_batch *batch = xcalloc(1, sizeof(*batch));

    batch->run = run;
    batch->what = what;
    batch->tell = tell;
    batch->open = 1;
    ask_all(batch, var);
    end_one(batch);
}

/* --- changes --- */

static bool are_equal(const char *one, const char *other)
{
    return strlen(one) == strlen(other) && crypto_equal(one, other, strlen(one));
}

void admin_add_user(struct command_run *run)
{
    const char *password = form_get(run->form, "password");
    const char *again = form_get(run->form, "password-verify");

    if (!are_equal(password, again)) {
        command_note(run, "error", "the two passwords differ");
        command_end(run);
        return;
    }
    begin(run, "add", "accountjid", NULL);
}

void admin_change_password(struct command_run *run)
{
    begin(run, "passwd", "accountjid", NULL);
}

void admin_delete_users(struct command_run *run)
{
    begin(run, "del", "accountjids", NULL);
}

void admin_disable_users(struct command_run *run)
{
    begin(run, "disable", "accountjids", NULL);
}

void admin_enable_users(struct command_run *run)
{
    begin(run, "enable", "accountjids", NULL);
}

void admin_end_sessions(struct command_run *run)
{
    begin(run, "kick", "accountjids", NULL);
}

/* --- what is told --- */

static void tell_roster(struct accounts_batch *batch, const struct jid *account,
                        const struct element *answer)
{
    const struct element *query = element_find(answer, NS_ROSTER, "query");

    form_add_field(form_of(batch), "accountjids", "jid-multi", account->bare);
    if (query)
        element_add_copy(form_of(batch), query);
}

void admin_get_rosters(struct command_run *run)
{
    begin(run, "roster", "accountjids", tell_roster);
}

static void tell_last(struct accounts_batch *batch, const struct jid *account,
                      const struct element *answer)
{
    const char *last = element_get(answer, "last");

    form_add_field(form_of(batch), "accountjids", "jid-multi", account->bare);
    form_add_field(form_of(batch), "lastlogin", "text-single", last ? last : "never");
}

void admin_get_last_logins(struct command_run *run)
{
    begin(run, "last", "accountjids", tell_last);
}

static void add_value(struct element *field, const char *value)
{
    if (value)
        element_add_with_text(field, NS_DATA_FORM, "value", value);
}

static void tell_statistics(struct accounts_batch *batch, const struct jid *account,
                            const struct element *answer)
{
    struct element *form = form_of(batch);

    form_add_field(form, "accountjid", "jid-single", account->bare);
    form_add_field(form, "rostersize", "text-single", element_get(answer, "contacts"));
    struct element *resources = form_add_field(form, "onlineresources", "text-multi", NULL);
    struct element *addresses = form_add_field(form, "ipaddresses", "text-multi", NULL);
    ELEMENT_FOREACH (session, answer) {
        add_value(resources, element_get(session, "resource"));
        add_value(addresses, element_get(session, "address"));
    }
}

void admin_get_statistics(struct command_run *run)
{
    begin(run, "statistics", "accountjid", tell_statistics);
}
