/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * common/sasl/verifier.h: what is kept of a password.
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/encode.h"
#include "common/base/error.h"
#include "common/base/macros.h"
#include "common/sasl/verifier.h"
#include "tests/unit/unit.h"

/* RFC 5802 §5 and RFC 7677 §3 ("pencil"); the keys and SHA-512 from Python's hashlib. */
static const char *const pencil[] = {
    "SCRAM-SHA-1$4096:QSXCR+Q6sek8bf92$6dlGYMOdZcOPutkcNY8U2g7vK9Y=:D+CSWLOshSulAsxiupA+qs2/fTE=",
    "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
    "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
    "SCRAM-SHA-512$4096:Yin2FuHTt/M0kJWb0t9OI32n2VmOGi3m+JfjOvuDF88=$"
    "ERxGuwQnAHA2amc01Vb1Qb9WPqMb68u8swldhuOn4MR7udux+oQ/DNrgcAy5c0/SEZybLeGYZ5jFkWH5ELNOXA==:"
    "gFCGdO8qeAVvqKCfFpqPXI2n2596CVtax0k6IH3gzt94xA9+DgAD6NwrELJ0AjguZNc0dWJxduOe037HEcD1UA==",
};

static void test_published_examples(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(pencil); i++) {
        struct verifier verifier;
        char *text;

        assert_int_equal(verifier_parse(pencil[i], &verifier), 0);
        assert_int_equal(verifier.hash, i);
        assert_int_equal(verifier.iterations, 4096);
        text = verifier_format(&verifier);
        assert_string_equal(text, pencil[i]);
        free(text);
        assert_int_equal(verifier_check(&verifier, "pencil"), 0);
        assert_int_equal(verifier_check(&verifier, "Pencil"), ERR_DENIED);
        assert_int_equal(verifier_check(&verifier, "pencil "), ERR_DENIED);
        assert_int_equal(verifier_check(&verifier, ""), ERR_DENIED);
    }
}

static void test_make(void **state)
{
    static const enum crypto_hash hashes[] = {CRYPTO_SHA1, CRYPTO_SHA256, CRYPTO_SHA512};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(hashes); i++) {
        struct verifier made;
        struct verifier other;
        struct verifier read;
        char *text;

        assert_int_equal(verifier_make(hashes[i], "secret", &made), 0);
        assert_int_equal(verifier_make(hashes[i], "secret", &other), 0);
        assert_int_equal(made.iterations, verifier_iterations(hashes[i]));
        assert_true(made.iterations >= 4096);
        assert_int_equal(made.salt_length, VERIFIER_SALT_SIZE);
        assert_memory_not_equal(made.salt, other.salt, VERIFIER_SALT_SIZE);
        assert_memory_not_equal(made.stored_key, other.stored_key, crypto_hash_size(hashes[i]));
        text = verifier_format(&made);
        assert_int_equal(verifier_parse(text, &read), 0);
        free(text);
        assert_int_equal(verifier_check(&read, "secret"), 0);
        assert_int_equal(verifier_check(&read, "secreT"), ERR_DENIED);
    }
}

/* RFC 4013 §3, and the limits. */
static void test_passwords_are_prepared(void **state)
{
    static const struct {
        const char *password;
        const char *same;
    } rows[] = {
        {"I\xC2\xADX", "IX"},
        {"user", "user"},
        {"\xC2\xAA", "a"},
        {"\xE2\x85\xA8", "IX"},
        {"a\xC2\xA0"
         "b",
         "a b"},
        {"p\xC3\xA4ss", "pa\xCC\x88ss"},
        {"😀", "😀"},
    };
    struct verifier verifier;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        assert_int_equal(verifier_make(CRYPTO_SHA256, rows[i].password, &verifier), 0);
        assert_int_equal(verifier_check(&verifier, rows[i].same), 0);
    }
    assert_int_equal(verifier_make(CRYPTO_SHA256, "user", &verifier), 0);
    assert_int_equal(verifier_check(&verifier, "USER"), ERR_DENIED);
}

static void test_forbidden_passwords(void **state)
{
    static const char *const rows[] = {
        "", "\x07", "a\nb", "\xC2\xAD", "\xD8\xA7\x31", "\xEF\xBF\xBD", "\xC3", "\xED\xA0\x80",
    };
    struct verifier verifier;
    char longest[1025];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        assert_int_equal(verifier_make(CRYPTO_SHA256, rows[i], &verifier), ERR_INVALID);
    memset(longest, 'x', sizeof(longest));
    longest[1024] = '\0';
    assert_int_equal(verifier_make(CRYPTO_SHA256, longest, &verifier), ERR_INVALID);
    longest[1023] = '\0';
    assert_int_equal(verifier_make(CRYPTO_SHA256, longest, &verifier), 0);
    assert_int_equal(verifier_check(&verifier, longest), 0);
    longest[1022] = '\0';
    assert_int_equal(verifier_check(&verifier, longest), ERR_DENIED);
}

#define KEY   "6dlGYMOdZcOPutkcNY8U2g7vK9Y="
#define OTHER "D+CSWLOshSulAsxiupA+qs2/fTE="

static void test_malformed(void **state)
{
    static const char *const rows[] = {
        "",
        "SCRAM-SHA-1",
        "SCRAM-SHA-1$",
        "SCRAM-SHA-1$4096",
        "SCRAM-SHA-1$4096:QSXC",
        "SCRAM-SHA-1$4096:QSXC$" KEY,
        "SCRAM-SHA-1$4096:QSXC$" KEY ":",
        "SCRAM-SHA-1$4096:QSXC$:" OTHER,
        "SCRAM-SHA-1$4096:QSXC$" KEY ":" OTHER ":",
        "SCRAM-SHA-1$4096:QSXC$" KEY ":" OTHER " ",
        "SCRAM-SHA-1$4096:QSXC$" KEY "$" OTHER,
        "SCRAM-SHA-1$4096:$" KEY ":" OTHER,
        "SCRAM-SHA-1$4096:QSX$" KEY ":" OTHER,
        "SCRAM-SHA-1$4096:QS!C$" KEY ":" OTHER,
        "SCRAM-SHA-1$0:QSXC$" KEY ":" OTHER,
        "SCRAM-SHA-1$:QSXC$" KEY ":" OTHER,
        "SCRAM-SHA-1$-1:QSXC$" KEY ":" OTHER,
        "SCRAM-SHA-1$+1:QSXC$" KEY ":" OTHER,
        "SCRAM-SHA-1$04096:QSXC$" KEY ":" OTHER,
        "SCRAM-SHA-1$1e3:QSXC$" KEY ":" OTHER,
        "SCRAM-SHA-1$1000001:QSXC$" KEY ":" OTHER,
        "SCRAM-SHA-1$4294967297:QSXC$" KEY ":" OTHER,
        "SCRAM-SHA-1$99999999999999999999:QSXC$" KEY ":" OTHER,
        "SCRAM-SHA-256$4096:QSXC$" KEY ":" OTHER,
        "scram-sha-1$4096:QSXC$" KEY ":" OTHER,
        "SCRAM-SHA-1-PLUS$4096:QSXC$" KEY ":" OTHER,
        "SCRAM-SHA-2$4096:QSXC$" KEY ":" OTHER,
        "SCRAM-SHA-$4096:QSXC$" KEY ":" OTHER,
        "PLAIN$4096:QSXC$" KEY ":" OTHER,
        " SCRAM-SHA-1$4096:QSXC$" KEY ":" OTHER,
        /* A salt of 66 bytes, then keys of 21. */
        "SCRAM-SHA-1$4096:"
        "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVpBQkNERUZHSElKS0xNTk9QUVJTVFVWV1hZWkFCQ0RFRkdISUpLTE1O"
        "$" KEY ":" OTHER,
        "SCRAM-SHA-1$4096:QSXC$6dlGYMOdZcOPutkcNY8U2g7vK9YA:" OTHER,
        "SCRAM-SHA-1$4096:QSXC$" KEY ":D+CSWLOshSulAsxiupA+qs2/fTEA",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct verifier verifier = {.iterations = 42};

        if (verifier_parse(rows[i], &verifier) != ERR_MALFORMED)
            fail_msg("accepted: %s", rows[i]);
        assert_int_equal(verifier.iterations, 42);
    }
}

/* Every prefix of a valid text is refused. */
static void test_prefixes(void **state)
{
    char text[256] = {0};

    (void)state;
    for (size_t length = 0; length < strlen(pencil[1]); length++) {
        struct verifier verifier;

        memset(text, 0, sizeof(text));
        memcpy(text, pencil[1], length);
        assert_int_equal(verifier_parse(text, &verifier), ERR_MALFORMED);
    }
}

static void test_decoy(void **state)
{
    static const enum crypto_hash hashes[] = {CRYPTO_SHA1, CRYPTO_SHA256, CRYPTO_SHA512};
    struct verifier real;
    struct verifier decoy;
    struct verifier again;
    struct verifier other;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(hashes); i++) {
        assert_int_equal(verifier_make(hashes[i], "secret", &real), 0);
        verifier_decoy(hashes[i], "key", 3, "alice", &decoy);
        verifier_decoy(hashes[i], "key", 3, "alice", &again);
        assert_memory_equal(&decoy, &again, sizeof(decoy));
        /* The shape of a real one. */
        assert_int_equal(decoy.hash, real.hash);
        assert_int_equal(decoy.iterations, real.iterations);
        assert_int_equal(decoy.salt_length, real.salt_length);
        /* It depends on all that it is made of. */
        verifier_decoy(hashes[i], "key", 3, "alicf", &other);
        assert_memory_not_equal(decoy.salt, other.salt, decoy.salt_length);
        verifier_decoy(hashes[i], "kez", 3, "alice", &other);
        assert_memory_not_equal(decoy.salt, other.salt, decoy.salt_length);
        verifier_decoy(hashes[(i + 1) % 3], "key", 3, "alice", &other);
        assert_memory_not_equal(decoy.salt, other.salt, decoy.salt_length);
        assert_memory_not_equal(decoy.salt, decoy.stored_key, decoy.salt_length);
        assert_memory_not_equal(decoy.stored_key, decoy.server_key, decoy.salt_length);
        assert_int_equal(verifier_check(&decoy, "secret"), ERR_DENIED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published_examples),
        cmocka_unit_test(test_make),
        cmocka_unit_test(test_passwords_are_prepared),
        cmocka_unit_test(test_forbidden_passwords),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_prefixes),
        cmocka_unit_test(test_decoy),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
