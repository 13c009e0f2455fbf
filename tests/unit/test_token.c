/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * common/sasl/token.h and the mechanisms of tokens: values computed with Python's hmac, what is
 * kept, and everything that has to be refused; what SCRAM says of what was advertised (XEP-0474).
 */
#include <ctype.h>

#include "common/base/error.h"
#include "tests/unit/sasl_server.h"

#define BYTES     "00112233445566778899aabbccddeeff"
#define TOKEN_256 "secret-token:" BYTES BYTES
#define TOKEN_512 "secret-token:" BYTES BYTES BYTES BYTES

static const struct vector {
    enum sasl_mechanism mechanism;
    const char *token, *client, *server;
} vectors[] = {
    {SASL_HT_SHA_256_EXPR, TOKEN_256,
     "a6fa5aa99faaa56407b491566f2f211b43ef8900e9ff5d55b43023b16405042e",
     "85ae44c0d840ebc0ea1d6119ec57bf0cec1c1f28f6b72f01b731894c8917d142"},
    {SASL_HT_SHA_256_ENDP, TOKEN_256,
     "1d1e013f7576b03d27c347c85af9b91b7031f030ca6053bfd2fc7229d3ea06bc",
     "cb2031e2cb6adb95dfc229807956305ed2bdfef9c2e1b1bd0dabab5cb7f43678"},
    {SASL_HT_SHA_256_NONE, TOKEN_256,
     "98c8e62a01c94a319ebf4698b9434d361cbc572a959e3da0f62c562e0edca036",
     "94ab451aa26271939cf9ec473020aee07ec679921d7de5c17e78c99656dc1b9e"},
    {SASL_HT_SHA_512_EXPR, TOKEN_512,
     "9634920bf2db25da6e3652019d92890788aa4c5f226ddd58e9db06af48edd279"
     "eacf57259937409c1fcf18de0a0d93fe723e2d1842c51f182e11abd2f7931f51",
     "629ac3119321e992dbf0eb25630c02c9854b078d2b8746233ea8e6988b8d1fd8"
     "143aa8b2347be64a3f3f889d62e035d2c35266ace25b3b538c46530ab6832c5e"},
    {SASL_HT_SHA_512_ENDP, TOKEN_512,
     "103a4a778764711955bb84912c7af84b322f2fc7a371da13c7db284e2624004b"
     "8b603dcda6248e52bca66bb55ca4d19ede1d9aade2eb227532d1dd17d77d9c7f",
     "4fb89c7cf764471f724013a6f2d88e7aae9032cd5ca80e15d72495fafce53f50"
     "e57a3c163ca773265e9f87310bdbb15b9cf751c15d670b81eecb07a7e4f77ba8"},
    {SASL_HT_SHA_512_NONE, TOKEN_512,
     "0f4d0a61ad31ad144a82863df3d69372dc738ca065c6e687e7839473adb969c8"
     "dbb42efbd9370ae6487bdfea0a7c55560bc85924a9c47056d513e9c6efc96fc1",
     "9951d75c11d9ff3b5969f226cca1f9992852c0f3f5f4f033e767518b920f0f2b"
     "495371fa675c1b377b165bb4caa36a266c0352ac810dff89d54c12dbdd4dbab8"},
};

static struct sasl_token kept_token(const struct vector *vector, int64_t id)
{
    char *kept = sasl_token_keep((int)vector->mechanism, vector->token);
    struct sasl_token token = {.id = id};

    assert_null(strstr(kept, BYTES));
    assert_int_equal(sasl_token_parse(kept, &token), 0);
    free(kept);
    return token;
}

static void message_of(const char *user, const char *hex, struct buffer *message)
{
    buffer_clear(message);
    buffer_append(message, user, strlen(user) + 1);
    for (; *hex; hex += 2) {
        char digits[3] = {hex[0], hex[1], '\0'};
        buffer_append_char(message, (char)strtoul(digits, NULL, 16));
    }
}

static void check_hex(const struct buffer *bytes, const char *hex)
{
    struct buffer expected = {0};

    message_of("", hex, &expected);
    assert_int_equal(bytes->length, expected.length - 1);
    assert_memory_equal(bytes->data, expected.data + 1, bytes->length);
    buffer_fini(&expected);
}

/* One login; `tokens` are what the store has. */
static struct sasl_exchange *log_in(enum sasl_mechanism mechanism, const struct buffer *message,
                                    const struct sasl_token *tokens, size_t count,
                                    enum sasl_step *step, struct buffer *out)
{
    struct sasl_exchange *exchange = sasl_exchange_new(&settings);

    buffer_clear(out);
    *step = sasl_exchange_start(exchange, mechanism, message->data, message->length, true, out);
    if (*step == SASL_STEP_CREDENTIALS) {
        assert_true(sasl_exchange_wants_tokens(exchange));
        *step = sasl_exchange_tokens(exchange, tokens, count, out);
    }
    return exchange;
}

static void test_vectors(void **state)
{
    struct buffer message = {0}, out = {0};
    enum sasl_step step;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
        struct sasl_token tokens[2] = {kept_token(&vectors[i], 7), kept_token(&vectors[i], 9)};
        struct sasl_exchange *exchange;

        tokens[0].key[0] ^= 1; /* another one of the same device: the second fits */
        message_of("user", vectors[i].client, &message);
        exchange = log_in(vectors[i].mechanism, &message, tokens, 2, &step, &out);
        assert_int_equal(step, SASL_STEP_DONE);
        check_hex(&out, vectors[i].server);
        assert_string_equal(sasl_exchange_authenticated(exchange), "user");
        assert_int_equal(sasl_exchange_token(exchange), 9);
        sasl_exchange_free(exchange);
    }
    buffer_fini(&message);
    buffer_fini(&out);
}

/* A token is good for its mechanism only: who shows another's proof, or its own with another
 * binding, is refused, and so is everybody where there is none. */
static void test_refused(void **state)
{
    struct buffer message = {0}, out = {0};
    struct sasl_exchange *exchange;
    enum sasl_step step;

    (void)state;
    for (size_t have = 0; have < ARRAY_SIZE(vectors); have++) {
        struct sasl_token token = kept_token(&vectors[have], 1);
        for (size_t use = 0; use < ARRAY_SIZE(vectors); use++) {
            bool fits = use == have;
            message_of("user", vectors[use].client, &message);
            exchange = log_in(vectors[use].mechanism, &message, &token, 1, &step, &out);
            assert_int_equal(step, fits ? SASL_STEP_DONE : SASL_STEP_FAILED);
            if (!fits)
                check_failure(exchange, SASL_NOT_AUTHORIZED, true, "another mechanism");
            sasl_exchange_free(exchange);
        }
        message_of("user", vectors[have].client, &message);
        exchange = log_in(vectors[have].mechanism, &message, NULL, 0, &step, &out);
        assert_int_equal(step, SASL_STEP_FAILED);
        check_failure(exchange, SASL_NOT_AUTHORIZED, true, "none");
        sasl_exchange_free(exchange);
        message.data[message.length - 1] ^= 1;
        exchange = log_in(vectors[have].mechanism, &message, &token, 1, &step, &out);
        check_failure(exchange, SASL_NOT_AUTHORIZED, true, "one bit");
        sasl_exchange_free(exchange);
    }
    buffer_fini(&message);
    buffer_fini(&out);
}

/* Only who has it hears that its time is over, and that is no try of anybody's. */
static void test_expired(void **state)
{
    struct buffer message = {0}, out = {0};
    struct sasl_token token = kept_token(&vectors[0], 1);
    struct sasl_exchange *exchange;
    enum sasl_step step;

    (void)state;
    token.expired = true;
    message_of("user", vectors[0].client, &message);
    exchange = log_in(vectors[0].mechanism, &message, &token, 1, &step, &out);
    assert_int_equal(step, SASL_STEP_FAILED);
    check_failure(exchange, SASL_CREDENTIALS_EXPIRED, false, "expired");
    sasl_exchange_free(exchange);
    message.data[message.length - 1] ^= 1;
    exchange = log_in(vectors[0].mechanism, &message, &token, 1, &step, &out);
    check_failure(exchange, SASL_NOT_AUTHORIZED, true, "a guess at one that is expired");
    sasl_exchange_free(exchange);
    buffer_fini(&message);
    buffer_fini(&out);
}

static void test_malformed(void **state)
{
    static const struct {
        const char *message;
        size_t length;
    } rows[] = {{MESSAGE("")},
                {MESSAGE("user")},
                {MESSAGE("user\0")},
                {MESSAGE("\0"
                         "0123456789abcdef0123456789abcdef")},
                {MESSAGE("user\0"
                         "0123456789abcdef0123456789abcde")},
                {MESSAGE("user\0"
                         "0123456789abcdef0123456789abcdef0")},
                {MESSAGE("user\0"
                         "0123456789abcdef0123456789abcdef0123456789abcdef")},
                {MESSAGE("0123456789abcdef0123456789abcdef\0user")}};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct buffer message = {0}, out = {0};
        enum sasl_step step;
        struct sasl_exchange *exchange;

        buffer_append(&message, rows[i].message, rows[i].length);
        exchange = log_in(SASL_HT_SHA_256_NONE, &message, NULL, 0, &step, &out);
        assert_int_equal(step, SASL_STEP_FAILED);
        check_failure(exchange, SASL_MALFORMED_REQUEST, false, "malformed");
        sasl_exchange_free(exchange);
        buffer_fini(&message);
        buffer_fini(&out);
    }
}

/* Without the binding on this connection nothing helps. */
static void test_no_binding(void **state)
{
    struct sasl_settings bare = settings;
    struct sasl_token token = kept_token(&vectors[0], 1);
    struct buffer message = {0}, out = {0};
    struct sasl_exchange *exchange;

    (void)state;
    bare.bindings_count = 0;
    exchange = sasl_exchange_new(&bare);
    message_of("user", vectors[0].client, &message);
    assert_int_equal(sasl_exchange_start(exchange, vectors[0].mechanism, message.data,
                                         message.length, true, &out),
                     SASL_STEP_CREDENTIALS);
    assert_int_equal(sasl_exchange_tokens(exchange, &token, 1, &out), SASL_STEP_FAILED);
    check_failure(exchange, SASL_INVALID_MECHANISM, false, "no binding");
    sasl_exchange_free(exchange);
    buffer_fini(&message);
    buffer_fini(&out);
}

static void test_made(void **state)
{
    char *token, *kept, *again, *other, *other_kept;
    struct sasl_token parsed = {0};

    (void)state;
    for (int m = SASL_HT_SHA_512_EXPR; m < SASL_MECHANISMS; m++) {
        sasl_token_make(m, &token, &kept);
        sasl_token_make(m, &other, &other_kept);
        assert_string_not_equal(token, other);
        again = sasl_token_keep(m, token);
        assert_string_equal(again, kept);
        assert_int_equal(sasl_token_parse(kept, &parsed), 0);
        assert_int_equal(parsed.mechanism, m);
        free(again);
        free(token);
        free(kept);
        free(other);
        free(other_kept);
    }
}

static void test_parse(void **state)
{
    static const char *const rows[] = {
        "",
        "HT-SHA-256-NONE",
        "HT-SHA-256-NONE$",
        "HT-SHA-256-NONE$AAAA",
        "PLAIN$AAAA:AAAA",
        "SCRAM-SHA-256$AAAA",
        "HT-SHA-256-EXPR$AAAA:AAAA",
        "HT-SHA-256-EXPR$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=="};
    struct sasl_token token = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        assert_int_equal(sasl_token_parse(rows[i], &token), ERR_MALFORMED);
}

/* XEP-0474 §6.3. */
static void test_announcement(void **state)
{
    static const char expected[] =
        "r=abcserver,s=QSXCR+Q6sek8bf92,i=4096,h=G6k/rBLDqgOhRRaCuuatSDFkJ08=";
    char *text =
        sasl_announcement(1U << SASL_SCRAM_SHA_1_PLUS | 1U << SASL_SCRAM_SHA_1, bindings, 2);
    struct sasl_settings telling = settings;
    struct sasl_exchange *exchange;
    struct buffer out = {0};

    (void)state;
    assert_string_equal(text,
                        "SCRAM-SHA-1\x1eSCRAM-SHA-1-PLUS\x1ftls-exporter\x1etls-server-end-point");
    telling.announced = text;
    exchange = sasl_exchange_new(&telling);
    exchange_fix_nonce(exchange, "server");
    assert_int_equal(start(exchange, SASL_SCRAM_SHA_1, "n,,n=user,r=abc", 15, &out),
                     SASL_STEP_CHALLENGE);
    assert_string_equal(out.data, expected);
    sasl_exchange_free(exchange);
    free(text);
    text = sasl_announcement(1U << SASL_PLAIN | 1U << SASL_SCRAM_SHA_512, NULL, 0);
    assert_string_equal(text, "PLAIN\x1eSCRAM-SHA-512");
    free(text);
    buffer_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),    cmocka_unit_test(test_refused),
        cmocka_unit_test(test_expired),    cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_no_binding), cmocka_unit_test(test_made),
        cmocka_unit_test(test_parse),      cmocka_unit_test(test_announcement),
    };

    return cmocka_run_group_tests(tests, start_library, stop_library);
}
