/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What the router remembers of offers that it took in the name of others.
 */
#include "router/taken.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "tests/unit/unit.h"

static struct durable offer(const char *bare, const char *id, const char *after)
{
    struct durable durable = {.kind = DURABLE_OFFER, .id = id, .after = after};

    durable.from.bare = (char *)bare;
    return durable;
}

static void test_remembers_until_it_forgets(void **state)
{
    struct taken *taken = taken_new();
    struct durable one = offer("a@example.test", "1", NULL),
                   two = offer("a@example.test", "2", "1");
    struct durable other = offer("b@example.test", "1", NULL);

    (void)state;
    assert_false(taken_has(taken, &one));
    assert_true(taken_has_predecessor(taken, &one));
    assert_false(taken_has_predecessor(taken, &two));
    taken_add(taken, &one);
    assert_true(taken_has(taken, &one));
    assert_true(taken_has_predecessor(taken, &two));
    assert_false(taken_has(taken, &other));
    taken_forget(taken, &other);
    assert_true(taken_has(taken, &one));
    taken_forget(taken, &one);
    assert_false(taken_has(taken, &one));
    assert_int_equal(taken_count(taken), 0);
    taken_free(taken);
}

static void add(struct taken *taken, const char *prefix, unsigned number)
{
    char *id = xasprintf("%s%u", prefix, number);
    struct durable durable = offer("a@example.test", id, NULL);

    taken_add(taken, &durable);
    free(id);
}

static void test_is_bounded(void **state)
{
    struct taken *taken = taken_new();
    struct durable first = offer("a@example.test", "0", NULL);
    struct durable second = offer("a@example.test", "1", NULL);
    char *long_id = xmalloc(DURABLE_ID_MAX);

    (void)state;
    for (unsigned i = 0; i <= TAKEN_MAX; i++)
        add(taken, "", i);
    assert_int_equal(taken_count(taken), TAKEN_MAX);
    assert_false(taken_has(taken, &first));
    assert_true(taken_has(taken, &second));
    memset(long_id, 'x', DURABLE_ID_MAX - 1);
    long_id[DURABLE_ID_MAX - 1] = '\0';
    for (unsigned i = 0; i < TAKEN_MAX; i++)
        add(taken, long_id, i);
    assert_in_range(taken_count(taken), 1, TAKEN_BYTES_MAX / DURABLE_ID_MAX);
    free(long_id);
    taken_free(taken);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_remembers_until_it_forgets),
        cmocka_unit_test(test_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
