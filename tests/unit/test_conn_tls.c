/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Unit tests of connections under TLS.
 */
#include "common/io/conn.h"

#include <stdlib.h>

#include "common/io/conn_internal.h"
#include "common/io/listener.h"
#include "tests/unit/conn_tls_ends.h"

static void test_secured_then_bytes_then_an_orderly_end(void **state)
{
    struct world *world = *state;
    make_tls_pair(world);
    world->a.on_secured = greet;
    world->b.on_data = close_conn;
    loop_run(world->loop);
    assert_int_equal(world->a.secured, 1);
    assert_int_equal(world->b.secured, 1);
    assert_string_equal(world->b.got.data, "hello");
    assert_ended(&world->a, 0);
    assert_ended(&world->b, ERR_CANCELLED);
}

enum { BIG = 3 * 1000 * 1000 };

static void close_when_big(struct end *end)
{
    if (end->got.length == BIG) {
        conn_close(end->conn);
    }
}

static void test_big_transfers_and_closing_with_a_queue(void **state)
{
    struct world *world = *state;
    make_tls_pair(world);
    char *bytes = pattern(BIG);
    conn_write(world->a.conn, bytes, BIG);
    conn_write(world->b.conn, bytes, BIG);
    world->a.on_data = close_when_big;
    conn_close(world->b.conn); /* still sends it all, once there is a handshake */
    loop_run(world->loop);
    assert_int_equal(world->a.got.length, BIG);
    assert_memory_equal(world->a.got.data, bytes, BIG);
    assert_int_equal(world->b.got.length, 0);
    assert_ended(&world->b, ERR_CANCELLED);
    free(bytes);
}

static void test_drained_under_tls(void **state)
{
    struct world *world = *state;
    make_tls_pair(world);
    char *bytes = pattern(BIG);
    conn_write(world->a.conn, bytes, BIG);
    world->a.on_drained = close_conn;
    loop_run(world->loop);
    assert_int_equal(world->a.drained, 1);
    assert_int_equal(world->b.got.length, BIG);
    assert_memory_equal(world->b.got.data, bytes, BIG);
    assert_ended(&world->b, 0);
    free(bytes);
}

static void test_garbage_gets_an_alert(void **state)
{
    struct world *world = *state;
    int fd = make_half(world);
    conn_start_tls(world->a.conn, server_context, NULL);
    static const char xml[] = "<?xml version='1.0'?><stream:stream xmlns='jabber:client'>";
    assert_int_equal(write(fd, xml, sizeof(xml)), sizeof(xml));
    turns(world, 4);
    char bytes[64];
    assert_true(is_alert(bytes, receive(fd, bytes, sizeof(bytes))));
    assert_int_equal(world->a.got.length, 0);
    close(fd);
    loop_run(world->loop);
    assert_ended(&world->a, ERR_TLS);
    assert_int_equal(world->a.secured, 0);
}

/* A byte now and then does not help: the handshake as a whole has ten seconds. */
static void test_slow_handshakes(void **state)
{
    struct world *world = *state;
    int fd = make_half(world);
    conn_start_tls(world->a.conn, server_context, NULL);
    static const char record[] = "\026\003\001\002\000\001\000\001\374\003";
    for (int second = 1; second < 10; second++) {
        assert_int_equal(write(fd, record + second - 1, 1), 1);
        turn(world);
        timer_skip(world->loop, 1000);
        turn(world);
        assert_int_equal(world->a.closed, 0);
    }
    timer_skip(world->loop, 1000);
    loop_run(world->loop);
    assert_ended(&world->a, ERR_TIMEOUT);
    close(fd);
}

static void test_no_deadline_once_secured(void **state)
{
    struct world *world = *state;
    make_tls_pair(world);
    while (!world->a.secured || !world->b.secured) {
        turn(world);
    }
    timer_skip(world->loop, 3600000);
    turns(world, 3);
    assert_int_equal(world->a.closed + world->b.closed, 0);
    conn_close(world->a.conn);
    loop_run(world->loop);
    assert_ended(&world->b, 0);
}

static void test_giving_up_a_handshake(void **state)
{
    struct world *world = *state;
    int fd = make_half(world);
    conn_start_tls(world->a.conn, server_context, NULL);
    turns(world, 2);
    conn_close(world->a.conn);
    loop_run(world->loop); /* nothing to wait for */
    assert_ended(&world->a, ERR_CANCELLED);
    close(fd);
}

static void abort_conn(struct end *end)
{
    conn_abort(end->conn);
}

static void test_abort_when_secured(void **state)
{
    struct world *world = *state;
    make_tls_pair(world);
    world->b.on_secured = abort_conn;
    conn_write(world->b.conn, "never", 5);
    loop_run(world->loop);
    assert_ended(&world->b, ERR_CANCELLED);
    assert_int_equal(world->a.got.length, 0);
}

/* Cut off without close_notify. */
static void test_truncation_is_no_orderly_end(void **state)
{
    struct world *world = *state;
    make_tls_pair(world);
    conn_write(world->a.conn, "half a stan", 11);
    world->b.on_data = NULL;
    while (world->b.got.length == 0) {
        turn(world);
    }
    conn_abort(world->a.conn);
    loop_run(world->loop);
    assert_string_equal(world->b.got.data, "half a stan");
    assert_ended(&world->b, ERR_CLOSED);
}

static void test_pausing_holds_data_but_no_handshake(void **state)
{
    struct world *world = *state;
    make_tls_pair(world);
    conn_pause(world->b.conn);
    conn_write(world->a.conn, "one", 3);
    while (!world->b.secured) {
        turn(world);
    }
    turns(world, 5);
    conn_write(world->a.conn, "two", 3);
    turns(world, 5);
    assert_int_equal(world->b.got.length, 0);
    conn_resume(world->b.conn);
    while (world->b.got.length < 6) {
        turn(world);
    }
    assert_string_equal(world->b.got.data, "onetwo");
    conn_close(world->a.conn);
    loop_run(world->loop);
}

static void pause_conn(struct end *end)
{
    conn_pause(end->conn);
}

/* Records that are decrypted together are not lost between pause and resume. */
static void test_pausing_between_records(void **state)
{
    struct world *world = *state;
    make_tls_pair(world);
    char *bytes = pattern(100000);
    conn_write(world->a.conn, bytes, 100000);
    world->b.on_data = pause_conn;
    for (int i = 0; i < 1000 && world->b.got.length < 100000; i++) {
        size_t before = world->b.got.length;
        turns(world, 3);
        if (world->b.got.length > before) {
            conn_resume(world->b.conn);
        }
    }
    assert_int_equal(world->b.got.length, 100000);
    assert_memory_equal(world->b.got.data, bytes, 100000);
    conn_abort(world->a.conn);
    conn_abort(world->b.conn);
    loop_run(world->loop);
    free(bytes);
}

static void test_the_alert_reaches_an_old_client(void **state)
{
    struct world *world = *state;
    int fd = make_half(world);
    conn_start_tls(world->a.conn, server_context, NULL);
    struct raw raw = raw_new(fd, "NORMAL:-VERS-ALL:+VERS-TLS1.1");
    assert_int_equal(raw_shake(world, &raw), GNUTLS_E_FATAL_ALERT_RECEIVED);
    assert_int_equal(gnutls_alert_get(raw.session), GNUTLS_A_PROTOCOL_VERSION);
    raw_free(&raw);
    close(fd);
    loop_run(world->loop);
    assert_ended(&world->a, ERR_TLS);
}

static void test_renegotiation_closes(void **state)
{
    struct world *world = *state;
    int fd = make_half(world);
    conn_start_tls(world->a.conn, server_context, NULL);
    struct raw raw = raw_new(fd, "NORMAL:-VERS-ALL:+VERS-TLS1.2");
    assert_int_equal(raw_shake(world, &raw), 0);
    assert_int_equal(world->a.secured, 1);
    assert_int_equal(gnutls_handshake(raw.session), GNUTLS_E_AGAIN);
    loop_run(world->loop);
    assert_ended(&world->a, ERR_TLS);
    raw_free(&raw);
    close(fd);
}

static void test_small_writes_share_a_record(void **state)
{
    struct world *world = *state;
    int fd = make_half(world);
    conn_start_tls(world->a.conn, server_context, NULL);
    struct raw raw = raw_new(fd, "NORMAL");
    assert_int_equal(raw_shake(world, &raw), 0);
    for (int i = 0; i < 10; i++) {
        conn_write(world->a.conn, "0123456789" + i, 1);
    }
    turn(world);
    char bytes[32];
    ssize_t got;
    do {
        got = gnutls_record_recv(raw.session, bytes, sizeof(bytes));
    } while (got == GNUTLS_E_AGAIN); /* the tickets */
    assert_int_equal(got, 10);
    gnutls_bye(raw.session, GNUTLS_SHUT_WR);
    loop_run(world->loop);
    assert_ended(&world->a, 0);
    raw_free(&raw);
    close(fd);
}

struct served {
    struct world *world;
    struct listener *listener;
};

static void accept_tls(void *user, int fd, const char *peer)
{
    (void)peer;
    struct served *served = user;
    served->world->b.conn = conn_accepted(served->world->loop, fd, &ops, &served->world->b);
    conn_start_tls(served->world->b.conn, server_context, NULL);
    listener_close(served->listener);
}

static void check_client(struct end *end)
{
    assert_int_equal(end->connected, 1);
    assert_int_equal(tls_verify_server(conn_tls(end->conn)), 0);
    conn_write(end->conn, "hello", 5);
    conn_close(end->conn);
}

static void test_direct_tls(void **state)
{
    struct world *world = *state;
    struct served served = {.world = world};
    const char *problem = NULL;
    assert_int_equal(listener_open(world->loop,
                                   &(struct listener_settings){.address = "127.0.0.1:0"},
                                   accept_tls, &served, &served.listener, &problem),
                     0);
    world->a.on_secured = check_client;
    world->a.conn = conn_connect(world->loop, listener_address(served.listener), &ops, &world->a);
    conn_start_tls(world->a.conn, client_context, "a.test");
    loop_run(world->loop);
    assert_string_equal(world->b.got.data, "hello");
    assert_ended(&world->a, ERR_CANCELLED);
    assert_ended(&world->b, 0);
}

/* An idle connection holds no buffer and no timer. */
static void test_idle_connections_are_small(void **state)
{
    struct world *world = *state;
    make_tls_pair(world);
    conn_write(world->a.conn, "x", 1);
    conn_write(world->b.conn, "y", 1);
    while (world->a.got.length == 0 || world->b.got.length == 0) {
        turn(world);
    }
    turns(world, 3);
    assert_null(world->b.conn->out.data);
    assert_null(world->b.conn->deadline);
    assert_null(world->b.conn->dial);
    assert_true(sizeof(struct conn) - sizeof(uv_poll_t) <= 300);
    conn_close(world->a.conn);
    loop_run(world->loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_secured_then_bytes_then_an_orderly_end),
        TEST(test_big_transfers_and_closing_with_a_queue),
        TEST(test_drained_under_tls),
        TEST(test_garbage_gets_an_alert),
        TEST(test_slow_handshakes),
        TEST(test_no_deadline_once_secured),
        TEST(test_giving_up_a_handshake),
        TEST(test_abort_when_secured),
        TEST(test_truncation_is_no_orderly_end),
        TEST(test_pausing_holds_data_but_no_handshake),
        TEST(test_pausing_between_records),
        TEST(test_the_alert_reaches_an_old_client),
        TEST(test_renegotiation_closes),
        TEST(test_small_writes_share_a_record),
        TEST(test_direct_tls),
        TEST(test_idle_connections_are_small),
#undef TEST
    };
    return cmocka_run_group_tests(tests, make_contexts, drop_contexts);
}
