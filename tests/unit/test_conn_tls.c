/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Unit tests of connections under TLS.
 */
#include "common/io/conn.h"

#include <errno.h>
#include <stdlib.h>

#include "common/io/conn_internal.h"
#include "common/io/listener.h"
#include "tests/unit/conn_ends.h"
#include "tests/unit/pki.h"

static struct pki pki;
static struct tls_context *server_context, *client_context;

static int make_contexts(void **state)
{
    (void)state;
    const char *problem = "";
    pki_new(&pki);
    struct pki_files files = pki_make(&pki, &(struct pki_request){.file = "a", .dns = {"a.test"}});
    struct tls_settings server = {.role = TLS_SERVER, .tickets = true};
    struct tls_settings client = {.role = TLS_CLIENT, .ca_file = pki.ca_file};
    assert_int_equal(tls_context_new(&server, &server_context, &problem), 0);
    assert_int_equal(tls_context_new(&client, &client_context, &problem), 0);
    assert_int_equal(tls_context_add_certificate(server_context, "a.test", files.certificate,
                                                 files.key, &problem),
                     0);
    pki_files_fini(&files);
    return 0;
}

static int drop_contexts(void **state)
{
    (void)state;
    tls_context_unref(server_context);
    tls_context_unref(client_context);
    pki_free(&pki);
    return 0;
}

/* `a` is the client, `b` the server, and both begin at once. */
static void make_tls_pair(struct world *world)
{
    make_pair(world);
    conn_start_tls(world->a.conn, client_context, "a.test");
    conn_start_tls(world->b.conn, server_context, NULL);
}

static void turns(struct world *world, int count)
{
    for (int i = 0; i < count; i++) {
        turn(world);
    }
}

static void greet(struct end *end)
{
    conn_write(end->conn, "hello", 5);
}

static void close_conn(struct end *end)
{
    conn_close(end->conn);
}

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

static size_t receive(int fd, char *bytes, size_t size)
{
    ssize_t got = recv(fd, bytes, size, MSG_DONTWAIT);
    return got > 0 ? (size_t)got : 0;
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

static bool is_alert(const char *bytes, size_t length)
{
    return length == 7 && bytes[0] == 0x15;
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

struct raw {
    gnutls_session_t session;
    gnutls_certificate_credentials_t credentials;
};

static struct raw raw_new(int fd, const char *priority)
{
    struct raw raw;
    const char *where;
    pki_require(gnutls_init(&raw.session, GNUTLS_CLIENT | GNUTLS_NONBLOCK));
    pki_require(gnutls_certificate_allocate_credentials(&raw.credentials));
    pki_require(gnutls_priority_set_direct(raw.session, priority, &where));
    pki_require(gnutls_credentials_set(raw.session, GNUTLS_CRD_CERTIFICATE, raw.credentials));
    gnutls_transport_set_int(raw.session, fd);
    return raw;
}

static void raw_free(struct raw *raw)
{
    gnutls_deinit(raw->session);
    gnutls_certificate_free_credentials(raw->credentials);
}

static int raw_shake(struct world *world, struct raw *raw)
{
    int rc = GNUTLS_E_AGAIN;
    for (int i = 0; i < 100 && rc == GNUTLS_E_AGAIN; i++) {
        rc = gnutls_handshake(raw->session);
        turn(world);
    }
    turns(world, 3);
    return rc;
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
        TEST(test_starttls),
        TEST(test_nothing_leaks_in_clear),
        TEST(test_all_of_the_clear_part_goes_first),
        TEST(test_injected_bytes_are_not_heard),
        TEST(test_abort_right_behind_starttls),
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
