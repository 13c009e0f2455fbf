/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Whether a peer is alive: it is asked each second for its count (XEP-0198 §4), and answers that
 * are missing are counted, not time, so that a node which was stopped itself blames nobody. What is
 * only sent does not prove that it arrives: a link may be cut in one direction.
 */
#include "common/base/clock.h"
#include "common/base/log.h"
#include "net/line.h"
#include "net/peer.h"

#define ASK_BYTES ((size_t)256 * 1024)

static const char ASK[] = "<r xmlns='" NS_SM "'/>";

bool peer_is_suspect(const struct peer *peer)
{
    return peer->missed >= peer->server->limits.suspect_beats;
}

static void ask(struct peer *peer)
{
    peer->unasked_bytes = 0;
    line_write(peer->line, ASK, sizeof(ASK) - 1);
}

void peer_count_sent(struct peer *peer, size_t bytes)
{
    peer->unasked_bytes += bytes;
    if (peer->unasked_bytes >= ASK_BYTES)
        ask(peer);
}

void peer_alive(struct peer *peer)
{
    if (peer->missed == 1)
        peer->round_trip_ms = clock_monotonic_ms() - peer->asked_ms;
    peer->missed = 0;
}

void peer_beat(void *user)
{
    struct peer *peer = user;
    const struct server_limits *limits = &peer->server->limits;
    if (peer->missed >= limits->down_beats) {
        line_fail(peer->line, "the heartbeat is not answered");
        return;
    }
    if (peer->missed == limits->suspect_beats)
        log_warn("net_peer_suspect", LOG_TEXT("host", peer->host), LOG_INT("missed", peer->missed));
    peer->missed++;
    peer->asked_ms = clock_monotonic_ms();
    ask(peer);
}
