/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The front's half of a login elsewhere: it asks the home which of its workers serves the account,
 * and then brings SASL messages there.
 */
#include "c2s/front/visit.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/encode.h"
#include "common/base/log.h"

#define ASK_MS     1000
#define GIVE_UP_MS 5000

struct visit {
    struct front *front;
    struct client *client;
    uint64_t id; /* of the question who serves the account */
    uint64_t begun_ms, asked_ms;
    struct jid *account, *asked; /* alice@example.net, alice@alpha.example.net */
    enum sasl_mechanism mechanism;
    bool offers_plus;
    struct arena *arena; /* of the login element, which waits for the channel */
    struct element *login;
    struct visit *prev, *next; /* front->visits: those that ask */
};

void visit_add_bytes(struct element *element, const void *bytes, size_t length)
{
    struct buffer text = {0};

    base64_encode(&text, bytes, length);
    if (text.length > 0)
        element_add_text(element, text.data);
    buffer_fini(&text);
}

bool visit_read_bytes(const struct element *element, struct buffer *bytes)
{
    const char *text = element_text(element);

    return base64_decode(bytes, text, strlen(text)) == 0;
}

/* --- who serves the account --- */

static void ask(struct visit *visit)
{
    struct stanza *message = stanza_new(STANZA_MESSAGE, MESSAGE_NORMAL);
    struct element *where = element_add(message->root, NS_TRUNK, "where");

    stanza_set_from(message, visit->front->self);
    stanza_set_to(message, visit->asked);
    element_set(where, "id", arena_printf(message->arena, "%" PRIu64, visit->id));
    visit->asked_ms = clock_monotonic_ms();
    if (worker_route(visit->front->worker, message) < 0)
        log_debug("visit_not_asked", LOG_TEXT("account", visit->account->bare));
    stanza_unref(message);
}

static bool offers_plus(unsigned offered)
{
    for (unsigned m = 0; m < SASL_MECHANISMS; m++)
        if (offered & 1U << m && sasl_mechanism_is_plus(m))
            return true;
    return false;
}

static void describe(struct visit *visit, const struct visit_settings *settings)
{
    const struct client *client = settings->client;
    struct element *login;

    visit->arena = arena_new();
    visit->login = login = element_new(visit->arena, NS_TRUNK, "login");
    element_set(login, "mechanism", sasl_mechanism_name(settings->mechanism));
    element_set(login, "plus", offers_plus(settings->offered) ? "1" : NULL);
    element_set(login, "addr", client_address(client));
    element_set(login, "sid", client_stream_id(client));
    element_set(login, "lang", client_lang(client));
    element_set(login, "device", settings->device);
    if (settings->announced)
        visit_add_bytes(element_add(login, NS_TRUNK, "announced"), settings->announced,
                        strlen(settings->announced));
    visit_add_bytes(element_add(login, NS_TRUNK, "initial"), settings->initial->data,
                    settings->initial->length);
    for (size_t i = 0; i < settings->bindings_count; i++) {
        const struct sasl_binding *binding = &settings->bindings[i];
        struct element *element = element_add(login, NS_TRUNK, "binding");
        element_set(element, "name", binding->name);
        visit_add_bytes(element, binding->data, binding->length);
    }
}

struct visit *visit_begin(const struct visit_settings *settings)
{
    struct front *front = settings->client->worker->front;
    struct visit *visit = xcalloc(1, sizeof(*visit));
    struct arena *arena = arena_new();
    struct jid asked;

    visit->front = front;
    visit->client = settings->client;
    visit->id = ++front->next_visit;
    visit->begun_ms = clock_monotonic_ms();
    visit->account = jid_dup_with_resource(settings->account, NULL);
    if (jid_make(arena, settings->account->local, settings->host, NULL, &asked) != 0)
        asked = *settings->account; /* too long for any name: nobody answers */
    visit->asked = jid_dup(&asked);
    arena_free(arena);
    describe(visit, settings);
    DL_APPEND(front->visits, visit);
    ask(visit);
    front_keep_looking(front);
    return visit;
}

void visit_done(struct visit *visit)
{
    if (visit->login) /* it still asks */
        DL_DELETE(visit->front->visits, visit);
    if (visit->arena)
        arena_free(visit->arena);
    free(visit->account);
    free(visit->asked);
    free(visit);
}

void visit_end(struct visit *visit, struct client *client)
{
    if (visit)
        visit_done(visit);
    if (client->channel)
        relay_ended(client);
}

/* --- the login itself --- */

static void copy_into(struct element *to, const struct element *from)
{
    for (const struct attribute *a = from->attributes; a; a = a->next)
        element_set(to, a->name, a->value);
    ELEMENT_FOREACH (child, from) {
        element_add_copy(to, child);
    }
}

static void enter(struct visit *visit, const struct jid *worker)
{
    struct client *client = visit->client;
    struct line *line = line_to(visit->front, worker);

    DL_DELETE(visit->front->visits, visit);
    client->channel = channel_new(line, ++line->next_id, client);
    copy_into(channel_begin(client->channel, "login"), visit->login);
    channel_send(client->channel);
    channel_expect(client->channel);
    arena_free(visit->arena);
    visit->arena = NULL;
    visit->login = NULL;
}

void visit_found(struct front *front, const struct jid *from, const struct element *here)
{
    const char *id = element_get(here, "id");
    struct visit *visit;

    DL_FOREACH (front->visits, visit) {
        if (id && strtoull(id, NULL, 10) == visit->id &&
            strcmp(from->domain, visit->asked->domain) == 0) {
            enter(visit, from);
            return;
        }
    }
}

void visit_look(struct front *front)
{
    uint64_t now = clock_monotonic_ms();
    struct visit *visit, *next;

    DL_FOREACH_SAFE (front->visits, visit, next) {
        if (now - visit->begun_ms >= GIVE_UP_MS)
            login_visit_failed(visit->client, SASL_TEMPORARY_AUTH_FAILURE, false);
        else if (now - visit->asked_ms >= ASK_MS)
            ask(visit);
    }
}

void visit_response(struct client *client, const void *message, size_t length)
{
    struct channel *channel = client->channel;

    visit_add_bytes(channel_begin(channel, "response"), message, length);
    channel_send(channel);
    channel_expect(channel);
}

void visit_cut(struct client *client)
{
    login_visit_failed(client, SASL_TEMPORARY_AUTH_FAILURE, false);
}

static void on_failure(struct client *client, const struct element *failure)
{
    const char *name = element_get(failure, "condition");
    int condition = name ? sasl_condition_parse(name) : -1;

    client->channel->over = true;
    login_visit_failed(client,
                       condition < 0 ? SASL_TEMPORARY_AUTH_FAILURE : (enum sasl_condition)condition,
                       element_get(failure, "counts") != NULL);
}

void visit_receive(struct channel *channel, struct element *element)
{
    struct client *client = channel->client;
    struct buffer message = {0};

    channel_answered(channel);
    if (strcmp(element->name, "close") == 0 || strcmp(element->name, "gone") == 0)
        relay_cut(channel); /* its worker stops, or is another one */
    else if (strcmp(element->name, "failure") == 0 || !visit_read_bytes(element, &message))
        on_failure(client, element);
    else if (strcmp(element->name, "challenge") == 0)
        login_visit_challenge(client, &message);
    else if (strcmp(element->name, "success") == 0)
        login_visit_succeeded(client, &message, element_get(element, "begins") != NULL);
    else
        relay_refuse(client, FRONT_REFUSED_EARLY);
    buffer_fini(&message);
}
