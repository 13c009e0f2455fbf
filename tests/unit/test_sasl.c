/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * common/sasl/sasl.h: all mechanisms against GNU SASL as a client nobody here wrote, the published
 * examples, and a client that breaks the rules one at a time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <gsasl.h>

#include "common/base/encode.h"
#include "common/base/error.h"
#include "common/base/macros.h"
#include "common/base/memory.h"
#include "common/sasl/exchange.h"
#include "common/sasl/sasl.h"

#define ALL ((1U << SASL_MECHANISMS) - 1)
#define PLUSSES                                                                                    \
    (1U << SASL_SCRAM_SHA_512_PLUS | 1U << SASL_SCRAM_SHA_256_PLUS | 1U << SASL_SCRAM_SHA_1_PLUS)
#define EXPORTER  "exporter\0of 32 bytes, as RFC 926"
#define END_POINT "end-point\0of 32 bytes, as RFC 59"
#define DATA_SIZE 32

#define MESSAGE(text) text, sizeof(text) - 1

static const struct sasl_binding bindings[] = {
    {"tls-exporter", EXPORTER, DATA_SIZE},
    {"tls-server-end-point", END_POINT, DATA_SIZE},
};

static bool allows(void *user, const char *bare_jid)
{
    return strcmp(user, bare_jid) == 0;
}

static const struct sasl_settings settings = {
    .domain = "h.test",
    .offered = ALL,
    .bindings = bindings,
    .bindings_count = ARRAY_SIZE(bindings),
    .decoy_secret = "decoy",
    .decoy_secret_length = 5,
    .external_user = "user",
    .external_allows = allows,
    .user = (void *)"user@h.test",
};

/* RFC 5802 §5, RFC 7677 §3; the one for SHA-512 from Python's hashlib. The password is "pencil". */
static const char *const verifiers[] = {
    [CRYPTO_SHA1] = "SCRAM-SHA-1$4096:QSXCR+Q6sek8bf92$6dlGYMOdZcOPutkcNY8U2g7vK9Y=:"
                    "D+CSWLOshSulAsxiupA+qs2/fTE=",
    [CRYPTO_SHA256] = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$"
                      "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
                      "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
    [CRYPTO_SHA512] =
        "SCRAM-SHA-512$4096:Yin2FuHTt/M0kJWb0t9OI32n2VmOGi3m+JfjOvuDF88=$"
        "ERxGuwQnAHA2amc01Vb1Qb9WPqMb68u8swldhuOn4MR7udux+oQ/DNrgcAy5c0/SEZybLeGYZ5jFkWH5ELNOXA==:"
        "gFCGdO8qeAVvqKCfFpqPXI2n2596CVtax0k6IH3gzt94xA9+DgAD6NwrELJ0AjguZNc0dWJxduOe037HEcD1UA==",
};

static int start_library(void **state)
{
    (void)state;
    /* A5: where Cyrus would look for plugins; they have to be there for the test to mean anything.
     */
    setenv("SASL_PATH", "/usr/lib/x86_64-linux-gnu/sasl2:/usr/lib/sasl2", 1);
    return sasl_library_start();
}

static int stop_library(void **state)
{
    (void)state;
    sasl_library_stop();
    return 0;
}

/* The store knows one account, "user", with one verifier for each hash. */
static enum sasl_step look_up(struct sasl_exchange *exchange, struct buffer *out)
{
    int hash = sasl_exchange_wanted_hash(exchange);
    struct verifier verifier;

    if (strcmp(sasl_exchange_user(exchange), "user") != 0)
        return sasl_exchange_credentials(exchange, NULL, false, out);
    assert_int_equal(verifier_parse(verifiers[hash < 0 ? CRYPTO_SHA256 : hash], &verifier), 0);
    return sasl_exchange_credentials(exchange, &verifier, true, out);
}

/* What the server does on its side, up to the next message or the end. */
static enum sasl_step settle(struct sasl_exchange *exchange, enum sasl_step step,
                             struct buffer *out)
{
    if (step == SASL_STEP_CREDENTIALS)
        step = look_up(exchange, out);
    if (step == SASL_STEP_PASSWORD) {
        sasl_exchange_check_password(exchange);
        step = sasl_exchange_checked(exchange, out);
    }
    return step;
}

static enum sasl_step start(struct sasl_exchange *exchange, enum sasl_mechanism mechanism,
                            const char *message, size_t length, struct buffer *out)
{
    buffer_clear(out);
    return settle(exchange, sasl_exchange_start(exchange, mechanism, message, length, true, out),
                  out);
}

static enum sasl_step respond(struct sasl_exchange *exchange, const char *message, size_t length,
                              struct buffer *out)
{
    buffer_clear(out);
    return settle(exchange, sasl_exchange_step(exchange, message, length, out), out);
}

static void check_failure(const struct sasl_exchange *exchange, enum sasl_condition condition,
                          bool counts, const char *row)
{
    if (sasl_exchange_failure(exchange) != condition)
        fail_msg("%s: condition %d instead of %d", row, sasl_exchange_failure(exchange), condition);
    if (sasl_exchange_failure_counts(exchange) != counts)
        fail_msg("%s: should %scount", row, counts ? "" : "not ");
    assert_null(sasl_exchange_authenticated(exchange));
}

static void test_names(void **state)
{
    static const char *const names[] = {
        "SCRAM-SHA-512-PLUS", "SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-512",
        "SCRAM-SHA-256",      "SCRAM-SHA-1",        "EXTERNAL",         "PLAIN"};
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
                                          "EXTERNAL-PLUS"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        assert_int_equal(sasl_mechanism_parse(names[i]), i);
        assert_string_equal(sasl_mechanism_name((enum sasl_mechanism)i), names[i]);
        assert_int_equal(sasl_mechanism_is_plus((enum sasl_mechanism)i), i < 3);
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

/* How rows of the tables end. */
#define DONE      .result = SASL_STEP_DONE
#define REFUSED   .result = SASL_STEP_FAILED, .failure = SASL_NOT_AUTHORIZED
#define MALFORMED .result = SASL_STEP_FAILED, .failure = SASL_MALFORMED_REQUEST
#define AUTHZID   .result = SASL_STEP_FAILED, .failure = SASL_INVALID_AUTHZID

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

/* A SCRAM client that can break rules: its proof fits whatever it says, so that a refusal has no
 * other reason than the rule. */

#define NONCE "server0nonce"

struct attack {
    const char *row;
    enum sasl_mechanism mechanism;
    const char *first;
    const char *binding;   /* data behind the GS2 header in "c="; NULL: none */
    const char *header;    /* in "c=" instead of the one that was sent */
    const char *nonce;     /* instead of the right one */
    const char *extension; /* before the proof */
    const char *password;  /* instead of the right one */
    const char *final;     /* instead of the whole message */
    enum sasl_step result;
    enum sasl_condition failure;
    bool counts;
    unsigned not_offered;
};

static void append_proof(struct buffer *final, enum crypto_hash hash, const char *password,
                         const struct buffer *joined)
{
    struct verifier server;
    size_t size = crypto_hash_size(hash);
    uint8_t salted[CRYPTO_HASH_MAX];
    uint8_t key[CRYPTO_HASH_MAX];
    uint8_t stored[CRYPTO_HASH_MAX];
    uint8_t signature[CRYPTO_HASH_MAX];

    assert_int_equal(verifier_parse(verifiers[hash], &server), 0);
    crypto_pbkdf2(hash, password, strlen(password), server.salt, server.salt_length, 4096, salted);
    crypto_hmac(hash, salted, size, "Client Key", 10, key);
    crypto_digest(hash, key, size, stored);
    crypto_hmac(hash, stored, size, joined->data, joined->length, signature);
    for (size_t i = 0; i < size; i++)
        key[i] ^= signature[i];
    buffer_append_text(final, ",p=");
    base64_encode(final, key, size);
}

/* The GS2 header ends behind the second comma. */
static size_t header_length(const char *first)
{
    return (size_t)(strchr(strchr(first, ',') + 1, ',') + 1 - first);
}

static void make_final(struct buffer *final, const struct attack *attack,
                       const struct buffer *server_first)
{
    size_t length = header_length(attack->first);
    struct buffer binding = {0};
    struct buffer joined = {0};

    if (attack->header)
        buffer_append_text(&binding, attack->header);
    else
        buffer_append(&binding, attack->first, length);
    if (attack->binding)
        buffer_append(&binding, attack->binding, DATA_SIZE);
    buffer_append_text(final, "c=");
    base64_encode(final, binding.data, binding.length);
    buffer_printf(final, ",r=%s%s", attack->nonce ? attack->nonce : "client" NONCE,
                  attack->extension ? attack->extension : "");
    buffer_printf(&joined, "%s,%s,%s", attack->first + length, server_first->data, final->data);
    append_proof(final, (enum crypto_hash)sasl_mechanism_hash(attack->mechanism),
                 attack->password ? attack->password : "pencil", &joined);
    buffer_fini(&binding);
    buffer_fini(&joined);
}

static enum sasl_step run_scram(struct sasl_exchange *exchange, const struct attack *attack)
{
    struct buffer out = {0};
    struct buffer final = {0};
    enum sasl_step step;

    exchange_fix_nonce(exchange, NONCE);
    step = start(exchange, attack->mechanism, attack->first, strlen(attack->first), &out);
    if (step == SASL_STEP_CHALLENGE) {
        if (attack->final)
            buffer_append_text(&final, attack->final);
        else
            make_final(&final, attack, &out);
        step = respond(exchange, final.data, final.length, &out);
    }
    buffer_fini(&final);
    buffer_fini(&out);
    return step;
}

static const struct attack attacks[] = {
    /* What has to work, or the rest would prove nothing. */
    {"plain SCRAM", SASL_SCRAM_SHA_1, "n,,n=user,r=client", DONE},
    {"SHA-512", SASL_SCRAM_SHA_512, "n,,n=user,r=client", DONE},
    {"an extension", SASL_SCRAM_SHA_256, "n,,n=user,r=client,x=1", .extension = ",y=2", DONE},
    {"-PLUS, tls-exporter", SASL_SCRAM_SHA_512_PLUS, "p=tls-exporter,,n=user,r=client",
     .binding = EXPORTER, DONE},
    {"-PLUS, tls-server-end-point", SASL_SCRAM_SHA_256_PLUS,
     "p=tls-server-end-point,,n=user,r=client", .binding = END_POINT, DONE},
    {"-PLUS, SHA-1", SASL_SCRAM_SHA_1_PLUS, "p=tls-server-end-point,,n=user,r=client",
     .binding = END_POINT, DONE},
    {"own authzid", SASL_SCRAM_SHA_256, "n,a=user@h.test,n=user,r=client", DONE},
    {"own authzid, not prepared", SASL_SCRAM_SHA_256, "n,a=USER@H.TEST.,n=user,r=client", DONE},
    /* Channel bindings. */
    {"T14 the data of the other binding", SASL_SCRAM_SHA_256_PLUS,
     "p=tls-exporter,,n=user,r=client", .binding = END_POINT, REFUSED, .counts = true},
    {"T14 swapped certificates", SASL_SCRAM_SHA_256_PLUS, "p=tls-server-end-point,,n=user,r=client",
     .binding = EXPORTER, REFUSED, .counts = true},
    {"T14 no data", SASL_SCRAM_SHA_256_PLUS, "p=tls-exporter,,n=user,r=client", REFUSED,
     .counts = true},
    {"T14 unknown type", SASL_SCRAM_SHA_256_PLUS, "p=tls-foo,,n=user,r=client", .binding = EXPORTER,
     REFUSED},
    {"T14 tls-unique", SASL_SCRAM_SHA_256_PLUS, "p=tls-unique,,n=user,r=client",
     .binding = EXPORTER, REFUSED},
    {"T14 a prefix of a type", SASL_SCRAM_SHA_256_PLUS, "p=tls-exporte,,n=user,r=client",
     .binding = EXPORTER, REFUSED},
    {"T14 y although -PLUS is offered", SASL_SCRAM_SHA_256, "y,,n=user,r=client", REFUSED},
    {"y, and -PLUS is not offered", SASL_SCRAM_SHA_256, "y,,n=user,r=client", DONE,
     .not_offered = PLUSSES},
    {"A15 y although only another -PLUS is offered", SASL_SCRAM_SHA_256, "y,,n=user,r=client",
     REFUSED, .not_offered = PLUSSES & ~(1U << SASL_SCRAM_SHA_1_PLUS)},
    {"-PLUS with n", SASL_SCRAM_SHA_256_PLUS, "n,,n=user,r=client", REFUSED},
    {"-PLUS with y", SASL_SCRAM_SHA_256_PLUS, "y,,n=user,r=client", REFUSED},
    {"p without -PLUS", SASL_SCRAM_SHA_256, "p=tls-exporter,,n=user,r=client", .binding = EXPORTER,
     REFUSED},
    {"A15 the header was y on the way", SASL_SCRAM_SHA_256, "n,,n=user,r=client", .header = "y,,",
     REFUSED, .counts = true},
    {"A15 the authzid was taken out on the way", SASL_SCRAM_SHA_256, "n,,n=user,r=client",
     .header = "n,a=user@h.test,", REFUSED, .counts = true},
    {"data without a binding", SASL_SCRAM_SHA_256, "n,,n=user,r=client", .binding = EXPORTER,
     REFUSED, .counts = true},
    /* A8, A9: on behalf of. */
    {"A8 another user", SASL_SCRAM_SHA_256, "n,a=root@h.test,n=user,r=client", AUTHZID},
    {"A9 a full JID", SASL_SCRAM_SHA_256, "n,a=user@h.test/r,n=user,r=client", AUTHZID},
    {"A9 another domain", SASL_SCRAM_SHA_256, "n,a=user@evil.test,n=user,r=client", AUTHZID},
    {"A9 a subdomain", SASL_SCRAM_SHA_256, "n,a=user@a.h.test,n=user,r=client", AUTHZID},
    {"A9 the domain alone", SASL_SCRAM_SHA_256, "n,a=h.test,n=user,r=client", AUTHZID},
    {"A9 the name alone", SASL_SCRAM_SHA_256, "n,a=user,n=user,r=client", AUTHZID},
    {"A9 not an address", SASL_SCRAM_SHA_256, "n,a=@,n=user,r=client", AUTHZID},
    /* A12: one account by all its names, and no other. */
    {"A12 upper case", SASL_SCRAM_SHA_256, "n,,n=USER,r=client", DONE},
    {"A12 full width", SASL_SCRAM_SHA_256, "n,,n=ｕser,r=client", DONE},
    {"A12 soft hyphen", SASL_SCRAM_SHA_256,
     "n,,n=us\xC2\xAD"
     "er,r=client",
     DONE},
    {"A12 blank at the end", SASL_SCRAM_SHA_256, "n,,n=user ,r=client", REFUSED},
    {"A12 look-alike", SASL_SCRAM_SHA_256, "n,,n=usеr,r=client", REFUSED, .counts = true},
    {"an address for a name", SASL_SCRAM_SHA_256, "n,,n=user@h.test,r=client", REFUSED},
    /* A13 */
    {"A13 wrong proof", SASL_SCRAM_SHA_256, "n,,n=user,r=client", .password = "pencil2", REFUSED,
     .counts = true},
    {"A13 the client's nonce alone", SASL_SCRAM_SHA_256, "n,,n=user,r=client", .nonce = "client",
     REFUSED, .counts = true},
    {"A13 the server's nonce alone", SASL_SCRAM_SHA_256, "n,,n=user,r=client", .nonce = NONCE,
     REFUSED, .counts = true},
    {"A13 changed client nonce", SASL_SCRAM_SHA_256, "n,,n=user,r=client", .nonce = "clienT" NONCE,
     REFUSED, .counts = true},
    {"A13 changed server nonce", SASL_SCRAM_SHA_256, "n,,n=user,r=client",
     .nonce = "clientserver0noncE", REFUSED, .counts = true},
    {"A13 longer nonce", SASL_SCRAM_SHA_256, "n,,n=user,r=client", .nonce = "client" NONCE "x",
     REFUSED, .counts = true},
    {"A13 empty nonce", SASL_SCRAM_SHA_256, "n,,n=user,r=", MALFORMED},
    {"A13 m= at the start", SASL_SCRAM_SHA_256, "n,,m=x,n=user,r=client", MALFORMED},
    {"A13 m= at the end", SASL_SCRAM_SHA_256, "n,,n=user,r=client,m=x", MALFORMED},
    {"A13 m= in the last message", SASL_SCRAM_SHA_256, "n,,n=user,r=client", .extension = ",m=x",
     MALFORMED},
    {"A13 repeated name", SASL_SCRAM_SHA_256, "n,,n=user,n=user,r=client", MALFORMED},
    {"A13 repeated nonce", SASL_SCRAM_SHA_256, "n,,n=user,r=client", .extension = ",r=client" NONCE,
     MALFORMED},
    {"A13 order", SASL_SCRAM_SHA_256, "n,,r=client,n=user", MALFORMED},
    {"A13 no proof", SASL_SCRAM_SHA_256, "n,,n=user,r=client", .final = "c=biws,r=client" NONCE,
     MALFORMED},
    {"A13 empty proof", SASL_SCRAM_SHA_256, "n,,n=user,r=client",
     .final = "c=biws,r=client" NONCE ",p=", MALFORMED},
    {"A13 short proof", SASL_SCRAM_SHA_256, "n,,n=user,r=client",
     .final = "c=biws,r=client" NONCE ",p=eA==", REFUSED, .counts = true},
    {"A13 proof of another hash", SASL_SCRAM_SHA_256, "n,,n=user,r=client",
     .final = "c=biws,r=client" NONCE ",p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=", REFUSED, .counts = true},
    {"A6 proof is not base64", SASL_SCRAM_SHA_256, "n,,n=user,r=client",
     .final = "c=biws,r=client" NONCE ",p=e", MALFORMED},
    {"A13 nothing", SASL_SCRAM_SHA_256, "n,,n=user,r=client", .final = "", MALFORMED},
    {"A13 the first message again", SASL_SCRAM_SHA_256, "n,,n=user,r=client",
     .final = "n,,n=user,r=client", MALFORMED},
    {"empty first message", SASL_SCRAM_SHA_256, "", MALFORMED},
    {"A10 empty user", SASL_SCRAM_SHA_256, "n,,n=,r=client", MALFORMED},
    {"A5 not offered", SASL_SCRAM_SHA_1, "n,,n=user,r=client", .result = SASL_STEP_FAILED,
     .failure = SASL_INVALID_MECHANISM, .not_offered = 1U << SASL_SCRAM_SHA_1},
    {"A5 only -PLUS offered", SASL_SCRAM_SHA_1, "n,,n=user,r=client", .result = SASL_STEP_FAILED,
     .failure = SASL_INVALID_MECHANISM, .not_offered = ALL & ~PLUSSES},
};

static void test_scram_attacks(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(attacks); i++) {
        struct sasl_settings changed = settings;
        struct sasl_exchange *exchange = sasl_exchange_new(&changed);
        enum sasl_step step;

        changed.offered &= ~attacks[i].not_offered;
        step = run_scram(exchange, &attacks[i]);
        if (step != attacks[i].result)
            fail_msg("%s: step %d instead of %d", attacks[i].row, step, attacks[i].result);
        if (step == SASL_STEP_FAILED)
            check_failure(exchange, attacks[i].failure, attacks[i].counts, attacks[i].row);
        else
            assert_string_equal(sasl_exchange_authenticated(exchange), "user");
        sasl_exchange_free(exchange);
    }
}

/* Mechanisms of one message. */

static const struct {
    const char *row;
    enum sasl_mechanism mechanism;
    const char *message;
    size_t length;
    enum sasl_step result;
    enum sasl_condition failure;
    bool counts;
} singles[] = {
    {"PLAIN", SASL_PLAIN, MESSAGE("\0user\0pencil"), DONE},
    {"PLAIN, own authzid", SASL_PLAIN, MESSAGE("user@h.test\0user\0pencil"), DONE},
    {"A12 PLAIN, upper case", SASL_PLAIN, MESSAGE("\0USER\0pencil"), DONE},
    {"A8 another user", SASL_PLAIN, MESSAGE("root\0user\0pencil"), AUTHZID},
    {"A8 another user's address", SASL_PLAIN, MESSAGE("root@h.test\0user\0pencil"), AUTHZID},
    {"A8 the other way round", SASL_PLAIN, MESSAGE("user@h.test\0root\0pencil"), AUTHZID},
    {"A9 another domain", SASL_PLAIN, MESSAGE("user@evil.test\0user\0pencil"), AUTHZID},
    {"A9 a full JID", SASL_PLAIN, MESSAGE("user@h.test/r\0user\0pencil"), AUTHZID},
    {"A9 the name alone", SASL_PLAIN, MESSAGE("user\0user\0pencil"), AUTHZID},
    {"A10 empty password", SASL_PLAIN, MESSAGE("\0user\0"), REFUSED, .counts = true},
    {"A10 empty user", SASL_PLAIN, MESSAGE("\0\0pencil"), REFUSED},
    {"A10 all empty", SASL_PLAIN, MESSAGE("\0\0"), REFUSED, .counts = true},
    {"A11 no NUL", SASL_PLAIN, MESSAGE("userpencil"), MALFORMED},
    {"A11 one NUL", SASL_PLAIN, MESSAGE("user\0pencil"), MALFORMED},
    {"A11 one NUL at the end", SASL_PLAIN, MESSAGE("user\0"), MALFORMED},
    {"A11 one NUL alone", SASL_PLAIN, MESSAGE("\0"), MALFORMED},
    {"A11 nothing", SASL_PLAIN, MESSAGE(""), MALFORMED},
    {"A11 three NULs", SASL_PLAIN, MESSAGE("\0user\0pencil\0"), MALFORMED},
    {"A11 NUL in the password", SASL_PLAIN, MESSAGE("\0user\0pen\0cil"), MALFORMED},
    {"A11 only NULs", SASL_PLAIN, MESSAGE("\0\0\0\0"), MALFORMED},
    {"PLAIN, wrong password", SASL_PLAIN, MESSAGE("\0user\0pencil2"), REFUSED, .counts = true},
    {"PLAIN, prefix of the password", SASL_PLAIN, MESSAGE("\0user\0penci"), REFUSED,
     .counts = true},
    {"PLAIN, unknown user", SASL_PLAIN, MESSAGE("\0nobody\0pencil"), REFUSED, .counts = true},
    {"PLAIN, user is not UTF-8", SASL_PLAIN,
     MESSAGE("\0us\xFF"
             "er\0pencil"),
     REFUSED},
    {"PLAIN, password is not UTF-8", SASL_PLAIN, MESSAGE("\0user\0pencil\xFF"), REFUSED,
     .counts = true},
    {"A12 PLAIN, blank at the end", SASL_PLAIN, MESSAGE("\0user \0pencil"), REFUSED},
    {"EXTERNAL", SASL_EXTERNAL, MESSAGE(""), DONE},
    {"EXTERNAL, own authzid", SASL_EXTERNAL, MESSAGE("user@h.test"), DONE},
    {"A12 EXTERNAL, not prepared", SASL_EXTERNAL, MESSAGE("User@H.test"), DONE},
    {"A8 EXTERNAL, another user", SASL_EXTERNAL, MESSAGE("root@h.test"), AUTHZID},
    {"A9 EXTERNAL, another domain", SASL_EXTERNAL, MESSAGE("user@evil.test"), AUTHZID},
    {"A9 EXTERNAL, a full JID", SASL_EXTERNAL, MESSAGE("user@h.test/r"), AUTHZID},
    {"A9 EXTERNAL, the domain", SASL_EXTERNAL, MESSAGE("h.test"), AUTHZID},
    {"A9 EXTERNAL, the name alone", SASL_EXTERNAL, MESSAGE("user"), AUTHZID},
    {"A11 EXTERNAL, a NUL", SASL_EXTERNAL, MESSAGE("user@h.test\0"), MALFORMED},
    {"A4 beyond the table", SASL_MECHANISMS, MESSAGE(""), .result = SASL_STEP_FAILED,
     .failure = SASL_INVALID_MECHANISM},
};

static void test_single_messages(void **state)
{
    struct buffer out = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(singles); i++) {
        struct sasl_exchange *exchange = sasl_exchange_new(&settings);
        enum sasl_step step =
            start(exchange, singles[i].mechanism, singles[i].message, singles[i].length, &out);

        if (step != singles[i].result)
            fail_msg("%s: step %d instead of %d", singles[i].row, step, singles[i].result);
        if (step == SASL_STEP_FAILED)
            check_failure(exchange, singles[i].failure, singles[i].counts, singles[i].row);
        else
            assert_string_equal(sasl_exchange_authenticated(exchange), "user");
        assert_int_equal(out.length, 0);
        sasl_exchange_free(exchange);
    }
    buffer_fini(&out);
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

/* A7 */
static void test_sizes(void **state)
{
    static const size_t sizes[] = {4097, 8192, 65536, 1048576};
    char *message = xmalloc(1048576);
    struct sasl_exchange *exchange;
    struct buffer out = {0};

    (void)state;
    memset(message, 'x', 1048576);
    memcpy(message, "n,,r=x,n=", 9);
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        exchange = sasl_exchange_new(&settings);
        assert_int_equal(start(exchange, SASL_SCRAM_SHA_256, message, sizes[i], &out),
                         SASL_STEP_FAILED);
        check_failure(exchange, SASL_MALFORMED_REQUEST, false, "first");
        sasl_exchange_free(exchange);

        exchange = sasl_exchange_new(&settings);
        assert_int_equal(start(exchange, SASL_SCRAM_SHA_256, "n,,n=user,r=x", 13, &out),
                         SASL_STEP_CHALLENGE);
        assert_int_equal(respond(exchange, message, sizes[i], &out), SASL_STEP_FAILED);
        check_failure(exchange, SASL_MALFORMED_REQUEST, false, "response");
        sasl_exchange_free(exchange);
    }
    /* A user of 1024 bytes is nobody's, one of 1023 could be. */
    memset(message, 'x', 4096);
    memcpy(message, "\0", 1);
    memcpy(message + 1025, "\0pencil", 7);
    exchange = sasl_exchange_new(&settings);
    assert_int_equal(start(exchange, SASL_PLAIN, message, 1032, &out), SASL_STEP_FAILED);
    check_failure(exchange, SASL_NOT_AUTHORIZED, false, "1024");
    sasl_exchange_free(exchange);
    memcpy(message + 1024, "\0pencil", 7);
    exchange = sasl_exchange_new(&settings);
    assert_int_equal(start(exchange, SASL_PLAIN, message, 1031, &out), SASL_STEP_FAILED);
    check_failure(exchange, SASL_NOT_AUTHORIZED, true, "1023");
    sasl_exchange_free(exchange);
    free(message);
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

/* Even the proof that fits the decoy does not help. */
static void test_proof_of_decoy(void **state)
{
    struct sasl_exchange *exchange = sasl_exchange_new(&settings);
    const struct attack attack = {.mechanism = SASL_SCRAM_SHA_1, .first = "n,,n=nobody,r=client"};
    struct buffer out = {0};
    struct buffer final = {0};

    (void)state;
    exchange_fix_nonce(exchange, NONCE);
    assert_int_equal(start(exchange, SASL_SCRAM_SHA_1, attack.first, strlen(attack.first), &out),
                     SASL_STEP_CHALLENGE);
    assert_int_equal(verifier_parse(verifiers[CRYPTO_SHA1], &exchange->verifier), 0);
    make_final(&final, &attack, &out);
    assert_int_equal(respond(exchange, final.data, final.length, &out), SASL_STEP_FAILED);
    check_failure(exchange, SASL_NOT_AUTHORIZED, true, "decoy");
    sasl_exchange_free(exchange);
    buffer_fini(&final);
    buffer_fini(&out);
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
        cmocka_unit_test(test_scram_attacks),
        cmocka_unit_test(test_single_messages),
        cmocka_unit_test(test_external_of_several_addresses),
        cmocka_unit_test(test_wrong_order),
        cmocka_unit_test(test_check_left_out),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_unavailable),
        cmocka_unit_test(test_enumeration),
        cmocka_unit_test(test_proof_of_decoy),
        cmocka_unit_test(test_nonce),
        cmocka_unit_test(test_released_at_the_end),
    };

    return cmocka_run_group_tests(tests, start_library, stop_library);
}
