/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Slots: the figures every release must agree on, even spread, and that a member that comes or goes
 * moves only its own slots.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/base/macros.h"
#include "common/base/memory.h"
#include "common/component/slots.h"

static const char *const IDS[] = {"c2s-1", "c2s-2", "c2s-3", "c2s-4"};

/* Two releases side by side must place accounts alike: these numbers never change. */
static void slots_are_stable(void **state)
{
    static const struct {
        const char *jid;
        unsigned slot;
        size_t owner_of_two, owner_of_four;
    } rows[] = {
        {"alice@example.net", 54, 1, 1},
        {"bob@example.net", 8, 1, 2},
        {"", 49, 0, 0},
        {"жук@example.net", 12, 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        assert_int_equal(slot_of(rows[i].jid), rows[i].slot);
        assert_int_equal(slot_owner(rows[i].slot, IDS, 2), rows[i].owner_of_two);
        assert_int_equal(slot_owner(rows[i].slot, IDS, 4), rows[i].owner_of_four);
    }
}

static void accounts_spread_over_the_slots(void **state)
{
    unsigned counts[SLOTS] = {0};
    (void)state;
    for (int i = 0; i < 64 * 1000; i++) {
        char *jid = xasprintf("user%d@example.net", i);
        counts[slot_of(jid)]++;
        free(jid);
    }
    for (unsigned slot = 0; slot < SLOTS; slot++)
        assert_in_range(counts[slot], 850, 1150);
}

static void every_member_owns_slots(void **state)
{
    unsigned counts[ARRAY_SIZE(IDS)] = {0};
    (void)state;
    for (unsigned slot = 0; slot < SLOTS; slot++)
        counts[slot_owner(slot, IDS, ARRAY_SIZE(IDS))]++;
    for (size_t i = 0; i < ARRAY_SIZE(IDS); i++)
        assert_in_range(counts[i], SLOTS / ARRAY_SIZE(IDS) / 2, SLOTS / ARRAY_SIZE(IDS) * 2);
}

static void order_does_not_matter(void **state)
{
    const char *const turned[] = {IDS[2], IDS[0], IDS[3], IDS[1]};
    (void)state;
    for (unsigned slot = 0; slot < SLOTS; slot++)
        assert_string_equal(IDS[slot_owner(slot, IDS, 4)], turned[slot_owner(slot, turned, 4)]);
}

static void a_lost_member_moves_only_its_slots(void **state)
{
    (void)state;
    for (unsigned slot = 0; slot < SLOTS; slot++) {
        size_t before = slot_owner(slot, IDS, 4);
        size_t after = slot_owner(slot, IDS, 3);
        if (before != 3)
            assert_int_equal(before, after);
    }
}

static void a_single_member_owns_all(void **state)
{
    (void)state;
    for (unsigned slot = 0; slot < SLOTS; slot++)
        assert_int_equal(slot_owner(slot, IDS, 1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slots_are_stable),
        cmocka_unit_test(accounts_spread_over_the_slots),
        cmocka_unit_test(every_member_owns_slots),
        cmocka_unit_test(order_does_not_matter),
        cmocka_unit_test(a_lost_member_moves_only_its_slots),
        cmocka_unit_test(a_single_member_owns_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
