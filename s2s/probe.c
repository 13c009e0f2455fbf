/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Reaching a domain to see how it goes.
 */
#include "s2s/probe.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/encode.h"
#include "common/base/error.h"
#include "common/base/memory.h"
#include "common/tls/crypto.h"
#include "s2s/dns_unbound.h"
#include "s2s/out.h"

#define PROBES_MAX  8 /* at once */
#define NONCE_BYTES 12
#define NS_PING     "urn:xmpp:ping"

struct probe {
    struct trace trace; /* first */
    struct server *server;
    struct control_request *request; /* NULL: it has ended */
    struct remote *remote;
    struct pair *pair;
    char *id; /* of the ping, and the resource it comes from */
    uint64_t begun_ms;
    struct timer *deadline;
    struct loop_task *leave;
    struct probe *prev, *next;
};

/* --- the end --- */

static void probe_free(struct probe *probe)
{
    if (probe->leave)
        loop_defer_cancel(probe->leave);
    DL_DELETE(probe->server->probes, probe);
    remote_free(probe->remote);
    timer_close(probe->deadline);
    free(probe->id);
    free(probe);
}

/* Not from inside what the stream or the attempt calls. */
static void leave(void *user)
{
    struct probe *probe = user;
    struct out *out = probe->pair->out;
    probe->leave = NULL;
    if (out && probe->remote->attempt)
        out_abandon(out);
    else if (out)
        out_close(out);
    if (!probe->remote->outs)
        probe_free(probe);
}

static void end(struct probe *probe, const char *problem)
{
    struct control_request *request = probe->request;
    if (!request)
        return;
    probe->request = NULL;
    timer_stop(probe->deadline);
    probe->leave = loop_defer(probe->server->loop, leave, probe);
    control_end(request, problem);
}

static void end_with_reason(struct probe *probe, const char *problem)
{
    char *text = xasprintf("%s was not reached: %s", probe->remote->domain, problem);
    end(probe, text);
    free(text);
}

static void on_failed(struct trace *trace, const char *problem)
{
    end_with_reason((struct probe *)trace, problem);
}

static void on_released(struct trace *trace)
{
    struct probe *probe = (struct probe *)trace;
    if (!probe->request && !probe->leave)
        probe_free(probe);
}

static void on_deadline(void *user)
{
    struct probe *probe = user;
    end_with_reason(probe, probe->pair->state == PAIR_READY ? "the ping was not answered in time"
                                                            : "it took too long");
}

/* --- what is told --- */

static void on_line(struct trace *trace, const char *topic, const char *text)
{
    struct probe *probe = (struct probe *)trace;
    uint64_t after_ms = clock_monotonic_ms() - probe->begun_ms;
    if (!probe->request)
        return;
    control_print(probe->request, "%4u.%03u %-11s %s", (unsigned)(after_ms / 1000),
                  (unsigned)(after_ms % 1000), topic, text);
    control_flush(probe->request);
}

static void say_policy(struct probe *probe)
{
    const struct server *server = probe->server;
    const char *domain = probe->remote->domain;
    trace_say(&probe->trace, "probe", "%s, as %s", domain, probe->pair->local);
    trace_say(&probe->trace, "policy", "TLS is %srequired, a valid certificate is %srequired",
              policy_requires_tls(server->policy, domain) ? "" : "not ",
              policy_requires_certificate(server->policy, domain) ? "" : "not ");
    trace_say(&probe->trace, "policy", "DNSSEC is %s",
              dns_unbound_validates(server->dns) ? "validated" : "not validated here");
}

/* --- the ping --- */

static bool is_from(const struct probe *probe, const struct jid *jid)
{
    return jid->resource && !jid->local && network_is_return(jid->resource, probe->id) &&
           strcmp(jid->domain, probe->pair->local) == 0;
}

static const char *condition_of(const struct stanza *stanza)
{
    const struct element *error = element_find(stanza->root, NULL, "error");
    const struct element *condition = error ? element_first(error) : NULL;
    return condition ? condition->name : "without a condition";
}

bool probe_answered(struct server *server, const struct stanza *stanza)
{
    struct probe *probe;
    const char *id = stanza_id(stanza);
    DL_FOREACH (server->probes, probe) {
        if (is_from(probe, &stanza->to))
            break;
    }
    if (!probe || stanza->kind != STANZA_IQ || !stanza_is_reply(stanza) || !id ||
        strcmp(id, probe->id) != 0 || strcmp(stanza->from.full, probe->remote->domain) != 0)
        return false;
    if (stanza_is_error(stanza))
        trace_say(&probe->trace, "ping", "answered, with the error %s", condition_of(stanza));
    else
        trace_say(&probe->trace, "ping", "answered");
    end(probe, NULL);
    return true;
}

bool probe_bounced(struct server *server, const struct stanza *stanza, const char *text)
{
    struct probe *probe;
    if (!stanza->has_from)
        return false;
    DL_FOREACH (server->probes, probe) {
        if (!is_from(probe, &stanza->from))
            continue;
        end_with_reason(probe, text ? text : "the ping could not be sent");
        return true;
    }
    return false;
}

static void send_ping(struct probe *probe)
{
    struct stanza *ping = stanza_new(STANZA_IQ, IQ_GET);
    char *way = server_return(probe->server, probe->pair->local, probe->id);
    struct jid from, to;
    element_set(ping->root, "id", probe->id);
    int error = jid_make(ping->arena, NULL, probe->pair->local, way ? way : probe->id, &from);
    free(way);
    if (error || jid_make(ping->arena, NULL, probe->remote->domain, NULL, &to)) {
        stanza_unref(ping);
        end_with_reason(probe, "the name is too long");
        return;
    }
    stanza_set_from(ping, &from);
    stanza_set_to(ping, &to);
    element_add(ping->root, NS_PING, "ping");
    pair_send(probe->pair, ping, NULL);
}

/* --- the beginning --- */

static char *make_id(void)
{
    struct buffer text = {0};
    unsigned char nonce[NONCE_BYTES];
    crypto_random(nonce, sizeof(nonce));
    buffer_append_text(&text, "probe-");
    hex_encode(&text, nonce, sizeof(nonce));
    return buffer_take(&text);
}

static struct probe *probe_new(struct server *server, struct control_request *request,
                               const char *local, const char *domain)
{
    struct probe *probe = xcalloc(1, sizeof(*probe));
    probe->trace = (struct trace){.line = on_line, .failed = on_failed, .released = on_released};
    probe->server = server;
    probe->request = request;
    probe->id = make_id();
    probe->remote = remote_new_apart(server, domain, &probe->trace);
    probe->pair = pair_new(probe->remote, local);
    probe->begun_ms = clock_monotonic_ms();
    probe->deadline = timer_new(server->loop, on_deadline, probe);
    /* What the attempt may take, and as long as proving who one is for the way back. */
    timer_start(probe->deadline, server->limits.connect_ms + server->limits.negotiation_ms, 0);
    DL_APPEND(server->probes, probe);
    return probe;
}

static void begin(struct server *server, struct control_request *request, const char *local,
                  const char *domain)
{
    const char *why_not = server_why_not(server, local, domain);
    struct probe *probe = probe_new(server, request, local, domain);
    say_policy(probe);
    if (why_not)
        end_with_reason(probe, why_not);
    else
        send_ping(probe);
}

static size_t count_probes(const struct server *server)
{
    const struct probe *probe;
    size_t count = 0;
    DL_FOREACH (server->probes, probe) {
        count++;
    }
    return count;
}

void probe_command(void *state, struct control_request *request, size_t argc,
                   const char *const *argv)
{
    struct server *server = state;
    struct arena *arena = arena_new();
    const char *domain, *local = config_text(server->config, "node", NULL, "network");
    if (server->stopping || count_probes(server) >= PROBES_MAX)
        control_end(request, "too many probes are under way");
    else if (jid_prepare_domain(arena, argv[0], &domain) ||
             (argc > 1 && jid_prepare_domain(arena, argv[1], &local)))
        control_end(request, "that is no domain");
    else
        begin(server, request, local, domain);
    arena_free(arena);
}

struct pair *probe_pair(const struct server *server, const char *local, const char *remote,
                        const char *stream_id)
{
    struct probe *probe;
    DL_FOREACH (server->probes, probe) {
        if (strcmp(probe->remote->domain, remote) == 0 && strcmp(probe->pair->local, local) == 0 &&
            pair_asks(probe->pair, stream_id))
            return probe->pair;
    }
    return NULL;
}

void probe_end_all(struct server *server, const char *problem)
{
    struct probe *probe;
    DL_FOREACH (server->probes, probe) {
        end(probe, problem);
    }
}

void probe_free_all(struct server *server)
{
    while (server->probes)
        probe_free(server->probes);
}
