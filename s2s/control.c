/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Commands of the control socket.
 */
#include <inttypes.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/service/certificates.h"
#include "s2s/in.h"
#include "s2s/out.h"
#include "s2s/pair.h"
#include "s2s/probe.h"

/* What is there of a connection; conn NULL: nothing. */
static void add_connection(struct buffer *row, struct conn *conn)
{
    const struct tls_session *tls = conn ? conn_tls(conn) : NULL;
    buffer_printf(row, " addr=%s tls=%s cipher=%s", conn ? conn_peer_address(conn) : "-",
                  tls ? tls_version(tls) : "-", tls ? tls_cipher(tls) : "-");
}

static void print_row(struct control_request *request, struct buffer *row)
{
    control_print(request, "%s", row->data);
    buffer_fini(row);
}

static const char *proof_of(const struct pair *pair)
{
    const struct out *out = pair->out;
    if (pair->state != PAIR_READY)
        return "-";
    if (out->guest)
        return "bidi";
    return out->auth_asked && !pair->no_external && strcmp(pair->local, out->local) == 0
               ? "EXTERNAL"
               : "dialback";
}

static size_t count_unacked(const struct pair *pair)
{
    const struct parcel *parcel;
    size_t count = 0;
    if (!pair->out)
        return 0;
    DL_FOREACH (pair->out->unacked, parcel) {
        count += parcel->pair == pair;
    }
    return count;
}

static uint64_t seconds_to_retry(const struct remote *remote)
{
    uint64_t now = clock_monotonic_ms();
    bool waits = timer_active(remote->retry) && remote->retry_at_ms > now;
    return waits ? (remote->retry_at_ms - now + 999) / 1000 : 0;
}

static void show_pair(struct control_request *request, const struct pair *pair)
{
    const struct remote *remote = pair->remote;
    const struct parcel *parcel;
    const char *problem = remote_problem(remote);
    struct buffer row = {0};
    size_t waiting = 0;
    DL_FOREACH (pair->waiting, parcel) {
        waiting++;
    }
    buffer_printf(&row, "out %s %s %s by=%s", pair->local, remote->domain,
                  pair_state_name(pair->state), proof_of(pair));
    add_connection(&row, pair->out ? pair->out->conn : NULL);
    buffer_printf(&row, " waiting=%zu unacked=%zu retry=%" PRIu64 " problem=%s", waiting,
                  count_unacked(pair), seconds_to_retry(remote), problem ? problem : "-");
    print_row(request, &row);
}

static void show_in_pair(struct control_request *request, const struct in *in, const char *local,
                         const char *remote, const char *how)
{
    struct buffer row = {0};
    buffer_printf(&row, "in %s %s %s by=%s", local ? local : "-", remote ? remote : "-",
                  how ? "ready" : "unproven", how ? how : "-");
    add_connection(&row, in->conn);
    print_row(request, &row);
}

static void show_in(struct control_request *request, const struct in *in)
{
    const struct proven *proven;
    if (!in->proven)
        show_in_pair(request, in, in->to, in->from, NULL);
    LL_FOREACH (in->proven, proven) {
        show_in_pair(request, in, proven->local, proven->remote, proven->how);
    }
}

/* "show": a line for each pair and direction. */
static void show(void *state, struct control_request *request, size_t argc, const char *const *argv)
{
    struct server *server = state;
    struct remote *remote, *next;
    struct in *in;
    (void)argc, (void)argv;
    HASH_ITER (hh, server->remotes, remote, next) {
        const struct pair *pair;
        DL_FOREACH (remote->pairs, pair) {
            show_pair(request, pair);
        }
    }
    DL_FOREACH (server->ins, in) {
        show_in(request, in);
    }
    control_end(request, NULL);
}

static void show_tls(void *state, struct control_request *request, size_t argc UNUSED,
                     const char *const *argv UNUSED)
{
    certificates_print(policy_server_tls(((const struct server *)state)->policy, false), request);
    control_end(request, NULL);
}

const struct control_command server_commands[] = {
    /* Before the one that its words begin with. */
    {"show tls", 0, 0, show_tls, "  the certificates that other servers are shown"},
    {"show", 0, 0, show, "  lists the streams to and from other domains"},
    {"probe", 1, 2, probe_command, "DOMAIN [OURS]  reaches a domain and tells every step"},
    {0},
};
