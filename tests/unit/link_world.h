/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * A router and links to it, all on one loop. What a daemon hears is written down as text, and each
 * test waits for the words it expects.
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <uv.h>

#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/component/link.h"
#include "common/component/slots.h"
#include "common/xmpp/namespaces.h"
#include "router/router.h"
#include "tests/unit/unit.h"

#define WAIT_MS 20000

struct world {
    char *directory;
    struct loop *loop;
    struct parser_pool *pool;
    struct config *config;
    struct router *router; /* NULL: not running */
    struct daemon *daemons;
    bool stopped;
};

struct daemon {
    struct world *world;
    struct link *link; /* NULL: closed */
    struct buffer heard;
    struct daemon *prev, *next; /* world->daemons */
};

/* --- what daemons hear --- */

static inline void hear(struct daemon *daemon, const char *format, ...) PRINTF_LIKE(2, 3);

static inline void hear(struct daemon *daemon, const char *format, ...)
{
    char *text;
    va_list arguments;
    va_start(arguments, format);
    assert_true(vasprintf(&text, format, arguments) >= 0);
    va_end(arguments);
    buffer_append_text(&daemon->heard, text);
    buffer_append_char(&daemon->heard, '\n');
    free(text);
}

static inline void on_up(void *user)
{
    hear(user, "up");
}

static inline void on_down(void *user)
{
    hear(user, "down");
}

static inline const char *error_name(const struct stanza *stanza)
{
    if (!stanza_is_error(stanza))
        return "";
    return element_first(stanza_error_element(stanza))->name;
}

static inline void on_stanza(void *user, struct stanza *stanza, int problem)
{
    assert_int_equal(problem, -1);
    hear(user, "%s %s %s", stanza_kind_name(stanza->kind), stanza_id(stanza), error_name(stanza));
    stanza_unref(stanza);
}

static inline void on_route(void *user, const char *name, bool available, const char *incarnation)
{
    assert_int_equal(strlen(incarnation), 32);
    hear(user, "route %c%s", available ? '+' : '-', name ? name : "(default)");
}

static inline void on_members(void *user, const struct link_members *members)
{
    struct buffer ids = {0};
    for (size_t i = 0; i < members->count; i++)
        buffer_printf(&ids, " %s", members->ids[i]);
    for (unsigned slot = 0; slot < SLOTS; slot++)
        assert_int_equal(members->owner[slot], slot_owner(slot, members->ids, members->count));
    hear(user, "members %s:%s", members->name, ids.data);
    buffer_fini(&ids);
}

static inline void on_refused(void *user, const struct link_bind *bind, const char *condition)
{
    hear(user, "refused %s %s", bind->name ? bind->name : "(default)", condition);
}

static inline void on_link_drained(void *user)
{
    hear(user, "drained");
}

static inline void on_undelivered(void *user, struct stanza *stanza)
{
    hear(user, "undelivered %s", stanza_id(stanza));
    stanza_unref(stanza);
}

static inline void on_offer(void *user, const struct durable *offer, struct stanza *stanza)
{
    hear(user, "offer %s %u %s: %s %s", offer->id, offer->attempt,
         offer->after ? offer->after : "-", stanza_kind_name(stanza->kind), stanza_id(stanza));
    stanza_unref(stanza);
}

static inline void on_answered(void *user, const struct durable *answer)
{
    bool refused = answer->kind == DURABLE_REFUSED;
    hear(user, "%s %s%s%s", durable_name(answer->kind), answer->id, refused ? " " : "",
         refused ? stanza_condition_name(answer->reason) : "");
}

static inline void on_full(void *user, const char *id)
{
    hear(user, "full %s", id);
}

static inline void on_ready(void *user, const char *name)
{
    hear(user, "ready %s", name ? name : "(default)");
}

static inline void on_closed(void *user)
{
    struct daemon *daemon = user;
    hear(daemon, "closed");
    daemon->link = NULL;
}

static const struct link_ops link_ops = {
    .up = on_up,
    .down = on_down,
    .stanza = on_stanza,
    .route = on_route,
    .members = on_members,
    .refused = on_refused,
    .drained = on_link_drained,
    .undelivered = on_undelivered,
    .offer = on_offer,
    .answered = on_answered,
    .full = on_full,
    .ready = on_ready,
    .closed = on_closed,
};

static inline bool has_heard(const struct daemon *daemon, const char *line)
{
    char *wanted = xasprintf("%s\n", line);
    const char *at = daemon->heard.data ? strstr(daemon->heard.data, wanted) : NULL;
    bool found = at && (at == daemon->heard.data || at[-1] == '\n');
    free(wanted);
    return found;
}

static inline void forget(struct daemon *daemon)
{
    buffer_clear(&daemon->heard);
}

static inline void turn(struct world *world, uint64_t *left_ms)
{
    uint64_t before = uv_hrtime();
    uv_run(loop_uv(world->loop), UV_RUN_ONCE);
    uint64_t spent = (uv_hrtime() - before) / 1000000;
    *left_ms -= MIN(*left_ms, spent);
}

static inline void await(struct daemon *daemon, const char *line)
{
    uint64_t left_ms = WAIT_MS;
    while (!has_heard(daemon, line)) {
        if (left_ms == 0)
            fail_msg("\"%s\" was never heard, only:\n%s", line, daemon->heard.data);
        turn(daemon->world, &left_ms);
    }
}

static inline void daemon_free(struct daemon *daemon)
{
    if (daemon->link) {
        link_close(daemon->link);
        await(daemon, "closed");
    }
    DL_DELETE(daemon->world->daemons, daemon);
    buffer_fini(&daemon->heard);
    free(daemon);
}

/* --- the world --- */

static inline void on_stopped(void *user)
{
    struct world *world = user;
    world->stopped = true;
}

static inline void start_router(struct world *world)
{
    void *state;
    assert_int_equal(router_start(world->loop, world->config, &state), 0);
    world->router = state;
}

static inline void stop_router(struct world *world)
{
    uint64_t left_ms = WAIT_MS;
    world->stopped = false;
    router_stop(world->router, on_stopped, world);
    world->router = NULL;
    while (!world->stopped && left_ms > 0)
        turn(world, &left_ms);
    assert_true(world->stopped);
}

static inline char *path_in(const struct world *world, const char *name)
{
    return xasprintf("%s/%s", world->directory, name);
}

static inline void write_file(const struct world *world, const char *name, const char *text)
{
    char *path = path_in(world, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fchmod(fileno(file), 0600), 0);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    free(path);
}

static inline void configure(struct world *world, const char *more)
{
    char *text = xasprintf("[node]\nhost = alpha.example.test\nnetwork = example.test\n"
                           "run-directory = %s\n[component \"irc.example.test\"]\n"
                           "secret-file = %s/secret\ndomain = irc2.test\n"
                           "[router]\nlisten = 127.0.0.1:0\n%s\n",
                           world->directory, world->directory, more);
    char *path = path_in(world, "kontalk.conf");
    write_file(world, "kontalk.conf", text);
    config_free(world->config);
    assert_int_equal(config_load(path, stderr, &world->config), 0);
    free(path);
    free(text);
}

static inline int set_up(void **state)
{
    char pattern[] = "/tmp/kontalk-link-XXXXXX";
    struct world *world = xcalloc(1, sizeof(*world));
    log_set_level(LOG_LEVEL_ERROR);
    world->directory = xstrdup(mkdtemp(pattern));
    world->loop = loop_new();
    world->pool = parser_pool_new();
    write_file(world, "secret", "s3cret");
    configure(world, "shared-hold = 0");
    *state = world;
    return 0;
}

static inline int tear_down(void **state)
{
    static const char *const files[] = {"secret", "kontalk.conf"};
    struct world *world = *state;
    while (world->daemons) /* of a test that failed */
        daemon_free(world->daemons);
    if (world->router)
        stop_router(world);
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        char *path = path_in(world, files[i]);
        unlink(path);
        free(path);
    }
    loop_free(world->loop);
    assert_int_equal(parser_pool_lent(world->pool), 0);
    parser_pool_free(world->pool);
    config_free(world->config);
    assert_int_equal(rmdir(world->directory), 0); /* the router removes its sockets */
    free(world->directory);
    free(world);
    return 0;
}

static inline struct daemon *daemon_with(struct world *world, struct link_settings settings,
                                         const struct link_bind *binds, size_t count)
{
    struct daemon *daemon = xcalloc(1, sizeof(*daemon));
    daemon->world = world;
    DL_APPEND(world->daemons, daemon);
    daemon->link = link_new(world->loop, world->pool, &settings, &link_ops, daemon);
    for (size_t i = 0; i < count; i++)
        link_bind(daemon->link, &binds[i]);
    return daemon;
}

static inline struct daemon *daemon_new(struct world *world, const char *role, const char *name,
                                        const struct link_bind *binds, size_t count)
{
    char *address = xasprintf("unix:%s/%s.sock", world->directory, role);
    struct daemon *daemon =
        daemon_with(world, (struct link_settings){.address = address, .name = name}, binds, count);
    free(address);
    return daemon;
}

static inline struct daemon *c2s_new(struct world *world, const char *id)
{
    const struct link_bind binds[] = {
        {.name = "alpha.example.test", .shared = id},
        {.name = "example.test", .shared = id},
    };
    return daemon_new(world, "c2s", id, binds, ARRAY_SIZE(binds));
}

static inline struct daemon *s2s_new(struct world *world)
{
    return daemon_new(world, "s2s", "s2s", &(const struct link_bind){.is_default = true}, 1);
}

static inline struct daemon *net_new(struct world *world)
{
    return daemon_new(world, "net", "net", &(const struct link_bind){.name = "beta.example.test"},
                      1);
}

static inline struct stanza *message_of(const char *id, const char *from, const char *to)
{
    struct stanza *stanza = stanza_new(STANZA_MESSAGE, MESSAGE_CHAT);
    struct jid jid;
    element_set(stanza->root, "id", id);
    assert_int_equal(jid_parse(stanza->arena, from, &jid), 0);
    stanza_set_from(stanza, &jid);
    assert_int_equal(jid_parse(stanza->arena, to, &jid), 0);
    stanza_set_to(stanza, &jid);
    element_add_with_text(stanza->root, NS_CLIENT, "body", "x");
    return stanza;
}

static inline int try_say(struct daemon *daemon, const char *id, const char *from, const char *to)
{
    struct stanza *stanza = message_of(id, from, to);
    int error = link_send(daemon->link, stanza);
    stanza_unref(stanza);
    return error;
}

static inline void say(struct daemon *daemon, const char *id, const char *from, const char *to)
{
    assert_int_equal(try_say(daemon, id, from, to), 0);
}
