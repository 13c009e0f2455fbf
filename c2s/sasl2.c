/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Login by the Extensible SASL Profile (XEP-0388): SASL without a new stream behind it, and with
 * what else a client wants answered in one message. There are no tasks here, so that nothing is
 * answered with <continue/>; <next/> and <task-data/> come when nobody has asked for them.
 *
 *    <authenticate/> ─► exchange (login.c) ─► plugin->begin() ─► <success/>, features
 */
#include <stdlib.h>
#include <string.h>

#include "c2s/client.h"
#include "c2s/front/front.h"
#include "common/base/encode.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/xmpp/namespaces.h"

#define UUID_LENGTH 36

struct sasl2 {
    struct arena *arena;
    struct element *request; /* <authenticate/> without what SASL has read of it */
    struct buffer data;      /* of the success */
};

void sasl2_free(struct sasl2 *sasl2)
{
    if (!sasl2)
        return;
    arena_free(sasl2->arena);
    buffer_wipe(&sasl2->data);
    buffer_fini(&sasl2->data);
    free(sasl2);
}

static void end(struct client *client)
{
    sasl2_free(client->sasl2);
    client->sasl2 = NULL;
}

/* --- what is offered --- */

/* Tokens whose channel binding this connection has. */
static unsigned offered_tokens(struct client *client)
{
    static const struct {
        enum tls_binding binding;
        const char *name;
    } kinds[] = {
        {TLS_BINDING_EXPORTER, "tls-exporter"},
        {TLS_BINDING_SERVER_END_POINT, "tls-server-end-point"},
    };
    struct tls_session *tls = transport_tls(&client->transport);
    unsigned mechanisms = client->domain->tokens;

    for (size_t i = 0; mechanisms && i < ARRAY_SIZE(kinds); i++) {
        struct buffer data = {0};
        bool there = tls && tls_channel_binding(tls, kinds[i].binding, &data) == 0;
        for (unsigned m = 0; m < SASL_MECHANISMS && !there; m++)
            if (sasl_mechanism_binding(m) && strcmp(sasl_mechanism_binding(m), kinds[i].name) == 0)
                mechanisms &= ~(1U << m);
        buffer_fini(&data);
    }
    return mechanisms;
}

static void advertise(void *user, struct element *features)
{
    struct client *client = user;
    struct worker *worker = client->worker;
    unsigned mechanisms = client_mechanisms(client), tokens = offered_tokens(client);
    struct element *list, *inline_list;

    if (!mechanisms)
        return;
    list = element_add(features, NS_SASL2, "authentication");
    client_add_mechanisms(list, NS_SASL2, mechanisms);
    if (!worker->plugin->begin)
        return;
    inline_list = element_add(list, NS_SASL2, "inline");
    worker->plugin->inline_features(worker->plugin_state, inline_list);
    if (tokens)
        client_add_mechanisms(element_add(inline_list, NS_FAST, "fast"), NS_FAST, tokens);
}

/* --- messages --- */

static void send_with_text(struct client *client, const char *name, const struct buffer *message)
{
    struct arena *arena = arena_new();
    struct element *element = element_new(arena, NS_SASL2, name);
    struct buffer text = {0};

    base64_encode(&text, message->data, message->length);
    if (text.length > 0)
        element_add_text(element, text.data);
    stream_send_element(client->stream, element);
    arena_free(arena);
    buffer_fini(&text);
}

static void challenge(struct client *client, const struct buffer *message)
{
    send_with_text(client, "challenge", message);
}

static void failed(struct client *client, enum sasl_condition condition)
{
    struct arena *arena = arena_new();
    struct element *failure = element_new(arena, NS_SASL2, "failure");

    end(client);
    element_add(failure, NS_SASL, sasl_condition_name(condition));
    stream_send_element(client->stream, failure);
    arena_free(arena);
}

static void send_success(struct client *client, const struct jid *full,
                         const struct element *results)
{
    struct arena *arena = arena_new();
    struct element *success = element_new(arena, NS_SASL2, "success");
    const struct buffer *data = &client->sasl2->data;
    struct buffer text = {0};

    base64_encode(&text, data->data, data->length);
    if (text.length > 0)
        element_add_with_text(success, NS_SASL2, "additional-data", text.data);
    element_add_with_text(success, NS_SASL2, "authorization-identifier",
                          full ? full->full : client->jid->bare);
    if (results)
        ELEMENT_FOREACH (child, results) {
            element_add_copy(success, child);
        }
    stream_send_element(client->stream, success);
    arena_free(arena);
    buffer_fini(&text);
}

/* --- behind the exchange --- */

static void forget_account(struct client *client)
{
    free(client->jid);
    client->jid = NULL;
    client->token = -1;
}

static void begin(struct client *client, bool begins)
{
    struct worker *worker = client->worker;
    const struct c2s_begin wanted = {
        .request = client->sasl2->request,
        .device = client->device,
        .mechanism = (int)client->mechanism,
        .token = client->token,
    };

    client_hold(client);
    if (!begins || !worker->plugin->begin)
        client_begun(client, NULL, NULL, false, NULL);
    else if (relay_begin(client))
        relay_authenticated(client, &wanted);
    else
        worker->plugin->begin(worker->plugin_state, client, client->jid, &wanted);
}

/* XEP-0388 §2.3, §4.4: who says in the header of the stream who it is has to be that. */
static bool is_who_it_said(const struct client *client)
{
    return !client->from || strcmp(client->from, client->jid->bare) == 0;
}

static void succeeded(struct client *client, const struct login_result *result)
{
    if (client_set_account(client, result->local, result->mechanism) != 0 ||
        !is_who_it_said(client)) {
        forget_account(client);
        if (client->channel)
            relay_ended(client);
        failed(client, SASL_INVALID_AUTHZID);
        return;
    }
    client->token = result->token;
    buffer_append(&client->sasl2->data, result->data->data, result->data->length);
    begin(client, result->begins);
}

static void enter(struct client *client, const struct jid *full, void *session, bool resumed)
{
    client_enter_session(client, full, session);
    log_event(LOG_LEVEL_INFO, resumed ? "client_resumed" : "client_bound",
              LOG_TEXT("sid", stream_id(client->stream)), LOG_TEXT("jid", full->full),
              LOG_TEXT("addr", client_address(client)));
}

void client_begun(struct client *client, const struct jid *full, void *session, bool resumed,
                  const struct element *results)
{
    if (client->ops) {
        if (full)
            client_join_session(client, full, session);
        client->ops->begun(client, full, resumed, results);
        return;
    }
    client_log_authenticated(client);
    send_success(client, full, results);
    end(client);
    stream_set_flag(client->stream, STREAM_AUTHENTICATED);
    stream_set_limits(client->stream, &client->worker->limits.after_auth);
    if (full)
        enter(client, full, session, resumed);
    if (!resumed) /* XEP-0198 §9.2: a stream that is resumed has none */
        stream_send_features(client->stream);
    if (full)
        stream_ready(client->stream);
    client_release(client);
}

/* Something that only its owner knows speaks against it: a token that was replayed, or has gone
 * meanwhile. */
void client_begin_refused(struct client *client, enum sasl_condition condition)
{
    if (client->ops) {
        client->ops->begin_refused(client, condition);
        return;
    }
    log_info("login_failed", LOG_TEXT("sid", client_stream_id(client)),
             LOG_TEXT("addr", client_address(client)), LOG_TEXT("user", client->jid->local),
             LOG_TEXT("domain", client->domain->name),
             LOG_TEXT("mechanism", sasl_mechanism_name(client->mechanism)),
             LOG_TEXT("condition", sasl_condition_name(condition)));
    if (condition == SASL_NOT_AUTHORIZED) {
        client->tries++;
        admission_failed(client->worker->admission, client_address(client));
    }
    client->held--;
    forget_account(client);
    if (client->channel)
        relay_ended(client);
    failed(client, condition);
    stream_release(client->stream);
}

const struct login_profile login_sasl2 = {challenge, succeeded, failed};

/* --- what the client says --- */

char *sasl2_device(const char *id)
{
    char *device;

    if (!id || strlen(id) != UUID_LENGTH)
        return NULL;
    device = xstrdup(id);
    for (size_t i = 0; i < UUID_LENGTH; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (id[i] >= 'A' && id[i] <= 'F')
            device[i] = (char)(id[i] - 'A' + 'a');
        if (dash ? id[i] != '-' : !strchr("0123456789abcdef", device[i])) {
            free(device);
            return NULL;
        }
    }
    return device;
}

/* Whether an id was given and is none. */
static bool read_device(struct client *client, const struct element *request)
{
    const struct element *agent = element_find(request, NS_SASL2, "user-agent");
    const char *id = agent ? element_get(agent, "id") : NULL;

    free(client->device);
    client->device = sasl2_device(id);
    return !id || client->device;
}

static struct sasl2 *keep_request(const struct element *request)
{
    struct sasl2 *sasl2 = xcalloc(1, sizeof(*sasl2));

    sasl2->arena = arena_new();
    sasl2->request = element_new(sasl2->arena, NS_SASL2, "authenticate");
    ELEMENT_FOREACH (child, request) {
        if (!element_is(child, NS_SASL2, "initial-response"))
            element_add_copy(sasl2->request, child);
    }
    return sasl2;
}

/* A token is proven only where the client says that it has one (XEP-0484 §3.4), and is that of a
 * device (§4.1). */
static unsigned acceptable(struct client *client, const struct element *request)
{
    unsigned mechanisms = client_mechanisms(client);

    if (element_find(request, NS_FAST, "fast") && client->device && client->worker->plugin->begin)
        mechanisms |= offered_tokens(client);
    return mechanisms;
}

static void start(struct client *client, struct element *request, int mechanism, unsigned offered)
{
    const struct element *initial = element_find(request, NS_SASL2, "initial-response");
    const char *text = initial ? element_text(initial) : "";
    struct buffer message = {0};

    if (base64_decode(&message, text, strlen(text)) != 0) {
        failed(client, SASL_INCORRECT_ENCODING);
    } else {
        client->sasl2 = keep_request(request);
        client->login = login_new(client, &login_sasl2, offered, client->device);
        login_begin(client->login, mechanism, message.data, message.length, initial != NULL);
    }
    buffer_wipe(&message);
    buffer_fini(&message);
}

/* §2.4: while it is under way nothing else may come. */
static bool is_out_of_order(struct client *client)
{
    if (!client->sasl2 && !client->login)
        return false;
    stream_fail(client->stream, STREAM_POLICY_VIOLATION, NULL);
    return true;
}

static void on_authenticate(void *user, struct element *element)
{
    struct client *client = user;
    const char *name = element_get(element, "mechanism");
    int mechanism = name ? sasl_mechanism_parse(name) : -1;
    unsigned offered;

    if (is_out_of_order(client) || client_has_tried_enough(client))
        return;
    if (!read_device(client, element)) {
        failed(client, SASL_MALFORMED_REQUEST);
        return;
    }
    offered = acceptable(client, element);
    if (mechanism < 0 || !(offered & 1U << mechanism))
        failed(client, SASL_INVALID_MECHANISM);
    else
        start(client, element, mechanism, offered);
}

/* Of a login as RFC 6120 has it, which this does not belong to. */
static bool is_of_another(struct client *client)
{
    if (!client->login || client->sasl2)
        return false;
    stream_fail(client->stream, STREAM_POLICY_VIOLATION, NULL);
    return true;
}

static void on_response(void *user, struct element *element)
{
    struct client *client = user;
    const char *text = element_text(element);
    struct buffer message = {0};

    if (is_of_another(client))
        return;
    if (!client->login) {
        failed(client, SASL_MALFORMED_REQUEST);
        return;
    }
    if (base64_decode(&message, text, strlen(text)) == 0) {
        login_continue(client->login, message.data, message.length);
    } else {
        login_abandon(client);
        failed(client, SASL_INCORRECT_ENCODING);
    }
    buffer_wipe(&message);
    buffer_fini(&message);
}

static void on_abort(void *user, struct element *element)
{
    struct client *client = user;

    (void)element;
    if (is_of_another(client))
        return;
    login_abandon(client);
    failed(client, SASL_ABORTED);
}

/* Of a task that nobody has asked for. */
static void on_task(void *user, struct element *element)
{
    struct client *client = user;

    (void)element;
    if (!is_out_of_order(client))
        failed(client, SASL_MALFORMED_REQUEST);
}

/* Without TLS nobody may use it; once it has succeeded it is over (§4.8). */
static int refuse(void *user, struct element *element)
{
    struct client *client = user;

    if (stream_has_flag(client->stream, STREAM_SECURE))
        return stream_has_flag(client->stream, STREAM_BOUND) ? STREAM_POLICY_VIOLATION
                                                             : STREAM_NOT_AUTHORIZED;
    failed(client, element_is(element, NS_SASL2, "authenticate") ? SASL_ENCRYPTION_REQUIRED
                                                                 : SASL_MALFORMED_REQUEST);
    return -1;
}

static const struct stream_element elements[] = {
    {NS_SASL2, "authenticate", on_authenticate},
    {NS_SASL2, "response", on_response},
    {NS_SASL2, "abort", on_abort},
    {NS_SASL2, "next", on_task},
    {NS_SASL2, "task-data", on_task},
    {0},
};

const struct stream_feature client_sasl2 = {
    .name = "sasl2",
    .requires = STREAM_SECURE,
    .excludes = STREAM_AUTHENTICATED,
    .advertise = advertise,
    .elements = elements,
    .refuse = refuse,
};
