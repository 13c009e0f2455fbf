/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What kontalk-net counts, by the host of the other node.
 */
#include "net/peer.h"

#define FOR_PEERS(peer, server)                                                                    \
    for (const struct peer *peer = (server)->peers; peer; peer = peer->hh.next)

static void read_up(void *state, struct metric_samples *samples)
{
    const struct server *server = state;

    FOR_PEERS(peer, server)
    metric_add(samples, peer->state == PEER_UP, METRIC_LABELS({"host", peer->host}));
}

static void read_round_trip(void *state, struct metric_samples *samples)
{
    const struct server *server = state;

    FOR_PEERS(peer, server)
    if (peer->state == PEER_UP)
        metric_add(samples, (double)peer->round_trip_ms / 1000,
                   METRIC_LABELS({"host", peer->host}));
}

static void read_queued(void *state, struct metric_samples *samples)
{
    const struct server *server = state;

    FOR_PEERS(peer, server)
    {
        metric_add(samples, peer->ledger.waiting_count,
                   METRIC_LABELS({"host", peer->host}, {"state", "waiting"}));
        metric_add(samples, peer->ledger.sent_count,
                   METRIC_LABELS({"host", peer->host}, {"state", "unacknowledged"}));
    }
}

static void read_queued_bytes(void *state, struct metric_samples *samples)
{
    const struct server *server = state;

    FOR_PEERS(peer, server)
    metric_add(samples, (double)ledger_bytes(&peer->ledger), METRIC_LABELS({"host", peer->host}));
}

static void read_stanzas(void *state, struct metric_samples *samples)
{
    const struct server *server = state;

    FOR_PEERS(peer, server)
    {
        metric_add(samples, (double)peer->sent,
                   METRIC_LABELS({"host", peer->host}, {"direction", "out"}));
        metric_add(samples, (double)peer->received,
                   METRIC_LABELS({"host", peer->host}, {"direction", "in"}));
    }
}

static void read_rejected(void *state, struct metric_samples *samples)
{
    const struct server *server = state;

    FOR_PEERS(peer, server)
    for (int i = 0; i < REJECTIONS; i++)
        if (peer->rejected[i] > 0)
            metric_add(
                samples, (double)peer->rejected[i],
                METRIC_LABELS({"host", peer->host}, {"reason", rejection_name((enum rejection)i)}));
}

static void read_strangers(void *state, struct metric_samples *samples)
{
    metric_add(samples, (double)((const struct server *)state)->strangers, NULL);
}

static void read_serial(void *state, struct metric_samples *samples)
{
    const struct server *server = state;

    metric_add(samples, server->network ? (double)server->network->serial : 0, NULL);
}

const char *server_problem(void *state)
{
    return link_problem(((const struct server *)state)->link);
}

const struct metric server_metrics[] = {
    {"kontalk_net_peer_up", METRIC_GAUGE, "1 where there is a link to the node.", read_up},
    {"kontalk_net_round_trip_seconds", METRIC_GAUGE, "The last heartbeat to it and back.",
     read_round_trip},
    {"kontalk_net_queued", METRIC_GAUGE, "What is to go to the node, or is on its way there.",
     read_queued},
    {"kontalk_net_queued_bytes", METRIC_GAUGE, "How large that is.", read_queued_bytes},
    {"kontalk_net_stanzas", METRIC_COUNTER, "Stanzas and offers that crossed the link.",
     read_stanzas},
    {"kontalk_net_rejected", METRIC_COUNTER, "What a node sent that it must not.", read_rejected},
    {"kontalk_net_strangers", METRIC_COUNTER, "Connections of nobody that is in the document.",
     read_strangers},
    {"kontalk_net_document_serial", METRIC_GAUGE, "The serial of the network document in force.",
     read_serial},
    {0},
};
