/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Unit tests of certificates: which is shown, which is refused, and whom they are for.
 */
#include "common/tls/tls.h"

#include <stdlib.h>

#include "tests/unit/tls_ends.h"

static void test_the_certificate_follows_the_name(void **state)
{
    static const struct {
        const char *asked, *covers, *not ;
    } rows[] = {
        {"a.test", "a.test", "b.test"},
        {"b.test", "b.test", "a.test"},
        {"B.Test", "b.test", "a.test"},
        {"x.wild.test", "b.test", "a.test"},
        {"x.y.wild.test", "a.test", "b.test"},
        {"unknown.test", "a.test", "b.test"},
        {NULL, "a.test", "b.test"},
    };
    struct world *world = *state;
    struct tls_context *context = server_context(world, (struct tls_settings){0});
    for (size_t i = 0; i < ARRAY_SIZE(rows) * 2; i++) {
        size_t row = i / 2;
        connect_sides(world);
        struct raw raw = raw_new(world, versions[i % 2], rows[row].asked);
        struct tls_session *server = tls_session_new(context, NULL, &transport, &world->server);
        int client;
        assert_int_equal(raw_shake(&raw, server, &client), 0);
        unsigned count;
        const gnutls_datum_t *chain = gnutls_certificate_get_peers(raw.session, &count);
        gnutls_x509_crt_t crt;
        pki_require(gnutls_x509_crt_init(&crt));
        pki_require(gnutls_x509_crt_import(crt, chain, GNUTLS_X509_FMT_DER));
        assert_true(gnutls_x509_crt_check_hostname(crt, rows[row].covers));
        assert_false(gnutls_x509_crt_check_hostname(crt, rows[row].not ));
        gnutls_x509_crt_deinit(crt);
        tls_session_free(server);
        raw_free(&raw);
    }
    tls_context_unref(context);
}

/* An ECDSA and an RSA certificate for one name: each client gets what it understands. */
static void test_the_key_follows_the_client(void **state)
{
    static const struct {
        const char *priority;
        int algorithm;
    } rows[] = {
        {"NORMAL:-SIGN-ALL:+SIGN-RSA-PSS-RSAE-SHA256:+SIGN-RSA-SHA256", GNUTLS_PK_RSA},
        {"NORMAL:-SIGN-ALL:+SIGN-ECDSA-SECP256R1-SHA256:+SIGN-ECDSA-SHA256", GNUTLS_PK_ECDSA},
        {"NORMAL", GNUTLS_PK_ECDSA},
    };
    struct world *world = *state;
    struct pki_files rsa = pki_make(
        &world->pki, &(struct pki_request){.file = "rsa", .dns = {"a.test"}, .rsa_bits = 2048});
    struct tls_context *context = server_context(world, (struct tls_settings){0});
    add(context, "a.test", &rsa);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        connect_sides(world);
        struct raw raw = raw_new(world, rows[i].priority, "a.test");
        struct tls_session *server = tls_session_new(context, NULL, &transport, &world->server);
        int client;
        assert_int_equal(raw_shake(&raw, server, &client), 0);
        assert_int_equal(gnutls_sign_supports_pk_algorithm(gnutls_sign_algorithm_get(raw.session),
                                                           rows[i].algorithm),
                         1);
        assert_bindings(&raw, server);
        tls_session_free(server);
        raw_free(&raw);
    }
    tls_context_unref(context);
    pki_files_fini(&rsa);
}

static void assert_add(struct world *world, const char *name, const char *certificate,
                       const char *key, int expected, const char *expected_problem)
{
    (void)world;
    struct tls_context *context = new_context(&(struct tls_settings){.role = TLS_SERVER});
    const char *problem = "";
    assert_int_equal(tls_context_add_certificate(context, name, certificate, key, &problem),
                     expected);
    if (expected_problem) {
        assert_string_equal(problem, expected_problem);
    } else {
        assert_true(expected == 0 || *problem != '\0');
    }
    tls_context_unref(context);
}

static void test_certificates_are_checked_before_use(void **state)
{
    struct world *world = *state;
    struct pki *pki = &world->pki;
    struct pki_files expired =
        pki_make(pki, &(struct pki_request){
                          .file = "expired", .dns = {"a.test"}, .from_days = -9, .to_days = -1});
    struct pki_files early = pki_make(
        pki,
        &(struct pki_request){.file = "early", .dns = {"a.test"}, .from_days = 1, .to_days = 9});
    char *junk = pki_write_text(pki, "junk.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n");
    char *empty = pki_write_text(pki, "empty.pem", "");
    const char *crt = world->a.certificate, *key = world->a.key;

    assert_add(world, "a.test", crt, key, 0, NULL);
    assert_add(world, NULL, crt, key, 0, NULL);
    assert_add(world, "a.test", crt, world->b.key, ERR_INVALID,
               "the key does not belong to the certificate");
    assert_add(world, "other.test", crt, key, ERR_INVALID, "the certificate is for other names");
    assert_add(world, "a.test", expired.certificate, expired.key, ERR_INVALID,
               "the certificate has expired");
    assert_add(world, "a.test", early.certificate, early.key, ERR_INVALID,
               "the certificate is not valid yet");
    assert_add(world, "a.test", "/nobody/here", key, ERR_SYSTEM,
               "the certificate file cannot be read");
    assert_add(world, "a.test", crt, "/nobody/here", ERR_SYSTEM, "the key file cannot be read");
    assert_add(world, "a.test", junk, key, ERR_INVALID, NULL);
    assert_add(world, "a.test", crt, junk, ERR_INVALID, NULL);
    assert_add(world, "a.test", empty, key, ERR_INVALID, NULL);
    assert_add(world, "a.test", key, crt, ERR_INVALID, NULL);

    struct tls_context *context = NULL;
    const char *problem = "";
    assert_true(tls_context_new(&(struct tls_settings){.role = TLS_CLIENT, .ca_file = empty},
                                &context, &problem) < 0);
    assert_string_not_equal(problem, "");
    assert_null(context);
    free(junk);
    free(empty);
    pki_files_fini(&expired);
    pki_files_fini(&early);
}

/* RFC 6125, RFC 9525, RFC 6120 §13.7.1 */
static void test_names_of_certificates(void **state)
{
    static const struct {
        struct pki_request request;
        const char *name;
        bool covered;
    } rows[] = {
        {{.dns = {"x.test"}}, "x.test", true},
        {{.dns = {"x.test"}}, "X.TEST", true},
        {{.dns = {"x.test"}}, "y.x.test", false},
        {{.dns = {"x.test"}}, "ax.test", false},
        {{.dns = {"*.x.test"}}, "a.x.test", true},
        {{.dns = {"*.x.test"}}, "x.test", false},
        {{.dns = {"*.x.test"}}, ".x.test", false},
        {{.dns = {"*.x.test"}}, "a.b.x.test", false},
        {{.dns = {"*.test"}}, "x.test", false},
        {{.dns = {"*.*.test"}}, "a.b.test", false},
        {{.dns = {"a*.x.test"}}, "ab.x.test", false},
        {{.dns = {"*"}}, "x.test", false},
        {{.dns = {"xn--mnchen-3ya.test"}}, "m\303\274nchen.test", true},
        {{.common_name = "x.test"}, "x.test", false},
        {{.common_name = "x.test", .dns = {"y.test"}}, "x.test", false},
        {{.srv = "_xmpp-client.x.test"}, "x.test", true},
        {{.srv = "_xmpp-server.X.test"}, "x.test", true},
        {{.srv = "_imap.x.test"}, "x.test", false},
        {{.srv = "_xmpp-client.y.x.test"}, "x.test", false},
        {{.address = {"x.test"}}, "x.test", true},
        {{.address = {"m\303\274nchen.test"}}, "m\303\274nchen.test", true},
        {{.address = {"user@x.test"}}, "x.test", false},
        {{.other_der = "x.test\0.evil.test", .other_der_length = 17}, "x.test", false},
        {{.dns = {"y.test", "z.test"}, .address = {"x.test"}}, "x.test", true},
    };
    struct world *world = *state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct pki_request request = rows[i].request;
        request.file = "name";
        struct pki_files files = pki_make(&world->pki, &request);
        struct tls_context *context = new_context(&(struct tls_settings){.role = TLS_SERVER});
        const char *problem = "";
        int rc = tls_context_add_certificate(context, rows[i].name, files.certificate, files.key,
                                             &problem);
        if ((rc == 0) != rows[i].covered) {
            fail_msg("row %zu: %s %s", i, rows[i].name, problem);
        }
        tls_context_unref(context);
        pki_files_fini(&files);
    }
}

static void test_servers_are_verified(void **state)
{
    struct world *world = *state;
    static const struct {
        struct pki_request request;
        const char *name;
        int expected;
    } rows[] = {
        {{.dns = {"x.test"}}, "x.test", 0},
        {{.dns = {"x.test"}}, "y.test", ERR_DENIED},
        {{.dns = {"x.test"}, .self_signed = true}, "x.test", ERR_DENIED},
        {{.dns = {"x.test"}, .rsa_bits = 1024}, "x.test", ERR_DENIED},
        {{.dns = {"x.test"}, .purpose = GNUTLS_KP_TLS_WWW_CLIENT}, "x.test", 0},
        {{.srv = "_xmpp-server.x.test"}, "x.test", 0},
        {{.common_name = "x.test"}, "x.test", ERR_DENIED},
        {{.dns = {"x.test"}}, NULL, ERR_DENIED},
    };
    struct tls_context *client = client_context(world);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct pki_request request = rows[i].request;
        request.file = "server";
        struct pki_files files = pki_make(&world->pki, &request);
        struct tls_context *server = new_context(&(struct tls_settings){.role = TLS_SERVER});
        add(server, NULL, &files);
        struct pair pair = new_pair(world, client, server, rows[i].name);
        assert_handshake(&pair);
        if (tls_verify_server(pair.client) != rows[i].expected) {
            fail_msg("row %zu", i);
        }
        free_pair(&pair);
        tls_context_unref(server);
        pki_files_fini(&files);
    }
    tls_context_unref(client);
}

static void note_address(void *user, const char *jid)
{
    struct buffer *all = user;
    buffer_append_text(all, jid);
    buffer_append_char(all, ' ');
}

static struct tls_authorities *load_authorities(const char *file)
{
    struct tls_authorities *authorities = NULL;
    const char *problem = NULL;

    assert_int_equal(tls_authorities_load(file, &authorities, &problem), 0);
    return authorities;
}

/* RFC 6120 §13.7.1.4, XEP-0178; certificates for servers only are fine (RFC 6120 §13.7.2.2). */
static void test_clients_are_verified(void **state)
{
    struct world *world = *state;
    static const struct {
        struct pki_request request;
        int expected;
        const char *addresses;
    } rows[] = {
        {{.address = {"alice@a.test"}}, 0, "alice@a.test "},
        {{.address = {"alice@a.test", "bob@a.test"}}, 0, "alice@a.test bob@a.test "},
        {{.dns = {"x.test"}}, 0, ""},
        {{.address = {"alice@a.test"}, .purpose = GNUTLS_KP_TLS_WWW_SERVER}, 0, "alice@a.test "},
        {{.address = {"alice@a.test"}, .self_signed = true}, ERR_DENIED, "alice@a.test "},
        {{.address = {"bob@a.test"}, .other_der = "alice@a.test\0.evil", .other_der_length = 18},
         0,
         "bob@a.test "},
        {{.address = {"alice@a.test"}, .ed25519 = true}, 0, "alice@a.test "},
    };
    struct tls_context *server = server_context(
        world, (struct tls_settings){.request_certificate = true, .ca_file = world->pki.ca_file});
    struct tls_authorities *authorities = load_authorities(world->pki.ca_file);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct pki_request request = rows[i].request;
        request.file = "client";
        struct pki_files files = pki_make(&world->pki, &request);
        struct tls_context *client = client_context(world);
        add(client, NULL, &files);
        struct pair pair = new_pair(world, client, server, "a.test");
        assert_handshake(&pair);
        if (tls_verify_peer(pair.server) != rows[i].expected ||
            tls_verify_client(pair.server, authorities) != rows[i].expected) {
            fail_msg("row %zu", i);
        }
        struct buffer addresses = {0};
        buffer_append_text(&addresses, "");
        tls_peer_addresses(pair.server, note_address, &addresses);
        assert_string_equal(addresses.data, rows[i].addresses);
        buffer_fini(&addresses);
        free_pair(&pair);
        tls_context_unref(client);
        pki_files_fini(&files);
    }
    tls_authorities_free(authorities);
    tls_context_unref(server);
}

/* Whom one domain trusts is nothing to another one, whatever the context was made with. */
static void test_authorities_are_told_apart(void **state)
{
    struct world *world = *state;
    struct pki_request request = {
        .address = {"alice@a.test"}, .self_signed = true, .file = "client"};
    struct pki_files files = pki_make(&world->pki, &request);
    struct tls_context *server = server_context(
        world, (struct tls_settings){.request_certificate = true, .ca_file = world->pki.ca_file});
    struct tls_context *client = client_context(world);
    struct tls_authorities *common = load_authorities(world->pki.ca_file);
    struct tls_authorities *own = load_authorities(files.certificate);

    add(client, NULL, &files);
    struct pair pair = new_pair(world, client, server, "a.test");
    assert_handshake(&pair);
    assert_int_equal(tls_verify_client(pair.server, common), ERR_DENIED);
    assert_int_equal(tls_verify_client(pair.server, own), 0);
    free_pair(&pair);
    tls_authorities_free(own);
    tls_authorities_free(common);
    tls_context_unref(client);
    tls_context_unref(server);
    pki_files_fini(&files);
}

static void test_authorities_that_are_none(void **state)
{
    static const char *const names[] = {"/nonexistent", "/dev/null"};
    struct tls_authorities *authorities;
    const char *problem = NULL;
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        assert_int_equal(tls_authorities_load(names[i], &authorities, &problem), ERR_INVALID);
        assert_non_null(problem);
    }
}

static void test_clients_without_a_certificate(void **state)
{
    struct world *world = *state;
    struct tls_context *client = client_context(world);
    for (int request = 0; request < 2; request++) {
        struct tls_context *server =
            server_context(world, (struct tls_settings){.request_certificate = request != 0,
                                                        .ca_file = world->pki.ca_file});
        struct pair pair = new_pair(world, client, server, "a.test");
        assert_handshake(&pair);
        assert_int_equal(tls_verify_peer(pair.server), ERR_NOT_FOUND);
        struct buffer addresses = {0};
        tls_peer_addresses(pair.server, note_address, &addresses);
        assert_int_equal(addresses.length, 0);
        assert_talk(pair.client, pair.server);
        free_pair(&pair);
        tls_context_unref(server);
    }
    tls_context_unref(client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_certificate_follows_the_name),
        cmocka_unit_test(test_the_key_follows_the_client),
        cmocka_unit_test(test_certificates_are_checked_before_use),
        cmocka_unit_test(test_names_of_certificates),
        cmocka_unit_test(test_servers_are_verified),
        cmocka_unit_test(test_clients_are_verified),
        cmocka_unit_test(test_authorities_are_told_apart),
        cmocka_unit_test(test_authorities_that_are_none),
        cmocka_unit_test(test_clients_without_a_certificate),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
