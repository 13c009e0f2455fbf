/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * common/sasl/sasl.h: the published examples, all mechanisms against GNU SASL as a client nobody
 * here wrote, and the order of calls.
 */
#include <stdio.h>

#include <gsasl.h>

#include "tests/unit/sasl_server.h"

static void test_names(void **state)
{
    static const char *const names[] = {
        "SCRAM-SHA-512-PLUS", "SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-512",
        "SCRAM-SHA-256",      "SCRAM-SHA-1",        "EXTERNAL",         "PLAIN",
        "HT-SHA-512-EXPR",    "HT-SHA-512-ENDP",    "HT-SHA-512-NONE",  "HT-SHA-256-EXPR",
        "HT-SHA-256-ENDP",    "HT-SHA-256-NONE"};
    /* A4, A5: among them what Debian installs for Cyrus. */
    static const char *const unknown[] = {"",
                                          "plain",
                                          "Plain",
                                          "PLAIN ",
                                          "PLAIN-PLUS",
                                          "PLAI",
                                          "ANONYMOUS",
                                          "LOGIN",
                                          "CRAM-MD5",
                                          "DIGEST-MD5",
                                          "NTLM",
                                          "OTP",
                                          "SRP",
                                          "GSSAPI",
                                          "GS2-KRB5",
                                          "GS2-IAKERB",
                                          "GSS-SPNEGO",
                                          "SCRAM-SHA-224",
                                          "SCRAM-SHA-384",
                                          "SCRAM-SHA-",
                                          "scram-sha-1",
                                          "KONTALK-EXTERNAL",
                                          "EXTERNAL-PLUS",
                                          "HT-SHA-256-UNIQ",
                                          "HT-SHA-1-NONE",
                                          "HT-SHA-256"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        assert_int_equal(sasl_mechanism_parse(names[i]), i);
        assert_string_equal(sasl_mechanism_name((enum sasl_mechanism)i), names[i]);
        assert_int_equal(sasl_mechanism_is_plus((enum sasl_mechanism)i), i < 3);
        assert_int_equal(sasl_mechanism_is_token((enum sasl_mechanism)i), i >= 8);
        assert_int_equal(sasl_mechanism_is_relayed((enum sasl_mechanism)i), i < 6 || i >= 8);
    }
    for (size_t i = 0; i < ARRAY_SIZE(unknown); i++)
        assert_int_equal(sasl_mechanism_parse(unknown[i]), -1);
    assert_int_equal(sasl_mechanism_hash(SASL_SCRAM_SHA_512_PLUS), CRYPTO_SHA512);
    assert_int_equal(sasl_mechanism_hash(SASL_SCRAM_SHA_1), CRYPTO_SHA1);
    assert_int_equal(sasl_mechanism_hash(SASL_PLAIN), -1);
}

/* A5: no file of the system has become part of the process. */
static void test_no_plugin_files(void **state)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    char *line = NULL;
    size_t size = 0;
    bool has_library = false;

    (void)state;
    assert_non_null(maps);
    while (getline(&line, &size, maps) > 0) {
        has_library |= strstr(line, "libsasl2") != NULL;
        assert_null(strstr(line, "/sasl2/"));
    }
    assert_true(has_library);
    free(line);
    fclose(maps);
}

static void test_published_exchanges(void **state)
{
    static const struct {
        enum sasl_mechanism mechanism;
        const char *nonce;
        const char *client_first;
        const char *server_first;
        const char *client_final;
        const char *server_final;
    } rows[] = {
        {SASL_SCRAM_SHA_1, "3rfcNHYJY1ZVvWVs7j", "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
         "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
         "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
         "v=rmF9pqV8S7suAoZWja4dJRkFsKQ="},
        {SASL_SCRAM_SHA_256, "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0", "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
         "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
         "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
         "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
         "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="},
        {SASL_SCRAM_SHA_512, "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0", "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
         "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
         "s=Yin2FuHTt/M0kJWb0t9OI32n2VmOGi3m+JfjOvuDF88=,i=4096",
         "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
         "p=/3obeUE1tHCJjbQttd+ChF5ox2IU1rNjj2wVDnbQ5LdNT126oy4QgLz2tHw/Uj7Gwb6PRuHOS3HC+45exxT5"
         "8A==",
         "v=5AwW78p+EVPirB3A5lrHcvrN8pVKRlR3opLuRoxXrN9ubKokkPzVPzWNNNuBbrtZrv5mpfKZ7+QCDSZWeZQE"
         "qw=="},
    };
    struct buffer out = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct sasl_exchange *exchange = sasl_exchange_new(&settings);

        exchange_fix_nonce(exchange, rows[i].nonce);
        assert_int_equal(start(exchange, rows[i].mechanism, rows[i].client_first,
                               strlen(rows[i].client_first), &out),
                         SASL_STEP_CHALLENGE);
        assert_string_equal(out.data, rows[i].server_first);
        assert_null(sasl_exchange_authenticated(exchange));
        assert_int_equal(
            respond(exchange, rows[i].client_final, strlen(rows[i].client_final), &out),
            SASL_STEP_DONE);
        assert_string_equal(out.data, rows[i].server_final);
        assert_string_equal(sasl_exchange_authenticated(exchange), "user");
        sasl_exchange_free(exchange);
    }
    buffer_fini(&out);
}

/* GNU SASL. */

struct login {
    const char *row;
    enum sasl_mechanism mechanism;
    const char *user;
    const char *password;
    const char *authzid; /* NULL: none */
    const char *binding; /* what the client believes; NULL: it has none */
    bool unique;         /* it is called tls-unique, else tls-exporter */
    bool separate_first; /* no initial response */
    enum sasl_step result;
    enum sasl_condition failure;
    bool counts;
};

static Gsasl_session *client_new(Gsasl *context, const struct login *login)
{
    Gsasl_session *client;
    struct buffer binding = {0};

    assert_int_equal(gsasl_client_start(context, sasl_mechanism_name(login->mechanism), &client),
                     GSASL_OK);
    gsasl_property_set(client, GSASL_AUTHID, login->user);
    gsasl_property_set(client, GSASL_PASSWORD, login->password);
    if (login->authzid)
        gsasl_property_set(client, GSASL_AUTHZID, login->authzid);
    if (login->binding) {
        base64_encode(&binding, login->binding, DATA_SIZE);
        gsasl_property_set(client, login->unique ? GSASL_CB_TLS_UNIQUE : GSASL_CB_TLS_EXPORTER,
                           binding.data);
        buffer_fini(&binding);
    }
    return client;
}

/* The client verifies the signature of the server. */
static void check_last_message(Gsasl_session *client, const struct buffer *out)
{
    char *message = NULL;
    size_t length = 0;

    assert_int_equal(gsasl_step(client, out->data, out->length, &message, &length), GSASL_OK);
    gsasl_free(message);
}

/* Both sides in turn, until the server has decided. */
static enum sasl_step run_both(struct sasl_exchange *exchange, Gsasl_session *client,
                               const struct login *login)
{
    struct buffer out = {0};
    bool started = login->separate_first;
    int result = GSASL_NEEDS_MORE;
    enum sasl_step step = SASL_STEP_CHALLENGE;

    if (started)
        step = sasl_exchange_start(exchange, login->mechanism, NULL, 0, false, &out);
    assert_int_equal(out.length, 0);
    while (step == SASL_STEP_CHALLENGE) {
        char *message = NULL;
        size_t length = 0;

        result = gsasl_step(client, out.data, out.length, &message, &length);
        assert_true(result == GSASL_OK || result == GSASL_NEEDS_MORE);
        step = started ? respond(exchange, message, length, &out)
                       : start(exchange, login->mechanism, message, length, &out);
        started = true;
        gsasl_free(message);
    }
    if (step == SASL_STEP_DONE && result == GSASL_NEEDS_MORE)
        check_last_message(client, &out);
    buffer_fini(&out);
    return step;
}

static void run_login(Gsasl *context, const struct login *login)
{
    struct sasl_exchange *exchange = sasl_exchange_new(&settings);
    Gsasl_session *client = client_new(context, login);
    enum sasl_step step = run_both(exchange, client, login);

    if (step != login->result)
        fail_msg("%s: step %d instead of %d", login->row, step, login->result);
    if (step == SASL_STEP_DONE)
        assert_string_equal(sasl_exchange_authenticated(exchange), "user");
    else
        check_failure(exchange, login->failure, login->counts, login->row);
    gsasl_finish(client);
    sasl_exchange_free(exchange);
}

static const struct login logins[] = {
    {"SHA-1", SASL_SCRAM_SHA_1, "user", "pencil", DONE},
    {"SHA-256", SASL_SCRAM_SHA_256, "user", "pencil", DONE},
    {"first message apart", SASL_SCRAM_SHA_256, "user", "pencil", .separate_first = true, DONE},
    {"SHA-1-PLUS", SASL_SCRAM_SHA_1_PLUS, "user", "pencil", .binding = EXPORTER, DONE},
    {"SHA-256-PLUS", SASL_SCRAM_SHA_256_PLUS, "user", "pencil", .binding = EXPORTER, DONE},
    {"SHA-256-PLUS, own authzid", SASL_SCRAM_SHA_256_PLUS, "user", "pencil",
     .authzid = "user@h.test", .binding = EXPORTER, .separate_first = true, DONE},
    {"T14 another channel", SASL_SCRAM_SHA_256_PLUS, "user", "pencil", .binding = END_POINT,
     REFUSED, .counts = true},
    {"T14 tls-unique", SASL_SCRAM_SHA_256_PLUS, "user", "pencil", .binding = EXPORTER,
     .unique = true, REFUSED},
    {"wrong password", SASL_SCRAM_SHA_256, "user", "Pencil", REFUSED, .counts = true},
    {"unknown user", SASL_SCRAM_SHA_256, "nobody", "pencil", REFUSED, .counts = true},
    {"A8 another authzid", SASL_SCRAM_SHA_256, "user", "pencil", .authzid = "root@h.test", AUTHZID},
    {"PLAIN", SASL_PLAIN, "user", "pencil", DONE},
    {"PLAIN, first message apart", SASL_PLAIN, "user", "pencil", .separate_first = true, DONE},
    {"PLAIN, own authzid", SASL_PLAIN, "user", "pencil", .authzid = "user@h.test", DONE},
    {"PLAIN, wrong password", SASL_PLAIN, "user", "Pencil", REFUSED, .counts = true},
    {"PLAIN, unknown user", SASL_PLAIN, "nobody", "pencil", REFUSED, .counts = true},
    {"EXTERNAL", SASL_EXTERNAL, "user", "", DONE},
    {"EXTERNAL, first message apart", SASL_EXTERNAL, "user", "", .separate_first = true, DONE},
    {"EXTERNAL, own authzid", SASL_EXTERNAL, "user", "", .authzid = "user@h.test", DONE},
    {"A8 EXTERNAL, another authzid", SASL_EXTERNAL, "user", "", .authzid = "root@h.test", AUTHZID},
};

static void test_gnu_sasl(void **state)
{
    Gsasl *context;

    (void)state;
    assert_int_equal(gsasl_init(&context), GSASL_OK);
    for (size_t i = 0; i < ARRAY_SIZE(logins); i++)
        run_login(context, &logins[i]);
    gsasl_done(context);
}

static void test_external_of_several_addresses(void **state)
{
    struct sasl_settings changed = settings;
    struct sasl_exchange *exchange = sasl_exchange_new(&changed);
    struct buffer out = {0};

    (void)state;
    changed.external_user = NULL;
    assert_int_equal(start(exchange, SASL_EXTERNAL, "", 0, &out), SASL_STEP_FAILED);
    check_failure(exchange, SASL_INVALID_AUTHZID, false, "none picked");
    sasl_exchange_free(exchange);

    exchange = sasl_exchange_new(&changed);
    assert_int_equal(start(exchange, SASL_EXTERNAL, "user@h.test", 11, &out), SASL_STEP_DONE);
    sasl_exchange_free(exchange);

    changed.external_allows = NULL;
    exchange = sasl_exchange_new(&changed);
    assert_int_equal(start(exchange, SASL_EXTERNAL, "user@h.test", 11, &out), SASL_STEP_FAILED);
    check_failure(exchange, SASL_INVALID_AUTHZID, false, "nothing is allowed");
    sasl_exchange_free(exchange);

    changed.external_user = "nobody";
    exchange = sasl_exchange_new(&changed);
    assert_int_equal(start(exchange, SASL_EXTERNAL, "", 0, &out), SASL_STEP_FAILED);
    check_failure(exchange, SASL_NOT_AUTHORIZED, true, "no such account");
    sasl_exchange_free(exchange);
    buffer_fini(&out);
}

static void reach(struct sasl_exchange *exchange, enum exchange_state state)
{
    static const char first[] = "n,,n=user,r=client";
    struct buffer out = {0};

    switch (state) {
    case EXCHANGE_NEW:
        break;
    case EXCHANGE_WANTS_FIRST:
        sasl_exchange_start(exchange, SASL_SCRAM_SHA_1, NULL, 0, false, &out);
        break;
    case EXCHANGE_WANTS_CREDENTIALS:
        sasl_exchange_start(exchange, SASL_SCRAM_SHA_1, MESSAGE(first), true, &out);
        break;
    case EXCHANGE_WANTS_CHECK:
        sasl_exchange_start(exchange, SASL_PLAIN, MESSAGE("\0user\0pencil"), true, &out);
        look_up(exchange, &out);
        break;
    case EXCHANGE_WANTS_RESPONSE:
        start(exchange, SASL_SCRAM_SHA_1, MESSAGE(first), &out);
        break;
    case EXCHANGE_DONE:
        start(exchange, SASL_EXTERNAL, MESSAGE(""), &out);
        break;
    case EXCHANGE_FAILED:
        start(exchange, SASL_SCRAM_SHA_1, MESSAGE("x"), &out);
        break;
    }
    assert_int_equal(exchange->state, state);
    buffer_fini(&out);
}

static enum sasl_step call_start(struct sasl_exchange *exchange, struct buffer *out)
{
    return sasl_exchange_start(exchange, SASL_EXTERNAL, MESSAGE(""), true, out);
}

static enum sasl_step call_step(struct sasl_exchange *exchange, struct buffer *out)
{
    return sasl_exchange_step(exchange, MESSAGE("n,,n=user,r=client"), out);
}

static enum sasl_step call_credentials(struct sasl_exchange *exchange, struct buffer *out)
{
    return sasl_exchange_credentials(exchange, NULL, false, out);
}

/* A1, A2, A17: every call in every state where it has no business. */
static void test_wrong_order(void **state)
{
    static const struct {
        enum sasl_step (*call)(struct sasl_exchange *exchange, struct buffer *out);
        unsigned legal; /* bits 1 << enum exchange_state */
    } calls[] = {
        {call_start, 1U << EXCHANGE_NEW},
        {call_step, 1U << EXCHANGE_WANTS_FIRST | 1U << EXCHANGE_WANTS_RESPONSE},
        {call_credentials, 1U << EXCHANGE_WANTS_CREDENTIALS},
        {sasl_exchange_checked, 1U << EXCHANGE_WANTS_CHECK},
    };
    struct buffer out = {0};

    (void)state;
    for (int at = EXCHANGE_NEW; at <= EXCHANGE_FAILED; at++) {
        for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
            struct sasl_exchange *exchange;

            if (calls[i].legal & 1U << at)
                continue;
            exchange = sasl_exchange_new(&settings);
            reach(exchange, (enum exchange_state)at);
            assert_int_equal(calls[i].call(exchange, &out), SASL_STEP_FAILED);
            check_failure(exchange, SASL_MALFORMED_REQUEST, false, "order");
            assert_int_equal(out.length, 0);
            sasl_exchange_free(exchange);
        }
    }
    buffer_fini(&out);
}

/* A password that nobody checked is a wrong one. */
static void test_check_left_out(void **state)
{
    struct sasl_exchange *exchange = sasl_exchange_new(&settings);
    struct buffer out = {0};

    (void)state;
    assert_int_equal(sasl_exchange_start(exchange, SASL_PLAIN, "\0user\0pencil", 12, true, &out),
                     SASL_STEP_CREDENTIALS);
    assert_int_equal(look_up(exchange, &out), SASL_STEP_PASSWORD);
    assert_int_equal(sasl_exchange_checked(exchange, &out), SASL_STEP_FAILED);
    check_failure(exchange, SASL_NOT_AUTHORIZED, true, "unchecked");
    sasl_exchange_free(exchange);
    buffer_fini(&out);
}

/* A18: a store that cannot be asked is no wrong password. */
static void test_unavailable(void **state)
{
    struct sasl_exchange *exchange = sasl_exchange_new(&settings);
    struct buffer out = {0};

    (void)state;
    assert_int_equal(sasl_exchange_start(exchange, SASL_PLAIN, "\0user\0pencil", 12, true, &out),
                     SASL_STEP_CREDENTIALS);
    assert_string_equal(sasl_exchange_user(exchange), "user");
    assert_int_equal(sasl_exchange_wanted_hash(exchange), -1);
    assert_int_equal(sasl_exchange_unavailable(exchange), SASL_STEP_FAILED);
    check_failure(exchange, SASL_TEMPORARY_AUTH_FAILURE, false, "unavailable");
    sasl_exchange_free(exchange);
    buffer_fini(&out);
}

static void challenge_of(const char *user, const struct verifier *verifier, struct buffer *out)
{
    struct sasl_exchange *exchange = sasl_exchange_new(&settings);
    char *first = xasprintf("n,,n=%s,r=client", user);

    buffer_clear(out);
    exchange_fix_nonce(exchange, NONCE);
    assert_int_equal(
        sasl_exchange_start(exchange, SASL_SCRAM_SHA_256, first, strlen(first), true, out),
        SASL_STEP_CREDENTIALS);
    assert_int_equal(sasl_exchange_wanted_hash(exchange), CRYPTO_SHA256);
    assert_int_equal(sasl_exchange_credentials(exchange, verifier, verifier != NULL, out),
                     SASL_STEP_CHALLENGE);
    free(first);
    sasl_exchange_free(exchange);
}

/* A14: the challenges of accounts and of nobody have one shape, and nobody's does not change. */
static void test_enumeration(void **state)
{
    struct verifier real;
    struct verifier other_hash;
    struct buffer known = {0};
    struct buffer unknown = {0};
    struct buffer again = {0};

    (void)state;
    assert_int_equal(verifier_make(CRYPTO_SHA256, "pencil", &real), 0);
    assert_int_equal(verifier_make(CRYPTO_SHA1, "pencil", &other_hash), 0);
    for (int i = 0; i < 1000; i++) {
        char *name = xasprintf("user%d", i);

        challenge_of(name, NULL, &unknown);
        challenge_of(name, &other_hash, &again);
        assert_string_equal(unknown.data, again.data);
        challenge_of(name, &real, &known);
        assert_int_equal(known.length, unknown.length);
        assert_string_equal(strstr(known.data, ",i="), strstr(unknown.data, ",i="));
        free(name);
    }
    buffer_fini(&known);
    buffer_fini(&unknown);
    buffer_fini(&again);
}

/* The nonce is new each time and long enough. */
static void test_nonce(void **state)
{
    struct sasl_exchange *a = sasl_exchange_new(&settings);
    struct sasl_exchange *b = sasl_exchange_new(&settings);
    struct buffer out = {0};

    (void)state;
    start(a, SASL_SCRAM_SHA_1, "n,,n=user,r=client", 18, &out);
    start(b, SASL_SCRAM_SHA_1, "n,,n=user,r=client", 18, &out);
    assert_true(strlen(a->scram.server_nonce) >= 24);
    assert_string_not_equal(a->scram.server_nonce, b->scram.server_nonce);
    sasl_exchange_free(a);
    sasl_exchange_free(b);
    buffer_fini(&out);
}

/* Nothing is left of what was secret, nor of Cyrus, when the end is reached. */
static void test_released_at_the_end(void **state)
{
    struct sasl_exchange *exchange = sasl_exchange_new(&settings);
    struct buffer out = {0};

    (void)state;
    assert_int_equal(start(exchange, SASL_PLAIN, "\0user\0pencil", 12, &out), SASL_STEP_DONE);
    assert_null(exchange->conn);
    assert_null(exchange->message.data);
    assert_null(exchange->password);
    sasl_exchange_free(exchange);
    buffer_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_no_plugin_files),
        cmocka_unit_test(test_published_exchanges),
        cmocka_unit_test(test_gnu_sasl),
        cmocka_unit_test(test_external_of_several_addresses),
        cmocka_unit_test(test_wrong_order),
        cmocka_unit_test(test_check_left_out),
        cmocka_unit_test(test_unavailable),
        cmocka_unit_test(test_enumeration),
        cmocka_unit_test(test_nonce),
        cmocka_unit_test(test_released_at_the_end),
    };

    return cmocka_run_group_tests(tests, start_library, stop_library);
}
