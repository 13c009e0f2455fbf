/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Messages of STUN against the vectors of RFC 5769, and what comes cut off or altered.
 */
#include "kontalkctl/check/stun.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/error.h"
#include "common/base/memory.h"
#include "tests/unit/unit.h"

static const uint8_t TRANSACTION[] = {0x78, 0xad, 0x34, 0x33, 0xc6, 0xad,
                                      0x72, 0xc0, 0x29, 0xda, 0x41, 0x2e};
/* §2.4: "マトリックス", and its password as SASLprep leaves it. */
static const char NAME[] =
    "\xe3\x83\x9e\xe3\x83\x88\xe3\x83\xaa\xe3\x83\x83\xe3\x82\xaf\xe3\x82\xb9";
static const char NONCE[] = "f//499k954d6OL34oL9FSTvy64sA";
static const char REALM[] = "example.org";
static const uint8_t SIGNATURE[] = {0xf6, 0x70, 0x24, 0x65, 0x6d, 0xd6, 0x4a, 0x3e, 0x02, 0xb8,
                                    0xe0, 0x71, 0x2e, 0x85, 0xc9, 0xa2, 0x8c, 0xa8, 0x96, 0x66};

static struct buffer signed_request(uint8_t key[STUN_KEY_SIZE])
{
    struct buffer message = {0};

    stun_begin(&message, STUN_BINDING, TRANSACTION);
    stun_add(&message, STUN_USERNAME, NAME, strlen(NAME));
    stun_add(&message, STUN_NONCE, NONCE, strlen(NONCE));
    stun_add(&message, STUN_REALM, REALM, strlen(REALM));
    stun_key(NAME, REALM, "TheMatrIX", key);
    stun_sign(&message, key);
    return message;
}

static void test_long_term_credentials(void **state)
{
    uint8_t key[STUN_KEY_SIZE];
    struct buffer message = signed_request(key);
    size_t length = 0;

    (void)state;
    assert_int_equal(message.length, STUN_HEADER_SIZE + 0x60);
    assert_int_equal(stun_length(message.data, message.length), message.length);
    const uint8_t *value = stun_find(&message, STUN_INTEGRITY, &length);
    assert_int_equal(length, sizeof(SIGNATURE));
    assert_memory_equal(value, SIGNATURE, sizeof(SIGNATURE));
    assert_true(stun_is_signed(&message, key));
    buffer_fini(&message);
}

static void test_altered(void **state)
{
    uint8_t key[STUN_KEY_SIZE];
    struct buffer message = signed_request(key);

    (void)state;
    for (size_t i = 4; i < message.length; i++) {
        message.data[i] ^= 1;
        assert_false(stun_is_signed(&message, key));
        message.data[i] ^= 1;
    }
    key[0] ^= 1;
    assert_false(stun_is_signed(&message, key));
    buffer_fini(&message);
}

/* What was put behind the signature counts for nothing. */
static void test_behind_the_signature(void **state)
{
    uint8_t key[STUN_KEY_SIZE];
    struct buffer message = signed_request(key);
    size_t length;

    (void)state;
    stun_add(&message, STUN_LIFETIME, "\0\0\2\130", 4);
    assert_null(stun_find(&message, STUN_LIFETIME, &length));
    buffer_fini(&message);
}

static struct buffer answer_with(unsigned kind, enum stun_attribute type, const void *value,
                                 size_t length)
{
    struct buffer message = {0};
    static const uint8_t transaction[] = {0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34,
                                          0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae};

    stun_begin(&message, (enum stun_method)(STUN_BINDING | kind), transaction);
    stun_add(&message, type, value, length);
    return message;
}

/* §2.2, §2.3 */
static void test_addresses(void **state)
{
    static const uint8_t ip4[] = {0, 1, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43};
    static const uint8_t ip6[] = {0,    2,    0xa1, 0x47, 0x01, 0x13, 0xa9, 0xfa, 0xa5, 0xd3,
                                  0xf1, 0x79, 0xbc, 0x25, 0xf4, 0xb5, 0xbe, 0xd2, 0xb9, 0xd9};
    static const struct {
        const uint8_t *value;
        size_t length;
        const char *text; /* NULL: malformed */
    } rows[] = {
        {ip4, sizeof(ip4), "192.0.2.1:32853"},
        {ip6, sizeof(ip6), "[2001:db8:1234:5678:11:2233:4455:6677]:32853"},
        {ip6, sizeof(ip4), NULL},
        {ip4, 4, NULL},
        {ip4, 0, NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct buffer message =
            answer_with(STUN_SUCCESS, STUN_MAPPED_ADDRESS, rows[i].value, rows[i].length);
        struct address address;
        int error = stun_address(&message, STUN_MAPPED_ADDRESS, &address);
        assert_int_equal(error, rows[i].text ? 0 : ERR_MALFORMED);
        if (rows[i].text) {
            char *text = address_text(&address);
            assert_string_equal(text, rows[i].text);
            free(text);
        }
        assert_int_equal(stun_address(&message, STUN_RELAYED_ADDRESS, &address), ERR_NOT_FOUND);
        buffer_fini(&message);
    }
}

static void test_errors(void **state)
{
    static const struct {
        unsigned kind;
        const char *value;
        size_t length;
        unsigned code;
    } rows[] = {
        {STUN_FAILURE, "\0\0\4\46stale", 9, 438},
        {STUN_FAILURE, "\0\0\4\1", 4, 401},
        {STUN_FAILURE, "\0\0\4", 3, 400},
        {STUN_SUCCESS, "\0\0\4\1", 4, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct buffer message =
            answer_with(rows[i].kind, STUN_ERROR_CODE, rows[i].value, rows[i].length);
        assert_int_equal(stun_error(&message), rows[i].code);
        buffer_fini(&message);
    }
}

/* Each way to be cut off is seen, and none is read beyond its end (AddressSanitizer). */
static void test_cut_off(void **state)
{
    uint8_t key[STUN_KEY_SIZE];
    struct buffer request = signed_request(key), whole = {0};

    (void)state;
    buffer_append(&whole, request.data, request.length);
    whole.data[0] = 1; /* success */
    assert_true(stun_answers(&whole, &request));
    for (size_t i = 0; i < whole.length; i++) {
        struct buffer part = {0};
        char *bytes = xmalloc(i + 1);
        memcpy(bytes, whole.data, i);
        part = (struct buffer){.data = bytes, .length = i, .capacity = i + 1};
        assert_false(stun_answers(&part, &request));
        if (i >= STUN_HEADER_SIZE) {
            size_t length;
            assert_null(stun_find(&part, STUN_INTEGRITY, &length));
        }
        buffer_fini(&part);
    }
    buffer_fini(&whole);
    buffer_fini(&request);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_long_term_credentials),
        cmocka_unit_test(test_altered),
        cmocka_unit_test(test_behind_the_signature),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_cut_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
