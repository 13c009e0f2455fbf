/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What a daemon counts, as OpenMetrics 1.0 text. A family of metrics is a row in a table; its
 * samples are read when they are asked for, so a counter costs nothing but its addition.
 */
#pragma once

#include "common/base/buffer.h"
#include "common/base/macros.h"

enum metric_type { METRIC_COUNTER, METRIC_GAUGE };

struct metric_samples;

struct metric {
    /* "kontalk_router_stanzas": samples of a counter get "_total" behind it. A name that ends with
     * _bytes or _seconds says its unit so. */
    const char *name;
    enum metric_type type;
    const char *help; /* one sentence */
    void (*read)(void *state, struct metric_samples *samples);
};

struct metric_label {
    const char *name;
    const char *value; /* any text */
};

#define METRIC_LABELS(...) ((const struct metric_label[]){__VA_ARGS__, {0}})

/* A sample of the family that is being read. Labels end with a row without a name; NULL: none. */
void metric_add(struct metric_samples *samples, double value, const struct metric_label *labels);

struct metrics;

/* With what every process has: CPU time, memory, and how often each event was logged. */
struct metrics *metrics_new(const char *service, const char *version);
void metrics_free(struct metrics *metrics);
/* A table that ends with name NULL and lives on; may be called for several. */
void metrics_add(struct metrics *metrics, const struct metric *table, void *state);
/* All families in turn, then "# EOF". */
void metrics_write(const struct metrics *metrics, struct buffer *out);
