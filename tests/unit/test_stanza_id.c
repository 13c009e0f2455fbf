/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Stanza ids (XEP-0359): stable, opaque, and only ours.
 */
#include "c2s/sm/stanza_id.h"
#include "common/base/error.h"
#include "tests/unit/fake_client.h"

static void test_there_and_back(void **state)
{
    static const int64_t numbers[] = {1, 2, 255, 256, (int64_t)1 << 40, INT64_MAX};
    char text[STANZA_ID_SIZE], again[STANZA_ID_SIZE];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
        int64_t seq = 0;

        stanza_id_encode(fake.state, 7, numbers[i], text);
        stanza_id_encode(fake.state, 7, numbers[i], again);
        assert_string_equal(text, again);
        assert_int_equal(stanza_id_decode(fake.state, 7, text, &seq), 0);
        assert_true(seq == numbers[i]);
        assert_int_equal(stanza_id_decode(fake.state, 8, text, &seq), ERR_MALFORMED);
    }
}

/* Clients keep them for ever: this one changes only if all of them may become void. */
static void test_stable(void **state)
{
    char text[STANZA_ID_SIZE];

    (void)state;
    stanza_id_encode(fake.state, 1, 1, text);
    assert_string_equal(text, "5aed8df80e055842129696e941883c03");
}

/* M4: of two that follow each other as many bits differ as of two that do not. */
static void test_opaque(void **state)
{
    char one[STANZA_ID_SIZE], two[STANZA_ID_SIZE];

    (void)state;
    for (int64_t seq = 1; seq < 100; seq++) {
        size_t same = 0;

        stanza_id_encode(fake.state, 1, seq, one);
        stanza_id_encode(fake.state, 1, seq + 1, two);
        for (size_t i = 0; i < STANZA_ID_SIZE - 1; i++)
            same += one[i] == two[i] ? 1 : 0;
        assert_true(same < 16);
    }
}

static void test_made_up(void **state)
{
    static const char *const ids[] = {
        "",
        "1",
        "00000000000000000000000000000000",
        "0000000000000000000000000000000",
        "000000000000000000000000000000000",
        "g0000000000000000000000000000000",
        "' OR 1=1 --",
    };
    char text[STANZA_ID_SIZE];
    int64_t seq;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
        assert_int_equal(stanza_id_decode(fake.state, 1, ids[i], &seq), ERR_MALFORMED);
    stanza_id_encode(fake.state, 1, 1, text);
    for (size_t i = 0; i < STANZA_ID_SIZE - 1; i++) {
        char kept = text[i];

        text[i] = kept == '0' ? '1' : '0';
        assert_int_equal(stanza_id_decode(fake.state, 1, text, &seq), ERR_MALFORMED);
        text[i] = kept;
    }
    for (char *c = text; *c; c++)
        *c = (char)(*c >= 'a' ? *c - 'a' + 'A' : *c);
    assert_int_equal(stanza_id_decode(fake.state, 1, text, &seq), ERR_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_there_and_back, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(test_stable, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(test_opaque, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(test_made_up, fake_setup, fake_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
