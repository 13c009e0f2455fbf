/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * A client's deadlines share one timer, which is armed for the nearest; traffic only writes down
 * when it came, so an active client never touches the timer.
 */
#include "c2s/client.h"

#include "c2s/front/front.h"
#include "common/base/clock.h"
#include "common/base/limit.h"
#include "common/base/log.h"
#include "common/xmpp/namespaces.h"

/* How often a client is looked at that parts, and for how long, once its bytes are with the kernel:
 * that goes on sending them by itself. */
#define PART_MS  20
#define PART_MAX 50

static void arm(struct client *client)
{
    uint64_t nearest = 0;

    for (size_t i = 0; i < CLIENT_DEADLINES; i++)
        if (client->deadlines[i] && (nearest == 0 || client->deadlines[i] < nearest))
            nearest = client->deadlines[i];
    if (nearest == 0) {
        timer_stop(client->timer);
        return;
    }
    uint64_t now = clock_monotonic_ms();
    timer_start(client->timer, nearest > now ? nearest - now : 0, 0);
}

void client_deadline(struct client *client, enum client_deadline which, uint64_t after_ms)
{
    uint64_t before = client->deadlines[which];

    client->deadlines[which] = after_ms ? clock_monotonic_ms() + after_ms : 0;
    if (client->deadlines[which] != before)
        arm(client);
}

static void login_overdue(struct client *client)
{
    limit_reached("unauthenticated-timeout");
    stream_fail(client->stream, STREAM_CONNECTION_TIMEOUT, "no session in time");
}

/* Silence for long: the plugin asks; silence after it: gone. */
static void check_idle(struct client *client)
{
    const struct worker *worker = client->worker;
    const struct worker_limits *limits = &worker->limits;
    uint64_t silent = clock_monotonic_ms() - client->heard_ms;

    if (silent < limits->idle_ms) {
        client_deadline(client, DEADLINE_IDLE, limits->idle_ms - silent);
        return;
    }
    if (client->pinged) {
        limit_reached("ping-timeout");
        stream_fail(client->stream, STREAM_CONNECTION_TIMEOUT, "no answer");
        return;
    }
    client->pinged = true;
    client_deadline(client, DEADLINE_IDLE, limits->ping_ms);
    if (client->channel)
        relay_silent(client);
    else if (worker->plugin->silent && client->session)
        worker->plugin->silent(worker->plugin_state, client->session);
}

void client_stuck(struct client *client, const char *limit)
{
    limit_reached(limit);
    log_info("client_stuck", LOG_TEXT("sid", stream_id(client->stream)),
             LOG_TEXT("jid", client->jid ? client->jid->full : NULL),
             LOG_INT("queued", transport_queued(&client->transport)), LOG_TEXT("reason", limit));
    transport_abort(&client->transport);
}

static uint64_t taken(const struct client *client)
{
    return client->written - transport_queued(&client->transport);
}

static void expect_progress(struct client *client)
{
    client->taken = taken(client);
    client_deadline(client, DEADLINE_SEND, client->worker->limits.send_ms);
}

/* A slow network is no offence, as long as anything goes through it. */
static void send_overdue(struct client *client)
{
    if (taken(client) == client->taken)
        client_stuck(client, "send-timeout");
    else if (transport_queued(&client->transport) >= CONN_LOW_WATER)
        expect_progress(client);
}

static void rate_over(struct client *client)
{
    client->slowed = false;
    transport_resume(&client->transport);
}

static void stream_overdue(struct client *client)
{
    stream_timeout(client->stream);
}

static void answer(struct client *client)
{
    (client->login ? login_answer : registration_answer)(client);
}

static void part(struct client *client)
{
    bool sent = transport_queued(&client->transport) == 0;

    client->parts++;
    if (transport_has_drained(&client->transport) || (sent && client->parts >= PART_MAX))
        transport_abort(&client->transport);
    else if (client->parts < PART_MAX)
        client_deadline(client, DEADLINE_PART, PART_MS);
}

/* Only by TCP: of the others a connection carries more than the stream. */
void client_part(struct client *client)
{
    if (client_conn(client) && client->parts == 0)
        client_deadline(client, DEADLINE_PART, PART_MS);
}

void client_timer_fired(void *user)
{
    static void (*const due[CLIENT_DEADLINES])(struct client * client) = {
        [DEADLINE_LOGIN] = login_overdue, [DEADLINE_STREAM] = stream_overdue,
        [DEADLINE_IDLE] = check_idle,     [DEADLINE_SEND] = send_overdue,
        [DEADLINE_RATE] = rate_over,      [DEADLINE_ANSWER] = answer,
        [DEADLINE_TLS] = client_tls_turn, [DEADLINE_OWNER] = relay_overdue,
        [DEADLINE_PART] = part,
    };
    struct client *client = user;
    uint64_t now = clock_monotonic_ms();

    for (size_t i = 0; i < CLIENT_DEADLINES; i++) {
        bool over =
            client->ended && i != DEADLINE_SEND && i != DEADLINE_STREAM && i != DEADLINE_PART;
        if (client->deadlines[i] && (client->deadlines[i] <= now || over)) {
            client->deadlines[i] = 0;
            if (!over)
                due[i](client);
        }
    }
    arm(client);
}

void client_heard(struct client *client, size_t bytes)
{
    uint64_t now = clock_monotonic_ms();

    client->heard_ms = now;
    client->pinged = false;
    uint64_t wait = rate_take(&client->bytes, bytes, now);
    if (wait > 0 && !client->slowed) {
        client->slowed = true;
        limit_reached("rate-bytes");
        transport_pause(&client->transport);
        client_deadline(client, DEADLINE_RATE, wait);
    }
}

void client_watch_queue(struct client *client)
{
    if (client_is_full(client) && !client->deadlines[DEADLINE_SEND])
        expect_progress(client);
}

void client_time_bound(struct client *client)
{
    const struct worker_limits *limits = &client->worker->limits;
    uint64_t now = clock_monotonic_ms();

    client_deadline(client, DEADLINE_LOGIN, 0);
    client_deadline(client, DEADLINE_IDLE, limits->idle_ms);
    if (admission_is_exempt(client->worker->admission, client_address(client)))
        return;
    rate_init(&client->bytes, limits->bytes_per_second, limits->bytes_burst, now);
    rate_init(&client->stanzas, limits->stanzas_per_second, limits->stanzas_burst, now);
}
