/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What other nodes may not do as fronts of our accounts' clients, or as homes of our clients'
 * accounts (docs/FRONTS.md, "Who may say what").
 */
#include <inttypes.h>
#include <string.h>

#include "c2s/front/channel.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/macros.h"

static const char *const names[FRONT_REFUSALS] = {
    [FRONT_REFUSED_KIND] = "kind", [FRONT_REFUSED_OPEN] = "open", [FRONT_REFUSED_ROLE] = "role",
    [FRONT_REFUSED_MANY] = "many", [FRONT_REFUSED_FROM] = "from", [FRONT_REFUSED_EARLY] = "early",
    [FRONT_REFUSED_HOME] = "home",
};

void front_refuse(struct front *front, const struct jid *peer, enum front_refusal what)
{
    front->refused[what]++;
    log_warn("session_refused", LOG_TEXT("peer", peer->full), LOG_TEXT("reason", names[what]));
}

void line_refuse(struct line *line, enum front_refusal what)
{
    front_refuse(line->front, trunk_to(line->trunk), what);
}

void front_show_refusals(const struct front *front, struct control_request *request)
{
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (front->refused[i] > 0)
            control_print(request, "session_refused %s %" PRIu64, names[i], front->refused[i]);
}

static bool is_of_this_node(const struct front *front, const struct jid *worker)
{
    return strcmp(worker->domain, front->worker->host) == 0;
}

static const struct network_member *member_of(const struct network *network,
                                              const struct jid *worker)
{
    return network ? network_member_by_host(network, worker->domain) : NULL;
}

bool front_may_be_front(const struct front *front, const struct jid *worker)
{
    const struct network *network = worker_document(front->worker);
    const struct network_member *member = member_of(network, worker);

    return is_of_this_node(front, worker) ||
           (member &&
            network_member_may(network, member, NETWORK_FRONT, clock_wall_us() / 1000000));
}

bool front_may_talk(const struct front *front, const struct jid *worker)
{
    const struct network *network = worker_document(front->worker);
    const struct network_member *member = member_of(network, worker);

    return is_of_this_node(front, worker) ||
           (member && network_member_is_linked(network, member, clock_wall_us() / 1000000));
}
