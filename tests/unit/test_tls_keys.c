/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Unit tests of TLS between peers that know each other's keys.
 */
#include "common/tls/pin.h"
#include "tests/unit/tls_ends.h"

static struct tls_context *context_of(enum tls_role role, const struct pki_files *files)
{
    static const char *const alpn[] = {"xmpp-net/1", NULL};
    struct tls_context *context =
        new_context(&(struct tls_settings){.role = role, .alpn = alpn, .known_keys = true});
    if (files)
        add(context, NULL, files);
    return context;
}

static void pin_of(const struct pki_files *files, uint8_t *pin)
{
    const char *problem = "";
    assert_int_equal(tls_pin_of_file(files->certificate, pin, &problem), 0);
}

static void test_both_ends_show_their_keys(void **state)
{
    struct world *world = *state;
    uint8_t expected[2][TLS_PIN_SIZE], seen[2][TLS_PIN_SIZE];
    struct tls_context *server = context_of(TLS_SERVER, &world->a);
    struct tls_context *client = context_of(TLS_CLIENT, &world->b);
    pin_of(&world->a, expected[0]);
    pin_of(&world->b, expected[1]);
    assert_memory_not_equal(expected[0], expected[1], TLS_PIN_SIZE);
    struct pair pair = new_pair(world, client, server, "beta.example.net");
    assert_handshake(&pair);
    assert_talk(pair.client, pair.server);
    assert_talk(pair.server, pair.client);
    assert_string_equal(tls_version(pair.server), "TLSv1.3");
    assert_true(tls_has_protocol(pair.client) && tls_has_protocol(pair.server));
    assert_int_equal(tls_pin_of_peer(pair.client, seen[0]), 0);
    assert_int_equal(tls_pin_of_peer(pair.server, seen[1]), 0);
    assert_memory_equal(seen[0], expected[0], TLS_PIN_SIZE);
    assert_memory_equal(seen[1], expected[1], TLS_PIN_SIZE);
    free_pair(&pair);
    tls_context_unref(client);
    tls_context_unref(server);
}

static void test_other_kinds_of_keys(void **state)
{
    static const struct pki_request rows[] = {
        {.file = "ed", .ed25519 = true, .self_signed = true},
        {.file = "rsa", .rsa_bits = 2048, .self_signed = true}};
    struct world *world = *state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        uint8_t key[TLS_PIN_SIZE];
        struct pki_files files = pki_make(&world->pki, &rows[i]);
        struct tls_context *server = context_of(TLS_SERVER, &world->a);
        struct tls_context *client = context_of(TLS_CLIENT, &files);
        struct pair pair = new_pair(world, client, server, "beta.example.net");
        assert_handshake(&pair);
        assert_talk(pair.client, pair.server);
        assert_int_equal(tls_pin_of_peer(pair.server, key), 0);
        free_pair(&pair);
        tls_context_unref(client);
        tls_context_unref(server);
        pki_files_fini(&files);
    }
}

static void test_who_shows_none_is_refused(void **state)
{
    struct world *world = *state;
    uint8_t key[TLS_PIN_SIZE];
    char bytes[8];
    struct tls_context *server = context_of(TLS_SERVER, &world->a);
    struct tls_context *client = context_of(TLS_CLIENT, NULL);
    struct pair pair = new_pair(world, client, server, "beta.example.net");
    int at_client, at_server;
    shake_hands(&pair, &at_client, &at_server);
    assert_int_equal(at_server, ERR_TLS);
    assert_int_equal(tls_pin_of_peer(pair.server, key), ERR_NOT_FOUND);
    assert_true(read_some(pair.client, bytes, sizeof(bytes)) < 0);
    free_pair(&pair);
    tls_context_unref(client);
    tls_context_unref(server);
}

static void test_version_and_protocol(void **state)
{
    struct world *world = *state;
    struct tls_context *server = context_of(TLS_SERVER, &world->a);
    for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
        connect_sides(world);
        struct raw raw = raw_new(world, versions[i], "a.test");
        struct tls_session *session = tls_session_new(server, NULL, &transport, &world->server);
        int client;
        assert_int_not_equal(raw_shake(&raw, session, &client), 0); /* no ALPN, no certificate */
        tls_session_free(session);
        raw_free(&raw);
    }
    tls_context_unref(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_ends_show_their_keys),
        cmocka_unit_test(test_other_kinds_of_keys),
        cmocka_unit_test(test_who_shows_none_is_refused),
        cmocka_unit_test(test_version_and_protocol),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
