/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Whether a certificate is that of a domain's server, at either end (RFC 6120 §13.7, RFC 9525), and
 * DANE (RFC 7671).
 */
#include "common/tls/verify.h"

#include <stdlib.h>

#include "tests/unit/tls_ends.h"

#define SERVER GNUTLS_KP_TLS_WWW_SERVER
#define CLIENT GNUTLS_KP_TLS_WWW_CLIENT

static const struct {
    struct pki_request request;
    const char *domain;
    const char *problem; /* NULL: accepted */
} ROWS[] = {
    {{.dns = {"x.test"}}, "x.test", NULL},
    {{.dns = {"X.TEST"}}, "x.test", NULL},
    {{.dns = {"x.test"}, .purpose = SERVER}, "x.test", NULL},
    {{.dns = {"x.test"}, .purpose = CLIENT}, "x.test", NULL},
    {{.dns = {"*.x.test"}}, "a.x.test", NULL},
    {{.dns = {"xn--mnchen-3ya.test"}}, "m\303\274nchen.test", NULL},
    {{.dns = {"*.xn--mnchen-3ya.test"}}, "a.m\303\274nchen.test", NULL},
    {{.srv = "_xmpp-server.x.test"}, "x.test", NULL},
    {{.address = {"x.test"}}, "x.test", NULL},
    {{.address = {"m\303\274nchen.test"}}, "m\303\274nchen.test", NULL},
    {{.dns = {"y.test", "x.test"}}, "x.test", NULL},
    {{.dns = {"x.test"}, .ed25519 = true}, "x.test", NULL},

    {{.dns = {"y.test"}}, "x.test", "other names"},
    {{.dns = {"x.test"}}, "a.x.test", "other names"},
    {{.dns = {"evilx.test"}}, "x.test", "other names"},
    {{.dns = {"x.test"}}, "evilx.test", "other names"},
    {{.dns = {"*.x.test"}}, "x.test", "other names"},
    {{.dns = {"*.x.test"}}, "a.b.x.test", "other names"},
    {{.dns = {"*.test"}}, "x.test", "other names"},
    {{.dns = {"*.*.test"}}, "a.x.test", "other names"},
    {{.dns = {"a*.x.test"}}, "ab.x.test", "other names"},
    {{.common_name = "x.test"}, "x.test", "other names"},
    {{.srv = "_xmpp-client.x.test"}, "x.test", "other names"},
    {{.address = {"user@x.test"}}, "x.test", "other names"},
    {{.other_der = "x.test\0.evil.test", .other_der_length = 17}, "x.test", "other names"},
    {{.dns = {"x.test"}, .self_signed = true}, "x.test", "not trusted"},
    {{.dns = {"x.test"}, .rsa_bits = 1024}, "x.test", "too weak"},
};

/* The one end shows the certificate, the other one judges. */
static int judge(struct world *world, const struct pki_files *files, bool inbound,
                 const char *domain, const char **problem)
{
    struct tls_context *client = client_context(world);
    struct tls_context *server = new_context(&(struct tls_settings){
        .role = TLS_SERVER, .request_certificate = true, .ca_file = world->pki.ca_file});
    add(inbound ? client : server, NULL, files);
    if (inbound)
        add(server, NULL, &world->a);
    struct pair pair = new_pair(world, client, server, "a.test");
    assert_handshake(&pair);
    int error = tls_verify_domain(inbound ? pair.server : pair.client, domain, problem);
    free_pair(&pair);
    tls_context_unref(client);
    tls_context_unref(server);
    return error;
}

static void matrix(void **state)
{
    struct world *world = *state;
    for (size_t i = 0; i < ARRAY_SIZE(ROWS) * 2; i++) {
        size_t row = i / 2;
        struct pki_request request = ROWS[row].request;
        const char *problem = NULL;
        request.file = "domain";
        struct pki_files files = pki_make(&world->pki, &request);
        int error = judge(world, &files, i % 2, ROWS[row].domain, &problem);
        bool good = ROWS[row].problem ? error == ERR_DENIED && strstr(problem, ROWS[row].problem)
                                      : error == 0;
        if (!good)
            fail_msg("row %zu %s: %d %s", row, i % 2 ? "in" : "out", error, problem);
        pki_files_fini(&files);
    }
}

static void described(void **state)
{
    struct world *world = *state;
    struct tls_description shown;
    struct pki_files files =
        pki_make(&world->pki, &(struct pki_request){.file = "described",
                                                    .dns = {"x.test", "*.x.test"},
                                                    .srv = "_xmpp-server.x.test",
                                                    .common_name = "x.test"});
    struct tls_context *client = client_context(world);
    struct tls_context *server = new_context(&(struct tls_settings){.role = TLS_SERVER});
    add(server, NULL, &files);
    struct pair pair = new_pair(world, client, server, "x.test");
    assert_handshake(&pair);
    assert_int_equal(tls_describe_peer(pair.client, &shown), 0);
    assert_string_equal(shown.subject, "CN=x.test");
    assert_non_null(strstr(shown.issuer, "CN="));
    assert_int_equal(strlen(shown.begins), strlen("2026-11-27T14:00:00Z"));
    assert_true(strcmp(shown.begins, shown.ends) < 0);
    assert_string_equal(shown.names, "x.test, *.x.test, _xmpp-server.x.test");
    tls_description_fini(&shown);
    assert_int_equal(tls_describe_peer(pair.server, &shown), ERR_NOT_FOUND);
    free_pair(&pair);
    tls_context_unref(client);
    tls_context_unref(server);
    pki_files_fini(&files);
}

static void no_certificate(void **state)
{
    struct world *world = *state;
    const char *problem = NULL;
    struct tls_context *client = client_context(world);
    struct tls_context *server = server_context(
        world, (struct tls_settings){.request_certificate = true, .ca_file = world->pki.ca_file});
    struct pair pair = new_pair(world, client, server, "a.test");
    assert_handshake(&pair);
    assert_int_equal(tls_verify_domain(pair.server, "a.test", &problem), ERR_NOT_FOUND);
    assert_non_null(problem);
    assert_int_equal(tls_verify_dane(pair.server, NULL, 0, "a.test", "a.test", &problem),
                     ERR_NOT_FOUND);
    free_pair(&pair);
    tls_context_unref(client);
    tls_context_unref(server);
}

static void tlsa_records(void **state)
{
    static const struct {
        uint8_t head[3];
        size_t length;
        int expected;
    } rows[] = {
        {{3, 1, 1}, 35, 0},
        {{3, 0, 1}, 35, 0},
        {{3, 1, 2}, 67, 0},
        {{2, 0, 1}, 35, 0},
        {{2, 1, 2}, 67, 0},
        {{3, 1, 1}, 34, ERR_MALFORMED},
        {{3, 1, 2}, 35, ERR_MALFORMED},
        {{3, 1, 1}, 3, ERR_MALFORMED},
        {{3, 1, 1}, 0, ERR_MALFORMED},
        {{0, 1, 1}, 35, ERR_UNSUPPORTED},
        {{1, 1, 1}, 35, ERR_UNSUPPORTED},
        {{4, 1, 1}, 35, ERR_UNSUPPORTED},
        {{3, 2, 1}, 35, ERR_UNSUPPORTED},
        {{3, 1, 0}, 35, ERR_UNSUPPORTED},
        {{3, 1, 3}, 35, ERR_UNSUPPORTED},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        uint8_t bytes[80] = {0};
        struct tls_dane record;
        memcpy(bytes, rows[i].head, 3);
        assert_int_equal(tls_dane_parse(bytes, rows[i].length, &record), rows[i].expected);
    }
}

/* The record of a certificate, as another tool would compute it. */
static struct tls_dane record_of(const char *file, uint8_t usage, uint8_t selector)
{
    struct tls_dane record = {.usage = usage, .selector = selector, .matching = 1, .length = 32};
    gnutls_x509_crt_t crt;
    gnutls_datum_t pem, der;
    size_t size = 32;
    pki_require(gnutls_load_file(file, &pem));
    pki_require(gnutls_x509_crt_init(&crt));
    pki_require(gnutls_x509_crt_import(crt, &pem, GNUTLS_X509_FMT_PEM));
    if (selector == 1) {
        pki_require(gnutls_x509_crt_get_key_id(crt, GNUTLS_KEYID_USE_SHA256, record.data, &size));
    } else {
        pki_require(gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_DER, &der));
        pki_require(gnutls_fingerprint(GNUTLS_DIG_SHA256, &der, record.data, &size));
        gnutls_free(der.data);
    }
    gnutls_x509_crt_deinit(crt);
    gnutls_free(pem.data);
    return record;
}

static char *join(struct pki *pki, const char *first, const char *second)
{
    gnutls_datum_t one, two;
    struct buffer both = {0};
    pki_require(gnutls_load_file(first, &one));
    pki_require(gnutls_load_file(second, &two));
    buffer_append(&both, one.data, one.size);
    buffer_append(&both, two.data, two.size);
    char *path = pki_write(pki, "joined.crt",
                           &(gnutls_datum_t){(unsigned char *)both.data, (unsigned)both.length});
    buffer_fini(&both);
    gnutls_free(one.data);
    gnutls_free(two.data);
    return path;
}

static void dane(void **state)
{
    static const struct {
        struct pki_request request;
        uint8_t usage, selector;
        bool of_ca, spoilt;
        int expected;
    } rows[] = {
        {{.dns = {"x.test"}}, 3, 1, false, false, 0},
        {{.dns = {"x.test"}}, 3, 0, false, false, 0},
        {{.dns = {"y.test"}, .self_signed = true}, 3, 1, false, false, 0},
        {{.dns = {"x.test"}}, 3, 1, false, true, ERR_DENIED},
        {{.dns = {"x.test"}}, 3, 1, true, false, ERR_DENIED},
        {{.dns = {"x.test"}}, 2, 0, true, false, 0},
        {{.dns = {"x.test"}}, 2, 1, true, false, 0},
        {{.dns = {"target.test"}}, 2, 0, true, false, 0},
        {{.dns = {"y.test"}}, 2, 0, true, false, ERR_DENIED},
        {{.dns = {"x.test"}}, 2, 0, true, true, ERR_DENIED},
        {{.dns = {"x.test"}}, 2, 0, false, false, ERR_DENIED},
        {{.dns = {"x.test"}, .self_signed = true}, 2, 0, true, false, ERR_DENIED},
    };
    struct world *world = *state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct pki_request request = rows[i].request;
        const char *problem = NULL;
        request.file = "dane";
        struct pki_files files = pki_make(&world->pki, &request);
        struct tls_dane record = record_of(rows[i].of_ca ? world->pki.ca_file : files.certificate,
                                           rows[i].usage, rows[i].selector);
        record.data[0] ^= rows[i].spoilt;
        struct pki_files chain = {join(&world->pki, files.certificate, world->pki.ca_file),
                                  xstrdup(files.key)};
        struct tls_context *client = client_context(world);
        struct tls_context *server = new_context(&(struct tls_settings){.role = TLS_SERVER});
        add(server, NULL, &chain);
        struct pair pair = new_pair(world, client, server, "x.test");
        assert_handshake(&pair);
        int error = tls_verify_dane(pair.client, &record, 1, "x.test", "target.test", &problem);
        if (error != rows[i].expected)
            fail_msg("row %zu: %d %s", i, error, problem);
        assert_int_equal(
            tls_verify_dane(pair.client, &record, 0, "x.test", "target.test", &problem),
            ERR_DENIED);
        free_pair(&pair);
        tls_context_unref(client);
        tls_context_unref(server);
        pki_files_fini(&files);
        pki_files_fini(&chain);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matrix),         cmocka_unit_test(described),
        cmocka_unit_test(no_certificate), cmocka_unit_test(tlsa_records),
        cmocka_unit_test(dane),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
