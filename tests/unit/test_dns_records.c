/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * DNS records as values, and the order of targets (RFC 2782, RFC 8305).
 */
#include "s2s/records.h"

#include <string.h>

#include "common/base/error.h"
#include "s2s/targets.h"
#include "tests/unit/unit.h"

#define BYTES(text)                                                                                \
    {                                                                                              \
        (const uint8_t *)(text), sizeof(text) - 1                                                  \
    }
#define LABEL_64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void services(void **state)
{
    static const struct {
        struct dns_record record;
        int expected;
        struct srv srv;
    } rows[] = {
        {BYTES("\0\1\0\2\x14\x95\1a\4test\0"), 0, {1, 2, 5269, "a.test"}},
        {BYTES("\377\377\377\377\377\377\1a\0"), 0, {65535, 65535, 65535, "a"}},
        {BYTES("\0\0\0\0\0\0\0"), 0, {0, 0, 0, ""}},
        {BYTES("\0\0\0\0\0\1\0"), 0, {0, 0, 1, ""}},
        {BYTES("\0\1\0\2\0\0\1a\0"), ERR_MALFORMED, {0}},              /* port 0 */
        {BYTES("\0\1\0\2\0\1\1a"), ERR_MALFORMED, {0}},                /* no end */
        {BYTES("\0\1\0\2\0\1\1a\0\0"), ERR_MALFORMED, {0}},            /* bytes behind it */
        {BYTES("\0\1\0\2\0\1\5a\0"), ERR_MALFORMED, {0}},              /* longer than there is */
        {BYTES("\0\1\0\2\0\1\300\0"), ERR_MALFORMED, {0}},             /* compressed */
        {BYTES("\0\1\0\2\0\1\3a.b\0"), ERR_MALFORMED, {0}},            /* a dot in a label */
        {BYTES("\0\1\0\2\0\1\3a b\0"), ERR_MALFORMED, {0}},            /* no host name */
        {BYTES("\0\1\0\2\0\1\100" LABEL_64 "\0"), ERR_MALFORMED, {0}}, /* a label too long */
        {BYTES("\0\1\0\2\0"), ERR_MALFORMED, {0}},
        {BYTES(""), ERR_MALFORMED, {0}},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct srv srv = {0};
        int error = record_srv(&rows[i].record, &srv);
        if (error != rows[i].expected)
            fail_msg("row %zu: %d", i, error);
        if (error)
            continue;
        assert_int_equal(srv.priority, rows[i].srv.priority);
        assert_int_equal(srv.weight, rows[i].srv.weight);
        assert_int_equal(srv.port, rows[i].srv.port);
        assert_string_equal(srv.target, rows[i].srv.target);
    }
}

/* Names end at 253 bytes. */
static void long_names(void **state)
{
    uint8_t bytes[6 + 300] = {0, 1, 0, 2, 0, 1};
    (void)state;
    for (size_t labels = 1; labels <= 140; labels++) {
        struct srv srv;
        size_t length = 6;
        for (size_t i = 0; i < labels; i++) {
            bytes[length++] = 1;
            bytes[length++] = 'x';
        }
        bytes[length++] = 0;
        int error = record_srv(&(struct dns_record){bytes, length}, &srv);
        assert_int_equal(error, 2 * labels - 1 <= DNS_NAME_MAX ? 0 : ERR_MALFORMED);
    }
}

static void addresses(void **state)
{
    static const uint8_t bytes[17] = {192, 0, 2, 1};
    static const struct {
        enum dns_type type;
        size_t length;
        int expected;
    } rows[] = {
        {DNS_A, 4, 0},
        {DNS_A, 3, ERR_MALFORMED},
        {DNS_A, 16, ERR_MALFORMED},
        {DNS_AAAA, 16, 0},
        {DNS_AAAA, 17, ERR_MALFORMED},
        {DNS_AAAA, 0, ERR_MALFORMED},
        {DNS_SRV, 4, ERR_MALFORMED},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct address address;
        const struct dns_record record = {bytes, rows[i].length};
        int error = record_address(rows[i].type, &record, 5269, &address);
        assert_int_equal(error, rows[i].expected);
        if (!error)
            assert_int_equal(address_port(&address), 5269);
    }
}

static struct address address_of(const char *text)
{
    struct address address;
    assert_int_equal(address_parse(text, &address), 0);
    return address;
}

static void internal_addresses(void **state)
{
    static const struct {
        const char *address;
        bool internal;
    } rows[] = {
        {"127.0.0.1:1", true},
        {"127.255.0.1:1", true},
        {"0.0.0.0:1", true},
        {"10.1.2.3:1", true},
        {"11.1.2.3:1", false},
        {"9.255.255.255:1", false},
        {"172.15.0.1:1", false},
        {"172.16.0.1:1", true},
        {"172.31.255.255:1", true},
        {"172.32.0.1:1", false},
        {"192.168.1.1:1", true},
        {"192.169.1.1:1", false},
        {"169.254.169.254:1", true},
        {"100.64.0.1:1", true},
        {"100.128.0.1:1", false},
        {"224.0.0.1:1", true},
        {"255.255.255.255:1", true},
        {"8.8.8.8:1", false},
        {"[::1]:1", true},
        {"[::]:1", true},
        {"[::ffff:127.0.0.1]:1", true},
        {"[::ffff:8.8.8.8]:1", true},
        {"[fe80::1]:1", true},
        {"[fd00::1]:1", true},
        {"[fc00::1]:1", true},
        {"[ff02::1]:1", true},
        {"[64:ff9b::7f00:1]:1", true},
        {"[2002:7f00:1::]:1", true},
        {"[2a00:1450::1]:1", false},
        {"[2606:4700::1]:1", false},
        {"unix:/run/x", true},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct address address = address_of(rows[i].address);
        if (address_is_internal(&address) != rows[i].internal)
            fail_msg("%s", rows[i].address);
    }
}

/* --- the order of targets --- */

static uint32_t drawn;

static uint32_t fixed(uint32_t below)
{
    return drawn < below ? drawn : below - 1;
}

static void order(void **state)
{
    static const struct {
        struct srv in[4];
        uint32_t drawn;
        const char *out;
    } rows[] = {
        {{{3, 0, 1, "c"}, {1, 0, 1, "a"}, {2, 0, 1, "b"}, {9, 9, 1, "d"}}, 0, "abcd"},
        {{{1, 0, 1, "a"}, {1, 10, 1, "b"}, {1, 20, 1, "c"}, {2, 0, 1, "d"}}, 0, "abcd"},
        {{{1, 10, 1, "a"}, {1, 20, 1, "b"}, {1, 0, 1, "c"}, {0, 0, 1, "d"}}, 0, "dcab"},
        {{{1, 10, 1, "a"}, {1, 10, 1, "b"}, {1, 10, 1, "c"}, {2, 0, 1, "d"}}, 15, "bcad"},
        {{{1, 10, 1, "a"}, {1, 10, 1, "b"}, {1, 10, 1, "c"}, {2, 0, 1, "d"}}, 30, "cbad"},
        {{{1, 65535, 1, "a"}, {1, 65535, 1, "b"}, {1, 65535, 1, "c"}, {1, 65535, 1, "d"}},
         UINT32_MAX,
         "dcba"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct target targets[4] = {0};
        for (size_t t = 0; t < 4; t++)
            targets[t].srv = rows[i].in[t];
        drawn = rows[i].drawn;
        targets_order(targets, 4, fixed);
        char got[5] = {targets[0].srv.target[0], targets[1].srv.target[0], targets[2].srv.target[0],
                       targets[3].srv.target[0]};
        assert_string_equal(got, rows[i].out);
    }
    targets_order(NULL, 0, fixed);
}

static void families_take_turns(void **state)
{
    static const char *const texts[] = {"192.0.2.1:1", "192.0.2.2:1", "192.0.2.3:1", "[2a00::1]:1",
                                        "[2a00::2]:1"};
    static const int expected[] = {AF_INET6, AF_INET, AF_INET6, AF_INET, AF_INET, AF_INET6};
    struct target targets[2] = {0};
    struct candidate candidates[6];
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        struct address address = address_of(texts[i]);
        for (size_t t = 0; t < 2; t++)
            target_add_address(&targets[t], &address);
    }
    assert_int_equal(targets_candidates(targets, 2, candidates, 6), 6);
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(candidates[i].address.any.sa_family, expected[i]);
    assert_ptr_equal(candidates[4].target, &targets[0]);
    assert_ptr_equal(candidates[5].target, &targets[1]);
}

static void addresses_are_limited(void **state)
{
    struct target target = {0};
    struct address address = address_of("192.0.2.1:1");
    (void)state;
    for (int i = 0; i < 1000; i++)
        target_add_address(&target, &address);
    assert_int_equal(target.count, RECORDS_ADDRESS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(services),
        cmocka_unit_test(long_names),
        cmocka_unit_test(addresses),
        cmocka_unit_test(internal_addresses),
        cmocka_unit_test(order),
        cmocka_unit_test(families_take_turns),
        cmocka_unit_test(addresses_are_limited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
