/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The life of a component's connection and stream.
 */
#include "router/component.h"

#include <stdlib.h>
#include <unistd.h>

#include "common/base/error.h"
#include "common/base/fault_point.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/tls/crypto.h"

#define INCARNATION_BYTES 16
/* Streams through one door, so that one role cannot use up the descriptors of all. */
#define CONNECTIONS_MAX 1024

const char *component_role(const struct component *component)
{
    return role_name(component->door->role);
}

/* --- leaving --- */

static void withdraw(struct component *component)
{
    struct router *router = component->router;
    if (component->gone)
        return;
    component->gone = true;
    hold_forget(router->hold, component);
    unbind_all(component);
    durable_ready(component);
    durable_forget(component);
}

void component_cut(struct component *component)
{
    withdraw(component);
    conn_abort(component->conn);
}

void component_fail(struct component *component, enum stream_condition condition, const char *text)
{
    stream_fail(component->stream, condition, text);
    withdraw(component);
}

static void component_free(struct component *component)
{
    timer_close(component->timer);
    stream_free(component->stream);
    free(component->name);
    free(component->incarnation);
    free(component->end_text);
    free(component);
}

static void on_closed(void *user, int reason)
{
    struct component *component = user;
    struct router *router = component->router;
    withdraw(component);
    log_info("component_closed", LOG_TEXT("sid", stream_id(component->stream)),
             LOG_TEXT("role", component_role(component)), LOG_TEXT("name", component->name),
             LOG_TEXT("addr", conn_peer_address(component->conn)),
             LOG_TEXT("error", component->condition < 0
                                   ? NULL
                                   : stream_condition_name(component->condition)),
             LOG_TEXT("text", component->end_text),
             LOG_TEXT("reason", reason ? error_text(reason) : "closed by the component"));
    component->door->connected--;
    component->door->unproven -= component->proven ? 0 : 1;
    DL_DELETE(router->components, component);
    component_free(component);
    router_component_gone(router);
}

/* --- sending --- */

bool component_has_room(const struct component *component, size_t length)
{
    return !component->gone && !component->overrun &&
           conn_queued(component->conn) + length <= component->router->queue_size;
}

void component_send(struct component *component, const char *bytes, size_t length)
{
    component->counters.out++;
    stream_send_bytes(component->stream, bytes, length);
    FAULT_POINT_WRITTEN(router_out);
}

void component_send_control(struct component *component, const char *bytes, size_t length)
{
    if (component->gone || component->overrun)
        return;
    if (conn_queued(component->conn) + length > 2 * component->router->queue_size) {
        /* Its routes go when the connection has closed: we may be announcing some at the moment. */
        log_warn("component_overrun", LOG_TEXT("role", component_role(component)),
                 LOG_TEXT("name", component->name));
        component->overrun = true;
        conn_abort(component->conn);
        return;
    }
    stream_send_bytes(component->stream, bytes, length);
}

/* --- the stream --- */

static void on_write(void *user, const char *bytes, size_t length)
{
    struct component *component = user;
    conn_write(component->conn, bytes, length);
}

static int on_header(void *user, const struct stream_header *header)
{
    return handshake_header(user, header);
}

static void on_stanza(void *user, struct stanza *stanza, int problem, const char *bytes,
                      size_t length)
{
    struct component *component = user;
    component->counters.in++;
    component_decided(component);
    forward_stanza(component, stanza, problem, bytes, length);
}

static void on_hold(void *user, bool hold)
{
    struct component *component = user;
    if (hold)
        conn_pause(component->conn);
    else
        conn_resume(component->conn);
}

static void on_arm(void *user, uint64_t after_ms)
{
    struct component *component = user;
    if (after_ms > 0)
        timer_start(component->timer, after_ms, 0);
    else
        timer_stop(component->timer);
}

static void on_ended(void *user, int condition, const char *text, bool abrupt)
{
    struct component *component = user;
    (void)abrupt; /* only TLS ends abruptly */
    component->condition = condition;
    component->end_text = xstrdup_or_null(text);
    withdraw(component);
    conn_close(component->conn);
}

static const struct stream_ops stream_ops = {
    .write = on_write,
    .header = on_header,
    .stanza = on_stanza,
    .hold = on_hold,
    .arm = on_arm,
    .ended = on_ended,
};

/* --- the connection --- */

static void on_timer(void *user)
{
    struct component *component = user;
    stream_timeout(component->stream);
}

static void on_data(void *user, const char *bytes, size_t length)
{
    struct component *component = user;
    component->heard = true;
    stream_feed(component->stream, bytes, length);
}

static void on_drained(void *user)
{
    durable_ready(user);
}

static const struct conn_ops conn_ops = {
    .data = on_data,
    .drained = on_drained,
    .closed = on_closed,
};

static bool has_place(const struct router_listener *door)
{
    if (door->connected >= CONNECTIONS_MAX)
        return false;
    return door->unproven < door->router->unproven_max;
}

void component_accept(struct router_listener *door, int fd)
{
    struct router *router = door->router;
    if (router->stopped || !has_place(door)) {
        log_warn("component_refused", LOG_TEXT("role", role_name(door->role)),
                 LOG_INT("connected", door->connected), LOG_INT("unproven", door->unproven));
        close(fd);
        return;
    }
    struct component *component = xcalloc(1, sizeof(*component));
    component->router = router;
    component->door = door;
    component->condition = -1;
    component->incarnation = xmalloc(2 * INCARNATION_BYTES + 1);
    crypto_random_hex(component->incarnation, INCARNATION_BYTES);
    component->timer = timer_new(router->loop, on_timer, component);
    component->conn = conn_accepted(router->loop, fd, &conn_ops, component);
    component->stream = stream_new(&router->profile, router->pool, &parser_limits_before_auth,
                                   &stream_ops, component);
    door->connected++;
    door->unproven++;
    DL_APPEND(router->components, component);
    stream_open(component->stream, NULL, NULL);
}
