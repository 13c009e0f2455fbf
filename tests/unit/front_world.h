/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * One worker, alpha.example.net/c2s-1, with clients, fronts and owners as they are, and another
 * worker with which it has trunks: that one is the test, which says and hears what it likes. Loop,
 * timers, directory and credentials are fakes; what goes to the router comes to the test.
 */
#pragma once

#include <stdlib.h>
#include <string.h>

#include "c2s/credentials.h"
#include "c2s/directory/directory.h"
#include "c2s/front/channel.h"
#include "c2s/tokens.h"
#include "common/base/encode.h"
#include "common/base/error.h"
#include "common/io/loop_internal.h"
#include "common/sasl/sasl.h"
#include "common/xmpp/namespaces.h"
#include "tests/unit/config_files.h"
#include "tests/unit/fake_timers.h"
#include "tests/unit/network_text.h"

#define TASKS   2048
#define CLIENTS 8
#define SELF    "alpha.example.net/c2s-1"
#define PEER    "beta.example.net/c2s-1"
#define SIBLING "alpha.example.net/c2s-2"
#define ALICE   "alice@example.net"

/* A client with a connection here. */
struct caller {
    struct client *client; /* NULL: gone */
    struct buffer heard;
    size_t queued; /* that it does not read */
    unsigned paused;
    bool closing;
};

struct loop_task {
    void (*run)(void *user);
    void *user;
};

static struct {
    struct loop_task *tasks[TASKS];
    size_t first, count;
    struct files *files;
    struct network_world keys;
    struct network *network;
    struct worker worker;
    struct domain domain;
    struct domains domains;
    struct caller callers[CLIENTS];
    const char *place; /* of every account: a host; "": nobody's, NULL: not known */
    /* The other worker. */
    struct jid *peer;
    struct trunk *trunk;
    bool away;                  /* nothing passes between the two */
    char *asked;                /* <where/>: who has asked, and for which account */
    char *question;             /* its id */
    char *answered;             /* <here/>: which question */
    struct buffer heard;        /* its elements, a line each, with what matters */
    uint64_t channel;           /* of the last one */
    const char *dead;           /* the trunk */
    struct stanza *held[TASKS]; /* on the way to us */
    size_t held_count;
    /* The plugin of this worker. */
    struct buffer plugin;  /* what it hears */
    struct client *asking; /* for a resource, or for what SASL2 brings */
    struct account_fetch *fetching;
} world;

/* --- the loop --- */

struct loop_task *loop_defer(struct loop *loop UNUSED, void (*task)(void *user), void *user)
{
    struct loop_task *entry = xcalloc(1, sizeof(*entry));

    assert_true(world.count < TASKS);
    *entry = (struct loop_task){task, user};
    world.tasks[(world.first + world.count++) % TASKS] = entry;
    return entry;
}

void loop_defer_cancel(struct loop_task *task)
{
    task->run = NULL;
}

static void run_tasks(void)
{
    while (world.count > 0) {
        struct loop_task *task = world.tasks[world.first];

        world.first = (world.first + 1) % TASKS;
        world.count--;
        if (task->run)
            task->run(task->user);
        free(task);
    }
}

void loop_work(struct loop *loop UNUSED, void (*work)(void *user) UNUSED,
               void (*done)(void *user) UNUSED, void *user UNUSED)
{
    fail_msg("nothing needs a thread here");
}

struct uv_loop_s *loop_uv(struct loop *loop UNUSED)
{
    return NULL;
}

char *loop_scratch(struct loop *loop UNUSED, size_t *size)
{
    *size = 0;
    return NULL;
}

void loop_flush_add(struct loop *loop UNUSED, struct loop_flush *flush UNUSED)
{
}

void loop_flush_remove(struct loop *loop UNUSED, struct loop_flush *flush UNUSED)
{
}

/* --- nobody is invited --- */

const struct stream_feature client_register = {.name = "register"};

void registration_abandon(struct registration *registration UNUSED)
{
}

void registration_answer(struct client *client UNUSED)
{
}

/* --- the worker --- */

bool link_is_up(const struct link *link UNUSED)
{
    return true;
}

bool worker_is_congested(const struct worker *worker UNUSED)
{
    return false;
}

bool worker_serves(struct worker *worker UNUSED, const char *domain)
{
    return strcmp(domain, "example.net") == 0;
}

const struct network *worker_document(const struct worker *worker UNUSED)
{
    return world.network;
}

uint64_t worker_handshake_wait(struct worker *worker UNUSED)
{
    return 0;
}

void worker_client_closed(struct worker *worker, struct client *client)
{
    DL_DELETE(worker->clients, client);
    for (size_t i = 0; i < CLIENTS; i++)
        if (world.callers[i].client == client)
            world.callers[i].client = NULL;
}

/* --- directory and credentials --- */

static void set_place(struct directory_place *place)
{
    bool known = world.place && *world.place;

    *place = (struct directory_place){.answer = !world.place    ? DIRECTORY_UNKNOWN
                                                : !*world.place ? DIRECTORY_NOBODY
                                                                : DIRECTORY_ELSEWHERE,
                                      .home = known ? "beta" : NULL,
                                      .host = known ? world.place : NULL,
                                      .epoch = known};
    if (known && strcmp(world.place, world.worker.host) == 0)
        place->answer = DIRECTORY_HERE;
}

bool directory_look(struct worker *worker UNUSED, const struct jid *jid UNUSED,
                    struct directory_place *place)
{
    set_place(place);
    return true;
}

struct directory_question *directory_ask(struct worker *worker UNUSED, const struct jid *jid UNUSED,
                                         directory_found *done UNUSED, void *user UNUSED)
{
    fail_msg("it is known");
    return NULL;
}

void directory_cancel(struct directory_question *question)
{
    assert_null(question);
}

struct account_fetch {
    account_fetched *done;
    void *user;
};

struct account_fetch *account_fetch(struct db *db UNUSED, const struct jid *account UNUSED,
                                    int hash UNUSED, account_fetched *done, void *user)
{
    struct account_fetch *fetch = xcalloc(1, sizeof(*fetch));

    assert_null(world.fetching);
    *fetch = (struct account_fetch){done, user};
    return world.fetching = fetch;
}

void account_fetch_cancel(struct account_fetch *fetch)
{
    if (fetch)
        world.fetching = NULL;
    free(fetch);
}

struct token_fetch *tokens_fetch(struct db *db UNUSED, const struct jid *account UNUSED,
                                 const char *device UNUSED, tokens_fetched *done UNUSED,
                                 void *user UNUSED)
{
    fail_msg("there are no tokens");
    return NULL;
}

void tokens_fetch_cancel(struct token_fetch *fetch)
{
    assert_null(fetch);
}

/* --- the other worker --- */

static const char *value(const struct element *element, const char *name)
{
    const char *text = element_get(element, name);

    return text ? text : "-";
}

/* "7 bind phone", without the number: what it is, and what it says. */
static void peer_hears(void *user UNUSED, struct element *element)
{
    static const char *const names[] = {"jid",       "resource", "how", "condition",
                                        "mechanism", "refused",  "n",   "wait"};
    const char *id = value(element, "i");

    world.channel = strtoull(id, NULL, 10);
    buffer_append_text(&world.heard, element->name);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (element_get(element, names[i]))
            buffer_printf(&world.heard, " %s=%s", names[i], value(element, names[i]));
    if (strcmp(element->name, "s") == 0)
        buffer_printf(&world.heard, " %s", element_first(element)->name);
    buffer_append_text(&world.heard, "\n");
}

static int peer_sends(void *user UNUSED, struct stanza *frame)
{
    if (world.away)
        return 0; /* lost on the way */
    assert_true(world.held_count < TASKS);
    world.held[world.held_count++] = stanza_copy(frame);
    return 0;
}

static void peer_room(void *user UNUSED)
{
}

static void peer_dead(void *user UNUSED, const char *reason)
{
    world.dead = reason;
}

static const struct trunk_ops peer_ops = {peer_sends, peer_hears, peer_room, peer_dead};

/* A new process there, which opens a trunk to us (peer NULL) or has been opened one. */
static void peer_begins(const char *peer)
{
    static unsigned processes;
    char *name = xasprintf("%016x", ++processes);
    const struct trunk_settings settings = {
        .from = world.peer, .to = world.worker.front->self, .name = name, .peer = peer};

    if (world.trunk)
        trunk_free(world.trunk);
    world.trunk = trunk_new(&settings, &peer_ops, NULL);
    world.dead = NULL;
    free(name);
}

static bool is_opening(const struct trunk_frame *frame)
{
    const char *known = world.trunk ? trunk_peer(world.trunk) : NULL;

    return !frame->you && frame->number == 1 && !(known && strcmp(known, frame->me) == 0);
}

static void peer_gets_frame(const struct element *t)
{
    struct trunk_frame frame;

    assert_true(trunk_read(t, &frame));
    if (is_opening(&frame))
        peer_begins(frame.me);
    if (world.trunk && (!frame.you || strcmp(frame.you, trunk_name(world.trunk)) == 0)) {
        trunk_take(world.trunk, t);
        trunk_settle(world.trunk);
    } else if (frame.you && !frame.reset) {
        struct stanza *reset =
            trunk_make_reset(world.peer, world.worker.front->self, frame.you, frame.me);
        peer_sends(NULL, reset);
        stanza_unref(reset);
    }
}

int worker_route(struct worker *worker UNUSED, struct stanza *stanza)
{
    const struct element *payload = element_first(stanza->root);

    if (world.away)
        return 0;
    if (strcmp(payload->name, "where") == 0) {
        free(world.asked);
        free(world.question);
        world.asked = xasprintf("%s %s", stanza->from.full, stanza->to.full);
        world.question = xstrdup(value(payload, "id"));
    } else if (strcmp(payload->name, "here") == 0) {
        free(world.answered);
        world.answered = xasprintf("%s %s", stanza->to.full, value(payload, "id"));
    } else {
        peer_gets_frame(payload);
    }
    return 0;
}

/* What is on its way arrives, and what it causes. */
static void pump(void)
{
    do {
        run_tasks();
        while (world.held_count > 0) {
            struct stanza *stanza = world.held[0];

            memmove(&world.held[0], &world.held[1], --world.held_count * sizeof(world.held[0]));
            front_message(&world.worker, NULL, stanza, element_first(stanza->root));
        }
    } while (world.count > 0);
}

/* A node message of the other worker. */
static void peer_tells(const char *name, const char *id)
{
    struct stanza *message = stanza_new(STANZA_MESSAGE, MESSAGE_NORMAL);
    struct arena *arena = arena_new();
    struct jid to;

    assert_int_equal(jid_parse(arena, strcmp(name, "where") == 0 ? ALICE : SELF, &to), 0);
    stanza_set_from(message, world.peer);
    stanza_set_to(message, &to);
    element_set(element_add(message->root, NS_TRUNK, name), "id", id);
    peer_sends(NULL, message);
    stanza_unref(message);
    arena_free(arena);
    pump();
}

/* An element of the last channel, with attributes "name value name value …" (NULL: none), and a
 * text in Base64, or with one element in it. */
static struct element *peer_begins_saying(const char *name, const char *attributes)
{
    struct element *element = trunk_begin(world.trunk, name);
    char *words = xstrdup(attributes ? attributes : ""), *rest = words, *key, *text;

    element_set(element, "i",
                arena_printf(element->arena, "%llu", (unsigned long long)world.channel));
    while ((key = strtok_r(rest, " ", &rest)) && (text = strtok_r(rest, " ", &rest)))
        element_set(element, key, text);
    free(words);
    return element;
}

static void peer_says(const char *name, const char *attributes)
{
    peer_begins_saying(name, attributes);
    trunk_send(world.trunk);
    pump();
}

/* Its next lines are these. */
#define peer_heard(lines) expect_text(&world.heard, lines)

static void expect_text(struct buffer *heard, const char *text)
{
    assert_string_equal(heard->length ? heard->data : "", text);
    heard->length = 0;
}
