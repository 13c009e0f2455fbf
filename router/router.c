/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * A router's settings, its doors, its beginning and its end.
 */
#include "router/router.h"

#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/xmpp/namespaces.h"
#include "router/component.h"

#define ATTRIBUTES_MAX 64
#define NAMESPACES_MAX 32
#define ELEMENTS_MAX   8192
#define HEADER_MAX     (10 * 1024)
/* How long components have to take their leave; a stopped one must not hold up a restart. */
#define LEAVE_MS 1000

static const char *const GROUP_KEYS[ROLES] = {
    [ROLE_C2S] = "c2s-group",
    [ROLE_NET] = "net-group",
    [ROLE_S2S] = "s2s-group",
};

static int64_t number(const struct config *config, const char *key)
{
    return config_number(config, "router", NULL, key);
}

/* --- settings --- */

static void read_settings(struct router *router, const struct config *config)
{
    router->limits = (struct parser_limits){
        .header_bytes = HEADER_MAX,
        .element_bytes = (size_t)number(config, "stanza-size"),
        .depth = (unsigned)number(config, "stanza-depth"),
        .elements = ELEMENTS_MAX,
        .attributes = ATTRIBUTES_MAX,
        .namespaces = NAMESPACES_MAX,
    };
    router->queue_size = (size_t)number(config, "queue-size");
    router->unproven_max = (size_t)number(config, "unproven-connections");
    router->ping_interval_ms = (uint64_t)number(config, "ping-interval");
    uint64_t timeout_ms = (uint64_t)number(config, "ping-timeout");
    router->pings_missed_max =
        (unsigned)((timeout_ms + router->ping_interval_ms - 1) / router->ping_interval_ms);
    router->pings_missed_max = MAX(router->pings_missed_max, 2U);
    router->profile.timeout_ms[STREAM_OPENING] = (uint64_t)number(config, "handshake-timeout");
}

static const struct stream_profile PROFILE = {
    .role = STREAM_ACCEPTOR,
    .content_ns = NS_COMPONENT,
    .stanzas_require = STREAM_AUTHENTICATED | STREAM_BOUND,
    .features = component_features,
    .keep_bytes = true,
};

/* --- doors --- */

static void on_accepted(void *user, int fd, const char *peer)
{
    (void)peer;
    component_accept(user, fd);
}

static int open_door(struct router *router, enum role role, const char *address, const char *group)
{
    struct router_listener *door = &router->listeners[router->listener_count];
    /* Who is no component does not know a secret; by a unix socket as by TCP anybody may try. */
    const mode_t mode = role == ROLE_COMPONENT ? 0666 : 0;
    const struct listener_settings settings = {.address = address, .group = group, .mode = mode};
    const char *problem = NULL;
    door->router = router;
    door->role = role;
    int error =
        listener_open(router->loop, &settings, on_accepted, door, &door->listener, &problem);
    if (error) {
        log_error("listen_failed", LOG_TEXT("addr", address), LOG_TEXT("reason", problem));
        return error;
    }
    router->listener_count++;
    log_info("listening", LOG_TEXT("addr", listener_address(door->listener)),
             LOG_TEXT("for", role_name(role)));
    return 0;
}

static int open_role_door(struct router *router, const struct config *config, enum role role)
{
    char *address =
        xasprintf("unix:%s/%s.sock", config_text(config, "router", NULL, "socket-directory"),
                  role_name(role));
    int error =
        open_door(router, role, address, config_text(config, "router", NULL, GROUP_KEYS[role]));
    free(address);
    return error;
}

static int open_doors(struct router *router, const struct config *config)
{
    size_t addresses = config_list_size(config, "router", NULL, "listen");
    int error = 0;
    /* Never moved: connections point into it. */
    router->listeners = xcalloc(ROLES + addresses, sizeof(*router->listeners));
    for (int role = 0; role < ROLE_COMPONENT && !error; role++)
        error = open_role_door(router, config, (enum role)role);
    for (size_t i = 0; i < addresses && !error; i++)
        error = open_door(router, ROLE_COMPONENT,
                          config_list_item(config, "router", NULL, "listen", i), NULL);
    return error;
}

static void close_doors(struct router *router)
{
    for (size_t i = 0; i < router->listener_count; i++)
        listener_close(router->listeners[i].listener);
    router->listener_count = 0;
}

/* --- beginning and end --- */

static void router_free(struct router *router)
{
    timer_close(router->timer);
    hold_free(router->hold);
    taken_free(router->taken);
    throttle_free(router->throttle);
    routes_free(router->routes);
    acl_set_free(router->acls);
    parser_pool_free(router->pool);
    free(router->listeners);
    free(router);
}

static int load_acls(const struct config *config, struct acl_set **acls)
{
    char *problem = NULL;
    int error = acl_set_new(config, acls, &problem);
    if (error)
        log_error("components_unusable", LOG_TEXT("reason", problem));
    free(problem);
    return error;
}

int router_start(struct loop *loop, const struct config *config, void **state)
{
    struct acl_set *acls;
    int error = load_acls(config, &acls);
    if (error)
        return error;
    struct router *router = xcalloc(1, sizeof(*router));
    router->loop = loop;
    router->started_ms = clock_monotonic_ms();
    router->acls = acls;
    router->profile = PROFILE;
    read_settings(router, config);
    router->pool = parser_pool_new();
    router->routes = routes_new();
    router->throttle = throttle_new();
    router->taken = taken_new();
    router->hold = hold_new(router, (uint64_t)number(config, "shared-hold"), router->queue_size);
    router->timer = timer_new(loop, router_ping, router);
    timer_start(router->timer, router->ping_interval_ms, router->ping_interval_ms);
    error = open_doors(router, config);
    if (error) {
        close_doors(router);
        router_free(router);
        return error;
    }
    *state = router;
    return 0;
}

/* The rights of a component follow its section; without one it has to go. */
static void give_rights(struct component *component, const struct acl_set *acls)
{
    if (!component->acl)
        return;
    if (component->door->role != ROLE_COMPONENT) {
        component->acl = acl_of_role(acls, component->door->role);
        return;
    }
    component->acl = acl_of_component(acls, component->name);
    if (!component->acl)
        component_fail(component, STREAM_HOST_GONE, NULL);
}

int router_reload(void *state, const struct config *config)
{
    struct router *router = state;
    struct acl_set *old = router->acls;
    int error = load_acls(config, &router->acls);
    if (error)
        return error;
    for (struct component *component = router->components; component; component = component->next)
        give_rights(component, router->acls);
    acl_set_free(old);
    read_settings(router, config);
    timer_start(router->timer, router->ping_interval_ms, router->ping_interval_ms);
    return 0;
}

static void finish(void *user)
{
    struct router *router = user;
    void (*stopped)(void *) = router->stopped;
    void *stopped_user = router->stopped_user;
    router_free(router);
    stopped(stopped_user);
}

void router_component_gone(struct router *router)
{
    if (router->stopped && !router->components)
        loop_defer(router->loop, finish, router);
}

static void cut_the_rest(void *user)
{
    struct router *router = user;
    for (struct component *component = router->components; component; component = component->next)
        conn_abort(component->conn);
}

void router_stop(void *state, void (*stopped)(void *user), void *user)
{
    struct router *router = state;
    router->stopped = stopped;
    router->stopped_user = user;
    close_doors(router);
    timer_close(router->timer);
    router->timer = timer_new(router->loop, cut_the_rest, router);
    timer_start(router->timer, LEAVE_MS, 0);
    for (struct component *component = router->components; component; component = component->next) {
        component_fail(component, STREAM_SYSTEM_SHUTDOWN, NULL);
        conn_close(component->conn);
    }
    router_component_gone(router);
}
