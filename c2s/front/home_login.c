/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The home's half of a login through another node: the SASL exchange, of which only the connection
 * is elsewhere. Only mechanisms that prove to the home that the client knows the password.
 */
#include <stdlib.h>
#include <string.h>

#include "c2s/credentials.h"
#include "c2s/directory/directory.h"
#include "c2s/front/visit.h"
#include "common/base/log.h"

#define BINDINGS 4

struct home_login {
    struct channel *channel;
    struct sasl_exchange *exchange;
    struct sasl_settings settings;
    struct sasl_binding bindings[BINDINGS];
    struct buffer binding_data[BINDINGS];
    char *binding_names[BINDINGS];
    struct buffer announced; /* by the front */
    struct domains *domains; /* settings point into it */
    struct credentials *fetch;
    enum sasl_mechanism mechanism;
    bool disabled; /* the account; told only to who knows the password */
    bool outdated; /* the password has changed since the exchange began */
};

static void advance(struct home_login *login, enum sasl_step step, struct buffer *out);

void home_login_free(struct home_login *login)
{
    credentials_cancel(login->fetch);
    if (login->exchange)
        sasl_exchange_free(login->exchange);
    for (size_t i = 0; i < BINDINGS; i++) {
        buffer_fini(&login->binding_data[i]);
        free(login->binding_names[i]);
    }
    buffer_fini(&login->announced);
    domains_unref(login->domains);
    free(login);
}

void home_login_outdate(struct home_login *login, const struct jid *account)
{
    const char *user = sasl_exchange_user(login->exchange);

    if (user && strcmp(user, account->local) == 0 &&
        strcmp(login->settings.domain, account->domain) == 0)
        login->outdated = true;
}

static struct element *say(struct home_login *login, const char *name, const struct buffer *message)
{
    struct element *element = channel_begin(login->channel, name);

    visit_add_bytes(element, message->data, message->length);
    return element;
}

/* Fronts of an earlier release do not look at `begins`; homes of one do not say it. */
static void say_success(struct home_login *login, const struct buffer *message)
{
    element_set(say(login, "success", message), "begins", "1");
    channel_send(login->channel);
}

/* The last that happens: the channel is gone then. */
static void refuse(struct channel *channel, enum sasl_condition condition, bool counts)
{
    struct element *failure = channel_begin(channel, "failure");

    element_set(failure, "condition", sasl_condition_name(condition));
    element_set(failure, "counts", counts ? "1" : NULL);
    channel_send(channel);
    owner_end(channel->client, CLIENT_CLOSED);
}

static void grant(struct home_login *login, const struct buffer *message)
{
    struct channel *channel = login->channel;
    struct client *client = channel->client;
    struct arena *arena = arena_new();
    struct jid account;

    if (login->disabled || login->outdated ||
        jid_make(arena, sasl_exchange_authenticated(login->exchange), login->settings.domain, NULL,
                 &account) != 0) {
        refuse(channel, login->disabled ? SASL_ACCOUNT_DISABLED : SASL_TEMPORARY_AUTH_FAILURE,
               false);
    } else {
        client->jid = jid_dup(&account);
        log_info("visit_granted", LOG_TEXT("sid", channel->stream_id),
                 LOG_TEXT("jid", client->jid->bare), LOG_TEXT("addr", channel->address),
                 LOG_TEXT("front", trunk_to(channel->line->trunk)->full),
                 LOG_TEXT("mechanism", sasl_mechanism_name(login->mechanism)));
        client->mechanism = login->mechanism;
        client->token = sasl_exchange_token(login->exchange);
        say_success(login, message);
        channel->login = NULL;
        home_login_free(login);
    }
    arena_free(arena);
}

static void failed(struct home_login *login)
{
    struct channel *channel = login->channel;
    enum sasl_condition condition = sasl_exchange_failure(login->exchange);

    log_info("visit_refused", LOG_TEXT("sid", channel->stream_id),
             LOG_TEXT("addr", channel->address),
             LOG_TEXT("front", trunk_to(channel->line->trunk)->full),
             LOG_TEXT("user", sasl_exchange_user(login->exchange)),
             LOG_TEXT("condition", sasl_condition_name(condition)));
    refuse(channel, condition,
           condition != SASL_TEMPORARY_AUTH_FAILURE &&
               sasl_exchange_failure_counts(login->exchange));
}

static void on_given(void *user, enum sasl_step step, struct buffer *out, bool disabled)
{
    struct home_login *login = user;

    login->fetch = NULL;
    login->disabled = disabled;
    advance(login, step, out);
}

/* An account that has moved is not ours to let in. */
static void fetch(struct home_login *login)
{
    struct worker *worker = login->channel->client->worker;
    struct arena *arena = arena_new();
    struct directory_place place;
    struct jid account;

    if (jid_make(arena, sasl_exchange_user(login->exchange), login->settings.domain, NULL,
                 &account) != 0)
        account = (struct jid){.local = "", .domain = login->settings.domain};
    else if (directory_look(worker, &account, &place) && place.answer != DIRECTORY_HERE)
        account.local = ""; /* nobody has it */
    login->fetch = credentials_fetch(worker->db, &account, login->exchange,
                                     login->channel->client->device, on_given, login);
    arena_free(arena);
}

static void advance(struct home_login *login, enum sasl_step step, struct buffer *out)
{
    switch (step) {
    case SASL_STEP_CHALLENGE:
        say(login, "challenge", out);
        channel_send(login->channel);
        break;
    case SASL_STEP_CREDENTIALS:
        fetch(login);
        break;
    case SASL_STEP_DONE:
        grant(login, out);
        break;
    case SASL_STEP_PASSWORD: /* of PLAIN, which does not get here */
    case SASL_STEP_FAILED:
        failed(login);
        break;
    }
}

static void read_bindings(struct home_login *login, const struct element *element)
{
    size_t count = 0;

    ELEMENT_FOREACH (child, element) {
        const char *name = element_get(child, "name");
        struct buffer *data = &login->binding_data[count];

        if (count == BINDINGS || strcmp(child->name, "binding") != 0 || !name ||
            !visit_read_bytes(child, data))
            continue;
        login->binding_names[count] = xstrdup(name);
        login->bindings[count] =
            (struct sasl_binding){login->binding_names[count], data->data, data->length};
        count++;
    }
    login->settings.bindings = login->bindings;
    login->settings.bindings_count = count;
}

/* What the front has offered, as far as it matters: whether a client that says that we do not
 * support channel binding has been lied to (RFC 5802 §6). */
static unsigned offered(const struct domain *domain, bool plus)
{
    unsigned mechanisms = domain->mechanisms | domain->tokens;

    for (unsigned m = 0; m < SASL_MECHANISMS; m++)
        if (!sasl_mechanism_is_relayed(m) || (sasl_mechanism_is_plus(m) && !plus))
            mechanisms &= ~(1U << m);
    return mechanisms;
}

static void read_announced(struct home_login *login, const struct element *element)
{
    const struct element *announced = element_find(element, NS_TRUNK, "announced");

    if (announced && visit_read_bytes(announced, &login->announced) && login->announced.length > 0)
        login->settings.announced = login->announced.data;
}

static struct home_login *make(struct channel *channel, const struct element *element,
                               const struct domain *domain)
{
    struct worker *worker = channel->client->worker;
    struct home_login *login = xcalloc(1, sizeof(*login));

    login->channel = channel;
    login->domains = domains_ref(worker->domains);
    login->settings.domain = domain->name;
    login->settings.offered = offered(domain, element_get(element, "plus") != NULL);
    login->settings.decoy_secret = worker->domains->decoy_secret;
    login->settings.decoy_secret_length = worker->domains->decoy_secret_length;
    login->settings.user = login;
    read_bindings(login, element);
    read_announced(login, element);
    channel->client->device = sasl2_device(element_get(element, "device"));
    login->exchange = sasl_exchange_new(&login->settings);
    return login;
}

static void start(struct home_login *login, const struct element *element)
{
    const struct element *initial = element_find(element, NS_TRUNK, "initial");
    struct buffer message = {0}, out = {0};

    if (initial && visit_read_bytes(initial, &message))
        advance(login,
                sasl_exchange_start(login->exchange, login->mechanism, message.data, message.length,
                                    true, &out),
                &out);
    else
        refuse(login->channel, SASL_MALFORMED_REQUEST, false);
    buffer_wipe(&out);
    buffer_fini(&out);
    buffer_fini(&message);
}

static bool may_begin(struct line *line)
{
    bool is_front = front_may_be_front(line->front, trunk_to(line->trunk));

    if (is_front && line->strangers <= CHANNEL_STRANGERS)
        return true;
    line_refuse(line, is_front ? FRONT_REFUSED_MANY : FRONT_REFUSED_ROLE);
    return false;
}

void home_login_begin(struct channel *channel, const struct element *element)
{
    struct worker *worker = channel->client->worker;
    const struct domain *domain = domains_find(worker->domains, worker->network);
    const char *name = element_get(element, "mechanism");
    int mechanism = name ? sasl_mechanism_parse(name) : -1;

    if (!domain || !may_begin(channel->line)) {
        refuse(channel, SASL_TEMPORARY_AUTH_FAILURE, false);
        return;
    }
    channel->login = make(channel, element, domain);
    if (mechanism < 0 || !(channel->login->settings.offered & 1U << mechanism)) {
        refuse(channel, SASL_INVALID_MECHANISM, false);
        return;
    }
    channel->login->mechanism = (enum sasl_mechanism)mechanism;
    start(channel->login, element);
}

void home_login_response(struct channel *channel, struct element *element)
{
    struct home_login *login = channel->login;
    struct buffer message = {0}, out = {0};

    if (login->fetch || !visit_read_bytes(element, &message))
        refuse(channel, SASL_MALFORMED_REQUEST, false);
    else
        advance(login, sasl_exchange_step(login->exchange, message.data, message.length, &out),
                &out);
    buffer_wipe(&out);
    buffer_fini(&out);
    buffer_fini(&message);
}

/* It has come to the owner of the account's slot, whoever that is. */
void home_answer_where(struct front *front, const struct stanza *message,
                       const struct element *where)
{
    struct stanza *answer;

    if (!message->has_to || !message->to.local ||
        strcmp(message->to.domain, front->worker->network) != 0)
        return;
    answer = stanza_new(STANZA_MESSAGE, MESSAGE_NORMAL);
    stanza_set_from(answer, front->self);
    stanza_set_to(answer, &message->from);
    element_set(element_add(answer->root, NS_TRUNK, "here"), "id", element_get(where, "id"));
    if (worker_route(front->worker, answer) < 0)
        log_debug("visit_not_answered", LOG_TEXT("account", message->to.bare));
    stanza_unref(answer);
}
