/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * External Service Discovery (XEP-0215): STUN, TURN and whatever else the sections
 * [external-service "…"] name, for the accounts of the network and nobody else. Where a secret is
 * shared with a TURN server, each account gets credentials of its own that end by themselves: the
 * name is the time of that and something that tells accounts apart without naming them, the
 * password an HMAC over it (draft-uberti-behave-turn-rest, `use-auth-secret` of coturn).
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "c2s/sm/sm.h"
#include "common/base/clock.h"
#include "common/base/encode.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/tls/crypto.h"
#include "common/tls/timed.h"
#include "common/xmpp/datetime.h"

#define NS_EXTERNAL "urn:xmpp:extdisco:2"
#define SECTION     "external-service"
#define MARK_BYTES  8 /* of an account */

struct external {
    struct external_service *services;
    size_t count;
};

/* Strings are the service's; NULL: none. */
struct external_service {
    char *type, *host, *port, *transport, *label;
    char *username;
    char *password; /* of `username` */
    char *secret;   /* shared with the service */
    uint64_t lifetime_ms;
};

static char *copy(const struct config *config, const char *instance, const char *key)
{
    const char *text = config_text(config, SECTION, instance, key);

    return text ? xstrdup(text) : NULL;
}

/* What cannot be read is not there: the service is named without credentials. */
static char *read_secret(const struct config *config, const char *instance, const char *key)
{
    const char *path = config_text(config, SECTION, instance, key);
    char *secret = NULL;
    size_t length;
    int error = path ? config_read_secret(path, &secret, &length) : 0;

    if (error)
        log_error("secret_unreadable", LOG_TEXT("file", path), LOG_ERROR(error));
    return error ? NULL : secret;
}

static void wipe(char *secret)
{
    if (secret)
        crypto_wipe(secret, strlen(secret));
    free(secret);
}

static void services_free(struct external *external)
{
    for (size_t i = 0; i < external->count; i++) {
        struct external_service *service = &external->services[i];

        free(service->type);
        free(service->host);
        free(service->port);
        free(service->transport);
        free(service->label);
        free(service->username);
        wipe(service->password);
        wipe(service->secret);
    }
    free(external->services);
    *external = (struct external){0};
}

static struct external_service read_service(const struct config *config, const char *instance)
{
    int64_t port = config_number(config, SECTION, instance, "port");

    return (struct external_service){
        .type = copy(config, instance, "type"),
        .host = copy(config, instance, "host"),
        .port = port > 0 ? xasprintf("%" PRId64, port) : NULL,
        .transport = copy(config, instance, "transport"),
        .label = copy(config, instance, "label"),
        .username = copy(config, instance, "username"),
        .password = read_secret(config, instance, "password-file"),
        .secret = read_secret(config, instance, "secret-file"),
        .lifetime_ms = (uint64_t)config_number(config, SECTION, instance, "lifetime"),
    };
}

static void configured(struct sm *sm)
{
    const struct config *config = worker_config(sm->worker);
    struct external *external = sm->external;

    services_free(external);
    external->count = config_instances(config, SECTION);
    external->services =
        xcalloc(external->count ? external->count : 1, sizeof(*external->services));
    for (size_t i = 0; i < external->count; i++)
        external->services[i] = read_service(config, config_instance(config, SECTION, i));
}

static void start(struct sm *sm)
{
    sm->external = xcalloc(1, sizeof(*sm->external));
    configured(sm);
}

static void stop(struct sm *sm)
{
    services_free(sm->external);
    free(sm->external);
}

/* --- credentials --- */

static const char *taken(struct arena *arena, char *text)
{
    const char *copied = arena_strdup(arena, text);

    free(text);
    return copied;
}

/* The same for an account at all times, so that the service can limit what it uses; who does not
 * have the secret cannot tell whose it is. */
static const char *mark_of(struct arena *arena, const char *secret, const struct jid *account)
{
    uint8_t bytes[CRYPTO_HASH_MAX];
    struct buffer encoded = {0};

    crypto_hmac(CRYPTO_SHA256, secret, strlen(secret), account->bare, strlen(account->bare), bytes);
    hex_encode(&encoded, bytes, MARK_BYTES);
    return taken(arena, buffer_take(&encoded));
}

static void add_timed(struct element *element, const struct external_service *service,
                      const struct jid *account)
{
    uint64_t end_s = ((uint64_t)clock_wall_us() / 1000 + service->lifetime_ms) / 1000;
    struct arena *arena = element->arena;
    const char *name =
        arena_printf(arena, "%" PRIu64 ":%s", end_s, mark_of(arena, service->secret, account));
    char expires[DATETIME_SIZE];

    datetime_format((int64_t)end_s * 1000000, expires);
    element_set(element, "username", name);
    element_set(element, "password", taken(arena, timed_password(service->secret, name)));
    element_set(element, "expires", expires);
}

static bool is_restricted(const struct external_service *service)
{
    return service->secret || service->password;
}

static void add_credentials(struct element *element, const struct external_service *service,
                            const struct jid *account)
{
    if (service->secret) {
        add_timed(element, service, account);
    } else {
        element_set(element, "username", service->username);
        element_set(element, "password", service->password);
    }
}

static void add_service(struct element *parent, const struct external_service *service,
                        const struct jid *account)
{
    struct element *element = element_add(parent, NS_EXTERNAL, "service");

    element_set(element, "type", service->type);
    element_set(element, "host", service->host);
    element_set(element, "port", service->port);
    element_set(element, "transport", service->transport);
    element_set(element, "name", service->label);
    if (is_restricted(service)) {
        element_set(element, "restricted", "true");
        add_credentials(element, service, account);
    }
}

/* --- requests --- */

/* Credentials cost whoever runs the service, so strangers get none. */
static bool may_ask(const struct sm_request *request)
{
    const struct jid *from = &request->iq->from;

    return from->local && worker_serves(request->sm->worker, from->domain);
}

static bool is_wanted(const char *wanted, const char *has)
{
    return !wanted || (has && strcmp(wanted, has) == 0);
}

static void services(struct sm_request *request)
{
    const struct external *external = request->sm->external;
    const char *type = element_get(request->payload, "type");

    if (!may_ask(request)) {
        sm_error(request, STANZA_FORBIDDEN, NULL);
        return;
    }
    struct stanza *result = stanza_result(request->iq);
    struct element *list = element_add(result->root, NS_EXTERNAL, "services");
    element_set(list, "type", type);
    for (size_t i = 0; i < external->count; i++) {
        if (is_wanted(type, external->services[i].type))
            add_service(list, &external->services[i], &request->iq->from);
    }
    sm_reply_take(request, result);
}

static bool is_asked(const struct external_service *service, const struct element *wanted)
{
    return is_restricted(service) && is_wanted(element_get(wanted, "type"), service->type) &&
           is_wanted(element_get(wanted, "host"), service->host) &&
           is_wanted(element_get(wanted, "port"), service->port);
}

/* Of one service, which may be there on several ports (§3.3). */
static void credentials(struct sm_request *request)
{
    const struct external *external = request->sm->external;
    const struct element *wanted = element_find(request->payload, NS_EXTERNAL, "service");
    bool found = false;

    if (!may_ask(request)) {
        sm_error(request, STANZA_FORBIDDEN, NULL);
        return;
    }
    if (!wanted || !element_get(wanted, "host") || !element_get(wanted, "type")) {
        sm_error(request, STANZA_BAD_REQUEST, NULL);
        return;
    }
    struct stanza *result = stanza_result(request->iq);
    struct element *list = element_add(result->root, NS_EXTERNAL, "credentials");
    for (size_t i = 0; i < external->count; i++) {
        if (is_asked(&external->services[i], wanted)) {
            add_service(list, &external->services[i], &request->iq->from);
            found = true;
        }
    }
    if (found) {
        sm_reply_take(request, result);
        return;
    }
    stanza_unref(result);
    sm_error(request, STANZA_ITEM_NOT_FOUND, NULL);
}

static const struct sm_iq iqs[] = {
    {NS_EXTERNAL, "services", SM_GET, SM_TO_SERVER, services},
    {NS_EXTERNAL, "credentials", SM_GET, SM_TO_SERVER, credentials},
    {0},
};

static const char *const features[] = {NS_EXTERNAL, NULL};
static const struct spec specs[] = {{"XEP-0215", "1.0.0", "nothing is pushed"}, {0}};

const struct sm_module external_module = {
    .name = "external",
    .specs = specs,
    .server_features = features,
    .iqs = iqs,
    .start = start,
    .stop = stop,
    .configured = configured,
};
