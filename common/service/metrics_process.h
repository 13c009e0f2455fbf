/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The metrics that every process has; for metrics.c.
 */
#pragma once

#include "common/service/metrics.h"

struct process {
    const char *service, *version;
    double started; /* seconds since 1970 */
};

void process_init(struct process *process, const char *service, const char *version);
extern const struct metric process_metrics[]; /* of a struct process */
