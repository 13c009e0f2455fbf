/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Unit tests of SipHash. hash_stable() is SipHash-2-4 with the key of the published vectors, bytes
 * 0 to 15; their input of n bytes is 0, 1, … n - 1.
 */
#include "common/base/hash.h"

#include <string.h>

#include "common/base/macros.h"
#include "common/base/table.h"
#include "tests/unit/unit.h"

static const struct {
    size_t length;
    uint64_t hash;
} vectors[] = {
    {0, 0x726fdb47dd0e0e31}, {1, 0x74f839c593dc67fd},  {7, 0xab0200f58b01d137},
    {8, 0x93f5f5799a932462}, {15, 0xa129ca6149be45e5}, {63, 0x958a324ceb064572},
};

static void fill(uint8_t *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        bytes[i] = (uint8_t)i;
    }
}

static void test_reference_vectors(void **state)
{
    (void)state;
    uint8_t bytes[64];

    fill(bytes, sizeof(bytes));
    for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
        assert_int_equal(hash_stable(bytes, vectors[i].length), vectors[i].hash);
    }
}

static void test_alignment_is_irrelevant(void **state)
{
    (void)state;
    uint8_t bytes[32];

    for (size_t shift = 0; shift < 8; shift++) {
        fill(bytes + shift, 15);
        assert_int_equal(hash_stable(bytes + shift, 15), 0xa129ca6149be45e5);
    }
}

static void test_keyed_has_its_own_key(void **state)
{
    (void)state;
    assert_int_equal(hash_keyed("alice", 5), hash_keyed("alice", 5));
    assert_int_not_equal(hash_keyed("alice", 5), hash_stable("alice", 5));
    assert_int_not_equal(hash_keyed("alice", 5), hash_keyed("alicf", 5));
    /* An all-zero key would give this. */
    assert_int_not_equal(hash_keyed("", 0), 0xd1fba762150c532c);
}

struct entry {
    int number;
    UT_hash_handle hh;
};

static void test_tables_use_it(void **state)
{
    (void)state;
    struct entry entries[1000], *table = NULL, *found;

    for (int i = 0; i < 1000; i++) {
        entries[i].number = i;
        HASH_ADD_INT(table, number, &entries[i]);
    }
    for (int i = 0; i < 1000; i++) {
        HASH_FIND_INT(table, &i, found);
        assert_ptr_equal(found, &entries[i]);
        assert_int_equal(found->hh.hashv, (unsigned)hash_keyed(&i, sizeof(i)));
    }
    HASH_CLEAR(hh, table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reference_vectors),
        cmocka_unit_test(test_alignment_is_irrelevant),
        cmocka_unit_test(test_keyed_has_its_own_key),
        cmocka_unit_test(test_tables_use_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
