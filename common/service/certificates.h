/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The certificates that a daemon shows, as they are in memory: for people, and as a metric.
 */
#pragma once

#include "common/service/control.h"
#include "common/service/metrics.h"
#include "common/tls/tls.h"

/* A line for each. context NULL: there are none. */
void certificates_print(const struct tls_context *context, struct control_request *request);
/* A sample for each: when it ends. */
void certificates_add(const struct tls_context *context, struct metric_samples *samples);
