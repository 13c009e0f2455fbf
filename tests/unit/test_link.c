/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Links against a router, all on one loop. What a daemon hears is written down as text, and each
 * test waits for the words it expects.
 */
#include "common/component/link.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <uv.h>

#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/memory.h"
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
    bool stopped;
};

struct daemon {
    struct world *world;
    struct link *link; /* NULL: closed */
    struct buffer heard;
};

/* --- what daemons hear --- */

static void hear(struct daemon *daemon, const char *format, ...) PRINTF_LIKE(2, 3);

static void hear(struct daemon *daemon, const char *format, ...)
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

static void on_up(void *user)
{
    hear(user, "up");
}

static void on_down(void *user)
{
    hear(user, "down");
}

static const char *error_name(const struct stanza *stanza)
{
    if (!stanza_is_error(stanza))
        return "";
    return element_first(stanza_error_element(stanza))->name;
}

static void on_stanza(void *user, struct stanza *stanza, int problem)
{
    assert_int_equal(problem, -1);
    hear(user, "%s %s %s", stanza_kind_name(stanza->kind), stanza_id(stanza), error_name(stanza));
    stanza_unref(stanza);
}

static void on_route(void *user, const char *name, bool available, const char *incarnation)
{
    assert_int_equal(strlen(incarnation), 32);
    hear(user, "route %c%s", available ? '+' : '-', name ? name : "(default)");
}

static void on_members(void *user, const struct link_members *members)
{
    struct buffer ids = {0};
    for (size_t i = 0; i < members->count; i++)
        buffer_printf(&ids, " %s", members->ids[i]);
    for (unsigned slot = 0; slot < SLOTS; slot++)
        assert_int_equal(members->owner[slot], slot_owner(slot, members->ids, members->count));
    hear(user, "members %s:%s", members->name, ids.data);
    buffer_fini(&ids);
}

static void on_refused(void *user, const struct link_bind *bind, const char *condition)
{
    hear(user, "refused %s %s", bind->name ? bind->name : "(default)", condition);
}

static void on_undelivered(void *user, struct stanza *stanza)
{
    hear(user, "undelivered %s", stanza_id(stanza));
    stanza_unref(stanza);
}

static void on_closed(void *user)
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
    .undelivered = on_undelivered,
    .closed = on_closed,
};

static bool has_heard(const struct daemon *daemon, const char *line)
{
    char *wanted = xasprintf("%s\n", line);
    const char *at = daemon->heard.data ? strstr(daemon->heard.data, wanted) : NULL;
    bool found = at && (at == daemon->heard.data || at[-1] == '\n');
    free(wanted);
    return found;
}

static void forget(struct daemon *daemon)
{
    buffer_clear(&daemon->heard);
}

static void turn(struct world *world, uint64_t *left_ms)
{
    uint64_t before = uv_hrtime();
    uv_run(loop_uv(world->loop), UV_RUN_ONCE);
    uint64_t spent = (uv_hrtime() - before) / 1000000;
    *left_ms -= MIN(*left_ms, spent);
}

static void await(struct daemon *daemon, const char *line)
{
    uint64_t left_ms = WAIT_MS;
    while (!has_heard(daemon, line)) {
        if (left_ms == 0)
            fail_msg("\"%s\" was never heard, only:\n%s", line, daemon->heard.data);
        turn(daemon->world, &left_ms);
    }
}

/* --- the world --- */

static void on_stopped(void *user)
{
    struct world *world = user;
    world->stopped = true;
}

static void start_router(struct world *world)
{
    void *state;
    assert_int_equal(router_start(world->loop, world->config, &state), 0);
    world->router = state;
}

static void stop_router(struct world *world)
{
    uint64_t left_ms = WAIT_MS;
    world->stopped = false;
    router_stop(world->router, on_stopped, world);
    world->router = NULL;
    while (!world->stopped && left_ms > 0)
        turn(world, &left_ms);
    assert_true(world->stopped);
}

static char *path_in(const struct world *world, const char *name)
{
    return xasprintf("%s/%s", world->directory, name);
}

static void write_file(const struct world *world, const char *name, const char *text)
{
    char *path = path_in(world, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fchmod(fileno(file), 0600), 0);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    free(path);
}

static void configure(struct world *world, const char *more)
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

static int set_up(void **state)
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

static int tear_down(void **state)
{
    static const char *const files[] = {"secret", "kontalk.conf"};
    struct world *world = *state;
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

static struct daemon *daemon_with(struct world *world, struct link_settings settings,
                                  const struct link_bind *binds, size_t count)
{
    struct daemon *daemon = xcalloc(1, sizeof(*daemon));
    daemon->world = world;
    daemon->link = link_new(world->loop, world->pool, &settings, &link_ops, daemon);
    for (size_t i = 0; i < count; i++)
        link_bind(daemon->link, &binds[i]);
    return daemon;
}

static struct daemon *daemon_new(struct world *world, const char *role, const char *name,
                                 const struct link_bind *binds, size_t count)
{
    char *address = xasprintf("unix:%s/%s.sock", world->directory, role);
    struct daemon *daemon =
        daemon_with(world, (struct link_settings){.address = address, .name = name}, binds, count);
    free(address);
    return daemon;
}

static struct daemon *c2s_new(struct world *world, const char *id)
{
    const struct link_bind binds[] = {
        {.name = "alpha.example.test", .shared = id},
        {.name = "example.test", .shared = id},
    };
    return daemon_new(world, "c2s", id, binds, ARRAY_SIZE(binds));
}

static struct daemon *s2s_new(struct world *world)
{
    return daemon_new(world, "s2s", "s2s", &(const struct link_bind){.is_default = true}, 1);
}

static struct daemon *net_new(struct world *world)
{
    return daemon_new(world, "net", "net", &(const struct link_bind){.name = "beta.example.test"},
                      1);
}

static void daemon_free(struct daemon *daemon)
{
    if (daemon->link) {
        link_close(daemon->link);
        await(daemon, "closed");
    }
    buffer_fini(&daemon->heard);
    free(daemon);
}

static int try_say(struct daemon *daemon, const char *id, const char *from, const char *to)
{
    struct stanza *stanza = stanza_new(STANZA_MESSAGE, MESSAGE_CHAT);
    struct jid jid;
    element_set(stanza->root, "id", id);
    assert_int_equal(jid_parse(stanza->arena, from, &jid), 0);
    stanza_set_from(stanza, &jid);
    assert_int_equal(jid_parse(stanza->arena, to, &jid), 0);
    stanza_set_to(stanza, &jid);
    element_add_with_text(stanza->root, NS_CLIENT, "body", "x");
    int error = link_send(daemon->link, stanza);
    stanza_unref(stanza);
    return error;
}

static void say(struct daemon *daemon, const char *id, const char *from, const char *to)
{
    assert_int_equal(try_say(daemon, id, from, to), 0);
}

/* --- tests --- */

static void stanzas_go_where_their_domain_is(void **state)
{
    struct world *world = *state;
    start_router(world);
    struct daemon *c2s = c2s_new(world, "c2s-1");
    struct daemon *s2s = s2s_new(world);
    struct daemon *net = net_new(world);
    await(c2s, "up");
    await(s2s, "up");
    await(net, "up");

    say(c2s, "1", "a@example.test/r", "b@example.test");
    say(c2s, "2", "a@example.test", "x@jabber.test");
    say(c2s, "3", "alpha.example.test", "beta.example.test/c2s-1");
    say(s2s, "4", "x@jabber.test", "a@example.test");
    say(net, "5", "beta.example.test", "alpha.example.test/c2s-1");
    await(c2s, "message 1 ");
    await(s2s, "message 2 ");
    await(net, "message 3 ");
    await(c2s, "message 4 ");
    await(c2s, "message 5 ");

    /* doors are no relays */
    say(s2s, "6", "x@jabber.test", "y@other.test");
    say(net, "7", "beta.example.test", "x@jabber.test");
    say(net, "8", "beta.example.test", "beta.example.test");
    await(s2s, "message 6 remote-server-not-found");
    await(net, "message 7 remote-server-not-found");
    await(net, "message 8 remote-server-not-found");
    /* never known; the network's own names do not take the default route */
    say(c2s, "9", "a@example.test", "gamma.example.test");
    await(c2s, "message 9 remote-server-not-found");
    say(c2s, "10", "a@example.test", "irc.example.test");
    await(c2s, "message 10 remote-server-timeout");
    daemon_free(net);
    say(c2s, "11", "a@example.test", "beta.example.test");
    await(c2s, "message 11 remote-server-timeout");
    daemon_free(s2s);
    say(c2s, "12", "a@example.test", "x@jabber.test");
    await(c2s, "message 12 remote-server-timeout");
    daemon_free(c2s);
}

static void routes_are_announced(void **state)
{
    struct world *world = *state;
    start_router(world);
    struct daemon *c2s = c2s_new(world, "c2s-1");
    await(c2s, "up");
    struct daemon *s2s = s2s_new(world);
    await(s2s, "route +alpha.example.test");
    await(s2s, "route +example.test");
    await(c2s, "route +(default)");
    struct daemon *net = net_new(world);
    await(net, "up");
    await(net, "route +(default)");
    await(net, "route +example.test");
    assert_false(has_heard(net, "route +beta.example.test"));
    await(c2s, "route +beta.example.test");
    const struct link_bind hidden = {.name = "gamma.example.test", .is_private = true};
    link_bind(net->link, &hidden);
    link_unbind(net->link, "beta.example.test");
    await(c2s, "route -beta.example.test");
    assert_false(has_heard(c2s, "route +gamma.example.test"));
    daemon_free(s2s);
    await(c2s, "route -(default)");
    daemon_free(net);
    daemon_free(c2s);
}

static void workers_share_accounts(void **state)
{
    static const char *const ids[] = {"c2s-1", "c2s-2"};
    struct world *world = *state;
    struct daemon *workers[2];
    start_router(world);
    workers[0] = c2s_new(world, ids[0]);
    await(workers[0], "up");
    await(workers[0], "members example.test: c2s-1");
    workers[1] = c2s_new(world, ids[1]);
    await(workers[1], "up");
    await(workers[0], "members example.test: c2s-1 c2s-2");
    await(workers[1], "members example.test: c2s-1 c2s-2");
    await(workers[1], "members alpha.example.test: c2s-1 c2s-2");

    for (int i = 0; i < 20; i++) {
        char *to = xasprintf("user%d@example.test", i);
        char *line = xasprintf("message m%d ", i);
        char *id = xasprintf("m%d", i);
        say(workers[i % 2], id, "a@example.test", to);
        await(workers[slot_owner(slot_of(to), ids, 2)], line);
        free(id);
        free(line);
        free(to);
    }
    say(workers[0], "to2", "alpha.example.test/c2s-1", "alpha.example.test/c2s-2");
    await(workers[1], "message to2 ");

    forget(workers[1]);
    daemon_free(workers[0]);
    await(workers[1], "members example.test: c2s-2");
    await(workers[1], "route -example.test");
    daemon_free(workers[1]);
}

/* Lesson 6: everything comes back by itself, and nothing waits for ever. */
static void links_survive_the_router(void **state)
{
    struct world *world = *state;
    start_router(world);
    struct daemon *c2s = c2s_new(world, "c2s-1");
    struct daemon *s2s = s2s_new(world);
    await(c2s, "up");
    await(s2s, "up");
    for (int round = 0; round < 3; round++) {
        stop_router(world);
        await(c2s, "down");
        await(s2s, "down");
        assert_false(link_is_up(c2s->link));
        forget(c2s);
        forget(s2s);
        say(c2s, "a", "a@example.test", "x@jabber.test");
        say(c2s, "b", "a@example.test", "b@example.test");
        start_router(world);
        await(c2s, "up");
        await(s2s, "up");
        await(c2s, "message b ");
        say(c2s, "c", "a@example.test", "x@jabber.test");
        await(s2s, "message c ");
    }
    daemon_free(c2s);
    daemon_free(s2s);
}

/* A stanza for a shared name waits until the members had time to come back. */
static void shared_names_are_held_after_a_start(void **state)
{
    struct world *world = *state;
    configure(world, "shared-hold = 300ms");
    start_router(world);
    struct daemon *s2s = s2s_new(world);
    await(s2s, "up");
    say(s2s, "1", "x@jabber.test", "a@example.test");
    say(s2s, "2", "x@jabber.test", "b@example.test");
    say(s2s, "3", "x@jabber.test", "beta.example.test");
    await(s2s, "message 3 remote-server-not-found");
    assert_false(has_heard(s2s, "message 1 remote-server-timeout"));
    struct daemon *c2s = c2s_new(world, "c2s-1");
    await(c2s, "message 1 ");
    await(c2s, "message 2 ");
    assert_false(has_heard(s2s, "message 1 remote-server-timeout"));
    daemon_free(c2s);
    daemon_free(s2s);
}

static void what_nobody_came_back_for_is_bounced(void **state)
{
    struct world *world = *state;
    configure(world, "shared-hold = 100ms");
    start_router(world);
    struct daemon *s2s = s2s_new(world);
    struct daemon *other = net_new(world);
    await(s2s, "up");
    await(other, "up");
    say(other, "1", "beta.example.test", "example.test");
    say(s2s, "2", "x@jabber.test", "example.test");
    daemon_free(other); /* its bounce has nowhere to go */
    await(s2s, "message 2 remote-server-timeout");
    daemon_free(s2s);
}

static void a_taken_id_is_asked_for_again(void **state)
{
    struct world *world = *state;
    start_router(world);
    struct daemon *first = c2s_new(world, "c2s-1");
    await(first, "up");
    struct daemon *second = c2s_new(world, "c2s-1");
    await(second, "refused example.test conflict");
    assert_false(link_is_up(second->link));
    daemon_free(first);
    await(second, "up");
    say(second, "1", "a@example.test", "b@example.test");
    await(second, "message 1 ");
    daemon_free(second);
}

static void foreign_names_are_refused(void **state)
{
    static const struct {
        const char *role;
        struct link_bind bind;
        const char *line;
    } rows[] = {
        {"c2s", {.name = "jabber.test"}, "refused jabber.test forbidden"},
        {"c2s", {.name = "beta.example.test"}, "refused beta.example.test forbidden"},
        {"c2s", {.is_default = true}, "refused (default) forbidden"},
        {"c2s", {.name = "example.test", .log = true}, "refused example.test forbidden"},
        {"net", {.name = "alpha.example.test"}, "refused alpha.example.test forbidden"},
        {"net", {.name = "example.test"}, "refused example.test forbidden"},
        {"net", {.name = "evilexample.test"}, "refused evilexample.test forbidden"},
        {"net", {.name = "irc.example.test"}, "refused irc.example.test forbidden"},
        {"net",
         {.name = "beta.example.test", .shared = "n"},
         "refused beta.example.test forbidden"},
        {"s2s", {.name = "example.test"}, "refused example.test forbidden"},
        {"s2s", {.name = "jabber.test", .is_default = true}, "refused jabber.test forbidden"},
        {"s2s", {.is_default = true, .is_private = true}, "refused (default) forbidden"},
        {"c2s", {.name = "a b"}, "refused a b jid-malformed"},
        {"c2s", {.name = "example.test", .shared = ""}, "refused example.test bad-request"},
        {"s2s", {.shared = "x", .is_default = true}, "refused (default) bad-request"},
    };
    struct world *world = *state;
    start_router(world);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct daemon *daemon = daemon_new(world, rows[i].role, "x", &rows[i].bind, 1);
        await(daemon, rows[i].line);
        assert_false(link_is_up(daemon->link));
        daemon_free(daemon);
    }
}

static void third_parties_prove_a_secret(void **state)
{
    struct world *world = *state;
    start_router(world);
    const struct router_listener *door = &world->router->listeners[ROLE_COMPONENT];
    const struct link_settings settings = {.address = listener_address(door->listener),
                                           .name = "irc.example.test",
                                           .secret = "s3cret"};
    const struct link_bind binds[] = {{.name = "irc.example.test"}, {.name = "irc2.test"}};
    struct daemon *c2s = c2s_new(world, "c2s-1");
    await(c2s, "up");
    struct daemon *irc = daemon_with(world, settings, binds, ARRAY_SIZE(binds));
    await(irc, "up");
    await(c2s, "route +irc.example.test");
    await(c2s, "route +irc2.test");
    say(c2s, "1", "a@example.test", "#c@irc.example.test");
    await(irc, "message 1 ");
    say(irc, "2", "#c@irc2.test/n", "a@example.test/r");
    await(c2s, "message 2 ");
    /* lesson 3: all its names go with it */
    daemon_free(irc);
    await(c2s, "route -irc.example.test");
    await(c2s, "route -irc2.test");
    daemon_free(c2s);
}

static void patience_ends(void **state)
{
    struct world *world = *state;
    char *address = xasprintf("unix:%s/c2s.sock", world->directory);
    struct daemon *daemon = daemon_with(
        world,
        (struct link_settings){
            .address = address, .name = "c2s-1", .queue_bytes = 1000, .patience_ms = 50},
        NULL, 0);
    size_t sent = 0;
    while (!try_say(daemon, "m", "a@example.test", "b@example.test"))
        sent++;
    assert_in_range(sent, 2, 20);
    assert_int_equal(try_say(daemon, "m", "a@example.test", "b@example.test"), ERR_LIMIT);
    assert_true(link_is_congested(daemon->link));
    await(daemon, "undelivered m");
    assert_false(link_is_congested(daemon->link));
    assert_int_equal(try_say(daemon, "m", "a@example.test", "b@example.test"), 0);
    free(address);
    daemon_free(daemon);
}

static void closing_gives_back_what_waits(void **state)
{
    struct world *world = *state;
    struct daemon *daemon = c2s_new(world, "c2s-1");
    say(daemon, "1", "a@example.test", "b@example.test");
    say(daemon, "2", "a@example.test", "b@example.test");
    link_close(daemon->link);
    assert_int_equal(try_say(daemon, "3", "a@example.test", "b@example.test"), ERR_STATE);
    assert_null(daemon->heard.data);
    await(daemon, "closed");
    assert_string_equal(daemon->heard.data, "undelivered 1\nundelivered 2\nclosed\n");
    daemon_free(daemon);
}

static void what_was_sent_before_closing_arrives(void **state)
{
    struct world *world = *state;
    start_router(world);
    struct daemon *c2s = c2s_new(world, "c2s-1");
    struct daemon *s2s = s2s_new(world);
    await(c2s, "up");
    await(s2s, "up");
    for (int i = 0; i < 1000; i++)
        say(s2s, "m", "x@jabber.test", "a@example.test");
    say(s2s, "last", "x@jabber.test", "a@example.test");
    daemon_free(s2s);
    await(c2s, "message last ");
    daemon_free(c2s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(stanzas_go_where_their_domain_is, set_up, tear_down),
        cmocka_unit_test_setup_teardown(routes_are_announced, set_up, tear_down),
        cmocka_unit_test_setup_teardown(workers_share_accounts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(links_survive_the_router, set_up, tear_down),
        cmocka_unit_test_setup_teardown(shared_names_are_held_after_a_start, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_nobody_came_back_for_is_bounced, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_taken_id_is_asked_for_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(foreign_names_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(third_parties_prove_a_secret, set_up, tear_down),
        cmocka_unit_test_setup_teardown(patience_ends, set_up, tear_down),
        cmocka_unit_test_setup_teardown(closing_gives_back_what_waits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_sent_before_closing_arrives, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
