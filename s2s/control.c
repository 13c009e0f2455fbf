/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Commands of the control socket.
 */
#include "s2s/in.h"
#include "s2s/out.h"
#include "s2s/pair.h"

static const char *cipher_of(struct conn *conn)
{
    const struct tls_session *tls = conn_tls(conn);
    return tls ? tls_cipher(tls) : "none";
}

static void show_pair(struct control_request *request, const struct pair *pair)
{
    const struct remote *remote = pair->remote;
    const struct out *out = pair->out;
    size_t waiting = 0;
    const struct parcel *parcel;
    DL_FOREACH (pair->waiting, parcel) {
        waiting++;
    }
    control_print(request, "out %s %s %s by=%s addr=%s cipher=%s waiting=%zu unacked=%u problem=%s",
                  pair->local, remote->domain, pair_state_name(pair->state),
                  pair->state != PAIR_READY               ? "-"
                  : out->auth_asked && !pair->no_external ? "EXTERNAL"
                                                          : "dialback",
                  out ? conn_peer_address(out->conn) : "-", out ? cipher_of(out->conn) : "-",
                  waiting, out ? out->unacked_count : 0, remote->problem ? remote->problem : "-");
}

static void show_in(struct control_request *request, const struct in *in)
{
    const struct proven *proven;
    if (!in->proven)
        control_print(request, "in %s %s unproven by=- addr=%s cipher=%s", in->to ? in->to : "-",
                      in->from ? in->from : "-", conn_peer_address(in->conn), cipher_of(in->conn));
    LL_FOREACH (in->proven, proven) {
        control_print(request, "in %s %s ready by=%s addr=%s cipher=%s", proven->local,
                      proven->remote, proven->how, conn_peer_address(in->conn),
                      cipher_of(in->conn));
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

const struct control_command server_commands[] = {
    {"show", 0, 0, show, " lists the streams to and from other domains"},
    {0},
};
