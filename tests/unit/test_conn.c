/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Unit tests of connections in clear: both ends in one loop over a pair of sockets or the loopback
 * interface.
 */
#include "common/io/conn.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>

#include "common/io/listener.h"
#include "tests/unit/conn_ends.h"

static void test_closing_sends_what_is_queued(void **state)
{
    struct world *world = *state;
    make_pair(world);
    conn_write(world->a.conn, "hello ", 6);
    conn_write(world->a.conn, "", 0);
    conn_write(world->a.conn, "world", 5);
    assert_int_equal(conn_queued(world->a.conn), 11);
    conn_close(world->a.conn);
    conn_write(world->a.conn, "late", 4);
    assert_int_equal(world->a.closed, 0);
    loop_run(world->loop);
    assert_string_equal(world->b.got.data, "hello world");
    assert_ended(&world->a, ERR_CANCELLED);
    assert_ended(&world->b, 0);
}

static void test_small_writes_of_a_turn_leave_together(void **state)
{
    struct world *world = *state;
    int fds[2];
    /* Packets keep their borders, so one recv shows what one send was. */
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, fds), 0);
    world->a.conn = conn_accepted(world->loop, fds[0], &ops, &world->a);
    for (int i = 0; i < 10; i++) {
        conn_write(world->a.conn, "0123456789" + i, 1);
    }
    conn_close(world->a.conn);
    shutdown(fds[1], SHUT_WR);
    loop_run(world->loop);
    char bytes[32];
    assert_int_equal(recv(fds[1], bytes, sizeof(bytes), 0), 10);
    assert_memory_equal(bytes, "0123456789", 10);
    close(fds[1]);
}

enum { BIG = 5 * 1000 * 1000 };

static void close_when_big(struct end *end)
{
    if (end->got.length == BIG) {
        conn_close(end->conn);
    }
}

static void test_big_transfers_in_both_directions(void **state)
{
    struct world *world = *state;
    make_pair(world);
    char *bytes = pattern(BIG);
    conn_write(world->a.conn, bytes, BIG);
    conn_write(world->b.conn, bytes, BIG);
    world->a.on_data = close_when_big;
    loop_run(world->loop);
    assert_int_equal(world->a.got.length, BIG);
    assert_memory_equal(world->a.got.data, bytes, BIG);
    assert_int_equal(world->b.got.length, BIG);
    assert_memory_equal(world->b.got.data, bytes, BIG);
    assert_ended(&world->a, ERR_CANCELLED);
    assert_ended(&world->b, 0);
    free(bytes);
}

static void close_after_drain(struct end *end)
{
    assert_true(conn_queued(end->conn) < CONN_LOW_WATER);
    if (end->drained == 2) {
        conn_close(end->conn);
        return;
    }
    char *bytes = pattern(CONN_HIGH_WATER + 1);
    conn_write(end->conn, bytes, CONN_HIGH_WATER + 1);
    free(bytes);
}

static void test_drained_comes_once_for_each_flood(void **state)
{
    struct world *world = *state;
    make_pair(world);
    char *bytes = pattern(CONN_HIGH_WATER + 1);
    conn_write(world->a.conn, bytes, CONN_HIGH_WATER + 1);
    conn_write(world->b.conn, bytes, CONN_HIGH_WATER); /* not above */
    world->a.on_drained = close_after_drain;
    loop_run(world->loop);
    assert_int_equal(world->a.drained, 2);
    assert_int_equal(world->b.drained, 0);
    assert_int_equal(world->b.got.length, 2 * (CONN_HIGH_WATER + 1));
    free(bytes);
}

static void abort_self(struct end *end)
{
    conn_abort(end->conn);
    assert_int_equal(end->closed, 0);
}

static void test_abort_inside_the_data_callback(void **state)
{
    struct world *world = *state;
    make_pair(world);
    world->a.on_data = abort_self;
    conn_write(world->b.conn, "x", 1);
    conn_write(world->a.conn, "y", 1);
    loop_run(world->loop);
    assert_int_equal(world->a.got.length, 1);
    assert_ended(&world->a, ERR_CANCELLED);
    assert_int_equal(world->b.closed, 1);
}

static void abort_other(struct end *end)
{
    if (!end->other->closed) {
        conn_abort(end->other->conn);
        conn_abort(end->other->conn);
    }
    conn_close(end->conn);
    conn_close(end->conn);
}

static void test_abort_of_the_other_connection(void **state)
{
    struct world *world = *state;
    make_pair(world);
    world->a.on_data = abort_other;
    world->b.on_data = abort_other;
    conn_write(world->a.conn, "x", 1);
    conn_write(world->b.conn, "y", 1);
    loop_run(world->loop);
    assert_int_equal(world->a.closed, 1);
    assert_int_equal(world->b.closed, 1);
    assert_int_equal(world->a.got.length + world->b.got.length, 1);
}

static void pause_twice(struct end *end)
{
    conn_pause(end->conn);
    conn_pause(end->conn);
    end->on_data = NULL;
}

static void test_paused_connections_deliver_nothing(void **state)
{
    struct world *world = *state;
    int fd = make_half(world);
    world->a.on_data = pause_twice;
    assert_int_equal(write(fd, "1", 1), 1);
    turn(world);
    assert_int_equal(write(fd, "2", 1), 1);
    turn(world);
    conn_resume(world->a.conn);
    turn(world);
    assert_string_equal(world->a.got.data, "1");
    conn_resume(world->a.conn);
    turn(world);
    assert_string_equal(world->a.got.data, "12");
    close(fd);
    loop_run(world->loop);
    assert_ended(&world->a, 0);
}

static void test_a_paused_connection_can_still_be_closed(void **state)
{
    struct world *world = *state;
    int fd = make_half(world);
    assert_int_equal(write(fd, "1", 1), 1);
    conn_pause(world->a.conn);
    conn_write(world->a.conn, "bye", 3);
    conn_close(world->a.conn);
    turn(world);
    char bytes[8];
    assert_int_equal(read(fd, bytes, sizeof(bytes)), 3);
    assert_int_equal(read(fd, bytes, sizeof(bytes)), 0);
    assert_int_equal(world->a.closed, 0); /* waits for our end */
    close(fd);
    loop_run(world->loop);
    assert_ended(&world->a, ERR_CANCELLED);
    assert_int_equal(world->a.got.length, 0);
}

/* The peer says all it has to say, ends its direction, and reads on. */
static void test_half_closed_peers_get_the_rest(void **state)
{
    struct world *world = *state;
    int fd = make_half(world);
    char *bytes = pattern(BIG);
    conn_write(world->a.conn, bytes, BIG);
    assert_int_equal(write(fd, "1", 1), 1);
    shutdown(fd, SHUT_WR);
    struct buffer got = {0};
    for (;;) {
        turn(world);
        ssize_t n = recv(fd, buffer_reserve(&got, 65536), 65536, MSG_DONTWAIT);
        if (n == 0) {
            break;
        }
        if (n > 0) {
            buffer_added(&got, (size_t)n);
        }
        assert_true(n > 0 || errno == EAGAIN);
    }
    loop_run(world->loop);
    assert_ended(&world->a, 0);
    assert_string_equal(world->a.got.data, "1");
    assert_int_equal(got.length, BIG);
    assert_memory_equal(got.data, bytes, BIG);
    buffer_fini(&got);
    free(bytes);
    close(fd);
}

static void test_closing_waits_five_seconds_for_a_peer_that_does_not_read(void **state)
{
    struct world *world = *state;
    int fd = make_half(world);
    char *bytes = pattern(BIG);
    conn_write(world->a.conn, bytes, BIG);
    conn_close(world->a.conn);
    turn(world);
    turn(world);
    timer_skip(world->loop, 4000);
    turn(world);
    assert_int_equal(world->a.closed, 0);
    timer_skip(world->loop, 1000);
    loop_run(world->loop);
    assert_ended(&world->a, ERR_CANCELLED);
    free(bytes);
    close(fd);
}

/* Unread input would turn our goodbye into a reset. */
static void test_goodbyes_survive_input_that_was_not_read(void **state)
{
    struct world *world = *state;
    int fd = make_half(world);
    char *bytes = pattern(100000);
    assert_int_equal(write(fd, bytes, 100000), 100000);
    free(bytes);
    conn_write(world->a.conn, "bye", 3);
    conn_close(world->a.conn);
    turn(world);
    turn(world);
    char got[8];
    assert_int_equal(read(fd, got, sizeof(got)), 3);
    assert_int_equal(read(fd, got, sizeof(got)), 0);
    assert_int_equal(world->a.got.length, 0);
    shutdown(fd, SHUT_WR);
    loop_run(world->loop);
    assert_ended(&world->a, ERR_CANCELLED);
    close(fd);
}

static void test_a_peer_that_goes_on_talking_is_cut_off(void **state)
{
    struct world *world = *state;
    int fd = make_half(world);
    conn_close(world->a.conn);
    char *bytes = pattern(65536);
    for (int i = 0; i < 100 && !world->a.closed; i++) {
        send(fd, bytes, 65536, MSG_DONTWAIT | MSG_NOSIGNAL);
        turn(world);
    }
    assert_ended(&world->a, ERR_CANCELLED);
    free(bytes);
    close(fd);
}

/* What a peer said before it went is heard, also when writing to it fails first. */
static void test_last_words_are_read_after_writing_failed(void **state)
{
    struct world *world = *state;
    int fd = make_half(world);
    assert_int_equal(write(fd, "last", 4), 4);
    close(fd);
    conn_write(world->a.conn, "x", 1);
    loop_run(world->loop);
    assert_string_equal(world->a.got.data, "last");
    assert_ended(&world->a, ERR_CLOSED);
}

static void test_writing_to_a_dead_peer_raises_no_signal(void **state)
{
    struct world *world = *state;
    int fd = make_half(world);
    conn_pause(world->a.conn);
    close(fd);
    conn_write(world->a.conn, "x", 1);
    loop_run(world->loop); /* SIGPIPE would end the test */
    assert_ended(&world->a, ERR_CLOSED);
}

static void test_nobody_listens(void **state)
{
    struct world *world = *state;
    static const char *const addresses[] = {
        "unix:/nobody/listens/here.sock",
        "127.0.0.1:1",
        "[::1]:1",
        "nonsense",
        "localhost:1",
        "127.0.0.1:65536",
        "::1:5222",
        "",
        "unix:",
    };
    for (size_t i = 0; i < ARRAY_SIZE(addresses); i++) {
        world->a = (struct end){.other = &world->b};
        world->a.conn = conn_connect(world->loop, addresses[i], &ops, &world->a);
        assert_int_equal(world->a.closed, 0);
        conn_write(world->a.conn, "lost", 4);
        loop_run(world->loop);
        assert_ended(&world->a, ERR_UNAVAILABLE);
        assert_int_equal(world->a.connected, 0);
    }
}

static void test_connecting_can_be_given_up(void **state)
{
    struct world *world = *state;
    static const char *const addresses[] = {"unix:/nobody/here.sock", "127.0.0.1:1", "localhost:1"};
    for (size_t i = 0; i < ARRAY_SIZE(addresses); i++) {
        world->a = (struct end){.other = &world->b};
        conn_close(conn_connect(world->loop, addresses[i], &ops, &world->a));
        assert_int_equal(world->a.closed, 0);
        loop_run(world->loop);
        assert_ended(&world->a, ERR_CANCELLED);
    }
}

struct served {
    struct world *world;
    struct listener *listener;
    char *peer;
};

static void accept_one(void *user, int fd, const char *peer)
{
    struct served *served = user;
    served->peer = xstrdup(peer);
    served->world->b.conn = conn_accepted(served->world->loop, fd, &ops, &served->world->b);
    listener_close(served->listener);
}

static void tcp_option(int fd, int level, int name, int expected)
{
    int value = 0;
    socklen_t length = sizeof(value);
    assert_int_equal(getsockopt(fd, level, name, &value, &length), 0);
    assert_int_equal(value, expected);
}

static void check_options(struct end *end)
{
    uv_os_fd_t fd;
    assert_int_equal(uv_fileno((uv_handle_t *)end->conn, &fd), 0);
    tcp_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    tcp_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    tcp_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, 60000);
    assert_int_equal(conn_peer_uid(end->conn), -1);
    assert_int_not_equal(conn_peer_port(end->conn), 0);
    conn_close(end->conn);
}

static void test_listen_and_connect(void **state)
{
    static const struct {
        const char *listen, *connect_host, *peer;
    } rows[] = {
        {"127.0.0.1:0", "127.0.0.1", "127.0.0.1"},
        {"[::1]:0", "[::1]", "::1"},
        {"[::]:0", "[::1]", "::1"},
        {"[::]:0", "127.0.0.1", "127.0.0.1"},
        {"0.0.0.0:0", "localhost", "127.0.0.1"},
    };
    struct world *world = *state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct served served = {.world = world};
        struct listener_settings settings = {.address = rows[i].listen};
        const char *problem = NULL;
        assert_int_equal(
            listener_open(world->loop, &settings, accept_one, &served, &served.listener, &problem),
            0);
        char *address = xasprintf("%s%s", rows[i].connect_host,
                                  strrchr(listener_address(served.listener), ':'));
        world->a = (struct end){.other = &world->b};
        world->b = (struct end){.other = &world->a, .on_data = check_options};
        world->a.conn = conn_connect(world->loop, address, &ops, &world->a);
        conn_write(world->a.conn, "early", 5);
        loop_run(world->loop);
        assert_int_equal(world->a.connected, 1);
        assert_string_equal(world->b.got.data, "early");
        assert_string_equal(served.peer, rows[i].peer);
        assert_ended(&world->a, 0);
        assert_ended(&world->b, ERR_CANCELLED);
        free(served.peer);
        free(address);
        buffer_fini(&world->b.got);
    }
}

/* A reset behind data: the data comes first, the end is not in order. */
static void test_resets_are_not_an_orderly_end(void **state)
{
    struct world *world = *state;
    struct served served = {.world = world};
    struct listener_settings settings = {.address = "127.0.0.1:0"};
    const char *problem = NULL;
    assert_int_equal(
        listener_open(world->loop, &settings, accept_one, &served, &served.listener, &problem), 0);
    world->a.conn = conn_connect(world->loop, listener_address(served.listener), &ops, &world->a);
    while (!world->b.conn) {
        turn(world);
    }
    conn_pause(world->b.conn);
    struct linger hard = {.l_onoff = 1};
    uv_os_fd_t fd;
    assert_int_equal(uv_fileno((uv_handle_t *)world->a.conn, &fd), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard)), 0);
    conn_write(world->a.conn, "data", 4);
    turn(world);
    turn(world);
    conn_abort(world->a.conn);
    turn(world);
    conn_resume(world->b.conn);
    loop_run(world->loop);
    assert_ended(&world->b, ERR_CLOSED);
    assert_ended(&world->a, ERR_CANCELLED);
    free(served.peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_closing_sends_what_is_queued),
        TEST(test_small_writes_of_a_turn_leave_together),
        TEST(test_big_transfers_in_both_directions),
        TEST(test_drained_comes_once_for_each_flood),
        TEST(test_abort_inside_the_data_callback),
        TEST(test_abort_of_the_other_connection),
        TEST(test_paused_connections_deliver_nothing),
        TEST(test_a_paused_connection_can_still_be_closed),
        TEST(test_half_closed_peers_get_the_rest),
        TEST(test_closing_waits_five_seconds_for_a_peer_that_does_not_read),
        TEST(test_goodbyes_survive_input_that_was_not_read),
        TEST(test_a_peer_that_goes_on_talking_is_cut_off),
        TEST(test_last_words_are_read_after_writing_failed),
        TEST(test_writing_to_a_dead_peer_raises_no_signal),
        TEST(test_nobody_listens),
        TEST(test_connecting_can_be_given_up),
        TEST(test_listen_and_connect),
        TEST(test_resets_are_not_an_orderly_end),
#undef TEST
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
