/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * In-Band Registration (XEP-0077) for who has an account: a new password, and its removal. Nobody
 * gets an account by it.
 */
#include <string.h>

#include "c2s/account_work.h"
#include "c2s/client.h"
#include "c2s/sm/core.h"
#include "c2s/sm/dispatch.h"
#include "c2s/sm/sm.h"
#include "common/base/error.h"

#define NS_REGISTER "jabber:iq:register"

/* §3.3: without what was sent, in which there can be a password. */
static void say_error(struct sm_request *request, enum stanza_condition condition, const char *text)
{
    struct stanza *error = stanza_error(request->iq, condition, text);

    element_remove(error->root, element_find(error->root, NS_REGISTER, "query"));
    sm_reply_take(request, error);
}

static void get(struct sm_request *request)
{
    if (!request->session) {
        say_error(request, STANZA_NOT_ALLOWED, NULL);
        return;
    }
    struct stanza *result = stanza_result(request->iq);
    struct element *query = element_add(result->root, NS_REGISTER, "query");

    element_add(query, NS_REGISTER, "registered");
    element_add_with_text(query, NS_REGISTER, "username", request->account->jid->local);
    element_add(query, NS_REGISTER, "password");
    sm_reply_take(request, result);
}

/* Whoever asks stays connected, to hear what became of it. */
static struct client *asking_client(void *user)
{
    const struct sm_request *request = user;

    return request->session ? request->session->client : NULL;
}

static void refuse(struct sm_request *request, const char *problem)
{
    bool later = strcmp(problem, account_work_problem(ERR_UNAVAILABLE)) == 0;

    say_error(request, later ? STANZA_RESOURCE_CONSTRAINT : STANZA_NOT_ACCEPTABLE, problem);
}

static void on_password(void *user, const char *problem,
                        const struct account_revoked *revoked UNUSED)
{
    if (problem)
        refuse(user, problem);
    else
        sm_result(user);
}

/* §3.2: the answer, and then the end of all streams. */
static void on_removed(void *user, const char *problem,
                       const struct account_revoked *revoked UNUSED)
{
    struct sm_request *request = user;
    struct sm *sm = request->sm;
    struct jid *jid;

    if (problem) {
        refuse(request, problem);
        return;
    }
    jid = jid_dup(request->account->jid);
    sm_result(request);
    sm_account_changed(sm, jid, false, NULL);
    free(jid);
}

static void change(struct sm_request *request, enum account_change what, const char *password,
                   account_worked *done)
{
    account_work_keeping(request->sm->worker, what, request->account->jid, password, asking_client,
                         done, request);
}

/* §3.3 */
static void change_password(struct sm_request *request)
{
    const char *name = element_child_text(request->payload, NS_REGISTER, "username");
    const char *password = element_child_text(request->payload, NS_REGISTER, "password");

    if (!name || !password || !*password || strcmp(name, request->account->jid->local) != 0)
        say_error(request, STANZA_BAD_REQUEST, NULL);
    else if (!sm_is_near(request->session))
        say_error(request, STANZA_NOT_AUTHORIZED, "connect to the node of the account for this");
    else
        change(request, ACCOUNT_PASSWORD, password, on_password);
}

static void remove_account(struct sm_request *request, const struct element *element)
{
    if (element_first(request->payload) != element || element_next(element))
        say_error(request, STANZA_BAD_REQUEST, NULL);
    else if (!sm_is_near(request->session))
        say_error(request, STANZA_FORBIDDEN, "connect to the node of the account for this");
    else
        change(request, ACCOUNT_DELETE, NULL, on_removed);
}

static void set(struct sm_request *request)
{
    const struct element *removal = element_find(request->payload, NS_REGISTER, "remove");

    if (!request->session)
        say_error(request, removal ? STANZA_REGISTRATION_REQUIRED : STANZA_NOT_ALLOWED, NULL);
    else if (removal)
        remove_account(request, removal);
    else
        change_password(request);
}

/* What is asked of the server is answered where the session is. */
static enum sm_verdict outgoing(struct session *session, struct stanza *stanza)
{
    struct account *account = session->account;

    if (!sm_asks_server(account->sm, stanza) ||
        strcmp(stanza_payload(stanza)->ns, NS_REGISTER) != 0)
        return SM_PASS;
    dispatch_request(account->sm, SM_TO_SERVER, account, session, stanza);
    return SM_HANDLED;
}

static const struct sm_iq iqs[] = {
    {NS_REGISTER, "query", SM_GET, SM_TO_SERVER | SM_TO_SELF, get},
    {NS_REGISTER, "query", SM_SET, SM_TO_SERVER | SM_TO_SELF, set},
    {0},
};

static const char *const features[] = {NS_REGISTER, NULL};
static const struct spec specs[] = {
    {"XEP-0077", "2.4", "a new password, removal; an account for who is invited"}, {0}};

const struct sm_module register_module = {
    .name = "register",
    .specs = specs,
    .server_features = features,
    .iqs = iqs,
    .outgoing = outgoing,
};
