/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The link's life: connecting, losing the router, coming back.
 */
#include "common/component/link.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/component/link_internal.h"
#include "common/tls/crypto.h"

#define QUEUE_BYTES       ((size_t)4 * 1024 * 1024)
#define PATIENCE_MS       30000
#define RETRY_BASE_MS     100
#define RETRY_CAP_MS      5000
#define INCARNATION_BYTES 16

static const char *const STATE_NAMES[LINK_STATES] = {
    [LINK_WAITING] = "waiting", [LINK_CONNECTING] = "connecting",
    [LINK_OPENING] = "opening", [LINK_BINDING] = "binding",
    [LINK_UP] = "up",           [LINK_CLOSING] = "closing",
};

void link_enter(struct link *link, enum link_state state)
{
    log_debug("link_state", LOG_TEXT("name", link->name),
              LOG_TEXT("from", STATE_NAMES[link->state]), LOG_TEXT("to", STATE_NAMES[state]));
    link->state = state;
}

bool link_is_open(const struct link *link)
{
    return link->state == LINK_BINDING || link->state == LINK_UP;
}

/* --- the end --- */

static void link_free(struct link *link)
{
    timer_close(link->retry_timer);
    timer_close(link->stream_timer);
    timer_close(link->bind_timer);
    timer_close(link->queue_timer);
    binds_free(link);
    if (link->secret)
        crypto_wipe(link->secret, strlen(link->secret));
    free(link->secret);
    free(link->address);
    free(link->name);
    free(link->incarnation);
    free(link);
}

static void finish(void *user)
{
    struct link *link = user;
    queue_return_all(link);
    link->ops->closed(link->user);
    link_free(link);
}

/* --- the connection --- */

static void on_connected(void *user)
{
    struct link *link = user;
    link_enter(link, LINK_OPENING);
    link_open_stream(link);
}

static void on_data(void *user, const char *bytes, size_t length)
{
    struct link *link = user;
    stream_feed(link->stream, bytes, length);
}

static void on_drained(void *user)
{
    queue_drained(user);
}

static void come_back_later(struct link *link)
{
    link_enter(link, LINK_WAITING);
    timer_start(link->retry_timer, backoff_ms(link->attempt++, RETRY_BASE_MS, RETRY_CAP_MS), 0);
}

static void log_loss(const struct link *link, bool was_up, int reason)
{
    const char *why = reason ? error_text(reason) : "closed by the router";
    if (was_up)
        log_warn("link_down", LOG_TEXT("name", link->name), LOG_TEXT("addr", link->address),
                 LOG_TEXT("reason", why));
    else
        log_warn("link_failed", LOG_TEXT("name", link->name), LOG_TEXT("addr", link->address),
                 LOG_TEXT("reason", why));
}

static void on_closed(void *user, int reason)
{
    struct link *link = user;
    bool was_up = link->state == LINK_UP;
    timer_stop(link->stream_timer);
    stream_free(link->stream);
    link->stream = NULL;
    link->conn = NULL;
    binds_lost(link);
    if (link->state == LINK_CLOSING) {
        finish(link);
        return;
    }
    log_loss(link, was_up, reason);
    come_back_later(link);
    if (was_up)
        link->ops->down(link->user);
    queue_drained(link); /* what the router never read is gone */
}

static const struct conn_ops conn_ops = {
    .connected = on_connected,
    .data = on_data,
    .drained = on_drained,
    .closed = on_closed,
};

static void dial(void *user)
{
    struct link *link = user;
    link_enter(link, LINK_CONNECTING);
    link->conn = conn_connect(link->loop, link->address, &conn_ops, link);
}

static void on_stream_timer(void *user)
{
    struct link *link = user;
    stream_timeout(link->stream);
}

/* --- the beginning --- */

struct link *link_new(struct loop *loop, struct parser_pool *pool,
                      const struct link_settings *settings, const struct link_ops *ops, void *user)
{
    struct link *link = xcalloc(1, sizeof(*link));
    link->loop = loop;
    link->pool = pool;
    link->ops = ops;
    link->user = user;
    link->address = xstrdup(settings->address);
    link->name = xstrdup(settings->name);
    link->secret = xstrdup_or_null(settings->secret);
    link->queue_max = settings->queue_bytes ? settings->queue_bytes : QUEUE_BYTES;
    link->patience_ms = settings->patience_ms ? settings->patience_ms : PATIENCE_MS;
    link->is_plain = settings->is_plain;
    link->may_durable = settings->durable && ops->offer;
    link->incarnation = xmalloc(2 * INCARNATION_BYTES + 1);
    crypto_random_hex(link->incarnation, INCARNATION_BYTES);
    link->retry_timer = timer_new(loop, dial, link);
    link->stream_timer = timer_new(loop, on_stream_timer, link);
    link->bind_timer = timer_new(loop, binds_retry, link);
    link->queue_timer = timer_new(loop, queue_expire, link);
    timer_start(link->retry_timer, 0, 0);
    return link;
}

bool link_is_up(const struct link *link)
{
    return link->state == LINK_UP;
}

const char *link_problem(const struct link *link)
{
    return link_is_up(link) ? NULL : "the router cannot be reached";
}

const char *link_incarnation(const struct link *link)
{
    return link->incarnation;
}

void link_close(struct link *link)
{
    if (link->state == LINK_CLOSING)
        return;
    link_enter(link, LINK_CLOSING);
    timer_stop(link->retry_timer);
    timer_stop(link->bind_timer);
    timer_stop(link->queue_timer);
    if (!link->conn) {
        loop_defer(link->loop, finish, link);
        return;
    }
    if (link->stream)
        stream_close(link->stream);
    conn_close(link->conn);
}
