/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Who dials, and when: one link for each pair. The host whose name comes first does; the other one
 * only after a long silence, since it may be that only its own connections get through.
 */
#include <string.h>

#include "net/line.h"
#include "net/peer.h"

bool peer_is_ours_to_dial(const struct peer *peer)
{
    return strcmp(peer->server->host, peer->host) < 0;
}

void peer_plan(struct peer *peer)
{
    const struct server_limits *limits = &peer->server->limits;
    uint64_t after_ms = 0;
    if (peer->server->stopping || !peer->server->listening)
        return;
    if (peer->failures > 0 || peer->state == PEER_LOST)
        after_ms = backoff_ms(peer->failures, limits->retry_min_ms, limits->retry_max_ms);
    if (!peer_is_ours_to_dial(peer) && peer->failures == 0)
        after_ms = MAX(after_ms, limits->silence_ms);
    timer_start(peer->retry, after_ms, 0);
}

void peer_hurry(struct peer *peer)
{
    peer->failures = 0;
    if (!peer->line && !peer->dialled)
        peer_plan(peer);
}

/* One after the other, at each attempt; our own configuration may know better ways than the
 * document. NULL: there is none. */
static const char *next_address(struct peer *peer)
{
    const struct server *server = peer->server;
    const struct network_member *member = network_member_by_host(server->network, peer->host);
    size_t count = config_list_size(server->config, "peer", peer->host, "net-address");
    size_t next = peer->next_address++;
    if (count > 0)
        return config_list_item(server->config, "peer", peer->host, "net-address", next % count);
    count = member ? member->addresses_count : 0;
    return count > 0 ? member->addresses[next % count] : NULL;
}

void peer_dial(void *user)
{
    struct peer *peer = user;
    if (peer->line || peer->dialled)
        return;
    const char *address = next_address(peer);
    if (address) {
        peer->dialled = line_dial(peer, address);
        return;
    }
    peer->failures++;
    peer_plan(peer);
}

/* Both ends have to come to the same answer. A link whose heartbeat is answered stays; of two that
 * are just being opened, each from one side, that of the host which is to dial. */
bool peer_prefers(const struct peer *peer, const struct line *line)
{
    if (peer->line)
        return peer->line != line && peer_is_suspect(peer);
    if (line->dialled)
        return true;
    return !(peer->dialled && peer->dialled->asked && peer_is_ours_to_dial(peer));
}
