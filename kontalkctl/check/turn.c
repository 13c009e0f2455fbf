/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The services that clients are told of for calls (XEP-0215), asked as a client asks them: a STUN
 * server what our address is (RFC 8489), a TURN server for a relay, with the credentials that
 * kontalk-c2s gives to clients; and the relay is given back (RFC 8656 §7, §8).
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/tls/crypto.h"
#include "common/tls/timed.h"
#include "kontalkctl/check/greeting.h"
#include "kontalkctl/check/names.h"
#include "kontalkctl/check/stun.h"
#include "kontalkctl/check/stun_wire.h"

#define SECTION   "external-service"
#define ROUNDS    4 /* a question, again with credentials, again with newer nonces */
#define PORTS     2
#define USUAL     3478
#define USUAL_TLS 5349

enum { UNAUTHENTICATED = 401, MISMATCH = 437, STALE_NONCE = 438 };

struct service {
    struct check *check;
    const char *instance, *host, *subject;
    bool relays;
    enum stun_transport transport;
    struct address address;
    struct stun_wire *wire;
    const char *name, *password; /* what clients get; NULL: nothing */
    const char *realm, *nonce;   /* what the server wants to be told back; NULL: not asked yet */
};

/* --- credentials --- */

static const char *secret_of(struct service *service, const char *key)
{
    struct check *check = service->check;
    const char *path = config_text(check->config, SECTION, service->instance, key);
    char *secret = NULL;
    size_t length;
    int error = path ? config_read_secret(path, &secret, &length) : 0;

    if (error)
        check_add(check, CHECK_WARNING, service->subject, "run kontalkctl as root",
                  "%s cannot be read (%s): whether clients get a relay is not known", path,
                  error_text(error));
    const char *copied = secret ? arena_strdup(check->arena, secret) : NULL;
    crypto_wipe_text(secret);
    return copied;
}

/* As kontalk-c2s makes them (c2s/sm/external.c). */
static void find_credentials(struct service *service)
{
    const struct config *config = service->check->config;
    const char *secret = secret_of(service, "secret-file");
    const int64_t lifetime_ms = config_number(config, SECTION, service->instance, "lifetime");

    if (secret) {
        service->name = arena_printf(service->check->arena, "%" PRIi64 ":check",
                                     (clock_wall_us() / 1000 + lifetime_ms) / 1000);
        char *password = timed_password(secret, service->name);
        service->password = arena_strdup(service->check->arena, password);
        crypto_wipe_text(password);
    } else {
        service->name = config_text(config, SECTION, service->instance, "username");
        service->password = service->name ? secret_of(service, "password-file") : NULL;
    }
}

/* --- the conversation --- */

static void sign(const struct service *service, struct buffer *request)
{
    uint8_t key[STUN_KEY_SIZE];

    stun_add(request, STUN_USERNAME, service->name, strlen(service->name));
    stun_add(request, STUN_REALM, service->realm, strlen(service->realm));
    stun_add(request, STUN_NONCE, service->nonce, strlen(service->nonce));
    stun_key(service->name, service->realm, service->password, key);
    stun_sign(request, key);
}

static void make_request(const struct service *service, enum stun_method method,
                         struct buffer *request)
{
    static const uint8_t udp[] = {17, 0, 0, 0}, no_time[4];
    uint8_t transaction[STUN_ID_SIZE];

    crypto_random(transaction, sizeof(transaction));
    stun_begin(request, method, transaction);
    if (method == STUN_ALLOCATE)
        stun_add(request, STUN_TRANSPORT, udp, sizeof(udp));
    if (method == STUN_REFRESH)
        stun_add(request, STUN_LIFETIME, no_time, sizeof(no_time));
    if (service->realm)
        sign(service, request);
}

static const char *text_of(const struct service *service, const struct buffer *answer,
                           enum stun_attribute type)
{
    size_t length = 0;
    const void *value = stun_find(answer, type, &length);

    return value ? arena_strndup(service->check->arena, value, length) : NULL;
}

/* Whether to ask once more, with credentials or a newer nonce (RFC 8489 §9.2.5). */
static bool is_challenge(struct service *service, const struct buffer *answer)
{
    const unsigned code = stun_error(answer);
    const char *realm = text_of(service, answer, STUN_REALM);
    const char *nonce = text_of(service, answer, STUN_NONCE);

    if (!(code == UNAUTHENTICATED && !service->realm) && code != STALE_NONCE)
        return false;
    if (!service->password || !realm || !nonce)
        return false;
    service->realm = realm;
    service->nonce = nonce;
    return true;
}

/* 0: the answer, whatever it is. */
static int ask(struct service *service, enum stun_method method, struct buffer *answer,
               const char **problem)
{
    int error = 0;
    bool again = true;

    for (int round = 0; round < ROUNDS && again && !error; round++) {
        struct buffer request = {0};
        make_request(service, method, &request);
        error = stun_wire_ask(service->wire, &request, answer, problem);
        buffer_fini(&request);
        again = !error && is_challenge(service, answer);
    }
    return error;
}

/* Where somebody had our port before, there may be a relay for it (RFC 8656 §7.2). */
static int ask_anew(struct service *service, struct buffer *answer, const char **problem)
{
    int error = 0;

    for (int i = 0; i < PORTS && !error && (i == 0 || stun_error(answer) == MISMATCH); i++) {
        stun_wire_close(service->wire);
        service->realm = service->nonce = NULL;
        service->wire = stun_wire_open(&service->address, service->transport, service->host,
                                       greeting_authorities(service->check), problem);
        error = service->wire
                    ? ask(service, service->relays ? STUN_ALLOCATE : STUN_BINDING, answer, problem)
                    : ERR_UNAVAILABLE;
    }
    return error;
}

/* --- findings --- */

static void add_unreachable(const struct service *service, const char *problem)
{
    check_add(service->check, CHECK_ERROR, service->subject,
              arena_printf(service->check->arena,
                           "systemctl status coturn; let port %u (%s) pass; coturn: "
                           "use-auth-secret, static-auth-secret=…, realm=%s, "
                           "external-ip=PUBLIC/PRIVATE behind NAT",
                           address_port(&service->address),
                           service->transport == STUN_BY_UDP ? "UDP" : "TCP",
                           config_text(service->check->config, "node", NULL, "network")),
              "it does not answer as a %s server: %s", service->relays ? "TURN" : "STUN", problem);
}

static const struct refusal {
    unsigned code;
    const char *cause, *remedy;
} REFUSALS[] = {
    {300, "it sends clients to another server", "name that server in [external-service …] host"},
    {403, "it forbids relays", "coturn: remove stun-only, and look at allowed-peer-ip"},
    {MISMATCH, "it says that each of our ports has a relay already", "systemctl restart coturn"},
    {STALE_NONCE, "it calls each of its own nonces stale", "coturn: stale-nonce=600"},
    {441, "it says that the credentials are somebody else's", "systemctl restart coturn"},
    {486, "its quota of relays is used up", "coturn: user-quota, total-quota"},
    {508, "it has no room for a further relay", "coturn: min-port, max-port, total-quota"},
};

/* The secret, the password or, of time-limited ones, the clock. */
static void add_refused_credentials(const struct service *service)
{
    const char *secret =
        config_text(service->check->config, SECTION, service->instance, "secret-file");
    const char *remedy =
        secret
            ? arena_printf(service->check->arena,
                           "coturn: use-auth-secret, static-auth-secret= what is in %s; kontalkctl "
                           "ask c2s reload; timedatectl on both machines",
                           secret)
            : arena_printf(service->check->arena,
                           "coturn: lt-cred-mech, user=%s:… with the password of password-file, "
                           "for the realm %s",
                           service->name, service->realm);

    check_add(service->check, CHECK_ERROR, service->subject, remedy,
              "it refuses the credentials that clients get (realm %s)", service->realm);
}

static void add_refusal(const struct service *service, unsigned code)
{
    size_t i = 0;

    while (i < ARRAY_SIZE(REFUSALS) && REFUSALS[i].code != code)
        i++;
    if (i < ARRAY_SIZE(REFUSALS))
        check_add(service->check, CHECK_ERROR, service->subject, REFUSALS[i].remedy,
                  "%s (error %u)", REFUSALS[i].cause, code);
    else
        check_add(service->check, CHECK_ERROR, service->subject, "journalctl -u coturn",
                  "it refuses with the error %u", code);
}

/* Of our network, but not the address that the service is reached by: there is NAT in between. */
static void judge_address(const struct service *service, const struct address *relayed)
{
    char *text = address_text(relayed), *host = address_host(relayed),
         *reached = address_host(&service->address);

    if (!address_is_internal(relayed))
        check_add(service->check, CHECK_OK, service->subject, NULL, "gives a relay, at %s", text);
    else if (strcmp(host, reached) == 0)
        check_add(service->check, CHECK_OK, service->subject, NULL,
                  "gives a relay, at %s, which only its own network reaches", text);
    else
        check_add(service->check, CHECK_ERROR, service->subject,
                  arena_printf(service->check->arena, "coturn: external-ip=%s/%s", reached, host),
                  "it gives a relay at %s, where nobody outside of its network gets to", text);
    free(text);
    free(host);
    free(reached);
}

static void judge_relay(struct service *service, struct buffer *answer)
{
    struct address relayed;
    const char *problem;
    uint8_t key[STUN_KEY_SIZE];

    if (service->realm)
        stun_key(service->name, service->realm, service->password, key);
    if (service->realm && !stun_is_signed(answer, key))
        check_add(service->check, CHECK_ERROR, service->subject, "journalctl -u coturn",
                  "its answer is not signed with the secret that we share");
    else if (stun_address(answer, STUN_RELAYED_ADDRESS, &relayed) != 0)
        check_add(service->check, CHECK_ERROR, service->subject, "journalctl -u coturn",
                  "it does not say where the relay is");
    else
        judge_address(service, &relayed);
    if (!service->realm)
        check_add(service->check, CHECK_WARNING, service->subject,
                  "coturn: use-auth-secret, and no no-auth", "it relays for everybody");
    /* What cannot be given back ends by itself, in ten minutes. */
    if (ask(service, STUN_REFRESH, answer, &problem) != 0)
        return;
}

static void judge(struct service *service, struct buffer *answer)
{
    const unsigned code = stun_error(answer);
    struct address mapped;

    if (code == UNAUTHENTICATED && service->realm)
        add_refused_credentials(service);
    else if (code == UNAUTHENTICATED && service->password)
        check_add(service->check, CHECK_ERROR, service->subject,
                  "coturn: realm=…, use-auth-secret (or lt-cred-mech)",
                  "it asks for credentials, but names no realm and nonce for them");
    else if (code == UNAUTHENTICATED && service->relays)
        check_add(service->check, CHECK_NOTE, service->subject,
                  "kontalkctl conf explain external-service.secret-file",
                  "answers as a TURN server, for which clients get no credentials");
    else if (code)
        add_refusal(service, code);
    else if (service->relays)
        judge_relay(service, answer);
    else if (stun_address(answer, STUN_MAPPED_ADDRESS, &mapped) != 0)
        check_add(service->check, CHECK_ERROR, service->subject, "journalctl -u coturn",
                  "it does not say which address one comes from");
    else
        check_add(service->check, CHECK_OK, service->subject, NULL, "answers as a STUN server");
}

static void try_service(struct service *service)
{
    struct buffer answer = {0};
    const char *problem = NULL;

    if (service->relays)
        find_credentials(service);
    int error = ask_anew(service, &answer, &problem);
    if (error)
        add_unreachable(service, problem);
    else
        judge(service, &answer);
    if (!error && service->transport == STUN_BY_TLS && !stun_wire_is_trusted(service->wire))
        check_add(service->check, CHECK_ERROR, service->subject,
                  arena_printf(service->check->arena,
                               "certbot certonly -d %s; coturn: cert=…, pkey=…", service->host),
                  "its certificate is not for it, or not trusted: clients do without it");
    stun_wire_close(service->wire);
    buffer_fini(&answer);
}

/* --- which there are --- */

static void check_one(struct check *check, struct names *names, const char *instance)
{
    const struct config *config = check->config;
    const char *type = config_text(config, SECTION, instance, "type");
    const char *transport = config_text(config, SECTION, instance, "transport");
    struct service service = {
        .check = check,
        .instance = instance,
        .host = config_text(config, SECTION, instance, "host"),
        .subject = arena_printf(check->arena, "[external-service \"%s\"]", instance),
    };
    int64_t port = config_number(config, SECTION, instance, "port");

    service.relays = strncmp(type, "turn", 4) == 0;
    if (!service.relays && strncmp(type, "stun", 4) != 0)
        return;
    if (type[4] == 's')
        service.transport = STUN_BY_TLS;
    else if (transport && strcmp(transport, "tcp") == 0)
        service.transport = STUN_BY_TCP;
    if (port == 0)
        port = service.transport == STUN_BY_TLS ? USUAL_TLS : USUAL;
    if (names_find_host(names, service.host, (uint16_t)port, &service.address) == 0)
        try_service(&service);
    else
        check_add(check, CHECK_ERROR, service.subject,
                  arena_printf(check->arena, "add to the zone: %s. 3600 IN A (its address)",
                               service.host),
                  "%s has no address", service.host);
}

void check_turn(struct check *check)
{
    struct names *names = names_new(check->config);
    size_t count = config_instances(check->config, SECTION);

    for (size_t i = 0; i < count; i++)
        check_one(check, names, config_instance(check->config, SECTION, i));
    if (count == 0)
        check_add(check, CHECK_OK, "calls", NULL,
                  "clients are told of no STUN or TURN server: calls work where no NAT is between");
    names_free(names);
}
