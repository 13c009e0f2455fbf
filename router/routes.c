/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The route table.
 */
#include "router/routes.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/error.h"
#include "common/base/memory.h"

struct routes {
    struct route *table;
    size_t down;
};

struct routes *routes_new(void)
{
    return xcalloc(1, sizeof(struct routes));
}

static void forget(struct routes *routes, struct route *route)
{
    HASH_DEL(routes->table, route);
    free((char *)route->name);
    free(route);
}

void routes_free(struct routes *routes)
{
    struct route *route, *next;
    HASH_ITER (hh, routes->table, route, next) {
        forget(routes, route);
    }
    free(routes);
}

struct route *routes_find(struct routes *routes, const char *name)
{
    struct route *route;
    HASH_FIND_STR(routes->table, name, route);
    return route;
}

struct route *routes_first(struct routes *routes)
{
    return routes->table;
}

struct route *routes_next(struct route *route)
{
    return route->hh.next;
}

bool route_is_shared(const struct route *route)
{
    return route->members && route->members->id;
}

struct bind *route_bind_of(const struct route *route, const struct route_owner *owner)
{
    for (struct bind *bind = route->members; bind; bind = bind->next) {
        if (bind->owner == owner)
            return bind;
    }
    return NULL;
}

static struct bind *member_by_id(const struct route *route, const char *id)
{
    for (struct bind *bind = route->members; bind; bind = bind->next) {
        if (!strcmp(bind->id, id))
            return bind;
    }
    return NULL;
}

int routes_may_bind(struct routes *routes, const char *name, const struct route_owner *owner,
                    const char *id)
{
    const struct route *route = routes_find(routes, name);
    if (!route || !route->members)
        return 0;
    if (!id || !route_is_shared(route))
        return ERR_CONFLICT;
    if (route_bind_of(route, owner) || member_by_id(route, id))
        return ERR_CONFLICT;
    return 0;
}

static struct route *add_route(struct routes *routes, const char *name)
{
    struct route *route = xcalloc(1, sizeof(*route));
    route->name = xstrdup(name);
    HASH_ADD_KEYPTR(hh, routes->table, route->name, strlen(route->name), route);
    return route;
}

/* Which member owns which slot now. */
static void assign_slots(struct route *route)
{
    const char **ids;
    struct bind **members;
    size_t count = 0;
    if (!route_is_shared(route))
        return;
    ids = xcalloc(route->count, sizeof(*ids));
    members = xcalloc(route->count, sizeof(struct bind *));
    for (struct bind *bind = route->members; bind; bind = bind->next) {
        ids[count] = bind->id;
        members[count++] = bind;
    }
    for (unsigned slot = 0; slot < SLOTS; slot++)
        route->slots[slot] = members[slot_owner(slot, ids, count)];
    free(ids);
    free(members);
}

static void members_changed(struct route *route)
{
    route->generation++;
    assign_slots(route);
}

int routes_bind(struct routes *routes, const char *name, struct route_owner *owner, const char *id,
                bool is_private, struct bind **bind)
{
    int error = routes_may_bind(routes, name, owner, id);
    if (error)
        return error;
    struct route *route = routes_find(routes, name);
    if (route && !route->members)
        routes->down--;
    if (!route)
        route = add_route(routes, name);

    struct bind *new = xcalloc(1, sizeof(*new));
    new->route = route;
    new->owner = owner;
    new->id = xstrdup_or_null(id);
    new->is_private = is_private;
    DL_APPEND(route->members, new);
    DL_APPEND2(owner->binds, new, owner_prev, owner_next);
    route->count++;
    owner->count++;
    members_changed(route);
    *bind = new;
    return 0;
}

static void forget_oldest_down(struct routes *routes)
{
    struct route *route = routes->table;
    while (route && route->members)
        route = route->hh.next;
    if (!route)
        return;
    forget(routes, route);
    routes->down--;
}

void routes_unbind(struct routes *routes, struct bind *bind)
{
    struct route *route = bind->route;
    struct route_owner *owner = bind->owner;
    DL_DELETE(route->members, bind);
    DL_DELETE2(owner->binds, bind, owner_prev, owner_next);
    route->count--;
    owner->count--;
    free(bind->id);
    free(bind);
    members_changed(route);
    if (!route->members && ++routes->down > ROUTES_DOWN_MAX)
        forget_oldest_down(routes);
}

struct bind *route_pick(const struct route *route, const struct jid *to)
{
    if (!route_is_shared(route) || route->count == 1)
        return route->members;
    if (!to->local && !to->resource)
        return route->members;
    struct bind *named = to->local ? NULL : member_by_id(route, to->resource);
    return named ? named : route->slots[slot_of(to->bare)];
}
