/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The SASL feature of client streams (RFC 6120 §6, XEP-0440).
 */
#include <stdlib.h>
#include <string.h>

#include "c2s/client.h"
#include "common/base/encode.h"
#include "common/base/error.h"
#include "common/base/limit.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/sasl/sasl.h"
#include "common/xmpp/namespaces.h"

#define NS_CHANNEL_BINDING "urn:xmpp:sasl-cb:0"

/* Whose account is at another node would show its password here, before it is known where that is:
 * a client says so with the first message of PLAIN (docs/FRONTS.md). */
static bool may_be_a_strangers(const struct client *client)
{
    const struct network *network = worker_document(client->worker);

    return network && network->members_count > 1 && !client->domain->plain_in_network;
}

static unsigned without_binding(unsigned mechanisms)
{
    for (unsigned m = 0; m < SASL_MECHANISMS; m++)
        if (sasl_mechanism_is_plus(m))
            mechanisms &= ~(1U << m);
    return mechanisms;
}

unsigned client_mechanisms(struct client *client)
{
    unsigned mechanisms = client->domain->mechanisms;

    if (!(mechanisms & 1U << SASL_EXTERNAL) || !client_has_certificate(client))
        mechanisms &= ~(1U << SASL_EXTERNAL);
    if (transport_tls(&client->transport) == NULL)
        mechanisms = without_binding(mechanisms);
    if (may_be_a_strangers(client))
        mechanisms &= ~(1U << SASL_PLAIN);
    return mechanisms;
}

unsigned client_bound_mechanisms(unsigned mechanisms)
{
    unsigned bound = 0;

    for (unsigned m = 0; m < SASL_MECHANISMS; m++)
        if (sasl_mechanism_is_plus(m) || sasl_mechanism_binding(m))
            bound |= 1U << m;
    return mechanisms & bound;
}

static void advertise_bindings(struct client *client, struct element *features)
{
    static const struct {
        enum tls_binding binding;
        const char *name;
    } bindings[] = {
        {TLS_BINDING_EXPORTER, "tls-exporter"},
        {TLS_BINDING_SERVER_END_POINT, "tls-server-end-point"},
    };
    struct element *list = element_add(features, NS_CHANNEL_BINDING, "sasl-channel-binding");

    for (size_t i = 0; i < ARRAY_SIZE(bindings); i++) {
        struct buffer data = {0};
        if (tls_channel_binding(transport_tls(&client->transport), bindings[i].binding, &data) == 0)
            element_set(element_add(list, NS_CHANNEL_BINDING, "channel-binding"), "type",
                        bindings[i].name);
        buffer_fini(&data);
    }
}

static void add_mechanism(struct element *list, const char *ns, unsigned mechanisms,
                          unsigned mechanism)
{
    if (mechanisms & 1U << mechanism)
        element_add_with_text(list, ns, "mechanism", sasl_mechanism_name(mechanism));
}

/* Whoever has shown a certificate is offered EXTERNAL in front (RFC 6120 §6.3.4). */
void client_add_mechanisms(struct element *list, const char *ns, unsigned mechanisms)
{
    add_mechanism(list, ns, mechanisms, SASL_EXTERNAL);
    for (unsigned m = 0; m < SASL_MECHANISMS; m++)
        if (m != SASL_EXTERNAL)
            add_mechanism(list, ns, mechanisms, m);
}

static void advertise(void *user, struct element *features)
{
    struct client *client = user;
    unsigned mechanisms = client_mechanisms(client);

    client_add_mechanisms(element_add(features, NS_SASL, "mechanisms"), NS_SASL, mechanisms);
    if (client_bound_mechanisms(mechanisms))
        advertise_bindings(client, features);
}

static void send_failure(struct client *client, enum sasl_condition condition)
{
    struct arena *arena = arena_new();
    struct element *failure = element_new(arena, NS_SASL, "failure");

    element_add(failure, NS_SASL, sasl_condition_name(condition));
    stream_send_element(client->stream, failure);
    arena_free(arena);
}

/* "=" is an empty message (RFC 6120 §6.4.2). False: it was answered. */
static bool decode(struct client *client, const char *text, struct buffer *message)
{
    if (strcmp(text, "=") == 0 || base64_decode(message, text, strlen(text)) == 0)
        return true;
    login_abandon(client);
    send_failure(client, SASL_INCORRECT_ENCODING);
    return false;
}

bool client_has_tried_enough(struct client *client)
{
    if (client->tries < client->worker->limits.sasl_tries)
        return false;
    limit_reached("sasl-tries");
    stream_fail(client->stream, STREAM_POLICY_VIOLATION, "too many failed logins");
    return true;
}

static void on_auth(void *user, struct element *element)
{
    struct client *client = user;
    const char *name = element_get(element, "mechanism");
    const char *text = element_text(element);
    unsigned mechanisms = client_mechanisms(client);
    struct buffer initial = {0};

    if (client_has_tried_enough(client))
        return;
    if (client->sasl2) { /* XEP-0388 §2.4 */
        stream_fail(client->stream, STREAM_POLICY_VIOLATION, NULL);
        return;
    }
    if (client->login) { /* a second <auth/> in the middle of an exchange */
        login_abandon(client);
        send_failure(client, SASL_MALFORMED_REQUEST);
        return;
    }
    int mechanism = name ? sasl_mechanism_parse(name) : -1;
    if (mechanism < 0 || !(mechanisms & 1U << mechanism)) {
        send_failure(client, SASL_INVALID_MECHANISM);
        return;
    }
    if (decode(client, text, &initial)) {
        client->login = login_new(client, &login_sasl, mechanisms, NULL);
        login_begin(client->login, mechanism, initial.data, initial.length, text[0] != '\0');
    }
    buffer_wipe(&initial);
    buffer_fini(&initial);
}

static void on_response(void *user, struct element *element)
{
    struct client *client = user;
    struct buffer message = {0};

    if (client->login == NULL || client->sasl2) { /* Cyrus would crash on it */
        send_failure(client, SASL_MALFORMED_REQUEST);
        return;
    }
    if (decode(client, element_text(element), &message))
        login_continue(client->login, message.data, message.length);
    buffer_wipe(&message);
    buffer_fini(&message);
}

static void on_abort(void *user, struct element *element)
{
    struct client *client = user;
    (void)element;

    if (client->sasl2) {
        stream_fail(client->stream, STREAM_POLICY_VIOLATION, NULL);
        return;
    }
    login_abandon(client);
    send_failure(client, SASL_ABORTED);
}

/* RFC 6120 §6.3.4: nothing is authenticated in the clear. Later it is one login per stream. */
static int refuse(void *user, struct element *element)
{
    struct client *client = user;

    if (stream_has_flag(client->stream, STREAM_SECURE))
        return STREAM_NOT_AUTHORIZED;
    if (element_is(element, NS_SASL, "auth"))
        send_failure(client, SASL_ENCRYPTION_REQUIRED);
    else
        send_failure(client, SASL_MALFORMED_REQUEST);
    return -1;
}

static const struct stream_element elements[] = {
    {NS_SASL, "auth", on_auth},
    {NS_SASL, "response", on_response},
    {NS_SASL, "abort", on_abort},
    {0},
};

const struct stream_feature client_sasl = {
    .name = "sasl",
    .requires = STREAM_SECURE,
    .excludes = STREAM_AUTHENTICATED,
    .advertise = advertise,
    .elements = elements,
    .refuse = refuse,
};

int client_set_account(struct client *client, const char *local, enum sasl_mechanism mechanism)
{
    struct arena *arena = arena_new();
    struct jid jid;
    /* Both parts have been prepared already, so this cannot fail for another reason than length. */
    int error = jid_make(arena, local, client->domain->name, NULL, &jid);

    if (error == 0) {
        free(client->jid);
        client->jid = jid_dup(&jid);
        client->mechanism = mechanism;
    }
    arena_free(arena);
    return error == 0 ? 0 : ERR_LIMIT;
}

void client_log_authenticated(struct client *client)
{
    struct tls_session *tls = transport_tls(&client->transport);

    log_info("client_authenticated", LOG_TEXT("sid", stream_id(client->stream)),
             LOG_TEXT("jid", client->jid->bare), LOG_TEXT("addr", client_address(client)),
             LOG_TEXT("mechanism", sasl_mechanism_name(client->mechanism)),
             LOG_TEXT("via", client->transport.ops->name),
             LOG_TEXT("tls", tls ? tls_version(tls) : NULL));
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

static void challenge(struct client *client, const struct buffer *message)
{
    send_message(client, "challenge", message);
}

static void succeeded(struct client *client, const struct login_result *result)
{
    send_message(client, "success", result->data);
    if (client_set_account(client, result->local, result->mechanism) != 0) {
        stream_fail(client->stream, STREAM_INTERNAL_SERVER_ERROR, NULL);
        return;
    }
    client_log_authenticated(client);
    stream_set_flag(client->stream, STREAM_AUTHENTICATED);
    stream_set_limits(client->stream, &client->worker->limits.after_auth);
    stream_restart(client->stream);
}

const struct login_profile login_sasl = {challenge, succeeded, send_failure};
