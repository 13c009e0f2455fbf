/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The web as clients get there, through whatever proxy there is: the WebSocket (RFC 7395) and BOSH
 * (XEP-0206) by the URLs that the configuration names, and host-meta (XEP-0156), which has to name
 * the same.
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/encode.h"
#include "common/base/error.h"
#include "common/tls/crypto.h"
#include "common/xmpp/element.h"
#include "kontalkctl/check/greeting.h"
#include "kontalkctl/check/names.h"
#include "kontalkctl/check/url.h"

#define ANSWER_MAX (64 * 1024)
#define KEY        "dGhlIHNhbXBsZSBub25jZQ=="
#define GUID       "258EAFA5-E914-47DA-95CA-C5AB0DC85B11" /* RFC 6455 §1.3 */

static const char UPGRADE[] =
    "nginx: proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header "
    "Connection upgrade; proxy_pass to [c2s] http-listen, path /xmpp-websocket";
static const char PASS_ON[] =
    "let the proxy pass POST and OPTIONS on to [c2s] http-listen, path /http-bind, unaltered";

struct web {
    struct check *check;
    struct names *names;
    const char *domain;
};

/* A URL of the configuration, and where it leads. */
struct visit {
    struct web *web;
    const char *text, *subject;
    struct url url;
    struct address address;
};

/* False: told. */
static bool find(struct visit *visit, const char *what)
{
    struct web *web = visit->web;
    struct arena *arena = web->check->arena;

    visit->subject = arena_printf(arena, "%s %s", web->domain, what);
    if (url_read(arena, visit->text, &visit->url) != 0) {
        check_add(web->check, CHECK_ERROR, visit->subject, "kontalkctl conf check", "%s is no URL",
                  visit->text);
        return false;
    }
    if (names_find_host(web->names, visit->url.host, visit->url.port, &visit->address) != 0) {
        check_add(
            web->check, CHECK_ERROR, visit->subject,
            arena_printf(arena, "add to the zone: %s. 3600 IN A (its address)", visit->url.host),
            "%s has no address", visit->url.host);
        return false;
    }
    return true;
}

static void add_unreachable(const struct visit *visit, const char *problem)
{
    check_add(visit->web->check, CHECK_ERROR, visit->subject,
              arena_printf(visit->web->check->arena,
                           "look at the proxy, and let port %u pass: firewall, NAT",
                           visit->url.port),
              "%s is not reached: %s", visit->text, problem);
}

static void judge_certificate(const struct visit *visit, bool trusted)
{
    if (!visit->url.tls)
        check_add(visit->web->check, CHECK_WARNING, visit->subject,
                  "put a proxy with TLS in front, and name it by wss: and https:",
                  "%s is in clear, which pages with TLS must not use", visit->text);
    else if (!trusted)
        check_add(visit->web->check, CHECK_ERROR, visit->subject,
                  arena_printf(visit->web->check->arena, "certbot certonly -d %s", visit->url.host),
                  "its certificate is not for %s, or not trusted", visit->url.host);
}

/* That of a page which may be a client. */
static const char *page_origin(const struct web *web)
{
    const char *origin = config_list_item(web->check->config, "c2s", NULL, "http-origin", 0);

    return strcmp(origin, "*") == 0 ? "https://chat.invalid" : origin;
}

/* --- the WebSocket --- */

static const char *accept_of(struct arena *arena)
{
    uint8_t digest[CRYPTO_HASH_MAX];
    struct buffer text = {0};

    crypto_digest(CRYPTO_SHA1, KEY GUID, strlen(KEY GUID), digest);
    base64_encode(&text, digest, crypto_hash_size(CRYPTO_SHA1));
    const char *accept = arena_printf(arena, "Sec-WebSocket-Accept: %s\r\n", text.data);
    buffer_fini(&text);
    return accept;
}

/* Until this has come. */
static int read_until(struct wire *wire, struct buffer *text, const char *end, const char **problem)
{
    while (!text->data || !memmem(text->data, text->length, end, strlen(end))) {
        ssize_t got = wire_read(wire, buffer_reserve(text, 4096), 4096, problem);
        if (got <= 0 || text->length > ANSWER_MAX) {
            *problem = got < 0 ? *problem : "what answers is no XMPP server";
            return got < 0 ? (int)got : ERR_MALFORMED;
        }
        buffer_added(text, (size_t)got);
    }
    return 0;
}

/* A frame of text, masked with zeros, as who asks has to (RFC 6455 §5.2, §5.3). */
static void add_frame_head(struct buffer *frame, size_t length)
{
    enum { FINAL_TEXT = 0x81, MASKED = 0x80, LENGTH_16 = 126 };
    const unsigned char small[] = {FINAL_TEXT, (unsigned char)(MASKED | length), 0, 0, 0, 0};
    const unsigned char large[] = {FINAL_TEXT,
                                   MASKED | LENGTH_16,
                                   (unsigned char)(length >> 8),
                                   (unsigned char)length,
                                   0,
                                   0,
                                   0,
                                   0};

    if (length < LENGTH_16)
        buffer_append(frame, small, sizeof(small));
    else
        buffer_append(frame, large, sizeof(large));
}

static int open_stream(const struct visit *visit, struct wire *wire, struct buffer *text,
                       const char **problem)
{
    struct buffer frame = {0};
    const char *open =
        arena_printf(visit->web->check->arena,
                     "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='%s' version='1.0'/>",
                     visit->web->domain);

    add_frame_head(&frame, strlen(open));
    buffer_append_text(&frame, open);
    int error = wire_send(wire, frame.data, frame.length, problem);
    buffer_fini(&frame);
    buffer_clear(text);
    return error ? error : read_until(wire, text, "<open", problem);
}

static void judge_upgrade(const struct visit *visit, struct wire *wire, struct buffer *text)
{
    struct check *check = visit->web->check;
    const char *problem = NULL;

    if (strncmp(text->data, "HTTP/1.1 101 ", 13) != 0)
        check_add(check, CHECK_ERROR, visit->subject, UPGRADE,
                  "%s does not become a WebSocket: it is answered with %.*s", visit->text,
                  (int)strcspn(text->data, "\r\n"), text->data);
    else if (!strcasestr(text->data, accept_of(check->arena)) ||
             !strcasestr(text->data, "\r\nSec-WebSocket-Protocol: xmpp\r\n"))
        check_add(check, CHECK_ERROR, visit->subject, UPGRADE,
                  "%s leads to another WebSocket: its protocol is not xmpp", visit->text);
    else if (open_stream(visit, wire, text, &problem) != 0)
        check_add(check, CHECK_ERROR, visit->subject, UPGRADE,
                  "%s becomes a WebSocket, but opens no stream: %s", visit->text, problem);
    else
        check_add(check, CHECK_OK, visit->subject, NULL, "%s opens a stream", visit->text);
}

static int upgrade(const struct visit *visit, struct wire *wire, struct buffer *text,
                   const char **problem)
{
    const char *request = arena_printf(
        visit->web->check->arena,
        "GET %s HTTP/1.1\r\nHost: %s\r\nOrigin: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " KEY
        "\r\nSec-WebSocket-Protocol: xmpp\r\n\r\n",
        visit->url.path, visit->url.host, page_origin(visit->web));
    int error = wire_write(wire, request, problem);

    return error ? error : read_until(wire, text, "\r\n\r\n", problem);
}

static void try_websocket(struct visit *visit)
{
    const char *problem = NULL;
    struct wire *wire = wire_open(&visit->address, &problem);
    struct buffer text = {0};
    int error = wire ? 0 : ERR_UNAVAILABLE;

    if (!error && visit->url.tls)
        error = wire_secure(wire, visit->url.host, greeting_authorities(visit->web->check),
                            "http/1.1", &problem);
    const bool trusted = !error && visit->url.tls && tls_verify_server(wire_tls(wire)) == 0;
    if (!error)
        error = upgrade(visit, wire, &text, &problem);
    if (error) {
        add_unreachable(visit, problem);
    } else {
        judge_upgrade(visit, wire, &text);
        judge_certificate(visit, trusted);
    }
    wire_close(wire);
    buffer_fini(&text);
}

/* --- BOSH --- */

static void judge_session(const struct visit *visit, const struct http_answer *answer)
{
    struct check *check = visit->web->check;
    const char *text = answer->text.data, *condition = strstr(text, "condition=");

    if (answer->status != 200 || !strstr(text, "<body"))
        check_add(check, CHECK_ERROR, visit->subject, PASS_ON,
                  "%s gives no session: it is answered with the status %d", visit->text,
                  answer->status);
    else if (!strstr(text, " sid="))
        check_add(check, CHECK_ERROR, visit->subject, PASS_ON, "%s gives no session: %.*s",
                  visit->text, condition ? (int)strcspn(condition, " />") : 0,
                  condition ? condition : "");
    else if (!strcasestr(text, "\r\nAccess-Control-Allow-Origin: "))
        check_add(check, CHECK_ERROR, visit->subject, PASS_ON,
                  "%s gives a session, but not to pages: Access-Control-Allow-Origin is missing",
                  visit->text);
    else
        check_add(check, CHECK_OK, visit->subject, NULL, "%s gives a session", visit->text);
    judge_certificate(visit, answer->trusted);
}

static void try_bosh(struct visit *visit)
{
    struct arena *arena = visit->web->check->arena;
    const char *body = arena_printf(
        arena,
        "<body xmlns='http://jabber.org/protocol/httpbind' to='%s' rid='1573741820' wait='1' "
        "hold='0' ver='1.6' xml:lang='en' xmpp:version='1.0' xmlns:xmpp='urn:xmpp:xbosh'/>",
        visit->web->domain);
    const char *request = arena_printf(
        arena,
        "POST %s HTTP/1.1\r\nHost: %s\r\nOrigin: %s\r\nConnection: close\r\nContent-Type: "
        "text/xml\r\nContent-Length: %zu\r\n\r\n%s",
        visit->url.path, visit->url.host, page_origin(visit->web), strlen(body), body);
    struct http_answer answer;
    const char *problem = NULL;

    if (greeting_http(visit->web->check, &visit->address, visit->url.tls ? GREET_HTTPS : GREET_HTTP,
                      visit->url.host, request, false, &answer, &problem) == 0)
        judge_session(visit, &answer);
    else
        add_unreachable(visit, problem);
    buffer_fini(&answer.text);
}

/* --- host-meta --- */

static const struct way {
    const char *key, *what;
    void (*attempt)(struct visit *visit);
} WAYS[] = {{"websocket-url", "WebSocket", try_websocket}, {"bosh-url", "BOSH", try_bosh}};

static const char *url_of(const struct web *web, const struct way *way)
{
    return config_text(web->check->config, "domain", web->domain, way->key);
}

/* The first URL that it does not name; NULL: it names them all. */
static const char *missing(const struct web *web, const char *text, bool json)
{
    const char *lacks = NULL;

    for (size_t i = 0; i < ARRAY_SIZE(WAYS) && !lacks; i++) {
        const char *url = url_of(web, &WAYS[i]);
        struct buffer written = {0};
        if (url && json)
            buffer_append_text(&written, url);
        else if (url)
            xml_escape(&written, url);
        if (url && !strstr(text, written.data))
            lacks = url;
        buffer_fini(&written);
    }
    return lacks;
}

static void judge_host_meta(const struct visit *visit, const struct http_answer *answer, bool json)
{
    struct check *check = visit->web->check;
    const char *lacks = missing(visit->web, answer->text.data, json);
    const char *remedy = arena_printf(
        check->arena, "let the web server of %s pass %s on to [c2s] http-listen, with Host",
        visit->url.host, visit->url.path);

    if (answer->status != 200)
        check_add(check, CHECK_WARNING, visit->subject, remedy,
                  "%s is answered with the status %d: clients of the web do not find their way",
                  visit->text, answer->status);
    else if (lacks)
        check_add(check, CHECK_ERROR, visit->subject, remedy, "%s does not name %s", visit->text,
                  lacks);
    else if (!strcasestr(answer->text.data, "\r\nAccess-Control-Allow-Origin: *\r\n"))
        check_add(check, CHECK_WARNING, visit->subject, remedy,
                  "%s is not for pages: Access-Control-Allow-Origin is missing", visit->text);
    else
        check_add(check, CHECK_OK, visit->subject, NULL, "%s names the same", visit->text);
    judge_certificate(visit, answer->trusted);
}

static void try_host_meta(struct web *web, const char *name, bool json)
{
    struct arena *arena = web->check->arena;
    struct visit visit = {
        .web = web, .text = arena_printf(arena, "https://%s/.well-known/%s", web->domain, name)};
    struct http_answer answer;
    const char *problem = NULL;

    if (!find(&visit, name))
        return;
    const char *request =
        arena_printf(arena, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n",
                     visit.url.path, visit.url.host);
    if (greeting_http(web->check, &visit.address, GREET_HTTPS, visit.url.host, request, false,
                      &answer, &problem) == 0)
        judge_host_meta(&visit, &answer, json);
    else
        add_unreachable(&visit, problem);
    buffer_fini(&answer.text);
}

/* --- domains --- */

static void check_domain(struct web *web)
{
    size_t count = 0;

    for (size_t i = 0; i < ARRAY_SIZE(WAYS); i++) {
        struct visit visit = {.web = web, .text = url_of(web, &WAYS[i])};
        count += visit.text != NULL;
        if (visit.text && find(&visit, WAYS[i].what))
            WAYS[i].attempt(&visit);
    }
    if (count > 0) {
        try_host_meta(web, "host-meta", false);
        try_host_meta(web, "host-meta.json", true);
    } else {
        check_add(web->check, CHECK_OK, web->domain, NULL,
                  "no websocket-url, no bosh-url: nobody is told of a way by the web");
    }
}

void check_web(struct check *check)
{
    struct web web = {.check = check, .names = names_new(check->config)};
    size_t count = config_instances(check->config, "domain");

    for (size_t i = 0; i < count; i++) {
        web.domain = config_instance(check->config, "domain", i);
        check_domain(&web);
    }
    names_free(web.names);
}
