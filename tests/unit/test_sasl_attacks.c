/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * common/sasl/sasl.h against clients that break the rules, one at a time.
 */
#include "tests/unit/sasl_server.h"

/* A SCRAM client that can break rules: its proof fits whatever it says, so that a refusal has no
 * other reason than the rule. */

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

/* Nor does the password of it. */
static void test_password_of_decoy(void **state)
{
    struct sasl_exchange *exchange = sasl_exchange_new(&settings);
    struct buffer out = {0};

    (void)state;
    assert_int_equal(
        sasl_exchange_start(exchange, SASL_PLAIN, MESSAGE("\0nobody\0pencil"), true, &out),
        SASL_STEP_CREDENTIALS);
    assert_int_equal(sasl_exchange_credentials(exchange, NULL, true, &out), SASL_STEP_PASSWORD);
    assert_int_equal(verifier_parse(verifiers[CRYPTO_SHA256], &exchange->verifier), 0);
    sasl_exchange_check_password(exchange);
    assert_int_equal(exchange->password_result, 0);
    assert_int_equal(sasl_exchange_checked(exchange, &out), SASL_STEP_FAILED);
    check_failure(exchange, SASL_NOT_AUTHORIZED, true, "decoy");
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scram_attacks),  cmocka_unit_test(test_single_messages),
        cmocka_unit_test(test_proof_of_decoy), cmocka_unit_test(test_password_of_decoy),
        cmocka_unit_test(test_sizes),
    };

    return cmocka_run_group_tests(tests, start_library, stop_library);
}
