/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Unit tests of the upgrade of connections to TLS.
 */
#include "common/io/conn.h"

#include <stdlib.h>

#include "tests/unit/conn_tls_ends.h"

enum { BIG = 3 * 1000 * 1000 };

static void proceed(struct end *end)
{
    if (!conn_tls(end->conn)) {
        assert_string_equal(end->got.data, "<starttls/>");
        conn_write(end->conn, "<proceed/>", 10);
        conn_start_tls(end->conn, server_context, NULL);
        conn_write(end->conn, "<inside/>", 9);
        assert_non_null(conn_tls(end->conn));
    }
}

static void upgrade(struct end *end)
{
    if (!conn_tls(end->conn)) {
        assert_string_equal(end->got.data, "<proceed/>");
        conn_start_tls(end->conn, client_context, "a.test");
        return;
    }
    if (strcmp(end->got.data, "<proceed/><inside/>") == 0) {
        conn_close(end->conn);
    }
}

static void test_starttls(void **state)
{
    struct world *world = *state;
    make_pair(world);
    world->a.on_data = upgrade;
    world->b.on_data = proceed;
    conn_write(world->a.conn, "<starttls/>", 11);
    loop_run(world->loop);
    assert_string_equal(world->a.got.data, "<proceed/><inside/>");
    assert_string_equal(world->b.got.data, "<starttls/>");
    assert_ended(&world->a, ERR_CANCELLED);
    assert_ended(&world->b, 0);
}

/* What is written behind conn_start_tls() never goes out in clear. */
static void test_nothing_leaks_in_clear(void **state)
{
    struct world *world = *state;
    int fd = make_half(world);
    world->a.on_data = proceed;
    assert_int_equal(write(fd, "<starttls/>", 11), 11);
    turns(world, 4);
    char bytes[64];
    assert_int_equal(receive(fd, bytes, sizeof(bytes)), 10);
    assert_memory_equal(bytes, "<proceed/>", 10);
    turns(world, 4);
    assert_int_equal(receive(fd, bytes, sizeof(bytes)), 0);
    close(fd);
    loop_run(world->loop);
    assert_ended(&world->a, ERR_TLS);
}

/* The same with more to send in clear than the socket takes at once. */
static void test_all_of_the_clear_part_goes_first(void **state)
{
    struct world *world = *state;
    int fd = make_half(world);
    char *sent = pattern(BIG), *got = xmalloc(BIG + 64);
    conn_write(world->a.conn, sent, BIG);
    conn_start_tls(world->a.conn, server_context, NULL);
    conn_write(world->a.conn, "<inside/>", 9);
    size_t length = 0;
    for (int idle = 0; idle < 10; idle++) {
        turn(world);
        size_t more = receive(fd, got + length, BIG + 64 - length);
        length += more;
        idle = more > 0 ? 0 : idle;
    }
    assert_int_equal(length, BIG);
    assert_memory_equal(sent, got, BIG);
    free(sent);
    free(got);
    close(fd);
    loop_run(world->loop);
}

/* CVE-2011-0411: bytes in clear between <starttls/> and the ClientHello. */
static void test_injected_bytes_are_not_heard(void **state)
{
    struct world *world = *state;
    int fd = make_half(world);
    world->a.on_data = proceed;
    assert_int_equal(write(fd, "<starttls/>", 11), 11);
    turn(world);
    assert_int_equal(write(fd, "<auth mechanism='PLAIN'>AGEAYg==</auth>", 39), 39);
    turns(world, 6);
    char bytes[64];
    assert_int_equal(receive(fd, bytes, 10), 10);
    assert_true(is_alert(bytes, receive(fd, bytes, sizeof(bytes))));
    assert_int_equal(recv(fd, bytes, sizeof(bytes), 0), 0);
    close(fd);
    loop_run(world->loop);
    assert_string_equal(world->a.got.data, "<starttls/>");
    assert_ended(&world->a, ERR_TLS);
}

static void abort_now(struct end *end)
{
    conn_start_tls(end->conn, server_context, NULL);
    conn_abort(end->conn);
}

static void test_abort_right_behind_starttls(void **state)
{
    struct world *world = *state;
    int fd = make_half(world);
    world->a.on_data = abort_now;
    assert_int_equal(write(fd, "<starttls/><evil/>", 18), 18);
    loop_run(world->loop);
    assert_ended(&world->a, ERR_CANCELLED);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_starttls),
        TEST(test_nothing_leaks_in_clear),
        TEST(test_all_of_the_clear_part_goes_first),
        TEST(test_injected_bytes_are_not_heard),
        TEST(test_abort_right_behind_starttls),
#undef TEST
    };
    return cmocka_run_group_tests(tests, make_contexts, drop_contexts);
}
