/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The owner's half: a client without connection, whose stanzas and elements come by a trunk, and to
 * which the plugin speaks as to any other.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "c2s/front/visit.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/xmpp/namespaces.h"

static void take(struct channel *channel, struct element *element);

void held_free(struct held *held)
{
    arena_free(held->arena);
    free(held);
}

/* --- to the front --- */

static void say_bound(struct client *client, const struct jid *full)
{
    struct element *bound = channel_begin(client->channel, "bound");

    free(client->bind_id);
    client->bind_id = NULL;
    element_set(bound, "jid", full->full);
    channel_send(client->channel);
    channel_no_stranger(client->channel);
}

static void say_refused(struct client *client, enum stanza_condition condition, const char *type,
                        const char *app_name)
{
    struct element *refused = channel_begin(client->channel, "refused");

    free(client->bind_id);
    client->bind_id = NULL;
    element_set(refused, "condition", stanza_condition_name(condition));
    element_set(refused, "type", type);
    element_set(refused, "app", app_name);
    channel_send(client->channel);
}

static void say_resumed(struct client *client, const struct jid *full)
{
    struct element *resumed = channel_begin(client->channel, "resumed");

    element_set(resumed, "jid", full->full);
    channel_send(client->channel);
    channel_no_stranger(client->channel);
}

static void go(struct channel *channel)
{
    channel->asked = false;
    channel_say(channel, "go");
}

static void take_held(void *user)
{
    struct channel *channel = user;
    struct client *client = channel->client;

    channel->turn = NULL;
    while (!client->ended && client->held == 0 && channel->held) { /* or the channel is gone */
        struct held *held = channel->held;

        DL_DELETE(channel->held, held);
        channel->held_count--;
        take(channel, held->element);
        held_free(held);
    }
}

static void on_released(struct client *client)
{
    struct channel *channel = client->channel;

    if (client->ended)
        return;
    if (channel->asked)
        go(channel);
    if (channel->held && !channel->turn)
        channel->turn = loop_defer(client->worker->loop, take_held, channel);
}

static uint64_t uncredited(const struct channel *channel)
{
    return channel->passed - channel->credited;
}

/* The client has gone for good: the plugin hears of it, and the rest once nobody is inside. */
static void leave(struct client *client, enum client_end how)
{
    struct worker *worker = client->worker;
    void *session = client->session;
    bool waits = client->bind_id || client->held;

    client->ended = true;
    client->session = NULL;
    if (session)
        worker->plugin->closed(worker->plugin_state, session, how);
    else if (waits)
        worker->plugin->client_gone(worker->plugin_state, client);
}

static void free_client(void *user)
{
    struct client *client = user;

    free(client->bind_id);
    free(client->device);
    free(client->jid);
    free(client);
}

void owner_end(struct client *client, enum client_end how)
{
    struct loop *loop = client->worker->loop;

    leave(client, how);
    channel_free(client->channel);
    loop_defer(loop, free_client, client);
}

static void say_close(struct client *client, int condition, const char *text,
                      const struct element *app)
{
    struct element *close = channel_begin(client->channel, "close");

    if (condition >= 0)
        element_set(close, "condition", stream_condition_name((enum stream_condition)condition));
    element_set(close, "text", text);
    if (app)
        element_add_copy(close, app);
    channel_send(client->channel);
    owner_end(client, client_end_of(condition));
}

static void cut_off(struct client *client)
{
    struct element *close = channel_begin(client->channel, "close");

    element_set(close, "stuck", "1");
    channel_send(client->channel);
    owner_end(client, CLIENT_LOST);
}

static void say(struct client *client, const struct element *content)
{
    struct channel *channel = client->channel;

    if (uncredited(channel) > CHANNEL_LIMIT) {
        cut_off(client);
        return;
    }
    element_add_copy(channel_begin(channel, "s"), content);
    channel->passed++;
    channel_send(channel);
}

static bool is_full(const struct client *client)
{
    struct channel *channel = client->channel;

    if (client->ended)
        return false;
    channel->full = uncredited(channel) >= CHANNEL_WINDOW || trunk_is_full(channel->line->trunk);
    return channel->full;
}

static bool has_drained(const struct client *client)
{
    return !client->ended && client->channel->drained == client->channel->passed;
}

static void say_read(struct client *client, bool go_on)
{
    if (!client->ended)
        channel_say(client->channel, go_on ? "read" : "pause");
}

static const char *address(const struct client *client)
{
    return client->ended ? "" : client->channel->address;
}

static const char *stream_id_of(const struct client *client)
{
    return client->ended ? "" : client->channel->stream_id;
}

static const char *lang(const struct client *client)
{
    return client->ended ? NULL : client->channel->lang;
}

static const struct client_ops owner_ops = {
    .bound = say_bound,
    .bind_refused = say_refused,
    .resumed = say_resumed,
    .begun = owner_begun,
    .begin_refused = owner_begin_refused,
    .released = on_released,
    .send = say,
    .is_full = is_full,
    .has_drained = has_drained,
    .close = say_close,
    .read = say_read,
    .address = address,
    .stream_id = stream_id_of,
    .lang = lang,
};

/* --- from the front --- */

static uint64_t number(const struct element *element, const char *name)
{
    const char *text = element_get(element, name);

    return text ? strtoull(text, NULL, 10) : 0;
}

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

/* Another node says it. */
static char *short_text(const char *text)
{
    return xstrndup(text, strnlen(text, CHANNEL_TEXT_MAX));
}

static void open_channel(struct line *line, uint64_t id, const struct element *open,
                         const struct jid *account)
{
    struct client *client = xcalloc(1, sizeof(*client));
    const char *text = element_get(open, "lang");
    uint64_t now_ms = clock_monotonic_ms();

    client->worker = line->front->worker;
    client->ops = &owner_ops;
    client->jid = account ? jid_dup_with_resource(account, NULL) : NULL;
    client->token = -1;
    client->since_us = clock_monotonic_us() - MIN(number(open, "age"), now_ms) * 1000;
    client->channel = channel_new(line, id, client);
    client->channel->address = short_text(or_empty(element_get(open, "addr")));
    client->channel->stream_id = short_text(or_empty(element_get(open, "sid")));
    client->channel->lang = text ? short_text(text) : NULL;
    client->channel->stranger = true;
    line->strangers++;
}

static void say_gone(struct line *line, uint64_t id)
{
    struct element *gone = trunk_begin(line->trunk, "gone");

    element_set(gone, "i", arena_printf(gone->arena, "%" PRIu64, id));
    trunk_send(line->trunk);
}

/* Somebody at another node wants to log in. */
static void on_login(struct line *line, uint64_t id, const struct element *login)
{
    if (strcmp(trunk_to(line->trunk)->domain, line->front->worker->host) == 0 ||
        line->front->worker->stopping || !line->front->worker->serving) {
        say_gone(line, id);
        return;
    }
    open_channel(line, id, login, NULL);
    home_login_begin(channel_find(line, id), login);
}

/* Workers of one node look into the same accounts: what a front of ours has verified is verified.
 */
static void on_open(struct line *line, uint64_t id, const struct element *open)
{
    struct worker *worker = line->front->worker;
    const char *text = element_get(open, "jid");
    struct arena *arena = arena_new();
    struct jid account;

    if (strcmp(trunk_to(line->trunk)->domain, worker->host) != 0)
        line_refuse(line, FRONT_REFUSED_OPEN);
    else if (text && jid_parse(arena, text, &account) == 0 && account.local && !account.resource &&
             worker_serves(worker, account.domain) && worker->serving && !worker->stopping)
        open_channel(line, id, open, &account);
    arena_free(arena);
}

static void on_bind(struct channel *channel, struct element *element)
{
    struct client *client = channel->client;
    struct worker *worker = client->worker;
    struct arena *arena = arena_new();
    const char *wanted = element_get(element, "resource");
    const char *resource = NULL;

    if (!client->jid || client->bound || client->bind_id ||
        (wanted && jid_prepare_resource(arena, wanted, &resource) != 0)) {
        line_refuse(channel->line, FRONT_REFUSED_EARLY);
        say_close(client, STREAM_POLICY_VIOLATION, NULL, NULL);
    } else {
        client->bind_id = xstrdup("");
        worker->plugin->bind(worker->plugin_state, client, client->jid, resource);
    }
    arena_free(arena);
}

static bool is_stanza(const struct element *content)
{
    return strcmp(content->ns, NS_CLIENT) == 0 &&
           (strcmp(content->name, "message") == 0 || strcmp(content->name, "presence") == 0 ||
            strcmp(content->name, "iq") == 0);
}

static void on_stanza(struct client *client, const struct element *content)
{
    struct worker *worker = client->worker;
    struct element *root = element_copy(arena_new(), content);
    struct stanza *stanza;
    int problem;

    if (stanza_from_element_take(root, NS_CLIENT, &stanza, &problem) != 0) {
        line_refuse(client->channel->line, FRONT_REFUSED_FROM);
        say_close(client, STREAM_INVALID_FROM, NULL, NULL);
    } else if (client->session == NULL || !client_stamp(client, stanza)) {
        stanza_unref(stanza);
        line_refuse(client->channel->line,
                    client->session ? FRONT_REFUSED_FROM : FRONT_REFUSED_EARLY);
        say_close(client, client->session ? STREAM_INVALID_FROM : STREAM_NOT_AUTHORIZED, NULL,
                  NULL);
    } else {
        worker->plugin->stanza(worker->plugin_state, client->session, stanza, problem);
    }
}

static void on_content(struct channel *channel, struct element *element)
{
    struct client *client = channel->client;
    struct element *content = element_first(element);

    if (content == NULL)
        return;
    if (element_get(element, "drained"))
        channel->drained = number(element, "drained");
    if (is_stanza(content)) {
        on_stanza(client, content);
        return;
    }
    channel->asked = element_get(element, "wait") != NULL;
    client_element(client, content);
    if (!client->ended && client->held == 0 && channel->asked)
        go(channel);
}

static void on_silent(struct channel *channel, struct element *element)
{
    struct client *client = channel->client;
    struct worker *worker = client->worker;

    (void)element;
    if (client->session && worker->plugin->silent)
        worker->plugin->silent(worker->plugin_state, client->session);
}

static void on_end(struct channel *channel, struct element *element)
{
    const char *how = or_empty(element_get(element, "how"));

    channel->over = true;
    owner_end(channel->client, strcmp(how, "closed") == 0   ? CLIENT_CLOSED
                               : strcmp(how, "failed") == 0 ? CLIENT_FAILED
                                                            : CLIENT_LOST);
}

void owner_room(struct channel *channel)
{
    struct client *client = channel->client;
    struct worker *worker = client->worker;

    if (!channel->full || is_full(client))
        return;
    if (client->session && worker->plugin->writable)
        worker->plugin->writable(worker->plugin_state, client->session);
}

static void on_credit(struct channel *channel, struct element *element)
{
    uint64_t credited = number(element, "n");

    if (credited > channel->credited && credited <= channel->passed)
        channel->credited = credited;
    if (uncredited(channel) <= CHANNEL_WINDOW / 2)
        owner_room(channel);
}

static void take(struct channel *channel, struct element *element)
{
    static const struct {
        const char *name;
        void (*handle)(struct channel *channel, struct element *element);
    } rows[] = {{"s", on_content},
                {"bind", on_bind},
                {"begin", owner_begin},
                {"silent", on_silent},
                {"end", on_end}};

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        if (strcmp(rows[i].name, element->name) == 0) {
            rows[i].handle(channel, element);
            return;
        }
}

static void hold(struct channel *channel, const struct element *element)
{
    struct held *held;

    if (channel->held_count == CHANNEL_HELD_MAX) {
        say_close(channel->client, STREAM_POLICY_VIOLATION, NULL, NULL);
        return;
    }
    held = xcalloc(1, sizeof(*held));
    held->arena = arena_new();
    held->element = element_copy(held->arena, element);
    DL_APPEND(channel->held, held);
    channel->held_count++;
}

void owner_receive(struct line *line, uint64_t id, struct element *element)
{
    struct channel *channel = channel_find(line, id);

    if (channel == NULL && strcmp(element->name, "open") == 0) {
        on_open(line, id, element);
    } else if (channel == NULL && strcmp(element->name, "login") == 0) {
        on_login(line, id, element);
    } else if (channel == NULL && strcmp(element->name, "changed") == 0) {
        front_take_changed(line, element);
    } else if (channel == NULL) {
        if (strcmp(element->name, "end") != 0)
            say_gone(line, id);
    } else if (strcmp(element->name, "credit") == 0) {
        on_credit(channel, element);
    } else if (strcmp(element->name, "end") == 0) {
        on_end(channel, element);
    } else if (channel->login) {
        home_login_response(channel, element);
    } else if (channel->client->held > 0 || channel->held) {
        hold(channel, element);
    } else {
        take(channel, element);
    }
}

void owner_cut(struct channel *channel)
{
    channel->over = true;
    owner_end(channel->client, CLIENT_LOST);
}
