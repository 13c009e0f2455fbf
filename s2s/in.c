/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * A stream from another server, from its connection to its end.
 */
#include "s2s/in.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/limit.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/base/table.h"
#include "common/tls/verify.h"
#include "common/xmpp/namespaces.h"
#include "s2s/bidi.h"
#include "s2s/dialback.h"
#include "s2s/inbound.h"
#include "s2s/remote.h"
#include "s2s/suspect.h"
#include "s2s/verify.h"

/* More pairs on one stream than anybody needs. */
#define PROVEN_MAX 256

/* --- what is proven --- */

bool in_is_proven(const struct in *in, const char *remote, const char *local)
{
    const struct proven *proven;
    LL_FOREACH (in->proven, proven) {
        if (strcmp(proven->remote, remote) == 0 && strcmp(proven->local, local) == 0)
            return true;
    }
    return false;
}

static void remember(struct in *in, const char *remote, const char *local, const char *how)
{
    struct proven *proven = xcalloc(1, sizeof(*proven));
    proven->remote = xstrdup(remote);
    proven->local = xstrdup(local);
    proven->how = how;
    LL_PREPEND(in->proven, proven);
    in->proven_count++;
}

bool in_is_admitted(const struct in *in, const struct policy *policy)
{
    const struct proven *proven;
    LL_FOREACH (in->proven, proven) {
        if (!policy_admits(policy, proven->remote))
            return false;
    }
    return !in->from || policy_admits(policy, in->from);
}

void in_forget_questions(struct in *in)
{
    verify_forget(in->server, in);
    in->pending = 0;
}

static void wake(struct server *server, const char *domain)
{
    struct remote *remote = remote_find(server, domain);
    if (!remote)
        return;
    remote_heard(remote);
    remote_release(remote);
}

static void no_stranger(struct in *in)
{
    if (in->stranger)
        gate_leave(in->server->gate, in->peer);
    in->stranger = false;
}

void in_prove(struct in *in, const char *remote, const char *local, const char *how)
{
    const struct tls_session *tls = conn_tls(in->conn);
    if (in_is_proven(in, remote, local))
        return;
    if (in->proven_count >= PROVEN_MAX) {
        stream_fail(in->stream, STREAM_POLICY_VIOLATION, "too many domains on one stream");
        return;
    }
    remember(in, remote, local, how);
    log_info("s2s_in_proven", LOG_TEXT("sid", stream_id(in->stream)), LOG_TEXT("remote", remote),
             LOG_TEXT("local", local), LOG_TEXT("addr", conn_peer_address(in->conn)),
             LOG_TEXT("by", how), LOG_TEXT("tls", tls ? tls_version(tls) : NULL),
             LOG_TEXT("cipher", tls ? tls_cipher(tls) : NULL));
    no_stranger(in);
    stream_set_flag(in->stream, STREAM_AUTHENTICATED);
    stream_set_limits(in->stream, &in->server->limits.after_auth);
    timer_start(in->deadline, in->server->limits.idle_ms, 0);
    wake(in->server, remote);
}

/* --- the header --- */

/* The same on every restart: what has been proven belongs to it. */
static int keep(char **kept, const char *name)
{
    if (*kept)
        return strcmp(*kept, name) == 0 ? -1 : STREAM_INVALID_FROM;
    *kept = xstrdup(name);
    return -1;
}

/* Whoever asks TLS for one domain of ours and XMPP for another one may be a message that somebody
 * sends on (RFC 6120 §13.7.2 and ALPACA). */
static bool asks_for_another(const struct in *in, const char *to)
{
    const struct tls_session *tls = conn_tls(in->conn);
    const char *asked = tls ? tls_server_name(tls) : NULL;
    if (!asked || !stream_has_flag(in->stream, STREAM_SECURE))
        return false;
    char *ascii = tls_name_ascii(to);
    bool another = strcasecmp(asked, ascii) != 0;
    free(ascii);
    return another;
}

static int judge_to(struct in *in, const char *to, struct arena *arena)
{
    const char *name;
    if (!to || to[0] == '\0')
        return STREAM_IMPROPER_ADDRESSING;
    if (jid_prepare_domain(arena, to, &name) || !policy_is_ours(in->policy, name) ||
        asks_for_another(in, name))
        return STREAM_HOST_UNKNOWN;
    return keep(&in->to, name) < 0 ? -1 : STREAM_HOST_UNKNOWN;
}

/* Old servers that only come to verify a key may leave it out. */
static int judge_from(struct in *in, const char *from, struct arena *arena)
{
    const char *name;
    if (!from || from[0] == '\0')
        return in->from ? STREAM_INVALID_FROM : -1;
    if (jid_prepare_domain(arena, from, &name) || policy_is_ours(in->policy, name))
        return STREAM_INVALID_FROM;
    if (!policy_admits(in->policy, name))
        return STREAM_POLICY_VIOLATION;
    return keep(&in->from, name);
}

static int on_header(void *user, const struct stream_header *header)
{
    struct in *in = user;
    struct arena *arena = arena_new();
    int condition = judge_to(in, header->to, arena);
    if (condition < 0)
        condition = judge_from(in, header->from, arena);
    if (condition < 0)
        stream_set_local(in->stream, in->to, in->from);
    if (condition < 0 && in->proven) {
        stream_ready(in->stream);
        bidi_share_in(in);
    }
    arena_free(arena);
    return condition;
}

/* --- the stream --- */

static void on_write(void *user, const char *bytes, size_t length)
{
    struct in *in = user;
    conn_write(in->conn, bytes, length);
}

static void on_hold(void *user, bool hold)
{
    struct in *in = user;
    (hold ? conn_pause : conn_resume)(in->conn);
}

static void on_arm(void *user, uint64_t after_ms)
{
    struct in *in = user;
    if (after_ms > 0)
        timer_start(in->timer, after_ms, 0);
    else
        timer_stop(in->timer);
}

/* Nothing is on it from now on. */
static void leave(struct in *in)
{
    in->ended = true;
    timer_stop(in->deadline);
    timer_stop(in->ack);
    inbound_leave(in);
    in_forget_questions(in);
    if (in->task)
        loop_defer_cancel(in->task);
    in->task = NULL;
    if (in->twin && !in->guest)
        out_guest_end(in->twin);
}

static void on_ended(void *user, int condition, const char *text, bool abrupt)
{
    struct in *in = user;
    if (in->twin)
        suspect_blame(in->twin, condition, text);
    leave(in);
    log_info("s2s_in_ended", LOG_TEXT("sid", stream_id(in->stream)), LOG_TEXT("remote", in->from),
             LOG_TEXT("addr", conn_peer_address(in->conn)),
             LOG_TEXT("condition", condition < 0
                                       ? NULL
                                       : stream_condition_name((enum stream_condition)condition)),
             LOG_TEXT("text", text));
    (abrupt ? conn_abort : conn_close)(in->conn);
}

static const struct stream_ops stream_ops = {
    .write = on_write,
    .header = on_header,
    .stanza = in_stanza,
    .hold = on_hold,
    .arm = on_arm,
    .ended = on_ended,
};

/* XEP-0478: what holds as soon as a domain is proven. Dialback proves it without new features, and
 * nothing that proves one is large. */
static void advertise_limits(void *user, struct element *advertised)
{
    const struct in *in = user;
    const struct server_limits *limits = &in->server->limits;

    stream_advertise_limits(advertised, limits->after_auth.element_bytes, limits->idle_ms);
}

static const struct stream_feature in_limits = {
    .name = "limits",
    .requires = STREAM_SECURE,
    .advertise = advertise_limits,
};

static const struct stream_feature *const features[] = {&in_starttls,   &in_sasl,   &in_dialback,
                                                        &in_bidi_offer, &in_bidi,   &in_sm_offer,
                                                        &in_sm,         &in_limits, NULL};

static const struct stream_profile profile = {
    .role = STREAM_ACCEPTOR,
    .content_ns = NS_SERVER,
    .has_version = true,
    .declares = "xmlns:db='" NS_DIALBACK "'",
    .stanzas_require = STREAM_AUTHENTICATED,
    .features = features,
};

/* --- the connection --- */

static void on_secured(void *user)
{
    struct in *in = user;
    stream_set_flag(in->stream, STREAM_SECURE);
}

static void on_data(void *user, const char *bytes, size_t length)
{
    struct in *in = user;
    if (in->proven)
        timer_start(in->deadline, in->server->limits.idle_ms, 0);
    stream_feed(in->stream, bytes, length);
    if (in->choked || in->ended || conn_queued(in->conn) <= CONN_HIGH_WATER)
        return;
    in->choked = true;
    conn_pause(in->conn);
}

static void on_drained(void *user)
{
    struct in *in = user;
    if (in->choked)
        conn_resume(in->conn);
    in->choked = false;
    if (in->twin)
        out_flush(in->twin);
}

static void forget_proven(struct in *in)
{
    while (in->proven) {
        struct proven *proven = in->proven;
        LL_DELETE(in->proven, proven);
        free(proven->remote);
        free(proven->local);
        free(proven);
    }
}

static void in_free(struct in *in)
{
    struct server *server = in->server;
    no_stranger(in);
    forget_proven(in);
    DL_DELETE(server->ins, in);
    if (!in->guest)
        stream_free(in->stream);
    timer_close(in->timer);
    timer_close(in->deadline);
    timer_close(in->ack);
    policy_unref(in->policy);
    free(in->peer);
    free(in->from);
    free(in->to);
    free(in);
    server_stream_closed(server);
}

static void on_closed(void *user, int reason)
{
    struct in *in = user;
    log_debug("s2s_in_closed", LOG_TEXT("sid", stream_id(in->stream)),
              LOG_TEXT("addr", conn_peer_address(in->conn)), LOG_ERROR(reason));
    leave(in);
    if (in->twin)
        out_guest_free(in->twin);
    in_free(in);
}

static const struct conn_ops conn_ops = {
    .secured = on_secured,
    .data = on_data,
    .drained = on_drained,
    .closed = on_closed,
};

static void on_timer(void *user)
{
    struct in *in = user;
    stream_timeout(in->stream);
}

static void overdue(struct in *in)
{
    limit_reached("negotiation-timeout");
    stream_fail(in->stream, STREAM_CONNECTION_TIMEOUT, "no proof in time");
}

/* Too late with a proof, or silent for long. */
static void on_deadline(void *user)
{
    struct in *in = user;
    if (in->proven)
        stream_close(in->stream);
    else
        overdue(in);
}

static bool is_welcome(struct server *server, const char *peer)
{
    const char *problem = inbound_is_stuck(server) ? "queue-total" : NULL;

    if (server->stopping)
        return false;
    if (!problem)
        problem = gate_enter(server->gate, peer);
    if (!problem)
        return true;
    limit_reached(problem);
    if (gate_tells(server->gate, peer, clock_monotonic_ms()))
        log_info("s2s_connection_refused", LOG_TEXT("addr", peer), LOG_TEXT("reason", problem));
    return false;
}

void in_accept(struct server *server, int fd, const char *peer, bool direct_tls)
{
    if (!is_welcome(server, peer)) {
        close(fd);
        return;
    }
    struct in *in = xcalloc(1, sizeof(*in));
    in->server = server;
    in->policy = policy_ref(server->policy);
    in->peer = xstrdup(peer); /* getpeername(2) does not know it any more when the peer is gone */
    in->stranger = true;
    in->direct_tls = direct_tls;
    in->timer = timer_new(server->loop, on_timer, in);
    in->deadline = timer_new(server->loop, on_deadline, in);
    in->ack = timer_new(server->loop, in_sm_on_timer, in);
    in->stream =
        stream_new(&profile, server->parsers, &server->limits.before_auth, &stream_ops, in);
    in->conn = conn_accepted(server->loop, fd, &conn_ops, in);
    DL_APPEND(server->ins, in);
    timer_start(in->deadline, server->limits.negotiation_ms, 0);
    stream_open(in->stream, NULL, NULL);
    if (server->congested)
        conn_pause(in->conn);
    if (direct_tls)
        in_begin_tls(in);
}

/* --- as a guest --- */

struct in *in_new_guest(struct out *out)
{
    struct server *server = out->server;
    struct in *in = xcalloc(1, sizeof(*in));
    in->server = server;
    in->policy = policy_ref(out->policy);
    in->timer = timer_new(server->loop, on_timer, in);
    in->deadline = timer_new(server->loop, on_deadline, in);
    in->ack = timer_new(server->loop, in_sm_on_timer, in);
    in->conn = out->conn;
    in->stream = out->stream;
    in->from = xstrdup(out->remote->domain);
    in->to = xstrdup(out->local);
    in->twin = out;
    in->guest = true;
    DL_APPEND(server->ins, in);
    if (server->congested)
        conn_pause(in->conn);
    remember(in, in->from, in->to, "bidi");
    log_info("s2s_in_proven", LOG_TEXT("sid", stream_id(in->stream)), LOG_TEXT("remote", in->from),
             LOG_TEXT("local", in->to), LOG_TEXT("addr", conn_peer_address(in->conn)),
             LOG_TEXT("by", "bidi"));
    return in;
}

void in_guest_end(struct in *in)
{
    leave(in);
}

void in_guest_free(struct in *in)
{
    leave(in);
    in_free(in);
}

void in_close(struct in *in, enum stream_condition condition)
{
    if (!in->ended)
        stream_fail(in->stream, condition, NULL);
}

const char *in_stream_id(const struct in *in)
{
    return stream_id(in->stream);
}
