/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The services that clients are told of for calls (XEP-0215): a STUN server answers a binding
 * request (RFC 8489), a TURN server asks who wants a relay (RFC 8656 §7.2).
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/error.h"
#include "common/tls/crypto.h"
#include "kontalkctl/check/greeting.h"
#include "kontalkctl/check/names.h"

#define COOKIE      "\x21\x12\xa4\x42"
#define HEADER_SIZE 20
#define ID_SIZE     12
#define TRIES       5
#define TRY_MS      1000
#define USUAL       3478
#define USUAL_TLS   5349

enum { BINDING = 0x001, ALLOCATE = 0x003, SUCCESS = 0x100, FAILURE = 0x110 };

struct service {
    struct check *check;
    const char *type, *host, *subject;
    bool relays, tls, tcp;
    struct address address;
    unsigned char request[HEADER_SIZE + 8];
    size_t length;
};

static void make_request(struct service *service)
{
    /* REQUESTED-TRANSPORT: UDP */
    static const unsigned char transport[] = {0x00, 0x19, 0x00, 0x04, 17, 0, 0, 0};
    unsigned char *at = service->request;

    memset(at, 0, sizeof(service->request));
    at[1] = service->relays ? ALLOCATE : BINDING;
    memcpy(at + 4, COOKIE, 4);
    crypto_random(at + 8, ID_SIZE);
    service->length = HEADER_SIZE;
    if (service->relays) {
        at[3] = sizeof(transport);
        memcpy(at + HEADER_SIZE, transport, sizeof(transport));
        service->length += sizeof(transport);
    }
}

static bool is_answer(const struct service *service, const unsigned char *bytes, ssize_t length)
{
    const unsigned type = length >= HEADER_SIZE ? (unsigned)(bytes[0] << 8 | bytes[1]) : 0;
    const unsigned method = service->relays ? ALLOCATE : BINDING;

    return (type == (method | SUCCESS) || (service->relays && type == (method | FAILURE))) &&
           memcmp(bytes + 4, service->request + 4, 4 + ID_SIZE) == 0;
}

/* Sent again, since datagrams get lost. */
static int ask_by_udp(const struct service *service, const char **problem)
{
    int fd = socket(service->address.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    unsigned char bytes[2048];
    int error = ERR_TIMEOUT;

    *problem = "no answer in time";
    if (fd < 0 || connect(fd, &service->address.any, service->address.length) != 0) {
        *problem = strerror(errno);
        error = ERR_UNAVAILABLE;
    }
    for (int i = 0; i < TRIES && error == ERR_TIMEOUT; i++) {
        struct pollfd polled = {.fd = fd, .events = POLLIN};
        ssize_t got = send(fd, service->request, service->length, 0);
        if (got >= 0 && poll(&polled, 1, TRY_MS) > 0)
            got = recv(fd, bytes, sizeof(bytes), 0);
        else if (got >= 0)
            continue;
        if (got < 0) {
            *problem = strerror(errno);
            error = ERR_UNAVAILABLE;
        } else if (is_answer(service, bytes, got)) {
            error = 0;
        }
    }
    if (fd >= 0)
        close(fd);
    return error;
}

static int ask_by_tcp(const struct service *service, const char **problem)
{
    struct wire *wire = wire_open(&service->address, problem);
    char bytes[2048];
    int error = wire ? 0 : ERR_UNAVAILABLE;

    if (!error && service->tls)
        error =
            wire_secure(wire, service->host, greeting_authorities(service->check), NULL, problem);
    if (!error)
        error = wire_send(wire, service->request, service->length, problem);
    ssize_t got = error ? 0 : wire_read(wire, bytes, sizeof(bytes), problem);
    if (!error && got < 0)
        error = (int)got;
    if (!error && !is_answer(service, (const unsigned char *)bytes, got)) {
        *problem = "what answers is none";
        error = ERR_MALFORMED;
    }
    wire_close(wire);
    return error;
}

static void ask(struct service *service)
{
    const char *problem = NULL;

    make_request(service);
    int error = (service->tcp ? ask_by_tcp : ask_by_udp)(service, &problem);
    if (error)
        check_add(service->check, CHECK_ERROR, service->subject,
                  arena_printf(service->check->arena,
                               "systemctl status coturn; let port %u (%s) pass; coturn: "
                               "use-auth-secret, static-auth-secret=…, realm=%s, "
                               "external-ip=PUBLIC/PRIVATE behind NAT",
                               address_port(&service->address), service->tcp ? "TCP" : "UDP",
                               config_text(service->check->config, "node", NULL, "network")),
                  "it does not answer as a %s server: %s", service->relays ? "TURN" : "STUN",
                  problem);
    else
        check_add(service->check, CHECK_OK, service->subject, NULL, "answers as a %s server",
                  service->relays ? "TURN" : "STUN");
}

static int find(struct service *service, struct names *names, uint16_t port)
{
    struct names_addresses addresses;
    char *text = strchr(service->host, ':')
                     ? arena_printf(service->check->arena, "[%s]:%u", service->host, port)
                     : arena_printf(service->check->arena, "%s:%u", service->host, port);

    if (address_parse(text, &service->address) == 0)
        return 0;
    if (!names || names_find_addresses(names, service->host, port, &addresses) != 0)
        return ERR_NOT_FOUND;
    service->address = addresses.list[0];
    return 0;
}

static void check_one(struct check *check, struct names *names, const char *instance)
{
    const struct config *config = check->config;
    const char *transport = config_text(config, "external-service", instance, "transport");
    struct service service = {
        .check = check,
        .type = config_text(config, "external-service", instance, "type"),
        .host = config_text(config, "external-service", instance, "host"),
        .subject = arena_printf(check->arena, "[external-service \"%s\"]", instance),
    };
    int64_t port = config_number(config, "external-service", instance, "port");

    service.relays = strncmp(service.type, "turn", 4) == 0;
    if (!service.relays && strncmp(service.type, "stun", 4) != 0)
        return;
    service.tls = service.type[4] == 's';
    service.tcp = service.tls || (transport && strcmp(transport, "tcp") == 0);
    if (port == 0)
        port = service.tls ? USUAL_TLS : USUAL;
    if (find(&service, names, (uint16_t)port) == 0)
        ask(&service);
    else
        check_add(check, CHECK_ERROR, service.subject,
                  arena_printf(check->arena, "add to the zone: %s. 3600 IN A (its address)",
                               service.host),
                  "%s has no address", service.host);
}

void check_turn(struct check *check)
{
    struct names *names = names_new(check->config);
    size_t count = config_instances(check->config, "external-service");

    for (size_t i = 0; i < count; i++)
        check_one(check, names, config_instance(check->config, "external-service", i));
    if (count == 0)
        check_add(check, CHECK_OK, "calls", NULL,
                  "clients are told of no STUN or TURN server: calls work where no NAT is between");
    names_free(names);
}
