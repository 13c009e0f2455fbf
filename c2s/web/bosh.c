/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The route of BOSH: which session a body is for, and what is answered to one that is for none.
 */
#include "c2s/web/bosh.h"

#include <stdlib.h>
#include <string.h>

#include "common/xmpp/namespaces.h"

#define CONTENT_TYPE "text/xml; charset=utf-8"

void bosh_answer_text(struct bosh_body *body, const char *type, const struct buffer *text)
{
    struct web_request *request = body->request;

    bosh_body_free(body);
    if (request == NULL)
        return;
    request->state = NULL;
    web_answer(request, 200, type, text->data, text->length);
}

void bosh_refuse(struct bosh_body *body, const char *condition)
{
    struct buffer text = {0};

    buffer_printf(&text, "<body xmlns='" NS_BOSH "' type='terminate' condition='%s'/>", condition);
    bosh_answer_text(body, CONTENT_TYPE, &text);
    buffer_fini(&text);
}

static void begin(struct web_request *request, const struct http_head *head)
{
    struct bosh_body *body = bosh_body_new(request);

    body->address = web_client_address(request->connection, head);
    request->state = body;
}

static void on_bytes(struct web_request *request, const char *bytes, size_t length)
{
    bosh_body_feed(request->state, bytes, length);
}

static void gone(struct web_request *request)
{
    struct bosh_body *body = request->state;

    if (body == NULL)
        return;
    if (body->relay)
        bosh_relay_abandon(body->relay);
    if (body->session)
        bosh_session_lost(body->session, body);
    else
        bosh_body_free(body);
}

static void create(struct bosh_body *body)
{
    struct worker *worker = body->web->worker;
    char *address;

    if (bosh_body_get(body, "to") == NULL) {
        bosh_refuse(body, "improper-addressing");
        return;
    }
    if (body->web->stopping || !client_is_welcome(worker, body->address)) {
        bosh_refuse(body, "policy-violation");
        return;
    }
    address = body->address;
    body->address = NULL;
    bosh_session_new(body->web, body, address);
}

/* The stream that it is for fails as if it had come by TCP. */
static void fail(struct bosh_body *body, struct bosh_session *session)
{
    const struct parser_error *error = parser_error(body->parser);
    struct stream *stream = session && session->client ? session->client->stream : NULL;

    if (stream) {
        if (error->too_big)
            stream_fail_with(stream, error->condition, error->text, NS_APP_ERRORS,
                             "stanza-too-big");
        else
            stream_fail(stream, (enum stream_condition)body->problem, error->text);
        stream_timeout(stream); /* nothing is waited for behind an error */
        buffer_fini(&body->payload);
        bosh_session_take(session, body);
        return;
    }
    bosh_refuse(body, "bad-request");
}

static bool is_body(const struct bosh_body *body)
{
    return body->attributes && strcmp(body->attributes->name, "body") == 0 &&
           strcmp(body->attributes->ns, NS_BOSH) == 0 && (body->complete || body->problem >= 0);
}

static void end(struct web_request *request)
{
    struct bosh_body *body = request->state;
    const char *sid = body->attributes ? bosh_body_get(body, "sid") : NULL;
    struct bosh_session *session = sid ? bosh_session_find(body->web, sid) : NULL;

    if (!is_body(body) || !bosh_body_number(body, "rid", BOSH_RID_MAX, 0, &body->rid) ||
        body->rid == 0)
        bosh_refuse(body, "bad-request");
    else if (body->is_foreign && body->problem < 0)
        bosh_relay(body, bosh_relay_worker(body->web->worker, sid));
    else if (sid && session == NULL)
        bosh_refuse(body, "item-not-found");
    else if (body->problem >= 0)
        fail(body, session);
    else if (session)
        bosh_session_take(session, body);
    else
        create(body);
}

const struct web_route web_bosh = {
    .path = "/http-bind",
    .methods = "POST",
    .begin = begin,
    .body = on_bytes,
    .end = end,
    .gone = gone,
};
