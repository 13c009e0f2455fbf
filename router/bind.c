/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * <bind/> and <unbind/> of urn:kontalk:router:1, each acknowledged or refused with a reason.
 */
#include <string.h>

#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/xmpp/namespaces.h"
#include "router/component.h"

/* Names that one stream may bind. */
#define BINDS_MAX 4096

struct request {
    const char *id;
    const char *name; /* prepared; NULL: none given */
    bool name_is_malformed;
    bool is_default;
    bool is_private;
    bool log;
    const char *shared;
};

static bool read_flag(const struct element *element, const char *name)
{
    const char *value = element_get(element, name);
    return value && (!strcmp(value, "true") || !strcmp(value, "1"));
}

static struct request read_request(const struct element *element)
{
    struct request request = {
        .id = element_get(element, "id"),
        .is_default = read_flag(element, "default"),
        .is_private = read_flag(element, "private"),
        .log = read_flag(element, "log"),
        .shared = element_get(element, "shared"),
    };
    const char *name = element_get(element, "name");
    if (name && jid_prepare_domain(element->arena, name, &request.name)) {
        request.name = NULL;
        request.name_is_malformed = true;
    }
    return request;
}

/* --- the answer --- */

static void answer(struct component *component, const char *what, const struct request *request,
                   int condition)
{
    struct buffer out = {0};
    buffer_printf(&out, "<%s xmlns='" NS_ROUTER "'", what);
    if (request->id) {
        buffer_append_text(&out, " id='");
        xml_escape(&out, request->id);
        buffer_append_char(&out, '\'');
    }
    if (condition < 0) {
        buffer_append_text(&out, "/>");
    } else {
        buffer_printf(&out, "><error type='%s'><%s xmlns='" NS_STANZA_ERRORS "'/></error></%s>",
                      stanza_condition_type((enum stanza_condition)condition),
                      stanza_condition_name((enum stanza_condition)condition), what);
    }
    component_send_control(component, out.data, out.length);
    buffer_fini(&out);
}

/* --- judging --- */

/* What is wrong with the request alone, or -1. */
static int judge_form(const struct request *request)
{
    if (request->name_is_malformed)
        return STANZA_JID_MALFORMED;
    if (!request->name && !request->is_default && !request->log)
        return STANZA_BAD_REQUEST;
    if (!request->shared)
        return -1;
    bool id_is_usable = *request->shared && strlen(request->shared) <= JID_PART_MAX;
    return request->name && !request->is_default && id_is_usable ? -1 : STANZA_BAD_REQUEST;
}

static int judge_rights(const struct acl *acl, const struct request *request)
{
    const struct {
        bool asked;
        enum acl_right right;
    } rows[] = {
        {request->is_default, ACL_DEFAULT},
        {request->is_private, ACL_PRIVATE},
        {request->shared != NULL, ACL_SHARED},
        {request->log, ACL_LOG},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        if (rows[i].asked && !acl_allows(acl, rows[i].right))
            return STANZA_FORBIDDEN;
    }
    if (request->name && !acl_may_bind(acl, request->name))
        return STANZA_FORBIDDEN;
    return -1;
}

/* Both names are looked at before one is bound: a request is granted whole or not at all. */
static int judge_table(struct component *component, const struct request *request)
{
    struct routes *routes = component->router->routes;
    const struct route_owner *owner = &component->binds;
    if (component->binds.count + 2 > BINDS_MAX)
        return STANZA_RESOURCE_CONSTRAINT;
    if (request->name && routes_may_bind(routes, request->name, owner, request->shared))
        return STANZA_CONFLICT;
    if (request->is_default && routes_may_bind(routes, ROUTE_DEFAULT, owner, NULL))
        return STANZA_CONFLICT;
    return -1;
}

static int judge(struct component *component, const struct request *request)
{
    int condition = judge_form(request);
    if (condition < 0)
        condition = judge_rights(component->acl, request);
    if (condition < 0)
        condition = judge_table(component, request);
    return condition;
}

/* --- doing --- */

static int bind_name(struct component *component, const char *name, const struct request *request)
{
    struct router *router = component->router;
    struct bind *bind;
    int error = routes_bind(router->routes, name, &component->binds, request->shared,
                            request->is_private, &bind);
    if (error)
        return error;
    log_info("route_bound", LOG_TEXT("name", *name ? name : "(default)"),
             LOG_TEXT("role", component_role(component)), LOG_TEXT("component", component->name),
             LOG_TEXT("shared", request->shared));
    announce_bind(router, bind, true);
    announce_members(bind->route);
    return 0;
}

int bind_own(struct component *component)
{
    return bind_name(component, component->name, &(const struct request){0});
}

static void set_tap(struct component *component, bool taps)
{
    struct router *router = component->router;
    component->taps = taps;
    router->tap = NULL;
    for (struct component *other = router->components; other; other = other->next) {
        if (other->taps)
            router->tap = other;
    }
}

static int grant(struct component *component, const struct request *request)
{
    int error = 0;
    if (request->log)
        set_tap(component, true);
    if (request->name)
        error = bind_name(component, request->name, request);
    if (!error && request->is_default)
        error = bind_name(component, ROUTE_DEFAULT, request);
    return error ? STANZA_CONFLICT : -1;
}

void bind_request(struct component *component, struct element *element)
{
    struct request request = read_request(element);
    int condition = judge(component, &request);
    if (condition >= 0) {
        log_warn("route_refused", LOG_TEXT("name", request.name ? request.name : "(default)"),
                 LOG_TEXT("role", component_role(component)),
                 LOG_TEXT("component", component->name),
                 LOG_TEXT("error", stanza_condition_name((enum stanza_condition)condition)));
        answer(component, "bind", &request, condition);
        return;
    }
    /* The answer comes before the announcements that follow from it. */
    answer(component, "bind", &request, -1);
    (void)grant(component, &request);
}

static void unbind_name(struct component *component, struct bind *bind)
{
    struct router *router = component->router;
    struct route *route = bind->route;
    log_info("route_withdrawn", LOG_TEXT("name", *route->name ? route->name : "(default)"),
             LOG_TEXT("role", component_role(component)), LOG_TEXT("component", component->name));
    announce_bind(router, bind, false);
    bool others_stay = route->count > 1;
    routes_unbind(router->routes, bind); /* may forget a route that nobody is left under */
    if (others_stay)
        announce_members(route);
}

/* What the component has bound under this name, or why it cannot be unbound. */
static int judge_unbind(struct component *component, const char *name, struct bind **bind)
{
    struct route *route = routes_find(component->router->routes, name);
    if (!route || !route->members)
        return STANZA_ITEM_NOT_FOUND;
    *bind = route_bind_of(route, &component->binds);
    return *bind ? -1 : STANZA_FORBIDDEN;
}

static int unbind(struct component *component, const struct request *request)
{
    struct bind *named = NULL, *by_default = NULL;
    int condition = judge_form(request);
    if (condition < 0 && request->name)
        condition = judge_unbind(component, request->name, &named);
    if (condition < 0 && request->is_default)
        condition = judge_unbind(component, ROUTE_DEFAULT, &by_default);
    if (condition < 0 && request->log && !component->taps)
        condition = STANZA_ITEM_NOT_FOUND;
    if (condition >= 0)
        return condition;
    if (named)
        unbind_name(component, named);
    if (by_default)
        unbind_name(component, by_default);
    if (request->log)
        set_tap(component, false);
    return -1;
}

void unbind_request(struct component *component, struct element *element)
{
    struct request request = read_request(element);
    answer(component, "unbind", &request, unbind(component, &request));
}

void unbind_all(struct component *component)
{
    while (component->binds.binds)
        unbind_name(component, component->binds.binds);
    if (component->taps)
        set_tap(component, false);
}
