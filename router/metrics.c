/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What the router counts.
 */
#include "router/component.h"

static void read_stanzas(void *state, struct metric_samples *samples)
{
    const struct router_counters *counters = &((const struct router *)state)->counters;
    const struct {
        const char *outcome;
        uint64_t count;
    } rows[] = {
        {"routed", counters->routed},   {"bounced", counters->bounced},
        {"dropped", counters->dropped}, {"copied", counters->tapped},
        {"offered", counters->offered}, {"full", counters->full},
        {"refused", counters->refused},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        metric_add(samples, (double)rows[i].count, METRIC_LABELS({"outcome", rows[i].outcome}));
}

static void read_streams(void *state, struct metric_samples *samples)
{
    size_t counts[ROLES] = {0};

    for (const struct component *c = ((const struct router *)state)->components; c; c = c->next)
        counts[c->door->role] += c->proven;
    for (int role = 0; role < ROLES; role++)
        metric_add(samples, (double)counts[role],
                   METRIC_LABELS({"role", role_name((enum role)role)}));
}

static void read_queued(void *state, struct metric_samples *samples)
{
    size_t bytes[ROLES] = {0};

    for (const struct component *c = ((const struct router *)state)->components; c; c = c->next)
        bytes[c->door->role] += conn_queued(c->conn);
    for (int role = 0; role < ROLES; role++)
        metric_add(samples, (double)bytes[role],
                   METRIC_LABELS({"role", role_name((enum role)role)}));
}

static void read_routes(void *state, struct metric_samples *samples)
{
    size_t up = 0, down = 0;
    struct route *route = routes_first(((const struct router *)state)->routes);

    for (; route; route = routes_next(route))
        ++*(route->members ? &up : &down);
    metric_add(samples, (double)up, METRIC_LABELS({"state", "up"}));
    metric_add(samples, (double)down, METRIC_LABELS({"state", "down"}));
}

const struct metric router_metrics[] = {
    {"kontalk_router_stanzas", METRIC_COUNTER, "Stanzas, by what became of them.", read_stanzas},
    {"kontalk_router_streams", METRIC_GAUGE, "Daemons and components that are connected.",
     read_streams},
    {"kontalk_router_queued_bytes", METRIC_GAUGE, "What waits to be read by them.", read_queued},
    {"kontalk_router_routes", METRIC_GAUGE, "Names that somebody answers for, or used to.",
     read_routes},
    {0},
};
