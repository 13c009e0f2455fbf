/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * A body of BOSH is read like a stream: <body/> is the header, what is in it are the elements. So
 * it has the limits of any stream, those of its session as soon as that is known.
 */
#include <stdlib.h>
#include <string.h>

#include "c2s/web/bosh.h"
#include "common/base/memory.h"
#include "common/xmpp/namespaces.h"

/* So many elements of the largest size fit into one body. */
#define PAYLOAD_FACTOR 4

static const struct parser_limits *limits_of(const struct bosh_body *body,
                                             const struct bosh_session *session)
{
    const struct worker_limits *limits = &body->web->worker->limits;
    bool known =
        body->is_foreign || (session && session->client &&
                             stream_has_flag(session->client->stream, STREAM_AUTHENTICATED));

    return known ? &limits->after_auth : &limits->before_auth;
}

static void on_header(void *user, const struct element *header, bool prefixes_foreign)
{
    struct bosh_body *body = user;
    const struct parser_limits *limits;
    const char *sid;

    (void)prefixes_foreign;
    body->attributes = element_new(arena_new(), header->ns, header->name);
    for (const struct attribute *a = header->attributes; a; a = a->next)
        if (a->ns)
            element_set_ns(body->attributes, arena_strdup(body->attributes->arena, a->ns),
                           arena_strdup(body->attributes->arena, a->name), a->value);
        else
            element_set(body->attributes, arena_strdup(body->attributes->arena, a->name), a->value);
    sid = bosh_body_get(body, "sid");
    body->is_foreign = sid && bosh_relay_worker(body->web->worker, sid);
    limits = limits_of(body, sid ? bosh_session_find(body->web, sid) : NULL);
    parser_set_limits(body->parser, limits);
    body->payload_max = PAYLOAD_FACTOR * limits->element_bytes;
}

static void on_element(void *user, struct element *root, const char *bytes, size_t length)
{
    struct bosh_body *body = user;

    (void)bytes;
    (void)length;
    if (!body->is_foreign && body->payload.length <= body->payload_max) {
        /* No default namespace is in force: one that is never written without its prefix. */
        element_write(&body->payload, root, NS_STREAM);
        buffer_append_char(&body->payload, '\0');
    }
    arena_free(root->arena);
    if (body->payload.length > body->payload_max)
        body->problem = STREAM_POLICY_VIOLATION;
}

static void on_footer(void *user)
{
    struct bosh_body *body = user;

    body->complete = true;
}

static const struct parser_ops parser_ops = {on_header, on_element, on_footer};

struct bosh_body *bosh_body_new(struct web_request *request)
{
    struct bosh_body *body = xcalloc(1, sizeof(*body));
    struct worker *worker = request->connection->web->worker;

    body->request = request;
    body->web = request->connection->web;
    body->problem = -1;
    body->parser =
        parser_new(worker->parsers, &worker->limits.before_auth, false, &parser_ops, body);
    return body;
}

void bosh_body_free(struct bosh_body *body)
{
    parser_free(body->parser);
    if (body->attributes)
        arena_free(body->attributes->arena);
    buffer_fini(&body->payload);
    buffer_fini(&body->raw);
    free(body->address);
    free(body);
}

void bosh_body_feed(struct bosh_body *body, const char *bytes, size_t length)
{
    if (body->problem < 0 && parser_feed(body->parser, bytes, length) != 0)
        body->problem = (int)parser_error(body->parser)->condition;
    if (body->attributes && !body->is_foreign)
        buffer_fini(&body->raw);
    else if (body->problem < 0)
        buffer_append(&body->raw, bytes, length);
    if (body->attributes && body->raw.length > body->payload_max)
        body->problem = STREAM_POLICY_VIOLATION;
}

const char *bosh_body_get(const struct bosh_body *body, const char *name)
{
    return element_get(body->attributes, name);
}

const char *bosh_body_get_ns(const struct bosh_body *body, const char *ns, const char *name)
{
    return element_get_ns(body->attributes, ns, name);
}

bool bosh_body_number(const struct bosh_body *body, const char *name, uint64_t max, uint64_t absent,
                      uint64_t *value)
{
    const char *text = bosh_body_get(body, name);
    size_t digits;

    *value = absent;
    if (text == NULL)
        return true;
    digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 16 || text[digits] != '\0')
        return false;
    *value = strtoull(text, NULL, 10);
    return *value <= max;
}
