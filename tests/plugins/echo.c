/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * A plugin that serves accounts in its own way: whoever binds gets every message back.
 */
#include <stdlib.h>

#include "c2s/plugin.h"
#include "common/base/arena.h"
#include "common/base/memory.h"
#include "common/io/loop.h"

#ifndef ECHO_ABI
#define ECHO_ABI C2S_PLUGIN_ABI
#endif

extern const struct c2s_plugin c2s_plugin;

static int start(struct worker *worker, void **state)
{
    *state = worker;
    return 0;
}

struct stopping {
    void (*stopped)(void *user);
    void *user;
};

static void stop_later(void *user)
{
    struct stopping *stopping = user;

    stopping->stopped(stopping->user);
    free(stopping);
}

static void stop(void *state, void (*stopped)(void *user), void *user)
{
    struct stopping *stopping = xcalloc(1, sizeof(*stopping));

    *stopping = (struct stopping){stopped, user};
    loop_defer(worker_loop(state), stop_later, stopping);
}

static void reload(void *state, const struct config *config)
{
    (void)state;
    (void)config;
}

static void bind(void *state, struct client *client, const struct jid *account,
                 const char *resource)
{
    struct jid *full = jid_dup_with_resource(account, resource ? resource : "echo");

    (void)state;
    client_bound(client, full, client);
    free(full);
}

static void stanza(void *state, void *session, struct stanza *received, int problem)
{
    (void)state;
    if (problem < 0 && received->kind == STANZA_MESSAGE) {
        struct jid *sender = jid_dup(&received->from);
        stanza_set_to(received, sender);
        client_send(session, received);
        free(sender);
    }
    stanza_unref(received);
}

/* Elements beside stanzas: what this plugin knows of XEP-0198 is to say no, late. */
static struct client *held;

static void answer(struct client *client, const char *name)
{
    struct arena *arena = arena_new();

    client_send_element(client, element_new(arena, "urn:test:echo", name));
    arena_free(arena);
}

static void answer_late(void *user)
{
    struct client *client = held;

    (void)user;
    if (client == NULL)
        return;
    held = NULL; /* the release brings the next element at once */
    answer(client, "later");
    client_release(client);
}

static void on_say(void *state, struct client *client, void *session, struct element *element)
{
    (void)element;
    if (held) {
        answer(client, "busy");
        return;
    }
    answer(client, session ? "session" : "stranger");
    held = client;
    client_hold(client);
    loop_defer(worker_loop(state), answer_late, NULL);
}

static void on_refused(void *state, struct client *client, struct element *element)
{
    (void)state;
    (void)element;
    answer(client, "refused");
}

static void on_fail(void *state, struct client *client, void *session, struct element *element)
{
    (void)state;
    (void)session;
    client_fail(client, STREAM_UNDEFINED_CONDITION, NULL, element);
}

static const struct c2s_element elements[] = {
    {"urn:test:echo", "say", STREAM_AUTHENTICATED, 0, on_say, on_refused},
    {"urn:test:echo", "bound", STREAM_BOUND, 0, on_say, on_refused},
    {"urn:test:echo", "unbound", STREAM_AUTHENTICATED, STREAM_BOUND, on_say, NULL},
    {"urn:test:echo", "fail", STREAM_BOUND, 0, on_fail, NULL},
    {0},
};

static void closed(void *state, void *session, enum client_end how)
{
    (void)state;
    (void)how;
    if (held == session)
        held = NULL;
}

static void client_gone(void *state, struct client *client)
{
    (void)state;
    if (held == client)
        held = NULL;
}

static void routed(void *state, struct stanza *received, int problem)
{
    (void)state;
    (void)problem;
    stanza_unref(received);
}

static void undelivered(void *state, struct stanza *lost)
{
    (void)state;
    stanza_unref(lost);
}

static void slots_changed(void *state)
{
    (void)state;
}

static void account_changed(void *state, const struct jid *account, bool may_stay,
                            struct client *keep)
{
    (void)state;
    (void)account;
    (void)may_stay;
    (void)keep;
}

const struct c2s_plugin c2s_plugin = {
    .abi = ECHO_ABI,
    .size = sizeof(struct c2s_plugin),
    .name = "echo",
    .start = start,
    .stop = stop,
    .reload = reload,
    .bind = bind,
    .stanza = stanza,
    .elements = elements,
    .closed = closed,
    .client_gone = client_gone,
    .routed = routed,
    .undelivered = undelivered,
    .slots_changed = slots_changed,
    .account_changed = account_changed,
};
