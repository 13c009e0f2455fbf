/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The life of a client: connection and stream joined, and taken apart again.
 */
#include "c2s/client.h"

#include <stdlib.h>
#include <string.h>

#include "c2s/front/front.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/limit.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/base/table.h"
#include "common/xmpp/namespaces.h"

#define CLOSING_MS 5000

/* A login takes two or three kilobytes; slow answers shall not make it slower. */
#define STRANGER_BURST_SECONDS 4

static void limits_feature(void *user, struct element *features)
{
    struct client *client = user;
    const struct worker_limits *limits = &client->worker->limits;
    bool known = stream_has_flag(client->stream, STREAM_AUTHENTICATED);
    size_t bytes = known ? limits->after_auth.element_bytes : limits->before_auth.element_bytes;

    stream_advertise_limits(features, bytes, known ? limits->idle_ms : 0);
}

/* XEP-0478: what may be sent, before and after authentication. */
static const struct stream_feature client_limits = {
    .name = "limits",
    .requires = STREAM_SECURE,
    .advertise = limits_feature,
};

static const struct stream_feature *const client_features[] = {
    &client_starttls, &client_sasl,   &client_sasl2,  &client_register,
    &client_bind,     &client_plugin, &client_limits, NULL,
};

const struct stream_profile client_profile = {
    .role = STREAM_ACCEPTOR,
    .content_ns = NS_CLIENT,
    .has_version = true,
    .stanzas_require = STREAM_SECURE | STREAM_AUTHENTICATED,
    .features = client_features,
    .timeout_ms = {[STREAM_CLOSING] = CLOSING_MS},
};

const struct stream_profile client_profile_framed = {
    .role = STREAM_ACCEPTOR,
    .content_ns = NS_CLIENT,
    .has_version = true,
    .framed = true,
    .stanzas_require = STREAM_SECURE | STREAM_AUTHENTICATED,
    .features = client_features,
    .timeout_ms = {[STREAM_CLOSING] = CLOSING_MS},
};

static void on_write(void *user, const char *bytes, size_t length)
{
    struct client *client = user;

    client->written += length;
    transport_write(&client->transport, bytes, length);
    client_watch_queue(client);
}

/* The domain of the first header is the client's for good: an identity belongs to a domain. */
static int choose_domain(struct client *client, const char *to)
{
    struct arena *arena = arena_new();
    const char *name;
    int condition = -1;

    if (jid_prepare_domain(arena, to, &name) != 0)
        condition = STREAM_HOST_UNKNOWN;
    else if (client->domain && strcmp(client->domain->name, name) != 0)
        condition = STREAM_NOT_AUTHORIZED;
    else if (client->domain == NULL)
        client->domain = domains_find(client->domains, name);
    arena_free(arena);
    return condition < 0 && client->domain == NULL ? STREAM_HOST_UNKNOWN : condition;
}

/* Who the client says that it will be; of use only to hold its login to it (XEP-0388 §2.3). */
static void keep_from(struct client *client, const char *from)
{
    struct arena *arena = arena_new();
    struct jid jid;

    free(client->from);
    client->from =
        from && jid_parse(arena, from, &jid) == 0 && jid.local ? xstrdup(jid.bare) : NULL;
    arena_free(arena);
}

static int on_header(void *user, const struct stream_header *header)
{
    struct client *client = user;

    if (header->to == NULL || header->to[0] == '\0')
        return STREAM_IMPROPER_ADDRESSING;
    int condition = choose_domain(client, header->to);
    keep_from(client, header->from);
    if (condition < 0)
        stream_set_local(client->stream, client->domain->name,
                         client->jid ? client->jid->full : header->from);
    return condition;
}

static void on_hold(void *user, bool hold)
{
    struct client *client = user;

    (hold ? transport_pause : transport_resume)(&client->transport);
}

static void on_arm(void *user, uint64_t after_ms)
{
    client_deadline(user, DEADLINE_STREAM, after_ms);
}

static void leave_session(struct client *client)
{
    struct worker *worker = client->worker;
    void *session = client->session;

    login_abandon(client);
    registration_abandon(client->registration);
    client->registration = NULL;
    if (client->channel) {
        client->session = NULL;
        relay_ended(client);
    } else if (session) {
        client->session = NULL;
        worker->plugin->closed(worker->plugin_state, session, client->end);
    } else if (client->bind_id || client->held) {
        worker->plugin->client_gone(worker->plugin_state, client);
    }
    free(client->bind_id);
    client->bind_id = NULL;
}

/* Of the errors that we send these say nothing against the client. */
enum client_end client_end_of(int condition)
{
    if (condition < 0)
        return CLIENT_CLOSED;
    return condition == STREAM_CONNECTION_TIMEOUT || condition == STREAM_SYSTEM_SHUTDOWN
               ? CLIENT_LOST
               : CLIENT_FAILED;
}

/* Whoever scans ports does not fill the log; who has logged in is told of each time. */
static enum log_level worth(struct client *client)
{
    bool told = client->jid || admission_tells(client->worker->admission, client_address(client));

    return told ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG;
}

static void on_ended(void *user, int condition, const char *text, bool abrupt)
{
    struct client *client = user;

    client->ended = true;
    if (!abrupt)
        client->end = client_end_of(condition);
    if (condition >= 0)
        log_event(worth(client), "stream_error", LOG_TEXT("sid", stream_id(client->stream)),
                  LOG_TEXT("addr", client_address(client)),
                  LOG_TEXT("jid", client->jid ? client->jid->full : NULL),
                  LOG_TEXT("condition", stream_condition_name(condition)), LOG_TEXT("text", text));
    leave_session(client);
    (abrupt ? transport_abort : transport_close)(&client->transport);
    if (client->worker->stopping || client->worker->drain)
        client_part(client);
}

static const struct stream_ops stream_ops = {
    .write = on_write,
    .header = on_header,
    .stanza = client_stanza,
    .hold = on_hold,
    .arm = on_arm,
    .ended = on_ended,
};

void client_transport_secured(struct client *client)
{
    struct tls_session *tls = transport_tls(&client->transport);

    log_debug("client_secured", LOG_TEXT("addr", client_address(client)),
              LOG_TEXT("version", tls ? tls_version(tls) : NULL),
              LOG_TEXT("cipher", tls ? tls_cipher(tls) : NULL));
    stream_set_flag(client->stream, STREAM_SECURE);
}

void client_transport_data(struct client *client, const char *bytes, size_t length)
{
    client_heard(client, length);
    stream_feed(client->stream, bytes, length);
}

void client_transport_drained(struct client *client)
{
    struct worker *worker = client->worker;

    client_deadline(client, DEADLINE_SEND, 0);
    if (client->channel)
        relay_writable(client);
    else if (client->session && worker->plugin->writable)
        worker->plugin->writable(worker->plugin_state, client->session);
}

/* Of the handshake nothing can be told, but that it was too slow. */
static void note_slow_handshake(struct client *client, int reason)
{
    if (reason == ERR_TIMEOUT && !stream_has_flag(client->stream, STREAM_SECURE) &&
        transport_tls(&client->transport))
        limit_reached("tls-timeout");
}

void client_transport_closed(struct client *client, int reason)
{
    note_slow_handshake(client, reason);
    log_debug("client_closed", LOG_TEXT("sid", stream_id(client->stream)),
              LOG_TEXT("addr", client_address(client)), LOG_ERROR(reason));
    leave_session(client);
    if (client->stranger)
        admission_done(client->worker->admission, client_address(client));
    timer_close(client->timer);
    stream_free(client->stream);
    worker_client_closed(client->worker, client);
    domains_unref(client->domains);
    sasl2_free(client->sasl2);
    free(client->from);
    free(client->device);
    free(client->jid);
    free(client);
}

bool client_is_welcome(struct worker *worker, const char *peer)
{
    const char *limit;

    if (worker->stopping || worker->drain) {
        client_not_welcome(worker, peer, "stopping");
        return false;
    }
    limit = admission_enter(worker->admission, peer);
    if (limit)
        client_not_welcome(worker, peer, limit);
    return limit == NULL;
}

void client_not_welcome(struct worker *worker, const char *peer, const char *reason)
{
    if (strcmp(reason, "stopping") != 0)
        limit_reached(reason);
    log_event(admission_tells(worker->admission, peer) ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG,
              "connection_refused", LOG_TEXT("addr", peer), LOG_TEXT("reason", reason));
}

struct client *client_new(struct worker *worker, const struct stream_profile *profile,
                          const char *peer)
{
    struct client *client = xcalloc(1, sizeof(*client));

    client->worker = worker;
    client->domains = domains_ref(worker->domains);
    client->stranger = true;
    client->token = -1;
    client->timer = timer_new(worker->loop, client_timer_fired, client);
    client->since_us = clock_monotonic_us();
    client->heard_ms = client->since_us / 1000;
    if (!admission_is_exempt(worker->admission, peer))
        rate_init(&client->bytes, worker->limits.bytes_before_auth,
                  worker->limits.bytes_before_auth * STRANGER_BURST_SECONDS, client->heard_ms);
    client->stream =
        stream_new(profile, worker->parsers, &worker->limits.before_auth, &stream_ops, client);
    DL_APPEND(worker->clients, client);
    worker->clients_count++;
    return client;
}

void client_begin(struct client *client)
{
    struct worker *worker = client->worker;

    client_deadline(client, DEADLINE_LOGIN,
                    admission_stressed(worker->admission) ? worker->limits.login_ms / 3
                                                          : worker->limits.login_ms);
    /* RFC 6120 §4.7.1: every header of ours has a "from", also one that only begins an error. */
    stream_open(client->stream, NULL, worker->network);
}

void client_shutdown(struct client *client, const char *text)
{
    if (client->ended)
        client_part(client);
    else
        stream_fail(client->stream, STREAM_SYSTEM_SHUTDOWN, text);
}
