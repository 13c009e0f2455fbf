/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Whether each place where a daemon listens answers as it should, and whether one gets there as
 * clients and other servers do: by the records of the DNS.
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/error.h"
#include "kontalkctl/check/greeting.h"
#include "kontalkctl/check/names.h"
#include "kontalkctl/check/url.h"
#include "kontalkctl/setup.h"

static const struct place {
    const char *daemon, *section, *key;
    enum greeting greeting;
} PLACES[] = {
    {"c2s", "c2s", "listen", GREET_CLIENT},          {"c2s", "c2s", "listen-tls", GREET_CLIENT_TLS},
    {"c2s", "c2s", "http-listen", GREET_HTTP},       {"c2s", "c2s", "https-listen", GREET_HTTPS},
    {"s2s", "s2s", "listen", GREET_SERVER},          {"s2s", "s2s", "listen-tls", GREET_SERVER_TLS},
    {"router", "router", "listen", GREET_COMPONENT}, {"files", "files", "listen", GREET_HTTP},
    {"files", "files", "listen-tls", GREET_HTTPS},
};

struct ports_check {
    struct check *check;
    const char *domain; /* who is asked for */
};

static const char *start_remedy(const struct ports_check *ports, const char *daemon)
{
    return arena_printf(
        ports->check->arena,
        "systemctl status 'kontalk-%s*'; journalctl -u 'kontalk-%s*'; kontalkctl status", daemon,
        daemon);
}

/* --- the web --- */

/* The host stands between path and headers. */
static const struct web {
    const char *what, *path, *headers;
    int status;
    const char *in_answer;
    bool only_head, has_body;
} WEB[] = {
    {"host-meta", "GET /.well-known/host-meta", "Connection: close\r\n", 200, "<XRD", false, false},
    {"WebSocket (RFC 7395)", "GET /xmpp-websocket",
     "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: xmpp\r\n",
     101, "Sec-WebSocket-Accept", true, false},
    {"BOSH (XEP-0124)", "POST /http-bind", "Connection: close\r\nContent-Type: text/xml\r\n", 200,
     "<body", false, true},
};

static const char BOSH_BODY[] =
    "<body xmlns='http://jabber.org/protocol/httpbind' to='%s' rid='1573741820' wait='1' hold='0' "
    "ver='1.6' xml:lang='en' xmpp:version='1.0' xmlns:xmpp='urn:xmpp:xbosh'/>";

static const char *web_request(const struct ports_check *ports, const struct web *web)
{
    struct arena *arena = ports->check->arena;
    const char *head = arena_printf(arena, "%s HTTP/1.1\r\nHost: %s\r\n%s", web->path,
                                    ports->domain, web->headers);
    const char *body = arena_printf(arena, BOSH_BODY, ports->domain);

    if (!web->has_body)
        return arena_printf(arena, "%s\r\n", head);
    return arena_printf(arena, "%sContent-Length: %zu\r\n\r\n%s", head, strlen(body), body);
}

static void judge_web(struct ports_check *ports, const struct address *address,
                      const struct place *place, const char *subject, const struct web *web)
{
    struct http_answer answer;
    const char *problem = NULL;
    int error = greeting_http(ports->check, address, place->greeting, ports->domain,
                              web_request(ports, web), web->only_head, &answer, &problem);

    if (!error && answer.status == web->status && strstr(answer.text.data, web->in_answer))
        check_add(ports->check, CHECK_OK, subject, NULL, "%s answers", web->what);
    else if (error)
        check_add(ports->check, CHECK_ERROR, subject, start_remedy(ports, place->daemon),
                  "%s does not answer: %s", web->what, problem);
    else
        check_add(ports->check, CHECK_ERROR, subject, start_remedy(ports, place->daemon),
                  "%s answers with the status %d", web->what, answer.status);
    buffer_fini(&answer.text);
}

static void check_pages(struct ports_check *ports, const struct address *address,
                        const struct place *place, const char *subject)
{
    for (size_t i = 0; i < ARRAY_SIZE(WEB); i++)
        judge_web(ports, address, place, subject, &WEB[i]);
}

/* Anything in HTTP. */
static void check_http(struct ports_check *ports, const struct address *address,
                       const struct place *place, const char *subject)
{
    const char *url_text = config_text(ports->check->config, "files", NULL, "public-url");
    struct http_answer answer;
    const char *problem = NULL;
    struct url url;

    const char *host =
        url_read(ports->check->arena, url_text, &url) == 0 ? url.host : ports->domain;
    const char *request = arena_printf(
        ports->check->arena, "GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", host);
    if (greeting_http(ports->check, address, place->greeting, host, request, true, &answer,
                      &problem) == 0)
        check_add(ports->check, CHECK_OK, subject, NULL, "answers HTTP");
    else
        check_add(ports->check, CHECK_ERROR, subject, start_remedy(ports, place->daemon), "%s",
                  problem);
    buffer_fini(&answer.text);
}

/* --- streams --- */

static const char *const ANSWERS[] = {
    [GREET_CLIENT] = "answers clients, with STARTTLS",
    [GREET_CLIENT_TLS] = "answers clients, with TLS at once",
    [GREET_SERVER] = "answers servers, with STARTTLS",
    [GREET_SERVER_TLS] = "answers servers, with TLS at once",
    [GREET_COMPONENT] = "answers components",
};

static void check_stream(struct ports_check *ports, const struct address *address,
                         enum greeting greeting, const char *subject, const char *remedy)
{
    const char *problem = NULL;
    struct wire *wire = greeting_stream(ports->check, address, greeting, ports->domain, &problem);

    if (wire)
        check_add(ports->check, CHECK_OK, subject, NULL, "%s", ANSWERS[greeting]);
    else
        check_add(ports->check, CHECK_ERROR, subject, remedy, "%s", problem);
    wire_close(wire);
}

/* --- places of the configuration --- */

static void check_place(struct ports_check *ports, const struct place *place, const char *text)
{
    const char *subject =
        arena_printf(ports->check->arena, "[%s] %s %s", place->section, place->key, text);
    struct address address;

    if (wire_local_address(text, &address) != 0)
        return;
    if (place->greeting < GREET_HTTP)
        check_stream(ports, &address, place->greeting, subject, start_remedy(ports, place->daemon));
    else if (strcmp(place->daemon, "c2s") == 0)
        check_pages(ports, &address, place, subject);
    else
        check_http(ports, &address, place, subject);
}

static void check_places(struct ports_check *ports)
{
    const struct config *config = ports->check->config;

    for (size_t i = 0; i < ARRAY_SIZE(PLACES); i++) {
        const struct place *place = &PLACES[i];
        if (strcmp(place->daemon, "files") == 0 && !check_has(ports->check, "files"))
            continue;
        for (size_t k = 0; k < config_list_size(config, place->section, NULL, place->key); k++)
            check_place(ports, place,
                        config_list_item(config, place->section, NULL, place->key, k));
    }
}

/* --- as others get there --- */

static void check_way(struct ports_check *ports, struct names *names, const char *service,
                      enum greeting greeting, const struct srv *srv)
{
    struct arena *arena = ports->check->arena;
    struct names_addresses addresses;

    if (!srv->target[0] || names_find_addresses(names, srv->target, srv->port, &addresses) != 0)
        return; /* which is for the area dns */
    for (size_t i = 0; i < addresses.count; i++) {
        char *address = address_text(&addresses.list[i]);
        check_stream(ports, &addresses.list[i], greeting,
                     arena_printf(arena, "%s by _%s._tcp (%s, %s)", ports->domain, service,
                                  srv->target, address),
                     arena_printf(arena,
                                  "let port %u pass: firewall, NAT and hosting provider (nft add "
                                  "rule inet filter input tcp dport %u accept)",
                                  srv->port, srv->port));
        free(address);
    }
}

static void check_ways(struct ports_check *ports, struct names *names)
{
    static const enum greeting greetings[] = {GREET_CLIENT, GREET_CLIENT_TLS, GREET_SERVER,
                                              GREET_SERVER_TLS};
    struct names_srv srv;

    for (size_t i = 0; setup_services[i].name; i++) {
        const char *service = setup_services[i].name;
        int error = names_find_srv(names, arena_printf(ports->check->arena, "_%s._tcp", service),
                                   ports->domain, &srv);
        if (error && error != ERR_NOT_FOUND)
            return; /* the DNS is silent */
        for (size_t k = 0; k < srv.count; k++)
            check_way(ports, names, service, greetings[i], &srv.list[k]);
    }
}

void check_ports(struct check *check)
{
    struct names *names = names_new(check->config);
    size_t count = config_instances(check->config, "domain");
    struct ports_check ports = {.check = check};

    ports.domain = count > 0 ? config_instance(check->config, "domain", 0)
                             : config_text(check->config, "node", NULL, "network");
    check_places(&ports);
    for (size_t i = 0; names && i < count; i++) {
        ports.domain = config_instance(check->config, "domain", i);
        check_ways(&ports, names);
    }
    names_free(names);
}
