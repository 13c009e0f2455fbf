/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * A BOSH session: what comes is brought into order, what goes waits for a request to answer.
 */
#include <stdlib.h>
#include <string.h>

#include "c2s/web/bosh.h"
#include "common/base/clock.h"
#include "common/base/encode.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/tls/crypto.h"
#include "common/xmpp/namespaces.h"

/* What a request costs beside its payload, for the rate of bytes. */
#define REQUEST_BYTES 64
/* How long a session that is over waits for a request to tell it. */
#define ENDING_MS 5000

static void work(void *user);

struct bosh_session *bosh_session_find(struct web *web, const char *sid)
{
    struct bosh_session *session;

    HASH_FIND_STR(web->sessions, sid, session);
    return session;
}

static void free_list(struct bosh_body *list)
{
    while (list) {
        struct bosh_body *next = list->next;
        bosh_refuse(list, "item-not-found");
        list = next;
    }
}

static void free_session(struct bosh_session *session)
{
    struct web *web = session->web;

    HASH_DEL(web->sessions, session);
    free_list(session->early);
    free_list(session->held);
    for (size_t i = 0; i < ARRAY_SIZE(session->answers); i++)
        buffer_fini(&session->answers[i].text);
    if (session->task)
        loop_defer_cancel(session->task);
    timer_close(session->timer);
    buffer_fini(&session->input);
    buffer_fini(&session->out);
    free(session->address);
    free(session->content_type);
    free(session->key);
    free(session);
    worker_web_changed(web->worker);
}

void bosh_session_wake(struct bosh_session *session)
{
    if (session->task == NULL)
        session->task = loop_defer(session->web->worker->loop, work, session);
}

void bosh_session_end(struct bosh_session *session, const char *condition)
{
    if (!session->ending && condition)
        snprintf(session->condition, sizeof(session->condition), "%s", condition);
    session->ending = true;
    bosh_session_wake(session);
}

/* Answers. */

static void write_creation(const struct bosh_session *session, struct buffer *out)
{
    buffer_printf(out,
                  " sid='%s' wait='%u' hold='%u' requests='%u' inactivity='%u' polling='%u'"
                  " maxpause='%u' ver='1.11' from='%s' xmlns:xmpp='" NS_XBOSH
                  "' xmpp:version='1.0' xmpp:restartlogic='true'",
                  session->sid, session->wait_s, session->hold, session->requests,
                  session->inactivity_s, BOSH_POLLING_S, BOSH_PAUSE_MAX_S,
                  session->client && session->client->domain ? session->client->domain->name
                                                             : session->web->worker->network);
}

static void write_answer(struct bosh_session *session, struct buffer *out)
{
    buffer_append_text(out, "<body xmlns='" NS_BOSH "'");
    if (!session->created)
        write_creation(session, out);
    session->created = true;
    if (session->ending)
        buffer_append_text(out, " type='terminate'");
    if (session->ending && session->condition[0])
        buffer_printf(out, " condition='%s'", session->condition);
    buffer_append_char(out, '>');
    if (session->out.length > 0)
        buffer_append(out, session->out.data, session->out.length);
    buffer_append_text(out, "</body>");
}

static struct bosh_answer *next_answer(struct bosh_session *session, uint64_t rid)
{
    struct bosh_answer *answer = &session->answers[session->answers_next];

    session->answers_next = (session->answers_next + 1) % session->requests;
    buffer_fini(&answer->text);
    answer->rid = rid;
    return answer;
}

/* The one that is held longest gets all there is. */
static void answer_oldest(struct bosh_session *session)
{
    struct bosh_body *body = session->held;
    struct bosh_answer *answer = next_answer(session, body->rid);

    session->held = body->next;
    session->held_count--;
    if (session->out.length > 0)
        session->unconfirmed = body->rid;
    write_answer(session, &answer->text);
    buffer_fini(&session->out);
    bosh_answer_text(body, session->content_type, &answer->text);
}

static bool has_live(const struct bosh_session *session)
{
    for (const struct bosh_body *body = session->held; body; body = body->next)
        if (body->request)
            return true;
    return false;
}

static void arm(struct bosh_session *session)
{
    uint64_t now = clock_monotonic_ms();
    uint64_t until = session->held ? session->held->deadline_ms : 0;

    if (has_live(session)) {
        session->inactive_ms = 0;
    } else {
        uint64_t limit = session->ending ? ENDING_MS : session->inactivity_s * UINT64_C(1000);
        session->inactive_ms = session->inactive_ms ? session->inactive_ms : now;
        if (until == 0 || session->inactive_ms + limit < until)
            until = session->inactive_ms + limit;
    }
    timer_start(session->timer, until > now ? until - now : 0, 0);
}

/* Says what there is to say, if it can be said. False: the session is over and freed. */
static bool answer(struct bosh_session *session)
{
    uint64_t now = clock_monotonic_ms();
    bool told = false;
    size_t queued = session->out.length;

    if (session->failing && !session->ending) {
        arm(session);
        return true;
    }
    while (session->held &&
           (session->out.length > 0 || session->held_count > session->hold || session->ending ||
            session->pausing || session->held->deadline_ms <= now)) {
        told = told || session->held->request;
        answer_oldest(session);
    }
    session->pausing = false;
    if (session->ending && (told || session->web->stopping)) {
        free_session(session);
        return false;
    }
    if (queued >= CONN_LOW_WATER && session->out.length == 0 && session->client)
        client_transport_drained(session->client);
    arm(session);
    return true;
}

/* The stream. */

static void feed(struct bosh_session *session)
{
    struct buffer input = session->input;
    size_t done = 0;

    session->input = (struct buffer){0};
    while (done < input.length && session->client && !session->ending && session->paused == 0) {
        size_t length = strlen(input.data + done);
        stream_feed_frame(session->client->stream, input.data + done, length, true);
        done += length + 1;
    }
    if (done < input.length && !session->ending) {
        buffer_consume(&input, done);
        if (session->input.length > 0)
            buffer_append(&input, session->input.data, session->input.length);
        buffer_fini(&session->input);
        session->input = input;
        return;
    }
    buffer_fini(&input);
}

static void let_client_go(struct bosh_session *session, int reason)
{
    struct client *client = session->client;

    session->client = NULL;
    if (client)
        client_transport_closed(client, reason);
}

static void work(void *user)
{
    struct bosh_session *session = user;

    session->task = NULL;
    feed(session);
    if (session->ending)
        let_client_go(session, session->aborted ? ERR_CLOSED : ERR_CANCELLED);
    answer(session);
}

static void on_timer(void *user)
{
    struct bosh_session *session = user;
    uint64_t limit = session->ending ? ENDING_MS : session->inactivity_s * UINT64_C(1000);

    if (session->inactive_ms && session->inactive_ms + limit <= clock_monotonic_ms()) {
        let_client_go(session, ERR_TIMEOUT);
        free_session(session);
        return;
    }
    answer(session);
}

/* What comes. */

static void add_input(struct bosh_session *session, const char *text)
{
    buffer_append(&session->input, text, strlen(text) + 1);
}

static void add_attribute(struct buffer *out, const char *name, const char *value)
{
    if (value == NULL)
        return;
    buffer_printf(out, " %s='", name);
    xml_escape(out, value);
    buffer_append_char(out, '\'');
}

/* A stream header (XEP-0206 §3, §5), as a framed stream has it. */
static void add_header(struct bosh_session *session, const struct bosh_body *body)
{
    struct buffer text = {0};
    const char *version = bosh_body_get_ns(body, NS_XBOSH, "version");
    const char *domain =
        session->client && session->client->domain ? session->client->domain->name : NULL;
    const char *to = bosh_body_get(body, "to");

    buffer_append_text(&text, "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing'");
    add_attribute(&text, "to", to ? to : domain);
    add_attribute(&text, "from", bosh_body_get(body, "from"));
    add_attribute(&text, "version", version ? version : "1.0");
    add_attribute(&text, "xml:lang", bosh_body_get_ns(body, NS_XML, "lang"));
    buffer_append_text(&text, "/>");
    add_input(session, text.data);
    buffer_fini(&text);
}

/* XEP-0124 §15: each key is the hash of the one before. */
static bool key_is_right(struct bosh_session *session, const struct bosh_body *body)
{
    const char *key = bosh_body_get(body, "key"), *next = bosh_body_get(body, "newkey");
    uint8_t digest[CRYPTO_HASH_MAX];
    struct buffer text = {0};
    bool right = true;

    if (session->key) {
        crypto_digest(CRYPTO_SHA1, key ? key : "", key ? strlen(key) : 0, digest);
        hex_encode(&text, digest, crypto_hash_size(CRYPTO_SHA1));
        right = key && strcmp(text.data, session->key) == 0;
        buffer_fini(&text);
        next = next ? next : key;
    }
    if (right && next) {
        free(session->key);
        session->key = xstrdup(next);
    }
    return right;
}

static void begin_pause(struct bosh_session *session, const struct bosh_body *body)
{
    uint64_t seconds;

    if (!bosh_body_number(body, "pause", BOSH_PAUSE_MAX_S, 0, &seconds)) {
        bosh_session_end(session, "policy-violation");
        return;
    }
    session->pausing = seconds > 0;
    session->inactivity_s = seconds > 0 ? (uint32_t)seconds : BOSH_INACTIVITY_S;
}

static void read_body(struct bosh_session *session, struct bosh_body *body)
{
    const char *type = bosh_body_get(body, "type");
    const char *restart = bosh_body_get_ns(body, NS_XBOSH, "restart");

    if (session->unconfirmed && body->rid >= session->unconfirmed + session->requests)
        session->unconfirmed = 0;
    if (session->client)
        client_heard(session->client, body->payload.length + REQUEST_BYTES);
    if (!key_is_right(session, body)) {
        bosh_session_end(session, "item-not-found");
        return;
    }
    if (session->rid == body->rid && !session->created)
        add_header(session, body);
    if (body->payload.length > 0)
        buffer_append(&session->input, body->payload.data, body->payload.length);
    buffer_fini(&body->payload);
    if (xml_is_true(restart))
        add_header(session, body);
    if (type && strcmp(type, "terminate") == 0)
        add_input(session, "<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>");
    begin_pause(session, body);
}

static void accept_body(struct bosh_session *session, struct bosh_body *body)
{
    session->rid = body->rid;
    read_body(session, body);
    body->deadline_ms = clock_monotonic_ms() + session->wait_s * UINT64_C(1000);
    body->next = NULL;
    LL_APPEND(session->held, body);
    session->held_count++;
    bosh_session_wake(session);
}

static struct bosh_body *find(struct bosh_body *list, uint64_t rid)
{
    while (list && list->rid != rid)
        list = list->next;
    return list;
}

/* The client has sent it again: the connection of the first is lost, or is given up now. */
static void replace(struct bosh_session *session, struct bosh_body *old, struct bosh_body *body)
{
    struct web_request *request = old->request;

    old->request = body->request;
    old->request->state = old;
    body->request = NULL;
    bosh_body_free(body);
    if (request) {
        static const char text[] = "<body xmlns='" NS_BOSH "' type='error'/>";
        web_answer(request, 200, session->content_type, text, sizeof(text) - 1);
    }
    bosh_session_wake(session);
}

static void repeat(struct bosh_session *session, struct bosh_body *body)
{
    struct bosh_body *held = find(session->held, body->rid);

    if (held) {
        replace(session, held, body);
        return;
    }
    for (size_t i = 0; i < session->requests; i++)
        if (session->answers[i].text.length > 0 && session->answers[i].rid == body->rid) {
            bosh_answer_text(body, session->content_type, &session->answers[i].text);
            return;
        }
    bosh_refuse(body, "item-not-found");
    bosh_session_end(session, "item-not-found");
}

void bosh_session_take(struct bosh_session *session, struct bosh_body *body)
{
    struct bosh_body *early;

    body->session = session;
    if (session->client && stream_has_flag(session->client->stream, STREAM_AUTHENTICATED))
        web_connection_proved(body->request->connection);
    if (session->created && body->rid <= session->rid) {
        repeat(session, body);
        return;
    }
    if (body->rid > session->rid + session->requests) {
        bosh_refuse(body, "item-not-found");
        bosh_session_end(session, "item-not-found");
        return;
    }
    early = find(session->early, body->rid);
    if (early) {
        replace(session, early, body);
        return;
    }
    LL_PREPEND(session->early, body);
    while ((body = find(session->early, session->rid + 1)) != NULL) {
        LL_DELETE(session->early, body);
        accept_body(session, body);
    }
}

void bosh_session_lost(struct bosh_session *session, struct bosh_body *body)
{
    body->request = NULL;
    if (find(session->early, body->rid) == body) {
        LL_DELETE(session->early, body);
        bosh_body_free(body);
    }
    bosh_session_wake(session);
}

/* Characters that a media type can have; a session cannot write other fields of the answer. */
static char *content_type(const struct bosh_body *body)
{
    const char *type = bosh_body_get(body, "content");
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                  "-+./=; _\"";

    if (type == NULL || type[0] == '\0' || strlen(type) > 100 ||
        strspn(type, allowed) != strlen(type))
        type = "text/xml; charset=utf-8";
    return xstrdup(type);
}

static void add_client(struct bosh_session *session)
{
    session->client = client_new(session->web->worker, &client_profile_framed, session->address);
    session->client->transport = (struct transport){&bosh_transport, session};
    client_begin(session->client);
    client_transport_secured(session->client);
}

struct bosh_session *bosh_session_new(struct web *web, struct bosh_body *first, char *address)
{
    struct bosh_session *session = xcalloc(1, sizeof(*session));
    uint64_t wait = 0, hold = 0;

    if (!bosh_body_number(first, "wait", UINT32_MAX, BOSH_WAIT_S, &wait))
        wait = BOSH_WAIT_S;
    if (!bosh_body_number(first, "hold", UINT32_MAX, BOSH_HOLD_MAX, &hold))
        hold = BOSH_HOLD_MAX;
    crypto_random_hex(session->sid, BOSH_RANDOM / 2);
    snprintf(session->sid + BOSH_RANDOM, sizeof(session->sid) - BOSH_RANDOM, ".%s",
             bosh_relay_suffix(web->worker));
    session->web = web;
    session->address = address;
    session->wait_s = (uint32_t)MIN(wait, BOSH_WAIT_S);
    session->hold = session->wait_s > 0 ? (unsigned)MIN(hold, BOSH_HOLD_MAX) : 0;
    session->requests = session->hold + 1;
    session->inactivity_s = BOSH_INACTIVITY_S;
    session->rid = first->rid - 1;
    session->content_type = content_type(first);
    session->timer = timer_new(web->worker->loop, on_timer, session);
    HASH_ADD_STR(web->sessions, sid, session);
    add_client(session);
    bosh_session_take(session, first);
    return session;
}
