/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The front's half: a client with a connection here whose account is served elsewhere.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "c2s/front/visit.h"
#include "common/base/clock.h"
#include "common/base/log.h"

#define UNREACHABLE "the server of the account cannot be reached"

static const char *const ends[] = {
    [CLIENT_LOST] = "lost", [CLIENT_CLOSED] = "closed", [CLIENT_FAILED] = "failed"};

static void set_number(struct element *element, const char *name, uint64_t number)
{
    element_set(element, name, arena_printf(element->arena, "%" PRIu64, number));
}

/* --- to the owner --- */

static void say_open(struct channel *channel)
{
    const struct client *client = channel->client;
    struct element *open = channel_begin(channel, "open");

    element_set(open, "jid", client->jid->bare);
    element_set(open, "addr", client_address(client));
    element_set(open, "sid", client_stream_id(client));
    element_set(open, "lang", client_lang(client));
    set_number(open, "age", (clock_monotonic_us() - client->since_us) / 1000);
    channel_send(channel);
}

bool relay_begin(struct client *client)
{
    struct front *front = client->worker->front;
    const char *owner;
    struct line *line;

    if (client->channel)
        return true;
    if (front->members_count < 2)
        return false;
    owner = front->members[front->owner[slot_of(client->jid->bare)]];
    if (strcmp(owner, client->worker->id) == 0)
        return false;
    line = line_in_node(front, owner);
    client->channel = channel_new(line, ++line->next_id, client);
    say_open(client->channel);
    log_debug("channel_opened", LOG_TEXT("sid", client_stream_id(client)),
              LOG_TEXT("jid", client->jid->bare), LOG_TEXT("owner", owner));
    return true;
}

void relay_bind(struct client *client, const char *resource)
{
    struct element *bind = channel_begin(client->channel, "bind");

    element_set(bind, "resource", resource);
    channel_send(client->channel);
    channel_expect(client->channel);
}

void relay_authenticated(struct client *client, const struct c2s_begin *begin)
{
    struct element *element = channel_begin(client->channel, "begin");

    element_set(element, "device", begin->device);
    element_set(element, "mechanism", sasl_mechanism_name((enum sasl_mechanism)begin->mechanism));
    if (begin->token >= 0)
        set_number(element, "token", (uint64_t)begin->token);
    element_add_copy(element, begin->request);
    channel_send(client->channel);
    channel_expect(client->channel);
}

static void say(struct client *client, const struct element *content, bool wait)
{
    struct channel *channel = client->channel;
    struct element *element;

    if (channel->over)
        return;
    element = channel_begin(channel, "s");
    if (transport_has_drained(&client->transport))
        set_number(element, "drained", channel->passed);
    if (wait)
        element_set(element, "wait", "1");
    element_add_copy(element, content);
    channel_send(channel);
}

void relay_stanza(struct client *client, const struct stanza *stanza)
{
    say(client, stanza->root, false);
}

/* Before there is a session nothing more is handled until the owner has answered. */
void relay_element(struct client *client, const struct element *element)
{
    bool wait = !client->bound;

    if (wait) {
        client_hold(client);
        channel_expect(client->channel);
    }
    say(client, element, wait);
}

void relay_silent(struct client *client)
{
    channel_say(client->channel, "silent");
}

void relay_ended(struct client *client)
{
    struct channel *channel = client->channel;
    struct element *end;

    if (!channel->over) {
        end = channel_begin(channel, "end");
        element_set(end, "how", ends[client->end]);
        channel_send(channel);
    }
    client->held = 0;
    channel_answered(channel);
    channel_free(channel);
}

bool relay_is_full(const struct client *client)
{
    return trunk_is_full(client->channel->line->trunk);
}

/* Who reads slowly gets less: there is no credit while much waits for the connection. */
void relay_writable(struct client *client)
{
    struct channel *channel = client->channel;
    struct element *credit;

    if (channel->credited == channel->passed || client_is_full(client))
        return;
    channel->credited = channel->passed;
    credit = channel_begin(channel, "credit");
    set_number(credit, "n", channel->credited);
    channel_send(channel);
}

/* --- from the owner --- */

static void on_element(struct client *client, struct element *element)
{
    struct element *content = element_first(element);
    struct channel *channel = client->channel;

    if (content == NULL)
        return;
    channel->passed++;
    client_send_element(client, content);
    if (client->channel && channel->passed - channel->credited >= CHANNEL_CREDIT)
        relay_writable(client);
}

/* Nobody of ours says this: the owner is at another node, and not what it should be. */
void relay_refuse(struct client *client, enum front_refusal what)
{
    line_refuse(client->channel->line, what);
    client_close(client, STREAM_INTERNAL_SERVER_ERROR, NULL);
}

static void enter(struct client *client, struct element *element,
                  void (*how)(struct client *client, const struct jid *full, void *session))
{
    const char *text = element_get(element, "jid");
    struct arena *arena = arena_new();
    struct jid full;

    if (!client->bound && text && jid_parse(arena, text, &full) == 0 && full.resource &&
        jid_bare_equal(&full, client->jid))
        how(client, &full, client->channel);
    else
        relay_refuse(client, FRONT_REFUSED_HOME);
    arena_free(arena);
}

static void on_bound(struct client *client, struct element *element)
{
    if (client->bind_id)
        enter(client, element, client_bound);
}

static void on_resumed(struct client *client, struct element *element)
{
    enter(client, element, client_resumed);
}

static void on_begun(struct client *client, struct element *element)
{
    const char *text = element_get(element, "jid"), *why = element_get(element, "refused");
    int condition = why ? sasl_condition_parse(why) : -1;
    struct arena *arena = arena_new();
    struct jid full;

    if (!client->sasl2 || client->bound)
        relay_refuse(client, FRONT_REFUSED_HOME);
    else if (why)
        client_begin_refused(client, condition < 0 ? SASL_TEMPORARY_AUTH_FAILURE
                                                   : (enum sasl_condition)condition);
    else if (!text)
        client_begun(client, NULL, NULL, false, element);
    else if (jid_parse(arena, text, &full) == 0 && full.resource &&
             jid_bare_equal(&full, client->jid))
        client_begun(client, &full, client->channel, element_get(element, "resumed") != NULL,
                     element);
    else
        relay_refuse(client, FRONT_REFUSED_HOME);
    arena_free(arena);
}

static void on_refused(struct client *client, struct element *element)
{
    const char *name = element_get(element, "condition");
    int condition = name ? stanza_condition_parse(name) : -1;

    if (client->bind_id)
        client_bind_refused(
            client, condition < 0 ? STANZA_INTERNAL_SERVER_ERROR : (enum stanza_condition)condition,
            element_get(element, "type"), element_get(element, "app"));
}

static void on_go(struct client *client, struct element *element)
{
    (void)element;
    if (client->held)
        client_release(client);
}

static void on_stop_reading(struct client *client, struct element *element)
{
    (void)element;
    client->channel->paused++;
    client_pause(client);
}

static void on_go_on_reading(struct client *client, struct element *element)
{
    (void)element;
    if (client->channel->paused == 0)
        return;
    client->channel->paused--;
    client_resume(client);
}

static void on_close(struct client *client, struct element *element)
{
    const char *name = element_get(element, "condition");
    const char *text = element_get(element, "text");
    const struct element *app = element_first(element);
    int condition = name ? stream_condition_parse(name) : -1;

    client->channel->over = true;
    if (element_get(element, "stuck"))
        client_stuck(client, "send-queue");
    else if (condition >= 0 && app)
        client_fail(client, (enum stream_condition)condition, text, app);
    else
        client_close(client, condition, text);
}

static bool is_of_this_node(const struct channel *channel)
{
    return strcmp(channel_host(channel), channel->client->worker->host) == 0;
}

/* Before there is a session the client stays, if it can ask for the same anew: to be logged in, or
 * once we have verified who it is for a resource. What another node has verified has gone with it.
 */
static void start_over(struct client *client)
{
    if (client->login) {
        visit_cut(client);
    } else if (client->sasl2) {
        client_begin_refused(client, SASL_TEMPORARY_AUTH_FAILURE);
    } else if (!is_of_this_node(client->channel)) { /* RFC 6120 §4.9.3.15 */
        client_close(client, STREAM_REMOTE_CONNECTION_FAILED, UNREACHABLE);
    } else if (client->held > 0) {
        client_close(client, STREAM_RESET, UNREACHABLE);
    } else {
        relay_ended(client);
        if (client->bind_id)
            client_bind_refused(client, STANZA_RESOURCE_CONSTRAINT, "wait", NULL);
    }
}

static void lose(struct channel *channel)
{
    struct client *client = channel->client;

    if (client->bound)
        client_close(client, STREAM_RESET, UNREACHABLE);
    else
        start_over(client);
    if (client->channel) { /* its stream ends only when the client has ended it too */
        client->session = NULL;
        relay_ended(client);
        free(client->bind_id); /* nobody here is asked for it */
        client->bind_id = NULL;
    }
}

void relay_cut(struct channel *channel)
{
    channel->over = true;
    lose(channel);
}

/* It hears that this client does not wait any more, should it ever hear again. */
void relay_overdue(struct client *client)
{
    struct channel *channel = client->channel;

    if (!channel)
        return;
    log_warn("owner_silent", LOG_TEXT("sid", client_stream_id(client)),
             LOG_TEXT("jid", client->jid ? client->jid->bare : NULL),
             LOG_TEXT("owner", trunk_to(channel->line->trunk)->full));
    lose(channel);
}

static void on_gone(struct client *client, struct element *element)
{
    (void)element;
    relay_cut(client->channel);
}

void relay_receive(struct line *line, uint64_t id, struct element *element)
{
    static const struct {
        const char *name;
        void (*handle)(struct client *client, struct element *element);
        bool answers; /* what a client without a session waits for */
    } rows[] = {
        {"s", on_element, false},          {"bound", on_bound, true},
        {"refused", on_refused, true},     {"begun", on_begun, true},
        {"resumed", on_resumed, true},     {"go", on_go, true},
        {"pause", on_stop_reading, false}, {"read", on_go_on_reading, false},
        {"close", on_close, true},         {"gone", on_gone, true},
    };
    struct channel *channel = channel_find(line, id);

    if (!channel || channel->over) /* it is gone, and the owner has been told */
        return;
    if (channel->client->login) {
        visit_receive(channel, element);
        return;
    }
    if (!channel->client->jid) {
        relay_refuse(channel->client, FRONT_REFUSED_EARLY);
        return;
    }
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        if (strcmp(rows[i].name, element->name) == 0) {
            if (rows[i].answers)
                channel_answered(channel);
            rows[i].handle(channel->client, element);
            return;
        }
}
