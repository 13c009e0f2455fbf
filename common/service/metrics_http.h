/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Metrics and health by HTTP (RFC 9112): GET /metrics is OpenMetrics text, GET /health is 200 "ok"
 * or 503 with what is wrong. One request per connection; at most METRICS_HTTP_MAX connections, for
 * METRICS_HTTP_TIME_MS at most.
 */
#pragma once

#include "common/io/loop.h"
#include "common/service/metrics.h"

#define METRICS_HTTP_MAX     16
#define METRICS_HTTP_TIME_MS 10000

struct metrics_http;

/* `problem` says what is wrong now (static); NULL: nothing. */
struct metrics_http *metrics_http_new(struct loop *loop, const struct metrics *metrics,
                                      const char *(*problem)(void *user), void *user);
/* A further address, as in listener.h. */
MUST_CHECK int metrics_http_listen(struct metrics_http *http, const char *address,
                                   const char **problem);
/* Frees it; open connections are cut off. */
void metrics_http_close(struct metrics_http *http);
