/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Unit tests of metrics as text, and of the counts of log events.
 */
#include "common/service/metrics.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/log_count.h"
#include "common/base/memory.h"
#include "tests/unit/unit.h"

static void read_two(void *state, struct metric_samples *samples)
{
    metric_add(samples, *(int *)state, METRIC_LABELS({"a", "x"}, {"b", "\"\\\n"}));
    metric_add(samples, 1.5, NULL);
}

static void read_none(void *state UNUSED, struct metric_samples *samples UNUSED)
{
}

static const struct metric table[] = {
    {"test_reads", METRIC_COUNTER, "A \\ in the help.", read_two},
    {"test_queue_bytes", METRIC_GAUGE, "Nothing.", read_none},
    {0},
};

static void test_text(void **state UNUSED)
{
    struct metrics *metrics = metrics_new("kontalk-test", "0.1");
    struct buffer text = {0};
    int count = 7;

    metrics_add(metrics, table, &count);
    metrics_write(metrics, &text);
    buffer_append_char(&text, '\0');
    assert_non_null(
        strstr(text.data, "kontalk_build_info{daemon=\"kontalk-test\",version=\"0.1\"} 1\n"));
    assert_string_equal(strstr(text.data, "# TYPE test_reads"),
                        "# TYPE test_reads counter\n"
                        "# HELP test_reads A \\\\ in the help.\n"
                        "test_reads_total{a=\"x\",b=\"\\\"\\\\\\n\"} 7\n"
                        "test_reads_total 1.5\n"
                        "# TYPE test_queue_bytes gauge\n"
                        "# UNIT test_queue_bytes bytes\n"
                        "# HELP test_queue_bytes Nothing.\n"
                        "# EOF\n");
    buffer_fini(&text);
    metrics_free(metrics);
}

struct seen {
    const char *event;
    unsigned reasons;
    uint64_t count, other, without;
};

static void collect(void *user, const struct log_count *count)
{
    struct seen *seen = user;

    if (strcmp(count->event, seen->event) != 0)
        return;
    seen->reasons++;
    seen->count += count->count;
    if (!count->reason)
        seen->without = count->count;
    else if (strcmp(count->reason, "other") == 0)
        seen->other = count->count;
}

/* Below the level and beyond the rate, too; not more reasons than there may be. */
static void test_counts(void **state UNUSED)
{
    struct seen seen = {.event = "test_counted"};

    log_set_level(LOG_LEVEL_ERROR);
    for (int i = 0; i < 100; i++) {
        char *reason = xasprintf("reason %d", i);
        log_info("test_counted", LOG_TEXT("x", "y"), LOG_TEXT("reason", reason));
        free(reason);
    }
    log_debug("test_counted", LOG_INT("reason", 3));
    log_debug("test_counted", LOG_TEXT("reason", NULL));
    log_each_count(collect, &seen);
    assert_int_equal(seen.count, 102);
    assert_int_equal(seen.other, 100 - LOG_REASONS_MAX);
    assert_int_equal(seen.without, 2);
    assert_int_equal(seen.reasons, LOG_REASONS_MAX + 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_text), cmocka_unit_test(test_counts)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
