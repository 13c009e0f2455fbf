/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Unit tests of TLS sessions.
 */
#include "common/tls/tls.h"

#include <stdlib.h>

#include "tests/unit/tls_ends.h"

static void test_both_versions_and_their_bindings(void **state)
{
    static const char *const names[] = {"TLSv1.2", "TLSv1.3"};
    struct world *world = *state;
    struct tls_context *context = server_context(world, (struct tls_settings){0});
    for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
        connect_sides(world);
        struct raw raw = raw_new(world, versions[i], "a.test");
        struct tls_session *server = tls_session_new(context, NULL, &transport, &world->server);
        int client;
        assert_int_equal(raw_shake(&raw, server, &client), 0);
        assert_int_equal(client, 0);
        assert_string_equal(tls_version(server), names[i]);
        assert_string_equal(tls_cipher(server), "AES-256-GCM");
        assert_string_equal(tls_server_name(server), "a.test");
        assert_bindings(&raw, server);
        tls_session_free(server);
        raw_free(&raw);
    }
    tls_context_unref(context);
}

/* Our two ends; and their bindings differ from session to session. */
static void test_two_of_ours(void **state)
{
    struct world *world = *state;
    struct tls_context *server = server_context(world, (struct tls_settings){0});
    struct tls_context *client = client_context(world);
    struct buffer exporter[2] = {0};
    for (int i = 0; i < 2; i++) {
        struct pair pair = new_pair(world, client, server, "a.test");
        assert_handshake(&pair);
        assert_talk(pair.client, pair.server);
        assert_talk(pair.server, pair.client);
        assert_int_equal(tls_verify_server(pair.client), 0);
        assert_int_equal(tls_channel_binding(pair.client, TLS_BINDING_EXPORTER, &exporter[i]), 0);
        struct buffer other = {0};
        assert_int_equal(tls_channel_binding(pair.server, TLS_BINDING_EXPORTER, &other), 0);
        assert_memory_equal(exporter[i].data, other.data, 32);
        buffer_fini(&other);
        free_pair(&pair);
    }
    assert_memory_not_equal(exporter[0].data, exporter[1].data, 32);
    buffer_fini(&exporter[0]);
    buffer_fini(&exporter[1]);
    tls_context_unref(client);
    tls_context_unref(server);
}

/* RFC 7590, RFC 9325: nothing below TLS 1.2, authenticated encryption and forward secrecy only. */
static void test_old_versions_and_ciphers_are_refused(void **state)
{
    static const char *const rows[] = {
        "NORMAL:-VERS-ALL:+VERS-TLS1.0",
        "NORMAL:-VERS-ALL:+VERS-TLS1.1",
        "NORMAL:-VERS-ALL:+VERS-TLS1.0:+VERS-TLS1.1:+3DES-CBC:+ARCFOUR-128:+MD5",
        "NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+3DES-CBC",
        "NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+ARCFOUR-128",
        "NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+AES-128-CBC",
        "NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+AES-256-CBC:-MAC-ALL:+SHA1",
        "NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+CAMELLIA-256-GCM",
        "NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+RSA",
        "NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+DHE-RSA",
        "NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+ANON-ECDH",
        "NORMAL:-VERS-ALL:+VERS-TLS1.2:-GROUP-ALL:+GROUP-SECP192R1",
        "NORMAL:-VERS-ALL:+VERS-TLS1.3:-GROUP-ALL:+GROUP-SECP521R1",
        "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-128-CCM",
    };
    struct world *world = *state;
    struct tls_context *context = server_context(world, (struct tls_settings){0});
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        connect_sides(world);
        struct raw raw = raw_new(world, rows[i], "a.test");
        struct tls_session *server = tls_session_new(context, NULL, &transport, &world->server);
        int client;
        if (raw_shake(&raw, server, &client) != ERR_TLS) {
            fail_msg("accepted: %s", rows[i]);
        }
        assert_int_equal(client, GNUTLS_E_FATAL_ALERT_RECEIVED);
        assert_string_not_equal(tls_problem(server), "");
        tls_session_free(server);
        raw_free(&raw);
    }
    tls_context_unref(context);
}

/* XEP-0368 */
static void test_alpn(void **state)
{
    static const struct {
        const char *offered[3];
        const char *chosen; /* NULL: refused */
    } rows[] = {
        {{"xmpp-client"}, "xmpp-client"},
        {{"h2", "xmpp-client"}, "xmpp-client"},
        {{NULL}, ""},
        {{"h2"}, NULL},
        {{"xmpp-server"}, NULL},
        {{"xmpp-clien", "xmpp-client2"}, NULL},
    };
    static const char *const accepted[] = {"xmpp-client", NULL};
    struct world *world = *state;
    struct tls_context *context = server_context(world, (struct tls_settings){.alpn = accepted});
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        connect_sides(world);
        struct raw raw = raw_new(world, "NORMAL", "a.test");
        gnutls_datum_t offers[3];
        unsigned count = 0;
        for (; count < 3 && rows[i].offered[count]; count++) {
            const char *name = rows[i].offered[count];
            offers[count] = (gnutls_datum_t){(unsigned char *)name, (unsigned)strlen(name)};
        }
        if (count > 0) {
            pki_require(gnutls_alpn_set_protocols(raw.session, offers, count, 0));
        }
        struct tls_session *server = tls_session_new(context, NULL, &transport, &world->server);
        int client, rc = raw_shake(&raw, server, &client);
        gnutls_datum_t chosen = {0};
        if (!rows[i].chosen) {
            assert_int_equal(rc, ERR_TLS);
            assert_int_equal(client, GNUTLS_E_FATAL_ALERT_RECEIVED);
            assert_int_equal(gnutls_alert_get(raw.session), GNUTLS_A_NO_APPLICATION_PROTOCOL);
        } else {
            assert_int_equal(rc, 0);
            gnutls_alpn_get_selected_protocol(raw.session, &chosen);
            assert_int_equal(chosen.size, strlen(rows[i].chosen));
            assert_memory_equal(chosen.data ? (char *)chosen.data : "", rows[i].chosen,
                                chosen.size);
        }
        tls_session_free(server);
        raw_free(&raw);
    }
    tls_context_unref(context);
}

/* A whole session; returns what the next one may resume. */
static gnutls_datum_t visit(struct world *world, struct tls_context *context, const char *priority,
                            const gnutls_datum_t *ticket, bool *resumed)
{
    connect_sides(world);
    struct raw raw = raw_new(world, priority, "a.test");
    if (ticket && ticket->size > 0) {
        pki_require(gnutls_session_set_data(raw.session, ticket->data, ticket->size));
    }
    struct tls_session *server = tls_session_new(context, NULL, &transport, &world->server);
    int client;
    assert_int_equal(raw_shake(&raw, server, &client), 0);
    assert_int_equal(client, 0);
    assert_int_equal(write_all(server, "x", 1), 1);
    char byte;
    ssize_t got = GNUTLS_E_AGAIN;
    for (int i = 0; i < 10 && got == GNUTLS_E_AGAIN; i++) {
        got = gnutls_record_recv(raw.session, &byte, 1); /* the tickets come before */
    }
    assert_int_equal(got, 1);
    *resumed = gnutls_session_is_resumed(raw.session) != 0;
    assert_bindings(&raw, server);
    gnutls_datum_t next = {0};
    gnutls_session_get_data2(raw.session, &next);
    tls_session_free(server);
    raw_free(&raw);
    return next;
}

static void test_tickets(void **state)
{
    struct world *world = *state;
    static const struct {
        bool tickets, other_context, resumed;
    } rows[] = {{true, false, true}, {false, false, false}, {true, true, false}};
    for (size_t i = 0; i < ARRAY_SIZE(rows) * 2; i++) {
        size_t row = i / 2;
        struct tls_settings settings = {.tickets = rows[row].tickets};
        struct tls_context *first = server_context(world, settings);
        struct tls_context *second =
            rows[row].other_context ? server_context(world, settings) : tls_context_ref(first);
        bool resumed;
        gnutls_datum_t ticket = visit(world, first, versions[i % 2], NULL, &resumed);
        assert_false(resumed);
        gnutls_datum_t again = visit(world, second, versions[i % 2], &ticket, &resumed);
        assert_int_equal(resumed, rows[row].resumed);
        gnutls_free(ticket.data);
        gnutls_free(again.data);
        tls_context_unref(first);
        tls_context_unref(second);
    }
}

/* RFC 5746; CVE-2021-32920: asking for a new handshake ends the session. */
static void test_renegotiation_is_refused(void **state)
{
    struct world *world = *state;
    struct tls_context *context = server_context(world, (struct tls_settings){0});
    connect_sides(world);
    struct raw raw = raw_new(world, versions[0], "a.test");
    struct tls_session *server = tls_session_new(context, NULL, &transport, &world->server);
    int client;
    assert_int_equal(raw_shake(&raw, server, &client), 0);
    assert_int_equal(gnutls_handshake(raw.session), GNUTLS_E_AGAIN);
    char bytes[16];
    assert_int_equal(tls_read(server, bytes, sizeof(bytes)), ERR_TLS);
    assert_string_not_equal(tls_problem(server), "");
    tls_session_free(server);
    raw_free(&raw);
    tls_context_unref(context);
}

static void test_the_end_is_in_order_or_not(void **state)
{
    struct world *world = *state;
    struct tls_context *server = server_context(world, (struct tls_settings){0});
    struct tls_context *client = client_context(world);
    for (int said = 0; said < 2; said++) {
        struct pair pair = new_pair(world, client, server, "a.test");
        assert_handshake(&pair);
        assert_talk(pair.client, pair.server);
        if (said) {
            tls_bye(pair.client);
            size_t sends = world->client.sends;
            tls_bye(pair.client);
            assert_int_equal(world->client.sends, sends);
        }
        world->server.eof = true;
        char bytes[16];
        assert_int_equal(tls_read(pair.server, bytes, sizeof(bytes)), said ? 0 : ERR_CLOSED);
        free_pair(&pair);
    }
    tls_context_unref(client);
    tls_context_unref(server);
}

static void test_byte_by_byte(void **state)
{
    struct world *world = *state;
    struct tls_context *server = server_context(world, (struct tls_settings){0});
    struct tls_context *client = client_context(world);
    struct pair pair = new_pair(world, client, server, "a.test");
    world->client.trickle = true;
    world->server.trickle = true;
    assert_handshake(&pair);
    assert_talk(pair.client, pair.server);
    assert_talk(pair.server, pair.client);
    free_pair(&pair);
    tls_context_unref(client);
    tls_context_unref(server);
}

/* The direction says what a handshake waits for. */
static void test_what_a_handshake_waits_for(void **state)
{
    struct world *world = *state;
    struct tls_context *client = client_context(world);
    connect_sides(world);
    struct tls_session *session = tls_session_new(client, "a.test", &transport, &world->client);
    world->client.trickle = true; /* the first call is refused */
    assert_int_equal(tls_handshake(session), ERR_AGAIN);
    assert_true(tls_wants_write(session));
    world->client.trickle = false;
    assert_int_equal(tls_handshake(session), ERR_AGAIN);
    assert_false(tls_wants_write(session));
    tls_session_free(session);
    tls_context_unref(client);
}

static void test_a_flight_leaves_together(void **state)
{
    struct world *world = *state;
    struct tls_context *server = server_context(world, (struct tls_settings){0});
    struct tls_context *client = client_context(world);
    struct pair pair = new_pair(world, client, server, "a.test");
    assert_int_equal(tls_handshake(pair.client), ERR_AGAIN);
    assert_int_equal(tls_handshake(pair.server), ERR_AGAIN);
    /* The ServerHello, and all that is encrypted behind it. */
    assert_in_range(world->server.sends, 1, 2);
    free_pair(&pair);
    tls_context_unref(client);
    tls_context_unref(server);
}

static void test_garbage_is_no_handshake(void **state)
{
    static const char *const rows[] = {
        "<?xml version='1.0'?><stream:stream xmlns='jabber:client'>",
        "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n",
        "\026\003\001\377\377................",
        "\025\003\001\000\002\002\050",
        "\027\003\003\000\005hello",
    };
    struct world *world = *state;
    struct tls_context *context = server_context(world, (struct tls_settings){0});
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        connect_sides(world);
        struct tls_session *server = tls_session_new(context, NULL, &transport, &world->server);
        size_t length = i == 3 ? 7 : i == 4 ? 10 : strlen(rows[i]);
        buffer_append(&world->server.in, rows[i], length);
        world->server.eof = true;
        assert_int_equal(tls_handshake(server), ERR_TLS);
        assert_string_not_equal(tls_problem(server), "");
        tls_session_free(server);
    }
    tls_context_unref(context);
}

/* Every byte of a ClientHello wrong in turn: refused or not, but nothing worse. */
static void test_mutated_client_hellos(void **state)
{
    struct world *world = *state;
    struct tls_context *context = server_context(world, (struct tls_settings){0});
    struct tls_context *client = client_context(world);
    connect_sides(world);
    struct tls_session *session = tls_session_new(client, "a.test", &transport, &world->client);
    assert_int_equal(tls_handshake(session), ERR_AGAIN);
    struct buffer hello = world->server.in;
    world->server.in = (struct buffer){0};
    tls_session_free(session);
    int refused = 0;
    for (size_t at = 0; at < hello.length; at++) {
        connect_sides(world);
        struct tls_session *server = tls_session_new(context, NULL, &transport, &world->server);
        buffer_append(&world->server.in, hello.data, hello.length);
        world->server.in.data[at] ^= (char)0xff;
        world->server.eof = true;
        int rc = tls_handshake(server);
        if (rc == ERR_AGAIN) {
            rc = tls_handshake(server); /* what is left of a record came before the end */
        }
        refused += rc == ERR_TLS;
        tls_session_free(server);
    }
    /* The peer is gone behind it, so every single one has to end. */
    assert_int_equal(refused, hello.length);
    buffer_fini(&hello);
    tls_context_unref(client);
    tls_context_unref(context);
}

static void test_sessions_keep_their_context(void **state)
{
    struct world *world = *state;
    struct tls_context *server = server_context(world, (struct tls_settings){.tickets = true});
    struct tls_context *client = client_context(world);
    struct pair pair = new_pair(world, client, server, "a.test");
    tls_context_unref(server);
    tls_context_unref(client);
    assert_handshake(&pair);
    assert_talk(pair.client, pair.server);
    free_pair(&pair);
    tls_context_unref(NULL);
    tls_session_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_versions_and_their_bindings),
        cmocka_unit_test(test_two_of_ours),
        cmocka_unit_test(test_old_versions_and_ciphers_are_refused),
        cmocka_unit_test(test_alpn),
        cmocka_unit_test(test_tickets),
        cmocka_unit_test(test_renegotiation_is_refused),
        cmocka_unit_test(test_the_end_is_in_order_or_not),
        cmocka_unit_test(test_byte_by_byte),
        cmocka_unit_test(test_what_a_handshake_waits_for),
        cmocka_unit_test(test_a_flight_leaves_together),
        cmocka_unit_test(test_garbage_is_no_handshake),
        cmocka_unit_test(test_mutated_client_hellos),
        cmocka_unit_test(test_sessions_keep_their_context),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
