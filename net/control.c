/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Commands of the control socket.
 */
#include <inttypes.h>

#include "common/base/clock.h"
#include "common/service/certificates.h"
#include "net/line.h"
#include "net/peer.h"

static uint64_t rejected(const struct peer *peer)
{
    uint64_t sum = 0;
    for (int i = 0; i < REJECTIONS; i++)
        sum += peer->rejected[i];
    return sum;
}

static void add_versions(struct buffer *row, const struct peer *peer)
{
    static const char *const names[PROTOCOLS] = {"net",     "session",  "directory",
                                                 "durable", "document", "batch"};
    const char *between = " versions=";
    for (int i = 0; i < PROTOCOLS; i++) {
        if (peer->versions[i] > 0)
            buffer_printf(row, "%s%s/%u", between, names[i], peer->versions[i]);
        between = peer->versions[i] > 0 ? "," : between;
    }
}

static void add_rejections(struct buffer *row, const struct peer *peer)
{
    for (int i = 0; i < REJECTIONS; i++) {
        if (peer->rejected[i] > 0)
            buffer_printf(row, " rejected-%s=%" PRIu64, rejection_name((enum rejection)i),
                          peer->rejected[i]);
    }
}

static void show_peer(struct control_request *request, const struct peer *peer)
{
    const struct ledger *ledger = &peer->ledger;
    struct buffer row = {0};
    buffer_printf(&row, "%s %s seconds=%" PRIu64 " by=%s addr=%s", peer->host,
                  peer_state_name(peer->state), (clock_monotonic_ms() - peer->since_ms) / 1000,
                  !peer->line           ? "-"
                  : peer->line->dialled ? "dialling"
                                        : "accepting",
                  peer->line ? conn_peer_address(peer->line->conn) : "-");
    buffer_printf(&row, " rtt=%" PRIu64 "ms missed=%u queued=%u unacked=%u bytes=%zu",
                  peer->round_trip_ms, peer->missed, ledger->waiting_count, ledger->sent_count,
                  ledger_bytes(ledger));
    buffer_printf(&row, " sent=%" PRIu64 " received=%" PRIu64 " rejected=%" PRIu64, peer->sent,
                  peer->received, rejected(peer));
    add_rejections(&row, peer);
    add_versions(&row, peer);
    buffer_printf(&row, " serial=%" PRIu64, peer->serial);
    if (!peer->line && peer->problem)
        buffer_printf(&row, " problem=%s", peer->problem);
    control_print(request, "%s", row.data);
    buffer_fini(&row);
}

/* "status": a line for this node, then one for each other. */
static void status(void *state, struct control_request *request, size_t argc,
                   const char *const *argv)
{
    struct server *server = state;
    struct peer *peer, *next;
    (void)argc, (void)argv;
    control_print(request, "%s self serial=%" PRIu64 " peers=%u strangers=%" PRIu64, server->host,
                  server->network ? server->network->serial : 0, HASH_COUNT(server->peers),
                  server->strangers);
    HASH_ITER (hh, server->peers, peer, next) {
        show_peer(request, peer);
    }
    control_end(request, NULL);
}

static void show_tls(void *state, struct control_request *request, size_t argc UNUSED,
                     const char *const *argv UNUSED)
{
    certificates_print(((const struct server *)state)->tls_accept, request);
    control_end(request, NULL);
}

const struct control_command server_commands[] = {
    {"show tls", 0, 0, show_tls, "  the certificate that other nodes are shown"},
    {"status", 0, 0, status, "  lists the other nodes and the links to them"},
    {0},
};
