/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Accounts for those who are invited (XEP-0445), and new passwords for those who have forgotten
 * theirs: a token first, then In-Band Registration (XEP-0077 §3.1), all before authentication.
 * Whoever has no token gets nothing.
 */
#include <stdlib.h>
#include <string.h>

#include "c2s/account_work.h"
#include "c2s/client.h"
#include "c2s/invitations.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/tls/crypto.h"
#include "common/xmpp/namespaces.h"

#define NS_IBR_TOKEN     "urn:xmpp:ibr-token:0"
#define NS_IBR_FEATURE   "http://jabber.org/features/iq-register"
#define NS_PARS          "urn:xmpp:pars:0"
#define NS_REGISTER      "jabber:iq:register"
#define HOLDER_BYTES     16
#define TOKEN_LENGTH_MAX 1024

/* A person who was invited may take this long to choose a name and a password. */
#define FORM_MS 300000

/* Lives longer than its client if that goes while an account is being made. */
struct registration {
    struct client *client;
    struct worker *worker;
    struct invitation invitation; /* id NULL: no good one has been shown */
    struct stanza *request;       /* to be answered; the stream is held */
    struct db_unit *unit;         /* ended with the client */
    bool working;                 /* the account is being made: a unit, or somebody, will call */
    char holder[2 * HOLDER_BYTES + 1];
    struct jid *account;
    char *password;
};

static void advertise(void *user, struct element *features)
{
    struct client *client = user;

    if (!client->domain->invitations)
        return;
    element_add(features, NS_IBR_TOKEN, "register");
    element_add(features, NS_IBR_FEATURE, "register");
}

static void forget_account(struct registration *registration)
{
    crypto_wipe_text(registration->password);
    free(registration->account);
    registration->password = NULL;
    registration->account = NULL;
}

static void registration_free(struct registration *registration)
{
    forget_account(registration);
    stanza_unref(registration->request);
    invitation_fini(&registration->invitation);
    free(registration);
}

void registration_abandon(struct registration *registration)
{
    if (registration == NULL)
        return;
    registration->client = NULL;
    db_cancel(registration->unit);
    registration->unit = NULL;
    if (!registration->working)
        registration_free(registration);
}

/* The next one comes afterwards. */
static void answer_take(struct registration *registration, struct stanza *answer)
{
    struct client *client = registration->client;

    stanza_unref(registration->request);
    registration->request = NULL;
    stream_send(client->stream, answer);
    stanza_unref(answer);
    stream_release(client->stream);
}

/* XEP-0077 §3.3: without what was sent, in which there can be a password. */
static void refuse(struct registration *registration, enum stanza_condition condition,
                   const char *text)
{
    struct stanza *error = stanza_error(registration->request, condition, text);
    struct element *sent = element_first(error->root);

    if (sent && sent != stanza_error_element(error))
        element_remove(error->root, sent);
    answer_take(registration, error);
}

/* --- the token --- */

void registration_answer(struct client *client)
{
    if (client->registration && client->registration->request)
        refuse(client->registration, STANZA_ITEM_NOT_FOUND,
               "The invitation is unknown, used or out of date");
}

/* A guess, for all that is known: it counts as a failed login. */
static void refuse_token(struct registration *registration)
{
    struct client *client = registration->client;
    uint64_t delay = admission_failed(client->worker->admission, client_address(client));

    client->tries++;
    log_info("invitation_failed", LOG_TEXT("sid", client_stream_id(client)),
             LOG_TEXT("addr", client_address(client)), LOG_TEXT("domain", client->domain->name));
    if (delay == 0)
        registration_answer(client);
    else
        client_deadline(client, DEADLINE_ANSWER, delay);
}

static void on_found(void *user, int status, const struct db_result *results, size_t count UNUSED)
{
    struct registration *registration = user;

    registration->unit = NULL;
    invitation_fini(&registration->invitation);
    if (status != 0) {
        refuse(registration, STANZA_RESOURCE_CONSTRAINT, account_work_problem(status));
    } else if (db_rows(&results[0]) == 0) {
        refuse_token(registration);
    } else {
        invitation_read(&results[0], &registration->invitation);
        client_deadline(registration->client, DEADLINE_LOGIN, FORM_MS);
        answer_take(registration, stanza_result(registration->request));
    }
}

static void preauth(struct registration *registration, const struct element *element)
{
    struct client *client = registration->client;
    const char *token = element_get(element, "token");

    if (client_has_tried_enough(client))
        return;
    if (!token || !*token || strlen(token) > TOKEN_LENGTH_MAX)
        refuse(registration, STANZA_BAD_REQUEST, NULL);
    else
        registration->unit = invitation_find(client->worker->db, token, client->domain->name,
                                             on_found, registration);
}

/* --- the account --- */

static void get(struct registration *registration, const struct element *query UNUSED)
{
    struct stanza *result = stanza_result(registration->request);
    struct element *form = element_add(result->root, NS_REGISTER, "query");
    struct element *name = element_add(form, NS_REGISTER, "username");

    if (registration->invitation.local)
        element_add_text(name, registration->invitation.local);
    element_add(form, NS_REGISTER, "password");
    answer_take(registration, result);
}

/* It is over with this account, whether or not somebody waits to hear of it. */
static bool work_ends(struct registration *registration)
{
    registration->working = false;
    forget_account(registration);
    if (registration->client)
        return true;
    registration_free(registration);
    return false;
}

static void log_registered(const struct registration *registration)
{
    const struct client *client = registration->client;

    log_info("invitation_used", LOG_TEXT("jid", registration->account->bare),
             LOG_TEXT("invitation", registration->invitation.id),
             LOG_TEXT("addr", client ? client_address(client) : NULL));
}

static void on_spent(void *user, int status UNUSED, const struct db_result *results UNUSED,
                     size_t count UNUSED)
{
    struct registration *registration = user;

    log_registered(registration);
    if (!work_ends(registration))
        return;
    client_deadline(registration->client, DEADLINE_LOGIN, registration->worker->limits.login_ms);
    answer_take(registration, stanza_result(registration->request));
}

static enum stanza_condition condition_of(const char *problem)
{
    if (strcmp(problem, account_work_problem(ERR_EXISTS)) == 0 ||
        strcmp(problem, account_work_problem(ERR_DENIED)) == 0)
        return STANZA_CONFLICT;
    if (strcmp(problem, account_work_problem(ERR_NOT_FOUND)) == 0)
        return STANZA_ITEM_NOT_FOUND;
    if (strcmp(problem, ACCOUNT_BAD_PASSWORD) == 0)
        return STANZA_NOT_ACCEPTABLE;
    return STANZA_RESOURCE_CONSTRAINT;
}

static void on_worked(void *user, const char *problem)
{
    struct registration *registration = user;
    struct worker *worker = registration->worker;

    if (!problem) {
        invitation_spend(worker->db, &registration->invitation, registration->holder,
                         registration->account, on_spent, registration);
        return;
    }
    invitation_release(worker->db, &registration->invitation, registration->holder);
    if (work_ends(registration))
        refuse(registration, condition_of(problem), problem);
}

static void on_worked_here(void *user, const char *problem,
                           const struct account_revoked *revoked UNUSED)
{
    on_worked(user, problem);
}

static void work(struct registration *registration)
{
    struct worker *worker = registration->worker;
    enum account_change change = registration->invitation.reset ? ACCOUNT_PASSWORD : ACCOUNT_ADD;

    if (worker->plugin->work)
        worker->plugin->work(worker->plugin_state, change, registration->account,
                             registration->password, on_worked, registration);
    else
        account_work(worker, change, registration->account, registration->password, on_worked_here,
                     registration);
}

static void refuse_held(struct registration *registration, enum invitation_hold result)
{
    static const struct {
        enum stanza_condition condition;
        const char *text;
    } refusals[] = {
        [INVITATION_RESERVED] = {STANZA_CONFLICT, "the name is reserved for somebody else"},
        [INVITATION_SPENT] = {STANZA_NOT_ALLOWED, "the invitation has been used"},
        [INVITATION_BUSY] = {STANZA_RESOURCE_CONSTRAINT, "the invitation is in use just now"},
    };

    refuse(registration, refusals[result].condition, refusals[result].text);
}

static void on_held(void *user, int status, const struct db_result *results, size_t count UNUSED)
{
    struct registration *registration = user;
    enum invitation_hold result =
        status == 0 ? invitation_hold_result(&results[0]) : INVITATION_BUSY;

    if (result == INVITATION_HELD) {
        work(registration);
        return;
    }
    if (!work_ends(registration))
        return;
    if (status != 0)
        refuse(registration, STANZA_RESOURCE_CONSTRAINT, account_work_problem(status));
    else
        refuse_held(registration, result);
}

/* NULL: it was answered. */
static struct jid *read_account(struct registration *registration, const char *name)
{
    const char *fixed = registration->invitation.local;
    struct arena *arena = arena_new();
    struct jid jid, *account = NULL;

    if (jid_make(arena, name, registration->client->domain->name, NULL, &jid) != 0 || !jid.local)
        refuse(registration, STANZA_JID_MALFORMED, NULL);
    else if (fixed && strcmp(jid.local, fixed) != 0)
        refuse(registration, STANZA_NOT_ACCEPTABLE, "the invitation is for another name");
    else if (!fixed && (strcmp(jid.local, name) != 0 || !jid_local_registrable(jid.local)))
        refuse(registration, STANZA_NOT_ACCEPTABLE, "this name cannot be registered");
    else
        account = jid_dup(&jid);
    arena_free(arena);
    return account;
}

/* §3.1.1: all that is required, and of it nothing empty. */
static void set(struct registration *registration, const struct element *query)
{
    const char *name = element_child_text(query, NS_REGISTER, "username");
    const char *password = element_child_text(query, NS_REGISTER, "password");

    if (!name || !*name || !password || !*password) {
        refuse(registration, STANZA_NOT_ACCEPTABLE, NULL);
        return;
    }
    registration->account = read_account(registration, name);
    if (registration->account == NULL)
        return;
    registration->password = xstrdup(password);
    registration->working = true;
    crypto_random_hex(registration->holder, HOLDER_BYTES);
    (void)invitation_hold(registration->worker->db, &registration->invitation, registration->holder,
                          registration->account, on_held, registration);
}

static struct registration *begin(struct client *client, struct stanza *stanza)
{
    struct registration *registration = client->registration;

    if (!registration) {
        registration = client->registration = xcalloc(1, sizeof(*registration));
        registration->client = client;
        registration->worker = client->worker;
    }
    registration->request = stanza_ref(stanza);
    stream_hold(client->stream);
    return registration;
}

static bool is_for_server(const struct client *client, const struct stanza *stanza)
{
    return !stanza->has_to ||
           (!stanza->to.local && strcmp(stanza->to.domain, client->domain->name) == 0);
}

static bool is_invited(const struct client *client)
{
    return client->registration && client->registration->invitation.id;
}

/* Who only looks is told; who tries all the same is not authorized. */
static bool uninvited(struct client *client, struct stanza *stanza)
{
    if (stanza->type != IQ_GET)
        return false;
    refuse(begin(client, stanza), STANZA_NOT_ALLOWED, "an invitation is needed");
    return true;
}

static bool early(void *user, struct stanza *stanza, int problem)
{
    static const struct {
        const char *ns, *name;
        enum stanza_type type;
        bool invited;
        void (*handle)(struct registration *registration, const struct element *payload);
    } requests[] = {
        {NS_PARS, "preauth", IQ_SET, false, preauth},
        {NS_REGISTER, "query", IQ_GET, true, get},
        {NS_REGISTER, "query", IQ_SET, true, set},
    };
    struct client *client = user;
    const struct element *payload = stanza->kind == STANZA_IQ ? stanza_payload(stanza) : NULL;

    if (!client->domain->invitations || problem >= 0 || !payload || client->login ||
        client->sasl2 || !is_for_server(client, stanza))
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
        if (stanza->type != requests[i].type ||
            !element_is(payload, requests[i].ns, requests[i].name))
            continue;
        if (requests[i].invited && !is_invited(client))
            return uninvited(client, stanza);
        requests[i].handle(begin(client, stanza), payload);
        return true;
    }
    return false;
}

const struct stream_feature client_register = {
    .name = "register",
    .requires = STREAM_SECURE,
    .excludes = STREAM_AUTHENTICATED,
    .advertise = advertise,
    .early = early,
};
