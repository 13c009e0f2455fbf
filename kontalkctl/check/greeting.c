/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Greeting what listens.
 */
#include "kontalkctl/check/greeting.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/error.h"
#include "common/base/memory.h"
#include "common/xmpp/namespaces.h"
#include "common/xmpp/parser.h"

#define ANSWER_MAX (256 * 1024)

static const struct {
    const char *ns;
    const char *alpn; /* XEP-0368 */
    bool starttls, tls;
} KINDS[] = {
    [GREET_CLIENT] = {"jabber:client", NULL, true, false},
    [GREET_CLIENT_TLS] = {"jabber:client", "xmpp-client", false, true},
    [GREET_SERVER] = {"jabber:server", NULL, true, false},
    [GREET_SERVER_TLS] = {"jabber:server", "xmpp-server", false, true},
    [GREET_COMPONENT] = {"jabber:component:accept", NULL, false, false},
    [GREET_HTTP] = {NULL, NULL, false, false},
    [GREET_HTTPS] = {NULL, "http/1.1", false, true},
};

const char *greeting_authorities(const struct check *check)
{
    return config_text(check->config, "s2s", NULL, "ca-file");
}

/* --- streams --- */

/* What came since the last question. */
struct talk {
    struct wire *wire;
    struct parser_pool *pool;
    struct parser *parser;
    bool header;
    char *name; /* of the first element, "features"; NULL: none yet */
    bool starttls;
};

static void on_header(void *user, const struct element *header, bool prefixes_foreign)
{
    struct talk *talk = user;

    (void)prefixes_foreign;
    talk->header = element_is(header, NS_STREAM, "stream");
}

static void on_element(void *user, struct element *root, const char *bytes, size_t length)
{
    struct talk *talk = user;
    const struct element *condition = element_first(root);

    (void)bytes, (void)length;
    if (!talk->name) {
        talk->name = strcmp(root->name, "error") == 0 && condition
                         ? xasprintf("error: %s", condition->name)
                         : xstrdup(root->name);
        talk->starttls = element_find(root, NS_TLS, "starttls") != NULL;
    }
    arena_free(root->arena);
}

static void on_footer(void *user UNUSED)
{
}

static const struct parser_ops talk_ops = {on_header, on_element, on_footer};

static void talk_reset(struct talk *talk)
{
    free(talk->name);
    talk->name = NULL;
    talk->header = talk->starttls = false;
}

/* Until there is an element, or the header if that is enough. */
static int listen_for(struct talk *talk, bool header_is_enough, const char **problem)
{
    char bytes[4096];

    while (!talk->name && !(header_is_enough && talk->header)) {
        ssize_t got = wire_read(talk->wire, bytes, sizeof(bytes), problem);
        if (got < 0)
            return (int)got;
        if (got == 0 || parser_feed(talk->parser, bytes, (size_t)got) != 0) {
            *problem = got == 0 ? "the connection was closed" : "what answers is no XMPP server";
            return ERR_MALFORMED;
        }
    }
    return 0;
}

static int expect(const struct talk *talk, const char *name, const char **problem)
{
    if (talk->name && strcmp(talk->name, name) == 0)
        return 0;
    *problem = talk->name && strncmp(talk->name, "error: ", 7) == 0
                   ? "the stream was refused"
                   : "the server does not answer as RFC 6120 has it";
    return ERR_MALFORMED;
}

static int open_stream(struct talk *talk, enum greeting greeting, const char *domain,
                       const char **problem)
{
    char *text = xasprintf("<?xml version='1.0'?><stream:stream to='%s' xmlns='%s' "
                           "xmlns:stream='" NS_STREAM "' version='1.0'>",
                           domain, KINDS[greeting].ns);

    talk_reset(talk);
    parser_reset(talk->parser);
    int error = wire_write(talk->wire, text, problem);
    free(text);
    if (!error)
        error = listen_for(talk, greeting == GREET_COMPONENT, problem);
    if (!error && greeting != GREET_COMPONENT)
        error = expect(talk, "features", problem);
    return error;
}

static int secure(const struct check *check, struct talk *talk, enum greeting greeting,
                  const char *domain, const char **problem)
{
    return wire_secure(talk->wire, domain, greeting_authorities(check), KINDS[greeting].alpn,
                       problem);
}

static int start_tls(const struct check *check, struct talk *talk, enum greeting greeting,
                     const char *domain, const char **problem)
{
    if (!talk->starttls) {
        *problem = "STARTTLS is not offered";
        return ERR_UNSUPPORTED;
    }
    talk_reset(talk);
    int error = wire_write(talk->wire, "<starttls xmlns='" NS_TLS "'/>", problem);
    if (!error)
        error = listen_for(talk, false, problem);
    if (!error)
        error = expect(talk, "proceed", problem);
    if (!error)
        error = secure(check, talk, greeting, domain, problem);
    return error ? error : open_stream(talk, greeting, domain, problem);
}

static int converse(const struct check *check, struct talk *talk, enum greeting greeting,
                    const char *domain, const char **problem)
{
    int error = KINDS[greeting].tls ? secure(check, talk, greeting, domain, problem) : 0;

    if (!error)
        error = open_stream(talk, greeting, domain, problem);
    if (!error && KINDS[greeting].starttls)
        error = start_tls(check, talk, greeting, domain, problem);
    return error;
}

struct wire *greeting_stream(const struct check *check, const struct address *address,
                             enum greeting greeting, const char *domain, const char **problem)
{
    struct talk talk = {.wire = wire_open(address, problem)};

    if (!talk.wire)
        return NULL;
    talk.pool = parser_pool_new();
    talk.parser = parser_new(talk.pool, &parser_limits_after_auth, false, &talk_ops, &talk);
    int error = converse(check, &talk, greeting, domain, problem);
    talk_reset(&talk);
    parser_free(talk.parser);
    parser_pool_free(talk.pool);
    if (!error)
        return talk.wire;
    wire_close(talk.wire);
    return NULL;
}

/* --- HTTP --- */

static int read_answer(struct wire *wire, bool only_head, struct buffer *text, const char **problem)
{
    char bytes[4096];
    ssize_t got;

    do {
        got = wire_read(wire, bytes, sizeof(bytes), problem);
        if (got > 0)
            buffer_append(text, bytes, (size_t)got);
        buffer_append_text(text, "");
        if (only_head && text->data && strstr(text->data, "\r\n\r\n"))
            return 0;
    } while (got > 0 && text->length < ANSWER_MAX);
    /* Not all end TLS in order; what has come is what matters. */
    return got < 0 && got != ERR_CLOSED ? (int)got : 0;
}

static int read_status(struct http_answer *answer, const char **problem)
{
    static const char version[] = "HTTP/1.1 ";
    const char *text = answer->text.data;

    if (text && strncmp(text, version, sizeof(version) - 1) == 0)
        answer->status = (int)strtol(text + sizeof(version) - 1, NULL, 10);
    if (answer->status > 0)
        return 0;
    *problem = "what answers does not speak HTTP/1.1";
    return ERR_MALFORMED;
}

int greeting_http(const struct check *check, const struct address *address, enum greeting greeting,
                  const char *host, const char *request, bool only_head, struct http_answer *answer,
                  const char **problem)
{
    struct wire *wire = wire_open(address, problem);
    int error = 0;

    *answer = (struct http_answer){0};
    if (!wire)
        return ERR_UNAVAILABLE;
    if (KINDS[greeting].tls)
        error = wire_secure(wire, host, greeting_authorities(check), KINDS[greeting].alpn, problem);
    answer->trusted = !error && wire_tls(wire) && tls_verify_server(wire_tls(wire)) == 0;
    if (!error)
        error = wire_write(wire, request, problem);
    if (!error)
        error = read_answer(wire, only_head, &answer->text, problem);
    if (!error)
        error = read_status(answer, problem);
    wire_close(wire);
    return error;
}
