/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The arithmetic of XEP-0198: how far what a client sent is settled, and what it was sent and has
 * not acknowledged.
 */
#include "c2s/sm/pushed.h"
#include "c2s/sm/settle.h"
#include "c2s/sm/unacked.h"
#include "common/base/error.h"
#include "common/base/memory.h"
#include "tests/unit/unit.h"

static void count_progress(void *user)
{
    ++*(int *)user;
}

/* Tickets are opened and released by letters: "a" opens the next one (a, b, c …), "A" releases it;
 * "+a" takes a second reference. The column is h behind each step. */
static const struct {
    const char *steps;
    uint32_t before, h;
    int progress;
} prefixes[] = {
    {"", 0, 0, 0},
    {"a", 0, 0, 0},
    {"aA", 0, 1, 1},
    {"ab", 0, 0, 0},
    {"abB", 0, 0, 0}, /* what is behind an open one does not count */
    {"abBA", 0, 2, 1},
    {"abA", 0, 1, 1},
    {"abcCAB", 0, 3, 2},
    {"a+aA", 0, 0, 0},
    {"a+aAA", 0, 1, 1},
    {"aAbB", UINT32_MAX - 1, 0, 2}, /* 2^32 - 1, then 0 */
    {"aAbBcC", UINT32_MAX - 1, 1, 3},
    {"abBA", UINT32_MAX, 1, 1},
};

static void test_h_is_the_longest_settled_prefix(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
        struct settle_ticket *tickets[8];
        int references[8] = {0};
        struct settle settle;
        int progress = 0;

        settle_init(&settle, count_progress, &progress);
        settle_reset(&settle, prefixes[i].before);
        for (const char *step = prefixes[i].steps; *step; step++) {
            if (*step == '+') {
                settle_ref(tickets[*++step - 'a']);
                references[*step - 'a']++;
            } else if (*step >= 'a') {
                tickets[*step - 'a'] = settle_arrived(&settle);
                references[*step - 'a']++;
            } else {
                settle_release(tickets[*step - 'A']);
                references[*step - 'A']--;
            }
        }
        assert_int_equal(settle_h(&settle), prefixes[i].h);
        assert_int_equal(progress, prefixes[i].progress);
        settle_fini(&settle);
        for (size_t at = 0; at < ARRAY_SIZE(references); at++) {
            while (references[at]-- > 0) {
                settle_release(tickets[at]);
            }
        }
    }
}

/* The session is resumed while something is still being worked on: the client sends it again. */
static void test_what_is_open_at_a_reset_is_not_counted(void **state)
{
    struct settle settle;
    struct settle_ticket *first, *second;
    int progress = 0;
    (void)state;

    settle_init(&settle, count_progress, &progress);
    first = settle_arrived(&settle);
    settle_reset(&settle, settle_h(&settle));
    second = settle_arrived(&settle);
    assert_int_equal(settle_number(second), 1);
    assert_null(settle_of(first));
    settle_release(first);
    assert_int_equal(settle_h(&settle), 0);
    settle_release(second);
    assert_int_equal(settle_h(&settle), 1);
    settle_fini(&settle);
}

static void test_tickets_outlive_their_session(void **state)
{
    struct settle settle;
    struct settle_ticket *ticket;
    int progress = 0;
    (void)state;

    settle_init(&settle, count_progress, &progress);
    ticket = settle_arrived(&settle);
    settle_fini(&settle);
    settle_release(ticket);
    assert_int_equal(progress, 0);
    settle_release(NULL);
}

/* Only what is before it in the same lane ends before it. */
static const struct {
    unsigned lanes[4]; /* of the tickets in front, in their order; 0: not on its way */
    size_t count;
    unsigned lane;
    bool known;
} lanes[] = {
    {{0}, 0, 1, true},  {{1}, 1, 1, true},        {{1, 1, 1}, 3, 1, true},  {{0}, 1, 1, false},
    {{2}, 1, 1, false}, {{1, 0, 1}, 3, 1, false}, {{1, 1, 2}, 3, 1, false}, {{2, 2, 2}, 3, 2, true},
};

static void test_h_of_what_is_on_its_way(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(lanes); i++) {
        struct settle_ticket *before[4], *ticket;
        struct settle settle;
        int progress = 0;

        settle_init(&settle, count_progress, &progress);
        for (size_t at = 0; at < lanes[i].count; at++) {
            before[at] = settle_arrived(&settle);
            if (lanes[i].lanes[at] > 0) {
                settle_go(before[at], lanes[i].lanes[at]);
            }
        }
        ticket = settle_arrived(&settle);
        assert_int_equal(settle_go(ticket, lanes[i].lane), lanes[i].known);
        settle_release(ticket);
        for (size_t at = 0; at < lanes[i].count; at++) {
            settle_release(before[at]);
        }
        settle_fini(&settle);
    }
    assert_false(settle_go(NULL, 1));
}

static void add_unstored(struct unacked *unacked, uint32_t count)
{
    while (count-- > 0)
        unacked_add(unacked, xstrdup("<a/>"), 4, 0, 0);
}

static void add(struct unacked *unacked, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        unacked_add(unacked, xstrdup("<a/>"), 4, i + 1, 0);
    }
}

static void sum_seqs(void *user, const struct unacked_stanza *stanza)
{
    *(int64_t *)user += stanza->seq;
}

static const struct {
    uint32_t acknowledged, sent, h;
    int error;
    uint32_t left;
} answers[] = {
    {0, 0, 0, 0, 0},
    {0, 3, 0, 0, 3},
    {0, 3, 2, 0, 1},
    {0, 3, 3, 0, 0},
    {0, 3, 4, ERR_LIMIT, 3},
    {0, 0, 1, ERR_LIMIT, 0},
    {5, 3, 4, ERR_LIMIT, 3}, /* h has fallen */
    {UINT32_MAX, 2, UINT32_MAX, 0, 2},
    {UINT32_MAX, 2, 0, 0, 1},
    {UINT32_MAX, 2, 1, 0, 0},
    {UINT32_MAX, 2, 2, ERR_LIMIT, 2},
    {UINT32_MAX - 1, 3, UINT32_MAX, 0, 2},
    {INT32_MAX, 2, (uint32_t)INT32_MAX + 1, 0, 1},
};

static void test_the_peers_h(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
        uint32_t handled = answers[i].sent - answers[i].left;
        struct unacked unacked;
        int64_t sum = 0;

        unacked_init(&unacked, 100, 10000);
        unacked.acknowledged = answers[i].acknowledged;
        add(&unacked, answers[i].sent);
        assert_int_equal(unacked_acknowledge(&unacked, answers[i].h, sum_seqs, &sum),
                         answers[i].error);
        assert_int_equal(unacked.count, answers[i].left);
        assert_int_equal(sum, answers[i].error ? 0 : handled * (handled + 1) / 2);
        assert_int_equal(unacked_sent(&unacked), answers[i].acknowledged + answers[i].sent);
        unacked_fini(&unacked);
    }
}

static void test_limits_by_count_and_bytes(void **state)
{
    struct unacked unacked;
    (void)state;

    unacked_init(&unacked, 4, 10000);
    add(&unacked, 3);
    assert_false(unacked_is_full(&unacked));
    add(&unacked, 1);
    assert_true(unacked_is_full(&unacked));
    unacked_fini(&unacked);
    unacked_init(&unacked, 4, 100);
    assert_true(unacked_add(&unacked, xstrdup("x"), 100, 0, 0));
    assert_true(unacked_is_full(&unacked));
    unacked_fini(&unacked);
}

/* A million stanzas nobody acknowledges cost no more than the limits, and are counted. */
static void test_texts_beyond_twice_the_limits_are_forgotten(void **state)
{
    struct unacked unacked;
    int64_t sum = 0;
    (void)state;

    unacked_init(&unacked, 4, 10000);
    add(&unacked, 4);
    add_unstored(&unacked, 1000000 - 4);
    assert_int_equal(unacked_sent(&unacked), 1000000);
    assert_int_equal(unacked.forgotten, 1000000 - 8);
    assert_int_equal(unacked_acknowledge(&unacked, 500000, sum_seqs, &sum), 0);
    assert_int_equal(sum, 4 * 5 / 2);
    assert_int_equal(unacked.count, 500000);
    assert_null(unacked.first);
    assert_int_equal(unacked_acknowledge(&unacked, 1000000, sum_seqs, &sum), 0);
    assert_true(unacked_add(&unacked, xstrdup("x"), 1, 0, 0));
    assert_int_equal(unacked_sent(&unacked), 1000001);
    unacked_fini(&unacked);
}

/* Two stored, two that are not, two forgotten, two stored: whatever h comes, a stored message
 * counts once its own number is covered. */
static void test_a_stored_message_behind_a_gap_keeps_its_seq(void **state)
{
    static const int64_t sums[] = {0, 1, 3, 3, 3, 3, 3, 4, 6};
    (void)state;

    for (uint32_t h = 0; h < ARRAY_SIZE(sums); h++) {
        struct unacked unacked;
        int64_t sum = 0;

        unacked_init(&unacked, 2, 10000);
        add(&unacked, 2);
        add_unstored(&unacked, 4);
        assert_int_equal(unacked.forgotten, 2);
        add(&unacked, 2);
        assert_int_equal(unacked_acknowledge(&unacked, h, sum_seqs, &sum), 0);
        assert_int_equal(sum, sums[h]);
        assert_int_equal(unacked.count, 8 - h);
        assert_int_equal(unacked.forgotten, h <= 4 ? 2 : h == 5);
        assert_int_equal(unacked_acknowledge(&unacked, 8, sum_seqs, &sum), 0);
        assert_int_equal(sum, 6);
        unacked_fini(&unacked);
    }
}

/* What is sent again behind a gap has the next numbers. */
static void test_a_gap_is_closed_by_a_resume(void **state)
{
    struct unacked unacked;
    int64_t sum = 0;
    (void)state;

    unacked_init(&unacked, 2, 10000);
    add_unstored(&unacked, 6);
    add(&unacked, 2);
    assert_int_equal(unacked_acknowledge(&unacked, 5, sum_seqs, &sum), 0);
    assert_true(unacked_resume(&unacked));
    assert_int_equal(unacked_sent(&unacked), 7);
    assert_int_equal(unacked_acknowledge(&unacked, 6, sum_seqs, &sum), 0);
    assert_int_equal(sum, 1);
    assert_int_equal(unacked_acknowledge(&unacked, 7, sum_seqs, &sum), 0);
    assert_int_equal(sum, 3);
    assert_null(unacked.first);
    unacked_fini(&unacked);
}

/* The client has a version once h covers the stanza that told it, also where the numbers wrap. */
static void test_what_was_pushed(void **state)
{
    struct pushed pushed = {.has = 3};
    (void)state;

    pushed_sent(&pushed, 4, UINT32_MAX);
    pushed_sent(&pushed, 5, 0);
    assert_false(pushed_acknowledged(&pushed, UINT32_MAX));
    assert_int_equal(pushed.has, 3);
    assert_true(pushed_acknowledged(&pushed, 0));
    assert_int_equal(pushed.has, 5);
    assert_false(pushed_acknowledged(&pushed, 1));
    pushed_sent(&pushed, 6, 9);
    pushed_set(&pushed, pushed.has);
    assert_false(pushed_acknowledged(&pushed, 9));
    assert_int_equal(pushed.has, 5);
}

/* The numbers go on behind what can be sent again: client and server count the same. */
static void test_what_was_forgotten_has_no_number_after_a_resume(void **state)
{
    struct unacked unacked;
    int64_t sum = 0;
    (void)state;

    unacked_init(&unacked, 2, 10000);
    add_unstored(&unacked, 6);
    assert_int_equal(unacked_acknowledge(&unacked, 1, sum_seqs, &sum), 0);
    assert_true(unacked_resume(&unacked));
    assert_int_equal(unacked.count, 3);
    assert_int_equal(unacked_sent(&unacked), 4);
    assert_false(unacked_resume(&unacked));
    unacked_fini(&unacked);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_h_is_the_longest_settled_prefix),
        cmocka_unit_test(test_h_of_what_is_on_its_way),
        cmocka_unit_test(test_what_is_open_at_a_reset_is_not_counted),
        cmocka_unit_test(test_tickets_outlive_their_session),
        cmocka_unit_test(test_the_peers_h),
        cmocka_unit_test(test_limits_by_count_and_bytes),
        cmocka_unit_test(test_texts_beyond_twice_the_limits_are_forgotten),
        cmocka_unit_test(test_a_stored_message_behind_a_gap_keeps_its_seq),
        cmocka_unit_test(test_a_gap_is_closed_by_a_resume),
        cmocka_unit_test(test_what_was_forgotten_has_no_number_after_a_resume),
        cmocka_unit_test(test_what_was_pushed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
