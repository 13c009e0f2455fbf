/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Reaching a domain: what is to be done, one attempt at a time, back-off.
 */
#include "s2s/remote.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/limit.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/tls/crypto.h"
#include "common/tls/verify.h"
#include "s2s/out.h"
#include "s2s/pair.h"
#include "s2s/verify.h"

/* Who proves himself to us ends the back-off, but not oftener than that. */
#define HEARD_MS 5000

/* --- the attempt --- */

static uint32_t pick(uint32_t below)
{
    uint32_t value;
    crypto_random(&value, sizeof(value));
    return value % below;
}

/* Whatever came of it. */
static void attempt_end(struct remote *remote)
{
    struct resolve *resolve = remote->resolve;
    struct race *race = remote->race;
    if (!remote->attempt)
        return;
    remote->attempt = NULL;
    remote->resolve = NULL;
    remote->race = NULL;
    resolve_cancel(resolve);
    race_free(race);
    free(remote->resolution);
    remote->resolution = NULL;
    timer_stop(remote->deadline);
    turn_end(remote);
}

static void replace(char **text, const char *new)
{
    char *copy = xstrdup_or_null(new); /* which may be the old one */
    free(*text);
    *text = copy;
}

static void note(struct remote *remote, const char *problem)
{
    replace(&remote->problem, problem);
}

static void on_won(void *user, struct conn *conn, const struct candidate *candidate)
{
    struct remote *remote = user;
    struct pair *pair = remote->attempt;
    trace_say(remote->trace, "address", "connected to %s", conn_peer_address(conn));
    pair_enter(pair, PAIR_NEGOTIATING);
    out_new(pair, conn, candidate);
}

static void on_lost(void *user)
{
    struct remote *remote = user;
    remote_failed(remote, false,
                  remote->problem ? remote->problem
                                  : "no server of the domain can be connected to");
}

static void on_tried(void *user, const struct candidate *candidate, const char *problem)
{
    struct remote *remote = user;
    if (!remote->trace)
        return;
    char *address = address_text(&candidate->address);
    trace_say(remote->trace, "address", "%s, %s: %s", address,
              candidate->target->direct_tls ? "direct TLS" : "STARTTLS",
              problem ? problem : "connecting");
    free(address);
}

static const struct race_ops race_ops = {.won = on_won, .tried = on_tried, .lost = on_lost};

static void on_resolved(void *user, struct resolution *resolution)
{
    struct remote *remote = user;
    remote->resolve = NULL;
    if (resolution->status) {
        bool final = resolution->status == ERR_NOT_FOUND;
        const char *why = resolution->why;
        free(resolution);
        remote_failed(remote, final, why);
        return;
    }
    remote->resolution = resolution;
    pair_enter(remote->attempt, PAIR_CONNECTING);
    remote->race = race_new(remote->server->loop, resolution->candidates, resolution->count,
                            &race_ops, remote);
    race_go(remote->race);
}

/* XMPP allows longer names than the DNS (RFC 7622 §3.2, RFC 1035 §3.1). */
static bool is_too_long(struct remote *remote, const char *name)
{
    if (strlen(name) <= DNS_NAME_MAX)
        return false;
    struct resolution *nothing = xcalloc(1, sizeof(*nothing));
    nothing->status = ERR_NOT_FOUND;
    nothing->why = "the DNS has no names as long as that of the domain";
    on_resolved(remote, nothing);
    return true;
}

static void look_up(struct remote *remote)
{
    struct server *server = remote->server;
    const struct resolve_settings settings = {
        .internal_allowed = server->limits.internal_addresses,
        .own = server->own,
        .own_count = server->own_count,
        .pick = pick,
        .trace = remote->trace,
    };
    char *name = tls_name_ascii(remote->domain);
    if (!is_too_long(remote, name))
        remote->resolve = resolve_start(server->dns, &settings, name, on_resolved, remote);
    free(name);
}

static void attempt_begin(struct remote *remote, struct pair *pair)
{
    struct server *server = remote->server;
    struct resolution *by_hand = policy_addresses(server->policy, remote->domain);
    remote->attempt = pair;
    remote->begun_ms = clock_monotonic_ms();
    if (!remote->trace)
        turn_begin(remote);
    note(remote, NULL);
    timer_start(remote->deadline, server->limits.connect_ms, 0);
    pair_enter(pair, PAIR_RESOLVING);
    if (by_hand)
        trace_say(remote->trace, "dns", "not asked: the configuration has %zu address%s",
                  by_hand->count, by_hand->count == 1 ? "" : "es");
    if (by_hand)
        on_resolved(remote, by_hand);
    else
        look_up(remote);
}

static void on_deadline(void *user)
{
    struct remote *remote = user;
    struct out *out = remote->attempt->out;
    const char *problem =
        remote->problem ? remote->problem : "no server of the domain answered in time";
    limit_reached("connect-timeout");
    if (out)
        out_abandon(out);
    remote_failed(remote, false, problem);
}

void remote_attempt_open(struct remote *remote)
{
    turns_remember(remote->server->turns, remote->domain);
    attempt_end(remote);
}

void remote_attempt_spoilt(struct remote *remote, const char *problem)
{
    note(remote, problem);
    if (!remote->attempt)
        return;
    pair_enter(remote->attempt, PAIR_CONNECTING);
    race_go(remote->race);
}

/* --- what is to be done --- */

/* A stream that is open and may carry the pair. */
static struct out *find_stream(const struct remote *remote, const struct pair *wanted)
{
    struct out *out;
    DL_FOREACH2(remote->outs, out, next_there)
    {
        if (out_may_carry(out, wanted))
            return out;
    }
    return NULL;
}

/* It has something to send and no stream. */
static bool is_hungry(const struct remote *remote, const struct pair *pair)
{
    return pair->waiting && !pair->out && pair != remote->attempt;
}

static struct pair *find_hungry(const struct remote *remote)
{
    struct pair *pair;
    DL_FOREACH (remote->pairs, pair) {
        if (is_hungry(remote, pair))
            return pair;
    }
    return NULL;
}

/* A stream has to belong to somebody, even if it is only for keys. One that is about to end may
 * still have the pair. */
static struct pair *pair_for_keys(struct remote *remote)
{
    struct pair *pair = pair_get(remote->server, remote->verifies->local, remote->domain);
    if (pair->out)
        pair_detach(pair);
    return pair;
}

static bool may_begin(struct remote *remote)
{
    if (timer_active(remote->retry) || remote->server->stopping)
        return false;
    return remote->trace || turn_may_begin(remote);
}

/* What streams that are there can do. */
static void use_streams(struct remote *remote)
{
    struct pair *pair;
    struct out *out;
    DL_FOREACH (remote->pairs, pair) {
        if (!is_hungry(remote, pair))
            continue;
        if ((out = find_stream(remote, pair)) != NULL)
            out_prove(out, pair);
        else
            pair_enter(pair, PAIR_WAITING);
    }
    if (verify_is_waiting(remote) && (out = find_stream(remote, NULL)) != NULL)
        verify_send_all(remote, out);
}

void remote_wake(struct remote *remote)
{
    if (!policy_admits(remote->server->policy, remote->domain)) {
        remote_deny(remote);
        return;
    }
    use_streams(remote);
    struct pair *pair = find_hungry(remote);
    if (!pair && !verify_is_waiting(remote))
        return;
    if (remote->attempt || !may_begin(remote))
        return;
    attempt_begin(remote, pair ? pair : pair_for_keys(remote));
}

void remote_deny(struct remote *remote)
{
    struct pair *pair;
    DL_FOREACH (remote->pairs, pair) {
        pair_bounce(pair, STANZA_REMOTE_SERVER_NOT_FOUND,
                    "federation with this domain is not allowed here");
    }
    verify_fail(remote, NULL, STANZA_NOT_ALLOWED);
}

void remote_stop(struct remote *remote)
{
    struct pair *pair;
    DL_FOREACH (remote->pairs, pair) {
        pair_bounce(pair, STANZA_REMOTE_SERVER_TIMEOUT, "the server stops");
    }
    attempt_end(remote);
}

static void on_retry(void *user)
{
    struct remote *remote = user;
    remote_wake(remote);
    remote_release(remote);
}

void remote_heard(struct remote *remote)
{
    bool recent = clock_monotonic_ms() < remote->begun_ms + HEARD_MS && remote->failures > 0;
    if (timer_active(remote->retry) && !recent)
        timer_stop(remote->retry);
    remote_wake(remote);
}

void remote_succeeded(struct remote *remote)
{
    remote->failures = 0;
    note(remote, NULL);
    replace(&remote->failure, NULL);
}

const char *remote_problem(const struct remote *remote)
{
    return remote->problem ? remote->problem : remote->failure;
}

/* --- failure --- */

static void back_off(struct remote *remote)
{
    const struct server_limits *limits = &remote->server->limits;
    uint64_t wait = backoff_ms(remote->failures++, limits->retry_min_ms, limits->retry_max_ms);
    remote->retry_at_ms = clock_monotonic_ms() + wait;
    timer_start(remote->retry, wait, 0);
}

void remote_failed(struct remote *remote, bool final, const char *problem)
{
    struct pair *pair, *next;
    note(remote, problem);
    replace(&remote->failure, remote->problem);
    problem = remote->problem;
    log_info("s2s_failed", LOG_TEXT("domain", remote->domain), LOG_TEXT("reason", problem),
             LOG_INT("failures", remote->failures + 1));
    attempt_end(remote);
    if (remote->trace) {
        remote->trace->failed(remote->trace, problem);
        return;
    }
    back_off(remote);
    turns_forget(remote->server->turns, remote->domain);
    DL_FOREACH_SAFE (remote->pairs, pair, next) {
        if (pair->out)
            continue;
        if (final)
            pair_bounce(pair, STANZA_REMOTE_SERVER_NOT_FOUND, problem);
        else
            pair_bounce_until(pair, remote->retry_at_ms, problem);
        pair_give_back(pair, problem);
        pair_enter(pair, pair->waiting ? PAIR_WAITING : PAIR_IDLE);
    }
    verify_fail(remote, NULL,
                final ? STANZA_REMOTE_SERVER_NOT_FOUND : STANZA_REMOTE_SERVER_TIMEOUT);
}

/* --- life --- */

struct remote *remote_find(struct server *server, const char *domain)
{
    struct remote *remote;
    HASH_FIND_STR(server->remotes, domain, remote);
    return remote;
}

struct remote *remote_new_apart(struct server *server, const char *domain, struct trace *trace)
{
    struct remote *remote = xcalloc(1, sizeof(*remote));
    remote->server = server;
    remote->domain = xstrdup(domain);
    remote->trace = trace;
    remote->deadline = timer_new(server->loop, on_deadline, remote);
    remote->retry = timer_new(server->loop, on_retry, remote);
    turn_init(remote);
    return remote;
}

struct remote *remote_get(struct server *server, const char *domain)
{
    struct remote *remote = remote_find(server, domain);
    if (remote)
        return remote;
    remote = remote_new_apart(server, domain, NULL);
    HASH_ADD_KEYPTR(hh, server->remotes, remote->domain, strlen(remote->domain), remote);
    return remote;
}

static bool is_in_use(const struct remote *remote)
{
    const struct pair *pair;
    if (remote->attempt || remote->verifies || remote->turn.waits || timer_active(remote->retry))
        return true;
    DL_FOREACH (remote->pairs, pair) {
        if (pair->waiting || pair->out)
            return true;
    }
    return remote->outs != NULL;
}

void remote_release(struct remote *remote)
{
    if (remote->trace && !remote->outs)
        remote->trace->released(remote->trace);
    else if (!remote->trace && !is_in_use(remote))
        remote_free(remote);
}

void remote_free(struct remote *remote)
{
    attempt_end(remote);
    turn_fini(remote);
    verify_free_all(remote);
    while (remote->pairs)
        pair_free(remote->pairs);
    if (!remote->trace)
        HASH_DEL(remote->server->remotes, remote);
    timer_close(remote->deadline);
    timer_close(remote->retry);
    free(remote->problem);
    free(remote->failure);
    free(remote->question);
    free(remote->domain);
    free(remote);
}
