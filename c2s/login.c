/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * One SASL exchange of a client. It waits for the database (credentials are fetched before the
 * library sees a proof) and for a thread (PLAIN). While it waits the stream is held. The client may
 * vanish meanwhile: then the login goes on alone, only to be freed.
 */
#include <stdlib.h>
#include <string.h>

#include "c2s/accounts.h"
#include "c2s/client.h"
#include "common/base/encode.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/sasl/sasl.h"
#include "common/xmpp/namespaces.h"

#define BINDINGS 2

struct login {
    struct client *client; /* NULL: abandoned */
    struct sasl_exchange *exchange;
    struct sasl_settings settings;
    struct sasl_binding bindings[BINDINGS];
    struct buffer binding_data[BINDINGS];
    struct domains *domains; /* settings point into it */
    char *certificate_user;
    struct account_fetch *fetch;
    enum sasl_mechanism mechanism;
    enum sasl_condition refusal; /* held back until DEADLINE_ANSWER */
    bool in_thread;
    bool disabled; /* the account; told only to who knows the password */
    bool outdated; /* the password has changed since the exchange began */
};

static void advance(struct login *login, enum sasl_step step, struct buffer *out);

static void login_free(struct login *login)
{
    account_fetch_cancel(login->fetch);
    sasl_exchange_free(login->exchange);
    for (size_t i = 0; i < BINDINGS; i++)
        buffer_fini(&login->binding_data[i]);
    domains_unref(login->domains);
    free(login->certificate_user);
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
    size_t count = 0;

    for (size_t i = 0; i < BINDINGS; i++) {
        struct buffer *data = &login->binding_data[i];
        if (tls_channel_binding(conn_tls(client->conn), kinds[i].binding, data) != 0)
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

struct login *login_new(struct client *client, unsigned offered)
{
    struct login *login = xcalloc(1, sizeof(*login));

    login->client = client;
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

/* The exchange is over; the client stays. */
static void finish(struct login *login)
{
    login->client->login = NULL;
    login_free(login);
}

static void send_message(struct client *client, const char *name, const struct buffer *message)
{
    struct buffer text = {0};
    struct arena *arena = arena_new();
    struct element *element = element_new(arena, NS_SASL, name);

    base64_encode(&text, message->data, message->length);
    if (text.length > 0)
        element_add_text(element, text.data);
    stream_send_element(client->stream, element);
    arena_free(arena);
    buffer_wipe(&text);
    buffer_fini(&text);
}

static void refuse(struct login *login, enum sasl_condition condition)
{
    struct client *client = login->client;

    finish(login);
    client_sasl_failure(client, condition);
}

void login_answer(struct client *client)
{
    if (client->login == NULL)
        return;
    refuse(client->login, client->login->refusal);
    stream_release(client->stream);
}

static void failed(struct login *login)
{
    struct client *client = login->client;
    enum sasl_condition condition = sasl_exchange_failure(login->exchange);
    const char *user = sasl_exchange_user(login->exchange);

    log_info("login_failed", LOG_TEXT("sid", client_stream_id(client)),
             LOG_TEXT("addr", client_address(client)), LOG_TEXT("user", user),
             LOG_TEXT("domain", client->domain->name),
             LOG_TEXT("mechanism", sasl_mechanism_name(login->mechanism)),
             LOG_TEXT("condition", sasl_condition_name(condition)));
    if (condition == SASL_TEMPORARY_AUTH_FAILURE ||
        !sasl_exchange_failure_counts(login->exchange)) {
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

static void succeeded(struct login *login, struct buffer *out)
{
    struct client *client = login->client;

    if (login->disabled || login->outdated) {
        refuse(login, login->outdated ? SASL_TEMPORARY_AUTH_FAILURE : SASL_ACCOUNT_DISABLED);
        return;
    }
    char *local = xstrdup(sasl_exchange_authenticated(login->exchange));
    enum sasl_mechanism mechanism = login->mechanism;
    finish(login);
    send_message(client, "success", out);
    client_authenticated(client, local, mechanism);
    free(local);
}

static void on_fetched(void *user, int status, const struct account_credentials *credentials)
{
    struct login *login = user;
    struct client *client = login->client;
    struct buffer out = {0};
    enum sasl_step step;

    login->fetch = NULL;
    if (status != 0) {
        /* An outage is never a wrong password. */
        step = sasl_exchange_unavailable(login->exchange);
    } else {
        login->disabled = credentials->disabled;
        step = sasl_exchange_credentials(login->exchange,
                                         credentials->has_verifier ? &credentials->verifier : NULL,
                                         credentials->exists, &out);
    }
    advance(login, step, &out);
    buffer_wipe(&out);
    buffer_fini(&out);
    stream_release(client->stream);
}

static void fetch(struct login *login)
{
    struct client *client = login->client;
    struct arena *arena = arena_new();
    struct jid jid;

    stream_hold(client->stream);
    if (jid_make(arena, sasl_exchange_user(login->exchange), client->domain->name, NULL, &jid) != 0)
        jid = (struct jid){.local = "", .domain = client->domain->name}; /* nobody has it */
    login->fetch = account_fetch(client->worker->db, &jid,
                                 sasl_exchange_wanted_hash(login->exchange), on_fetched, login);
    arena_free(arena);
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
        send_message(login->client, "challenge", out);
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
        failed(login);
        break;
    }
}

void login_begin(struct login *login, int mechanism, const char *initial, size_t length,
                 bool has_initial)
{
    struct buffer out = {0};

    login->mechanism = (enum sasl_mechanism)mechanism;
    enum sasl_step step =
        sasl_exchange_start(login->exchange, login->mechanism, initial, length, has_initial, &out);
    advance(login, step, &out);
    buffer_wipe(&out);
    buffer_fini(&out);
}

void login_continue(struct login *login, const char *response, size_t length)
{
    struct buffer out = {0};
    enum sasl_step step = sasl_exchange_step(login->exchange, response, length, &out);

    advance(login, step, &out);
    buffer_wipe(&out);
    buffer_fini(&out);
}
