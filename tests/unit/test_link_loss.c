/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Links whose router comes and goes, and what becomes of stanzas meanwhile.
 */
#include "common/io/conn.h"
#include "common/io/listener.h"
#include "tests/unit/link_world.h"

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
    await(daemon, "drained");
    assert_true(has_heard(daemon, "undelivered m"));
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

/* --- a router that is there but reads nothing --- */

struct deaf_router {
    struct world *world;
    struct listener *listener;
    struct conn *conn; /* NULL: none yet, or closed */
    bool said;
};

static void on_deaf_data(void *user, const char *bytes, size_t length)
{
    static const char text[] = "<stream:stream xmlns='" NS_COMPONENT "' xmlns:stream='" NS_STREAM
                               "' id='1'><handshake/><protocols xmlns='" NS_ROUTER
                               "'><protocol name='router' version='1'/></protocols>";
    struct deaf_router *router = user;
    (void)bytes;
    (void)length;
    if (router->said)
        return;
    router->said = true;
    conn_write(router->conn, text, sizeof(text) - 1);
    conn_pause(router->conn);
}

static void on_deaf_closed(void *user, int reason)
{
    struct deaf_router *router = user;
    (void)reason;
    router->conn = NULL;
}

static const struct conn_ops deaf_ops = {.data = on_deaf_data, .closed = on_deaf_closed};

static void on_deaf_accepted(void *user, int fd, const char *peer)
{
    struct deaf_router *router = user;
    (void)peer;
    router->conn = conn_accepted(router->world->loop, fd, &deaf_ops, router);
}

static void start_deaf_router(struct deaf_router *router, struct world *world)
{
    char *address = xasprintf("unix:%s/c2s.sock", world->directory);
    const struct listener_settings settings = {.address = address};
    const char *problem;
    *router = (struct deaf_router){.world = world};
    assert_int_equal(listener_open(world->loop, &settings, on_deaf_accepted, router,
                                   &router->listener, &problem),
                     0);
    free(address);
}

/* A router that is stopped is sent what the queue takes, then nothing; nobody waits for it, and who
 * slowed down hears when it goes on. */
static void a_stopped_router_fills_the_queue(void **state)
{
    struct world *world = *state;
    struct deaf_router router;
    start_deaf_router(&router, world);
    struct daemon *daemon = daemon_new(world, "c2s", "c2s-1", NULL, 0);
    await(daemon, "up");
    assert_false(link_is_congested(daemon->link));
    size_t sent = 0;
    while (!try_say(daemon, "m", "a@example.test", "b@example.test"))
        sent++;
    assert_true(sent > 10000);
    assert_true(link_is_congested(daemon->link));
    assert_true(link_is_up(daemon->link));
    assert_false(has_heard(daemon, "drained"));
    conn_resume(router.conn);
    await(daemon, "drained");
    assert_false(link_is_congested(daemon->link));
    say(daemon, "m", "a@example.test", "b@example.test");
    listener_close(router.listener);
    daemon_free(daemon);
    for (uint64_t left_ms = WAIT_MS; router.conn && left_ms > 0;)
        turn(world, &left_ms);
    assert_null(router.conn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(links_survive_the_router, set_up, tear_down),
        cmocka_unit_test_setup_teardown(shared_names_are_held_after_a_start, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_nobody_came_back_for_is_bounced, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_taken_id_is_asked_for_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(patience_ends, set_up, tear_down),
        cmocka_unit_test_setup_teardown(closing_gives_back_what_waits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_sent_before_closing_arrives, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_stopped_router_fills_the_queue, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
