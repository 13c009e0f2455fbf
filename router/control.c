/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What kontalkctl may ask the router.
 */
#include <inttypes.h>

#include "router/component.h"

static size_t slots_of(const struct route *route, const struct bind *bind)
{
    size_t count = 0;
    for (unsigned slot = 0; slot < SLOTS; slot++)
        count += route->slots[slot] == bind;
    return count;
}

static void print_bind(struct control_request *request, const struct route *route,
                       const struct bind *bind)
{
    const struct component *component = COMPONENT_OF(bind);
    const char *name = *route->name ? route->name : "(default)";
    if (bind->id)
        control_print(request, "%s %s/%s shared id=%s slots=%zu%s", name, component_role(component),
                      component->name, bind->id, slots_of(route, bind),
                      bind->is_private ? " private" : "");
    else
        control_print(request, "%s %s/%s%s", name, component_role(component), component->name,
                      bind->is_private ? " private" : "");
}

static void show_routes(void *state, struct control_request *request, size_t argc,
                        const char *const *argv)
{
    struct router *router = state;
    (void)argc;
    (void)argv;
    struct route *route = routes_first(router->routes);
    for (; route; route = routes_next(route)) {
        if (!route->members)
            control_print(request, "%s down", *route->name ? route->name : "(default)");
        for (const struct bind *bind = route->members; bind; bind = bind->next)
            print_bind(request, route, bind);
    }
    control_end(request, NULL);
}

static void show_components(void *state, struct control_request *request, size_t argc,
                            const char *const *argv)
{
    const struct router *router = state;
    (void)argc;
    (void)argv;
    for (const struct component *c = router->components; c; c = c->next) {
        control_print(request,
                      "%s/%s address=%s state=%s names=%zu in=%" PRIu64 " out=%" PRIu64
                      " full=%" PRIu64 " queued=%zu incarnation=%s",
                      component_role(c), c->name ? c->name : "?", conn_peer_address(c->conn),
                      stream_state_name(stream_state(c->stream)), c->binds.count, c->counters.in,
                      c->counters.out, c->counters.full, conn_queued(c->conn), c->incarnation);
    }
    control_end(request, NULL);
}

static void show_counters(void *state, struct control_request *request, size_t argc,
                          const char *const *argv)
{
    const struct router_counters *counters = &((const struct router *)state)->counters;
    (void)argc;
    (void)argv;
    control_print(request, "routed %" PRIu64, counters->routed);
    control_print(request, "bounced %" PRIu64, counters->bounced);
    control_print(request, "dropped %" PRIu64, counters->dropped);
    control_print(request, "tapped %" PRIu64, counters->tapped);
    control_print(request, "offered %" PRIu64, counters->offered);
    control_print(request, "full %" PRIu64, counters->full);
    control_print(request, "refused %" PRIu64, counters->refused);
    control_end(request, NULL);
}

const struct control_command router_commands[] = {
    {"show routes", 0, 0, show_routes, "  which stream answers for which domain"},
    {"show components", 0, 0, show_components, "  the streams of daemons and components"},
    {"show counters", 0, 0, show_counters, "  what was routed, bounced and dropped"},
    {0},
};
