/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * One SASL exchange of a client. It waits for the database (credentials are fetched before the
 * library sees a proof) and for a thread (PLAIN). While it waits the stream is held. The client may
 * vanish meanwhile: then the login goes on alone, only to be freed.
 */
#include <stdlib.h>
#include <string.h>

#include "c2s/client.h"
#include "c2s/credentials.h"
#include "c2s/directory/directory.h"
#include "c2s/front/visit.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/sasl/sasl.h"

#define BINDINGS 2

struct login {
    struct client *client; /* NULL: abandoned */
    const struct login_profile *profile;
    char *device;    /* that it says to be; NULL */
    char *announced; /* the mechanisms, as SCRAM tells them */
    struct sasl_exchange *exchange;
    struct sasl_settings settings;
    struct sasl_binding bindings[BINDINGS];
    struct buffer binding_data[BINDINGS];
    struct domains *domains; /* settings point into it */
    char *certificate_user;
    struct credentials *fetch;
    struct directory_question *question; /* where the account is */
    struct visit *visit;                 /* its home is elsewhere, which verifies */
    struct buffer initial;               /* the first message, of a mechanism that can be relayed */
    enum sasl_mechanism mechanism;
    enum sasl_condition refusal; /* held back until DEADLINE_ANSWER */
    bool in_thread;
    bool held;     /* the stream, until the home elsewhere has answered */
    bool lost;     /* … whose answer will not come; told when the client says the next thing */
    bool disabled; /* the account; told only to who knows the password */
    bool outdated; /* the password has changed since the exchange began */
};

static void advance(struct login *login, enum sasl_step step, struct buffer *out);

static void login_free(struct login *login)
{
    credentials_cancel(login->fetch);
    directory_cancel(login->question);
    buffer_fini(&login->initial);
    sasl_exchange_free(login->exchange);
    for (size_t i = 0; i < BINDINGS; i++)
        buffer_fini(&login->binding_data[i]);
    domains_unref(login->domains);
    free(login->certificate_user);
    free(login->announced);
    free(login->device);
    free(login);
}

static void add_bindings(struct login *login, struct client *client)
{
    static const struct {
        enum tls_binding binding;
        const char *name;
    } kinds[BINDINGS] = {
        {TLS_BINDING_EXPORTER, "tls-exporter"},
        {TLS_BINDING_SERVER_END_POINT, "tls-server-end-point"},
    };
    struct tls_session *tls = transport_tls(&client->transport);
    size_t count = 0;

    for (size_t i = 0; i < BINDINGS; i++) {
        struct buffer *data = &login->binding_data[i];
        if (tls == NULL || tls_channel_binding(tls, kinds[i].binding, data) != 0)
            continue;
        login->bindings[count++] = (struct sasl_binding){kinds[i].name, data->data, data->length};
    }
    login->settings.bindings = login->bindings;
    login->settings.bindings_count = count;
}

static bool external_allows(void *user, const char *bare_jid)
{
    struct login *login = user;

    return login->client && client_certificate_proves(login->client, bare_jid);
}

/* What SCRAM tells of was advertised, and that is not how tokens are (XEP-0474 §6.1). */
static void note_announcement(struct login *login, unsigned offered)
{
    unsigned announced = offered & ~SASL_TOKEN_MECHANISMS;

    login->announced =
        sasl_announcement(announced, login->bindings,
                          client_bound_mechanisms(announced) ? login->settings.bindings_count : 0);
    login->settings.announced = login->announced;
}

struct login *login_new(struct client *client, const struct login_profile *profile,
                        unsigned offered, const char *device)
{
    struct login *login = xcalloc(1, sizeof(*login));

    login->client = client;
    login->profile = profile;
    login->device = xstrdup_or_null(device);
    login->domains = domains_ref(client->domains);
    if (client->domain->channel_binding)
        add_bindings(login, client);
    if (offered & 1U << SASL_EXTERNAL)
        login->certificate_user = client_certificate_user(client);
    login->settings.domain = client->domain->name;
    login->settings.offered = offered;
    login->settings.decoy_secret = client->domains->decoy_secret;
    login->settings.decoy_secret_length = client->domains->decoy_secret_length;
    login->settings.external_user = login->certificate_user;
    login->settings.external_allows = external_allows;
    login->settings.user = login;
    note_announcement(login, offered);
    login->exchange = sasl_exchange_new(&login->settings);
    return login;
}

void login_abandon(struct client *client)
{
    struct login *login = client->login;

    if (login == NULL)
        return;
    client->login = NULL;
    login->client = NULL;
    if (login->visit)
        visit_end(login->visit, client);
    login->visit = NULL;
    if (!login->in_thread)
        login_free(login);
}

void login_outdate(struct client *client, const struct jid *account)
{
    struct login *login = client->login;
    const char *user = login ? sasl_exchange_user(login->exchange) : NULL;

    if (user && strcmp(user, account->local) == 0 &&
        strcmp(client->domain->name, account->domain) == 0)
        login->outdated = true;
}

bool login_is_ours(const struct client *client)
{
    return client->login && !client->login->visit && !client->login->question;
}

/* The exchange is over; the client stays. */
static void finish(struct login *login)
{
    login->client->login = NULL;
    login_free(login);
}

static void refuse(struct login *login, enum sasl_condition condition)
{
    struct client *client = login->client;
    const struct login_profile *profile = login->profile;

    finish(login);
    profile->failed(client, condition);
}

void login_answer(struct client *client)
{
    if (client->login == NULL)
        return;
    refuse(client->login, client->login->refusal);
    stream_release(client->stream);
}

static void failed(struct login *login, enum sasl_condition condition, bool counts)
{
    struct client *client = login->client;
    const char *user = sasl_exchange_user(login->exchange);

    log_info("login_failed", LOG_TEXT("sid", client_stream_id(client)),
             LOG_TEXT("addr", client_address(client)), LOG_TEXT("user", user),
             LOG_TEXT("domain", client->domain->name),
             LOG_TEXT("mechanism", sasl_mechanism_name(login->mechanism)),
             LOG_TEXT("condition", sasl_condition_name(condition)));
    if (condition == SASL_TEMPORARY_AUTH_FAILURE || !counts) {
        refuse(login, condition);
        return;
    }
    client->tries++;
    uint64_t delay = admission_failed(client->worker->admission, client_address(client));
    if (delay == 0) {
        refuse(login, condition);
        return;
    }
    login->refusal = condition;
    stream_hold(client->stream);
    client_deadline(client, DEADLINE_ANSWER, delay);
}

/* The login is gone then. */
static void tell_success(struct login *login, const char *user, int64_t token,
                         const struct buffer *data, bool begins)
{
    struct client *client = login->client;
    const struct login_profile *profile = login->profile;
    char *local = xstrdup(user);
    const struct login_result result = {
        .local = local,
        .mechanism = login->mechanism,
        .token = token,
        .data = data,
        .begins = begins,
    };

    finish(login);
    profile->succeeded(client, &result);
    free(local);
}

static void succeeded(struct login *login, struct buffer *out)
{
    if (login->disabled || login->outdated) {
        refuse(login, login->outdated ? SASL_TEMPORARY_AUTH_FAILURE : SASL_ACCOUNT_DISABLED);
        return;
    }
    tell_success(login, sasl_exchange_authenticated(login->exchange),
                 sasl_exchange_token(login->exchange), out, true);
}

static void on_given(void *user, enum sasl_step step, struct buffer *out, bool disabled)
{
    struct login *login = user;
    struct client *client = login->client;

    login->fetch = NULL;
    login->disabled = disabled;
    advance(login, step, out);
    stream_release(client->stream);
}

static void fetch_here(struct login *login, const struct jid *account)
{
    login->fetch = credentials_fetch(login->client->worker->db, account, login->exchange,
                                     login->device, on_given, login);
}

static void make_account(struct login *login, struct arena *arena, struct jid *account)
{
    const char *domain = login->client->domain->name;

    if (jid_make(arena, sasl_exchange_user(login->exchange), domain, NULL, account) != 0)
        *account = (struct jid){.local = "", .domain = domain}; /* nobody has it */
}

/* The home shall have nothing to trust us for: only what proves to it that the client knows the
 * password goes there. */
static void visit(struct login *login, const struct jid *account, const char *host)
{
    const struct visit_settings settings = {
        .client = login->client,
        .account = account,
        .host = host,
        .mechanism = login->mechanism,
        .offered = login->settings.offered,
        .initial = &login->initial,
        .announced = login->announced,
        .device = login->device,
        .bindings = login->bindings,
        .bindings_count = login->settings.bindings_count,
    };

    if (sasl_mechanism_is_relayed(login->mechanism)) {
        login->visit = visit_begin(&settings);
        login->held = true;
    } else {
        struct client *client = login->client;
        refuse(login, SASL_INVALID_MECHANISM);
        stream_release(client->stream);
    }
}

static void go_on(struct login *login, enum sasl_step step, struct buffer *out)
{
    struct client *client = login->client;

    advance(login, step, out);
    buffer_fini(out);
    stream_release(client->stream);
}

static void at_place(struct login *login, const struct jid *account,
                     const struct directory_place *place)
{
    struct buffer out = {0};

    switch (place->answer) {
    case DIRECTORY_HERE:
        fetch_here(login, account);
        break;
    case DIRECTORY_ELSEWHERE:
        visit(login, account, place->host);
        break;
    case DIRECTORY_NOBODY:
        go_on(login, credentials_of_nobody(login->exchange, &out), &out);
        break;
    case DIRECTORY_UNKNOWN:
        go_on(login, sasl_exchange_unavailable(login->exchange), &out);
        break;
    }
}

static void on_place(void *user, const struct directory_place *place)
{
    struct login *login = user;
    struct arena *arena = arena_new();
    struct jid account;

    login->question = NULL;
    make_account(login, arena, &account);
    at_place(login, &account, place);
    arena_free(arena);
}

/* Nothing more of the client is handled until it is known where the account is, and then what its
 * credentials are, or what its home answers. */
static void fetch(struct login *login)
{
    struct worker *worker = login->client->worker;
    struct arena *arena = arena_new();
    struct directory_place place;
    struct jid account;

    stream_hold(login->client->stream);
    make_account(login, arena, &account);
    if (!*account.local)
        fetch_here(login, &account);
    else if (directory_look(worker, &account, &place))
        at_place(login, &account, &place);
    else
        login->question = directory_ask(worker, &account, on_place, login);
    arena_free(arena);
}

/* --- the home elsewhere answers --- */

void login_visit_challenge(struct client *client, const struct buffer *message)
{
    if (!client->login->held)
        return; /* nobody has asked */
    client->login->held = false;
    client->login->profile->challenge(client, message);
    stream_release(client->stream);
}

void login_visit_succeeded(struct client *client, const struct buffer *message, bool begins)
{
    struct login *login = client->login;

    if (!login->held)
        return; /* nobody has asked */
    visit_done(login->visit);
    login->visit = NULL;
    tell_success(login, sasl_exchange_user(login->exchange), -1, message, begins);
    stream_release(client->stream);
}

void login_visit_failed(struct client *client, enum sasl_condition condition, bool counts)
{
    struct login *login = client->login;

    visit_end(login->visit, client);
    login->visit = NULL;
    if (!login->held) { /* an answer that nobody has asked for would be taken for the next one */
        login->lost = true;
        return;
    }
    failed(login, condition, counts);
    stream_release(client->stream);
}

static void in_thread(void *user)
{
    struct login *login = user;

    sasl_exchange_check_password(login->exchange);
}

static void out_of_thread(void *user)
{
    struct login *login = user;
    struct client *client = login->client;
    struct buffer out = {0};

    login->in_thread = false;
    if (client == NULL) {
        login_free(login);
        return;
    }
    advance(login, sasl_exchange_checked(login->exchange, &out), &out);
    buffer_fini(&out);
    stream_release(client->stream);
}

static void check_password(struct login *login)
{
    stream_hold(login->client->stream);
    login->in_thread = true;
    loop_work(login->client->worker->loop, in_thread, out_of_thread, login);
}

static void advance(struct login *login, enum sasl_step step, struct buffer *out)
{
    switch (step) {
    case SASL_STEP_CHALLENGE:
        login->profile->challenge(login->client, out);
        break;
    case SASL_STEP_CREDENTIALS:
        fetch(login);
        break;
    case SASL_STEP_PASSWORD:
        check_password(login);
        break;
    case SASL_STEP_DONE:
        succeeded(login, out);
        break;
    case SASL_STEP_FAILED:
        failed(login, sasl_exchange_failure(login->exchange),
               sasl_exchange_failure_counts(login->exchange));
        break;
    }
}

void login_begin(struct login *login, int mechanism, const char *initial, size_t length,
                 bool has_initial)
{
    struct buffer out = {0};

    login->mechanism = (enum sasl_mechanism)mechanism;
    if (sasl_mechanism_is_relayed(login->mechanism))
        buffer_append(&login->initial, initial, length);
    enum sasl_step step =
        sasl_exchange_start(login->exchange, login->mechanism, initial, length, has_initial, &out);
    advance(login, step, &out);
    buffer_wipe(&out);
    buffer_fini(&out);
}

void login_continue(struct login *login, const char *response, size_t length)
{
    struct buffer out = {0};

    if (login->lost) {
        failed(login, SASL_TEMPORARY_AUTH_FAILURE, false);
        return;
    }
    if (login->visit) {
        stream_hold(login->client->stream);
        login->held = true;
        visit_response(login->client, response, length);
        return;
    }
    enum sasl_step step = sasl_exchange_step(login->exchange, response, length, &out);

    advance(login, step, &out);
    buffer_wipe(&out);
    buffer_fini(&out);
}
