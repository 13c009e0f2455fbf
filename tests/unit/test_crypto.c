/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * common/tls/crypto.h against the vectors of FIPS 180-4, RFC 2202, RFC 4231 and RFC 6070.
 */
#include <stdio.h>
#include <string.h>

#include "common/base/macros.h"
#include "common/tls/crypto.h"
#include "tests/unit/unit.h"

static void check_hex(const uint8_t *bytes, size_t length, const char *expected)
{
    char text[2 * CRYPTO_HASH_MAX + 1];

    for (size_t i = 0; i < length; i++)
        snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    assert_string_equal(text, expected);
}

static void test_digests(void **state)
{
    static const struct {
        enum crypto_hash hash;
        const char *input;
        const char *digest;
    } rows[] = {
        {CRYPTO_SHA1, "abc", "a9993e364706816aba3e25717850c26c9cd0d89d"},
        {CRYPTO_SHA1, "", "da39a3ee5e6b4b0d3255bfef95601890afd80709"},
        {CRYPTO_SHA256, "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {CRYPTO_SHA512, "abc",
         "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
         "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"},
        {CRYPTO_MD5, "abc", "900150983cd24fb0d6963f7d28e17f72"}, /* RFC 1321, A.5 */
    };
    uint8_t digest[CRYPTO_HASH_MAX];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        crypto_digest(rows[i].hash, rows[i].input, strlen(rows[i].input), digest);
        check_hex(digest, crypto_hash_size(rows[i].hash), rows[i].digest);
    }
}

/* FIPS 197, appendix C.3. */
static void test_block(void **state)
{
    uint8_t key[CRYPTO_BLOCK_KEY_SIZE], bytes[CRYPTO_BLOCK_SIZE];

    (void)state;
    for (size_t i = 0; i < sizeof(key); i++)
        key[i] = (uint8_t)i;
    struct crypto_block *block = crypto_block_new(key);
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < sizeof(bytes); i++)
            bytes[i] = (uint8_t)(0x11 * i);
        crypto_block_encrypt(block, bytes);
        check_hex(bytes, sizeof(bytes), "8ea2b7ca516745bfeafc49904b496089");
        crypto_block_decrypt(block, bytes);
        check_hex(bytes, sizeof(bytes), "00112233445566778899aabbccddeeff");
    }
    crypto_block_free(block);
    crypto_block_free(NULL);
}

static void test_hmacs(void **state)
{
    static const struct {
        enum crypto_hash hash;
        const char *mac;
    } rows[] = {
        /* RFC 2202 §3 and RFC 4231 §4.3, test case 2 of each. */
        {CRYPTO_SHA1, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"},
        {CRYPTO_SHA256, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
        {CRYPTO_SHA512, "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
                        "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737"},
    };
    static const char text[] = "what do ya want for nothing?";
    uint8_t mac[CRYPTO_HASH_MAX];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        crypto_hmac(rows[i].hash, "Jefe", 4, text, strlen(text), mac);
        check_hex(mac, crypto_hash_size(rows[i].hash), rows[i].mac);
    }
}

static void test_pbkdf2(void **state)
{
    static const struct {
        enum crypto_hash hash;
        unsigned iterations;
        const char *key;
    } rows[] = {
        /* RFC 6070 §2; the others from Python's hashlib. */
        {CRYPTO_SHA1, 1, "0c60c80f961f0e71f3a9b524af6012062fe037a6"},
        {CRYPTO_SHA1, 4096, "4b007901b765489abead49d926f721d065a429c1"},
        {CRYPTO_SHA256, 4096, "c5e478d59288c841aa530db6845c4c8d962893a001ce4e11a4963873aa98134a"},
        {CRYPTO_SHA512, 2,
         "e1d9c16aa681708a45f5c7c4e215ceb66e011a2e9f0040713f18aefdb866d53c"
         "f76cab2868a39b9f7840edce4fef5a82be67335c77a6068e04112754f27ccf4e"},
    };
    uint8_t key[CRYPTO_HASH_MAX];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        crypto_pbkdf2(rows[i].hash, "password", 8, (const uint8_t *)"salt", 4, rows[i].iterations,
                      key);
        check_hex(key, crypto_hash_size(rows[i].hash), rows[i].key);
    }
}

static void test_random(void **state)
{
    uint8_t a[16] = {0};
    uint8_t b[16] = {0};
    char hex[2 * 16 + 2];

    (void)state;
    crypto_random(a, sizeof(a));
    crypto_random(b, sizeof(b));
    assert_memory_not_equal(a, b, sizeof(a));

    memset(hex, '#', sizeof(hex));
    crypto_random_hex(hex, 16);
    assert_int_equal(strlen(hex), 32);
    assert_int_equal(strspn(hex, "0123456789abcdef"), 32);
    assert_int_equal(hex[33], '#');
}

/* All pairs of digits come out of all bytes: the in-place conversion must not read what it wrote.
 */
static void test_random_hex_is_not_overwritten(void **state)
{
    char text[2 * 4096 + 1];
    size_t counts[16] = {0};

    (void)state;
    crypto_random_hex(text, 4096);
    for (size_t i = 0; i < 8192; i++)
        counts[strchr("0123456789abcdef", text[i]) - "0123456789abcdef"]++;
    /* 512 expected, the standard deviation is 22: ten of them off is no accident. */
    for (size_t i = 0; i < 16; i++)
        assert_in_range(counts[i], 292, 732);
}

static void test_equal_and_wipe(void **state)
{
    char secret[] = "secret";

    (void)state;
    assert_true(crypto_equal("abc", "abc", 3));
    assert_false(crypto_equal("abc", "abd", 3));
    assert_false(crypto_equal("abc", "xbc", 3));
    assert_true(crypto_equal("abc", "abd", 2));
    crypto_wipe(secret, sizeof(secret));
    assert_memory_equal(secret, "\0\0\0\0\0\0", sizeof(secret));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_digests),        cmocka_unit_test(test_hmacs),
        cmocka_unit_test(test_block),          cmocka_unit_test(test_pbkdf2),
        cmocka_unit_test(test_random),         cmocka_unit_test(test_random_hex_is_not_overwritten),
        cmocka_unit_test(test_equal_and_wipe),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
