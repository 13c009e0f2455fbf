/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Whether somebody answers for each domain of this node: which names are bound in the router.
 */
#include <string.h>

#include "common/base/error.h"
#include "kontalkctl/check/check.h"

/* "NAME ROLE/COMPONENT …", or "NAME down". */
static bool is_bound(const char *routes, const char *name)
{
    const size_t length = strlen(name);

    for (const char *line = routes; line && *line;) {
        if (strncmp(line, name, length) == 0 && line[length] == ' ' &&
            strncmp(line + length, " down\n", 6) != 0)
            return true;
        line = strchr(line, '\n');
        line = line ? line + 1 : NULL;
    }
    return false;
}

static void check_name(struct check *check, const char *routes, const char *name,
                       const char *remedy, const char *daemon)
{
    if (is_bound(routes, name))
        check_add(check, CHECK_OK, name, NULL, "%s answers for it", daemon);
    else
        check_add(check, CHECK_ERROR, name, remedy, "%s is not connected to the router", daemon);
}

static void check_daemon(struct check *check, const char *routes, const char *daemon)
{
    if (check_has(check, daemon))
        check_name(check, routes, config_text(check->config, daemon, NULL, "domain"),
                   arena_printf(check->arena,
                                "systemctl restart kontalk-%s; journalctl -u kontalk-%s", daemon,
                                daemon),
                   arena_printf(check->arena, "kontalk-%s", daemon));
}

static bool is_ours(const struct check *check, const char *name)
{
    static const char *const ours[] = {"files", "muc"};

    for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
        if (strcmp(config_text(check->config, ours[i], NULL, "domain"), name) == 0)
            return true;
    return false;
}

/* A component of every node, which people of all nodes expect here. */
static void check_shared(struct check *check, const char *routes)
{
    for (size_t i = 0; i < config_list_size(check->config, "node", NULL, "shared-service"); i++) {
        const char *name = config_list_item(check->config, "node", NULL, "shared-service", i);
        if (!is_bound(routes, name))
            check_add(check, CHECK_ERROR, name,
                      "run kontalk-muc with [muc] domain of that name, or remove the line",
                      "no component answers for it, and [node] shared-service names it");
    }
}

/* In a network people of other nodes do not reach them. */
static void check_alone(struct check *check)
{
    const char *domain = config_text(check->config, "muc", NULL, "domain");

    if (check_has(check, "muc") && config_text(check->config, "node", NULL, "document") &&
        !config_list_has(check->config, "node", NULL, "shared-service", domain) &&
        !config_list_has(check->config, "node", NULL, "network-service", domain))
        check_add(check, CHECK_WARNING, domain,
                  arena_printf(check->arena,
                               "on all nodes: [node] shared-service = %s, and restart kontalk-c2s, "
                               "kontalk-s2s and kontalk-muc",
                               domain),
                  "the rooms of this node are for its own users, not for those of the network");
}

/* Of others (XEP-0114). */
static void check_component(struct check *check, const char *routes, const char *name)
{
    if (is_ours(check, name))
        return;
    if (is_bound(routes, name))
        check_add(check, CHECK_OK, name, NULL, "its component answers for it");
    else
        check_add(check, CHECK_WARNING, name, "start the component, or remove its section",
                  "the component of [component \"%s\"] is not connected to the router", name);
}

void check_services(struct check *check)
{
    static const char *const words[] = {"show", "routes"};
    const char *routes;

    if (check_ask(check, "router", ARRAY_SIZE(words), words, &routes) != 0) {
        check_add(check, CHECK_ERROR, "kontalk-router", "systemctl start kontalk-router",
                  "it does not run");
        return;
    }
    for (size_t i = 0; i < config_instances(check->config, "domain"); i++)
        check_name(check, routes, config_instance(check->config, "domain", i),
                   "systemctl start kontalk-c2s@c2s-1; kontalkctl status", "kontalk-c2s");
    check_daemon(check, routes, "files");
    check_daemon(check, routes, "muc");
    check_shared(check, routes);
    check_alone(check);
    for (size_t i = 0; i < config_instances(check->config, "component"); i++)
        check_component(check, routes, config_instance(check->config, "component", i));
}
