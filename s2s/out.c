/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * A stream to another server, from its connection to its end.
 */
#include "s2s/out.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/error.h"
#include "common/base/limit.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/service/follow.h"
#include "common/xmpp/namespaces.h"
#include "s2s/dialback.h"
#include "s2s/in.h"
#include "s2s/suspect.h"
#include "s2s/verify.h"

/* --- the end --- */

static void detach_pairs(struct out *out, bool *proving)
{
    struct pair *pair;
    DL_FOREACH (out->remote->pairs, pair) {
        if (pair->out != out)
            continue;
        if (pair->state == PAIR_PROVING) {
            *proving = true;
            pair->alone |= strcmp(pair->local, out->local) != 0;
        }
        if (out->server->stopping)
            pair_bounce(pair, STANZA_REMOTE_SERVER_TIMEOUT, "the server stops");
        pair_detach(pair);
    }
}

/* What it means for the domain depends on how far the stream was. */
static void tell_remote(struct out *out, bool attempted, bool proving, bool unacknowledged)
{
    struct remote *remote = out->remote;
    const char *problem = out->problem ? out->problem : "the server closed the stream";
    if (attempted)
        remote_attempt_spoilt(remote, problem);
    else if (!remote->attempt && (!out->open || proving || unacknowledged || remote->trace))
        remote_failed(remote, false, problem);
    else
        remote_wake(remote);
}

/* Once, however it came about: nothing is on it from now on. `silent` leaves the attempt alone. */
static void end(struct out *out, bool silent)
{
    const struct pair *attempt = out->remote->attempt;
    bool attempted = attempt && attempt->out == out && !out->open;
    bool proving = false;
    if (out->ended)
        return;
    out->ended = true;
    timer_stop(out->deadline);
    timer_stop(out->idle);
    timer_stop(out->ack);
    if (out->twin && !out->guest)
        in_guest_end(out->twin);
    bool unacknowledged = out_sm_return(out);
    detach_pairs(out, &proving);
    verify_fail(out->remote, out, STANZA_REMOTE_SERVER_TIMEOUT);
    trace_say(out->remote->trace, "stream", "ended: %s",
              out->problem ? out->problem : "the server closed it");
    log_info("s2s_out_ended", LOG_TEXT("sid", stream_id(out->stream)),
             LOG_TEXT("local", out->local), LOG_TEXT("remote", out->remote->domain),
             LOG_TEXT("addr", conn_peer_address(out->conn)), LOG_TEXT("reason", out->problem));
    if (!silent && !out->server->stopping)
        tell_remote(out, attempted, proving, unacknowledged);
}

static void note(struct out *out, const char *problem)
{
    if (!out->problem)
        out->problem = xstrdup_or_null(problem);
}

void out_abandon(struct out *out)
{
    note(out, "given up");
    end(out, true);
    conn_abort(out->conn);
}

void out_close(struct out *out)
{
    if (!out->ended)
        stream_close(out->stream);
}

void out_fail(struct out *out, const char *problem)
{
    note(out, problem);
    end(out, false);
    stream_close(out->stream);
    conn_close(out->conn);
}

/* --- the stream --- */

static void on_write(void *user, const char *bytes, size_t length)
{
    struct out *out = user;
    conn_write(out->conn, bytes, length);
}

static int on_header(void *user, const struct stream_header *header)
{
    (void)user, (void)header; /* its id is kept by the stream */
    return -1;
}

/* The way back is another stream (RFC 6120 §4.5), unless it is agreed that it is this. */
static void on_stanza(void *user, struct stanza *stanza, int problem, const char *bytes,
                      size_t length)
{
    struct out *out = user;
    if (out->twin) {
        in_stanza(out->twin, stanza, problem, bytes, length);
        return;
    }
    stanza_unref(stanza);
    stream_fail(out->stream, STREAM_NOT_AUTHORIZED, "this stream has one direction");
}

static void on_hold(void *user, bool hold)
{
    struct out *out = user;
    (hold ? conn_pause : conn_resume)(out->conn);
}

static void on_arm(void *user, uint64_t after_ms)
{
    struct out *out = user;
    if (after_ms > 0)
        timer_start(out->timer, after_ms, 0);
    else
        timer_stop(out->timer);
}

static void on_ended(void *user, int condition, const char *text, bool abrupt)
{
    struct out *out = user;
    suspect_blame(out, condition, text);
    if (condition >= 0) {
        note(out, stream_condition_name((enum stream_condition)condition));
    } else if (text) {
        char *problem = xasprintf("the server ended the stream: %s", text);
        note(out, problem);
        free(problem);
    }
    end(out, false);
    (abrupt ? conn_abort : conn_close)(out->conn);
}

static const struct stream_ops stream_ops = {
    .write = on_write,
    .header = on_header,
    .features = out_features,
    .stanza = on_stanza,
    .hold = on_hold,
    .arm = on_arm,
    .ended = on_ended,
};

static const struct stream_feature *const features[] = {&out_starttls, &out_sasl, &out_dialback,
                                                        &out_sm, NULL};

static const struct stream_profile profile = {
    .role = STREAM_INITIATOR,
    .content_ns = NS_SERVER,
    .has_version = true,
    .declares = "xmlns:db='" NS_DIALBACK "'",
    .features = features,
};

/* --- the connection --- */

/* A guest's connection is looked after by its twin, which hears something when we are heard. */
static void stay_awake(struct out *out)
{
    if (!out->guest)
        timer_start(out->idle, out->server->limits.idle_ms, 0);
}

static void on_secured(void *user)
{
    out_secured(user);
}

static void on_data(void *user, const char *bytes, size_t length)
{
    struct out *out = user;
    if (out->twin)
        stay_awake(out);
    stream_feed(out->stream, bytes, length);
}

void out_flush(struct out *out)
{
    struct pair *pair;
    DL_FOREACH (out->remote->pairs, pair) {
        if (pair->out == out)
            pair_flush(pair);
    }
}

static void on_drained(void *user)
{
    out_flush(user);
}

static void out_free(struct out *out)
{
    struct server *server = out->server;
    struct remote *remote = out->remote;
    DL_DELETE(server->outs, out);
    DL_DELETE2(remote->outs, out, prev_there, next_there);
    if (!out->guest)
        stream_free(out->stream);
    timer_close(out->timer);
    timer_close(out->deadline);
    timer_close(out->idle);
    timer_close(out->ack);
    policy_unref(out->policy);
    free(out->target);
    free(out->problem);
    free(out->local);
    free(out);
    remote_release(remote);
    server_stream_closed(server);
}

static void on_closed(void *user, int reason)
{
    struct out *out = user;
    const struct tls_session *tls = conn_tls(out->conn);
    if (reason == ERR_TLS && tls) {
        char *problem = xasprintf("TLS failed: %s", tls_problem(tls));
        note(out, problem);
        free(problem);
    } else if (reason != ERR_CANCELLED) {
        note(out, reason ? error_text(reason) : NULL);
    }
    end(out, false);
    if (out->twin)
        in_guest_free(out->twin);
    out_free(out);
}

static const struct conn_ops conn_ops = {
    .secured = on_secured,
    .data = on_data,
    .drained = on_drained,
    .closed = on_closed,
};

static void on_timer(void *user)
{
    struct out *out = user;
    stream_timeout(out->stream);
}

static void on_deadline(void *user)
{
    limit_reached("negotiation-timeout");
    out_fail(user, "the server did not answer in time");
}

static void on_idle(void *user)
{
    out_close(user);
}

static struct out *add(struct pair *pair)
{
    struct server *server = pair->remote->server;
    struct out *out = xcalloc(1, sizeof(*out));
    out->server = server;
    out->remote = pair->remote;
    out->policy = policy_ref(server->policy);
    out->local = xstrdup(pair->local);
    out->timer = timer_new(server->loop, on_timer, out);
    out->deadline = timer_new(server->loop, on_deadline, out);
    out->idle = timer_new(server->loop, on_idle, out);
    out->ack = timer_new(server->loop, out_sm_on_timer, out);
    DL_APPEND(server->outs, out);
    DL_APPEND2(pair->remote->outs, out, prev_there, next_there);
    pair->out = out;
    return out;
}

void out_new(struct pair *pair, struct conn *conn, const struct candidate *candidate)
{
    struct server *server = pair->remote->server;
    struct out *out = add(pair);
    out->conn = conn;
    out->direct_tls = candidate->target->direct_tls;
    out->target = xmalloc(sizeof(*out->target));
    *out->target = *candidate->target;
    out->stream =
        stream_new(&profile, server->parsers, &server->limits.before_auth, &stream_ops, out);
    conn_set_ops(conn, &conn_ops, out);
    stay_awake(out);
    timer_start(out->deadline, server->limits.negotiation_ms, 0);
    if (out->direct_tls)
        conn_start_tls(conn, policy_client_tls(out->policy, out->local, true), out->remote->domain);
    else
        stream_open(out->stream, out->remote->domain, out->local);
}

/* --- as a guest --- */

struct out *out_new_guest(struct pair *pair, struct in *in)
{
    struct out *out = add(pair);
    out->conn = in->conn;
    out->stream = in->stream;
    out->twin = in;
    out->guest = true;
    out->open = true;
    out->sm = in->sm;
    log_info("s2s_out_proven", LOG_TEXT("sid", stream_id(out->stream)),
             LOG_TEXT("local", out->local), LOG_TEXT("remote", out->remote->domain),
             LOG_TEXT("addr", conn_peer_address(out->conn)), LOG_TEXT("by", "bidi"));
    pair_enter(pair, PAIR_READY);
    return out;
}

void out_guest_end(struct out *out)
{
    note(out, "the stream ended");
    end(out, false);
}

void out_guest_free(struct out *out)
{
    out_guest_end(out);
    out_free(out);
}

/* --- sending --- */

/* A stream that is closing takes nothing: it would be lost. */
bool out_has_room(const struct out *out)
{
    return !out->ended && stream_state(out->stream) < STREAM_CLOSING &&
           conn_queued(out->conn) < CONN_HIGH_WATER && out_sm_has_room(out) &&
           !(suspect_any(out->remote) && (out->unacked || out->held));
}

void out_send(struct out *out, struct parcel *parcel)
{
    stay_awake(out);
    trace_say(out->remote->trace, "ping", "sent");
    FOLLOW(parcel->stanza->root, "to %s at %s", out->remote->domain, conn_peer_address(out->conn));
    stream_send(out->stream, parcel->stanza);
    out_sm_sent(out, parcel);
}
