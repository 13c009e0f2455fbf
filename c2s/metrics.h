/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What a worker counts, and what keeps it from serving.
 */
#pragma once

#include "common/service/metrics.h"

extern const struct metric worker_metrics[]; /* of a struct worker */
/* As `problem` of struct service. */
const char *worker_problem(void *state);
