/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Unit tests of what goes to another node and how it is counted.
 */
#include "net/ledger.h"

#include "common/base/error.h"
#include "tests/unit/unit.h"

static void add(struct ledger *ledger, enum entry_kind kind, const char *text)
{
    struct buffer bytes = {0};
    buffer_append_text(&bytes, text);
    ledger_add(ledger, kind, &bytes);
    assert_null(bytes.data);
}

static void add_message(struct ledger *ledger, const char *id)
{
    struct stanza *stanza = stanza_new(STANZA_MESSAGE, MESSAGE_NORMAL);
    element_set(stanza->root, "id", id);
    ledger_add_stanza(ledger, stanza);
}

/* Sends all that waits; what it was, as text. */
static void assert_sends(struct ledger *ledger, const char *expected)
{
    struct buffer out = {0};
    buffer_append_text(&out, "");
    while (ledger_next(ledger, &out))
        continue;
    assert_string_equal(out.length > 0 ? out.data : "", expected);
    buffer_fini(&out);
}

static void test_urgent_things_overtake_and_order_stays(void **state)
{
    struct ledger ledger = {0};
    (void)state;
    add(&ledger, ENTRY_OFFER, "1");
    add_message(&ledger, "2");
    add(&ledger, ENTRY_OFFER, "3");
    add(&ledger, ENTRY_ANSWER, "a");
    add(&ledger, ENTRY_FORGET, "4");
    add(&ledger, ENTRY_NOTE, "b");
    assert_sends(&ledger, "ab1<message id='2'/>34");
    assert_int_equal(ledger.sent_count, 6);
    assert_int_equal(ledger.waiting_bytes, 0);
    ledger_fini(&ledger);
    assert_int_equal(ledger_bytes(&ledger), 0);
}

static void test_acknowledging(void **state)
{
    struct ledger ledger = {.acknowledged = UINT32_MAX - 1}; /* the numbers wrap */
    (void)state;
    add(&ledger, ENTRY_OFFER, "1");
    add(&ledger, ENTRY_OFFER, "2");
    add(&ledger, ENTRY_OFFER, "3");
    assert_sends(&ledger, "123");
    assert_int_equal(ledger_acknowledge(&ledger, 0), 0);
    assert_int_equal(ledger.sent_count, 1);
    assert_int_equal(ledger_acknowledge(&ledger, 2), ERR_LIMIT);
    assert_int_equal(ledger_acknowledge(&ledger, UINT32_MAX), ERR_LIMIT);
    assert_int_equal(ledger_acknowledge(&ledger, 1), 0);
    assert_int_equal(ledger_bytes(&ledger), 0);
}

static void test_resuming(void **state)
{
    struct ledger ledger = {0};
    (void)state;
    add(&ledger, ENTRY_OFFER, "1");
    add(&ledger, ENTRY_ANSWER, "a");
    add(&ledger, ENTRY_OFFER, "2");
    assert_sends(&ledger, "a12");
    add(&ledger, ENTRY_OFFER, "3");
    add(&ledger, ENTRY_ANSWER, "b");
    assert_int_equal(ledger_resume(&ledger, 4), ERR_LIMIT);
    assert_int_equal(ledger_resume(&ledger, 1), 0);
    assert_sends(&ledger, "b123");
    assert_int_equal(ledger_acknowledge(&ledger, 5), 0);
    assert_int_equal(ledger_bytes(&ledger), 0);
}

/* What was sent keeps its number, so that the peer's count is still true. */
static void test_dropping_offers_before_resuming(void **state)
{
    struct ledger ledger = {0};
    (void)state;
    add(&ledger, ENTRY_OFFER, "1");
    add_message(&ledger, "m");
    add(&ledger, ENTRY_OFFER, "2");
    assert_sends(&ledger, "1<message id='m'/>2");
    add(&ledger, ENTRY_OFFER, "3");
    add(&ledger, ENTRY_ANSWER, "a");
    ledger_drop(&ledger, ENTRY_OFFER, NULL, NULL);
    assert_int_equal(ledger_resume(&ledger, 1), 0);
    assert_sends(&ledger, "a<message id='m'/>");
    assert_int_equal(ledger_acknowledge(&ledger, 3), 0);
    assert_int_equal(ledger_bytes(&ledger), 0);
}

static void collect(void *user, struct stanza *stanza)
{
    buffer_append_text(user, stanza_id(stanza));
    stanza_unref(stanza);
}

static void test_what_ends_with_the_session(void **state)
{
    struct ledger ledger = {.received = 7};
    struct buffer seen = {0};
    (void)state;
    add_message(&ledger, "1");
    assert_sends(&ledger, "<message id='1'/>");
    add_message(&ledger, "2");
    add(&ledger, ENTRY_ANSWER, "a");
    ledger_drop(&ledger, ENTRY_STANZA, collect, &seen);
    assert_string_equal(seen.data, "12");
    ledger_restart(&ledger);
    assert_int_equal(ledger.received, 0);
    assert_int_equal(ledger.acknowledged, 0);
    assert_sends(&ledger, "a");
    ledger_fini(&ledger);
    buffer_fini(&seen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_urgent_things_overtake_and_order_stays),
        cmocka_unit_test(test_acknowledging),
        cmocka_unit_test(test_resuming),
        cmocka_unit_test(test_dropping_offers_before_resuming),
        cmocka_unit_test(test_what_ends_with_the_session),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
