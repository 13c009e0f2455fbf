/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Our own daemons are asked whether they are alive. Silence is counted in pings, not in time: after
 * the router itself was stopped for a minute nobody else has been silent.
 */
#include <inttypes.h>

#include "common/base/log.h"
#include "common/xmpp/namespaces.h"
#include "router/component.h"

static void send_ping(struct component *component)
{
    struct buffer out = {0};
    buffer_printf(&out, "<ping xmlns='" NS_ROUTER "' id='%" PRIu64 "'/>", component->router->pings);
    component_send_control(component, out.data, out.length);
    buffer_fini(&out);
}

static void ping(struct component *component)
{
    component->missed = component->heard ? 0 : component->missed + 1;
    component->heard = false;
    if (component->missed >= component->router->pings_missed_max) {
        log_warn("component_silent", LOG_TEXT("role", component_role(component)),
                 LOG_TEXT("name", component->name));
        component_cut(component);
        return;
    }
    if (component->version > 0)
        send_ping(component);
}

void router_ping(void *user)
{
    struct router *router = user;
    router->pings++;
    for (struct component *component = router->components; component; component = component->next) {
        if (component->door->role != ROLE_COMPONENT && component->proven && !component->gone)
            ping(component);
        durable_ready(component); /* small queues never pass a connection's marks */
    }
}
