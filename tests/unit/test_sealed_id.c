/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Ids made of an owner and a number: each key has its own, and recognises them.
 */
#include "common/tls/sealed_id.h"

#include <string.h>

#include "common/base/error.h"
#include "tests/unit/unit.h"

static struct crypto_block *cipher(uint8_t first)
{
    const uint8_t key[CRYPTO_BLOCK_KEY_SIZE] = {first};

    return crypto_block_new(key);
}

static void test_only_its_own(void **state)
{
    struct crypto_block *ours = cipher(1), *theirs = cipher(2);
    char text[SEALED_ID_SIZE];
    int64_t number = 0;

    (void)state;
    sealed_id_encode(ours, 3, 42, text);
    assert_int_equal(strlen(text), SEALED_ID_SIZE - 1);
    assert_int_equal(sealed_id_decode(ours, 3, text, &number), 0);
    assert_true(number == 42);
    assert_int_equal(sealed_id_decode(ours, 4, text, &number), ERR_MALFORMED);
    assert_int_equal(sealed_id_decode(theirs, 3, text, &number), ERR_MALFORMED);
    assert_int_equal(sealed_id_decode(ours, 3, "42", &number), ERR_MALFORMED);
    crypto_block_free(ours);
    crypto_block_free(theirs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_only_its_own)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
