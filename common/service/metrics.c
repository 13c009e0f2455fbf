/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Families of metrics as OpenMetrics text.
 */
#include "common/service/metrics.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "common/base/memory.h"
#include "common/service/metrics_process.h"

struct metric_table {
    const struct metric *rows;
    void *state;
    struct metric_table *next;
};

struct metrics {
    struct process process;
    struct metric_table *tables;
};

struct metric_samples {
    const struct metric *metric;
    struct buffer *out;
};

/* OpenMetrics 1.0, "escaped-string". */
static void write_escaped(struct buffer *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '\n') {
            buffer_append_text(out, "\\n");
            continue;
        }
        if (*text == '"' || *text == '\\')
            buffer_append_char(out, '\\');
        buffer_append_char(out, *text);
    }
}

static void write_labels(struct buffer *out, const struct metric_label *labels)
{
    const struct metric_label *label = labels;

    for (; label && label->name; label++) {
        buffer_printf(out, "%c%s=\"", label == labels ? '{' : ',', label->name);
        write_escaped(out, label->value);
        buffer_append_char(out, '"');
    }
    if (label != labels)
        buffer_append_char(out, '}');
}

void metric_add(struct metric_samples *samples, double value, const struct metric_label *labels)
{
    struct buffer *out = samples->out;

    buffer_append_text(out, samples->metric->name);
    buffer_append_text(out, samples->metric->type == METRIC_COUNTER ? "_total" : "");
    write_labels(out, labels);
    buffer_printf(out, value == (double)(int64_t)value ? " %.0f\n" : " %.9g\n", value);
}

static const char *unit_of(const char *name)
{
    const char *last = strrchr(name, '_');

    return last && (strcmp(last, "_bytes") == 0 || strcmp(last, "_seconds") == 0) ? last + 1 : NULL;
}

static void write_family(struct buffer *out, const struct metric *metric, void *state)
{
    struct metric_samples samples = {metric, out};
    const char *unit = unit_of(metric->name);

    buffer_printf(out, "# TYPE %s %s\n", metric->name,
                  metric->type == METRIC_COUNTER ? "counter" : "gauge");
    if (unit)
        buffer_printf(out, "# UNIT %s %s\n", metric->name, unit);
    buffer_printf(out, "# HELP %s ", metric->name);
    write_escaped(out, metric->help);
    buffer_append_char(out, '\n');
    metric->read(state, &samples);
}

struct metrics *metrics_new(const char *service, const char *version)
{
    struct metrics *metrics = xcalloc(1, sizeof(*metrics));

    process_init(&metrics->process, service, version);
    metrics_add(metrics, process_metrics, &metrics->process);
    return metrics;
}

void metrics_free(struct metrics *metrics)
{
    struct metric_table *table, *next;

    LL_FOREACH_SAFE (metrics->tables, table, next) {
        free(table);
    }
    free(metrics);
}

void metrics_add(struct metrics *metrics, const struct metric *rows, void *state)
{
    struct metric_table *table = xcalloc(1, sizeof(*table));

    table->rows = rows;
    table->state = state;
    LL_APPEND(metrics->tables, table);
}

void metrics_write(const struct metrics *metrics, struct buffer *out)
{
    const struct metric_table *table;

    LL_FOREACH (metrics->tables, table) {
        for (const struct metric *row = table->rows; row->name; row++)
            write_family(out, row, table->state);
    }
    buffer_append_text(out, "# EOF\n");
}
