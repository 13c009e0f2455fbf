/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * One router: what its parts share. The protocol is described in docs/ROUTER.md.
 *
 * Nothing a component does reaches another one but stanzas and routes: reading from one never waits
 * for another, a full queue sends the stanza back, and a component is taken out of the table before
 * its connection goes.
 */
#pragma once

#include <stdint.h>

#include "common/config/config.h"
#include "common/io/listener.h"
#include "common/io/loop.h"
#include "common/io/timer.h"
#include "common/service/control.h"
#include "common/service/metrics.h"
#include "common/stream/stream.h"
#include "router/acl.h"
#include "router/hold.h"
#include "router/routes.h"
#include "router/taken.h"
#include "router/throttle.h"

#define ROUTER_VERSION 1 /* of urn:kontalk:router:1 */

struct component;
struct owed;

struct router_counters {
    uint64_t routed;
    uint64_t bounced;
    uint64_t dropped; /* replies and copies that had nowhere to go */
    uint64_t tapped;
    uint64_t offered; /* offers that were handed on */
    uint64_t full;    /* offers that found a queue full */
    uint64_t refused; /* offers that nobody could get */
};

struct router_listener {
    struct router *router;
    struct listener *listener;
    enum role role;
    size_t connected;
    size_t unproven;
};

struct router {
    struct loop *loop;
    struct parser_pool *pool;
    struct acl_set *acls;
    struct routes *routes;
    struct component *components;
    struct component *tap; /* any component that taps; NULL: none does */
    struct throttle *throttle;
    struct hold *hold;
    struct taken *taken;
    uint64_t started_ms; /* monotonic */
    struct owed *owed;   /* who waits for the end of the hold */
    struct router_counters counters;

    struct router_listener *listeners;
    size_t listener_count;

    struct stream_profile profile;
    struct parser_limits limits;
    size_t queue_size;
    size_t unproven_max;
    uint64_t ping_interval_ms;
    unsigned pings_missed_max;
    struct timer *timer; /* pings; while stopping: the end of patience */
    uint64_t pings;

    void (*stopped)(void *user);
    void *stopped_user;
};

/* As struct service wants it. */
int router_start(struct loop *loop, const struct config *config, void **state);
int router_reload(void *state, const struct config *config);
void router_stop(void *state, void (*stopped)(void *user), void *user);
extern const struct control_command router_commands[];
extern const struct metric router_metrics[];

/* A component's connection has closed and its memory is about to go. */
void router_component_gone(struct router *router);
/* Ends the streams that have been silent too long and pings the others. */
void router_ping(void *user);
