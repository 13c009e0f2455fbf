/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Who is there: routes are announced as presence from the route's name, the members of a shared
 * name to all its members.
 */
#include "common/xmpp/namespaces.h"
#include "router/component.h"

static void append_attribute(struct buffer *out, const char *name, const char *value)
{
    buffer_printf(out, " %s='", name);
    xml_escape(out, value);
    buffer_append_char(out, '\'');
}

/* The default route has no name; its presence comes from the name of its stream. */
static void write_route(struct buffer *out, const struct bind *bind, const char *to, bool available)
{
    const struct component *component = COMPONENT_OF(bind);
    bool is_default = !*bind->route->name;
    buffer_append_text(out, "<presence");
    append_attribute(out, "from", is_default ? component->name : bind->route->name);
    append_attribute(out, "to", to);
    buffer_append_text(out, available ? ">" : " type='unavailable'>");
    buffer_append_text(out, "<route xmlns='" NS_ROUTER "'");
    append_attribute(out, "incarnation", component->incarnation);
    if (is_default)
        append_attribute(out, "default", "true");
    if (bind->id)
        append_attribute(out, "shared", bind->id);
    if (component->durable && component->door->role == ROLE_COMPONENT)
        append_attribute(out, "durable", "true");
    buffer_append_text(out, "/></presence>");
}

static void send_route(struct component *to, const struct bind *bind, bool available)
{
    struct buffer out = {0};
    write_route(&out, bind, to->name, available);
    component_send_control(to, out.data, out.length);
    buffer_fini(&out);
}

void announce_bind(struct router *router, const struct bind *bind, bool available)
{
    const struct component *owner = COMPONENT_OF(bind);
    if (bind->is_private)
        return;
    for (struct component *to = router->components; to; to = to->next) {
        if (to->wants_routes && to != owner)
            send_route(to, bind, available);
    }
}

void announce_again(const struct component *component)
{
    for (const struct bind *bind = component->binds.binds; bind; bind = bind->owner_next)
        announce_bind(component->router, bind, true);
}

void announce_begin(struct component *component)
{
    if (component->wants_routes)
        return;
    component->wants_routes = true;
    struct route *route = routes_first(component->router->routes);
    for (; route; route = routes_next(route)) {
        for (const struct bind *bind = route->members; bind; bind = bind->next) {
            if (!bind->is_private && bind->owner != &component->binds)
                send_route(component, bind, true);
        }
    }
}

static void write_members(struct buffer *out, const struct route *route)
{
    buffer_append_text(out, "<members xmlns='" NS_ROUTER "'");
    append_attribute(out, "name", route->name);
    buffer_printf(out, " generation='%llu'>", (unsigned long long)route->generation);
    for (const struct bind *bind = route->members; bind; bind = bind->next) {
        buffer_append_text(out, "<member");
        append_attribute(out, "id", bind->id);
        append_attribute(out, "incarnation", COMPONENT_OF(bind)->incarnation);
        buffer_append_text(out, "/>");
    }
    buffer_append_text(out, "</members>");
}

void announce_members(const struct route *route)
{
    struct buffer out = {0};
    if (!route_is_shared(route))
        return;
    write_members(&out, route);
    for (const struct bind *bind = route->members; bind; bind = bind->next)
        component_send_control(COMPONENT_OF(bind), out.data, out.length);
    buffer_fini(&out);
}
