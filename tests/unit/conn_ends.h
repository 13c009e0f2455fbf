/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Two ends of a connection in one loop, for the tests of connections.
 */
#pragma once

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <uv.h>

#include "common/base/buffer.h"
#include "common/base/error.h"
#include "common/base/memory.h"
#include "common/io/conn.h"
#include "common/io/timer.h"
#include "tests/unit/unit.h"

/* One end of a connection and what happened to it. */
struct end {
    struct conn *conn;
    struct end *other;
    struct buffer got;
    int connected, secured, drained, closed, reason;
    void (*on_data)(struct end *end);
    void (*on_drained)(struct end *end);
    void (*on_secured)(struct end *end);
};

static void on_connected(void *user)
{
    ((struct end *)user)->connected++;
}

static void on_data(void *user, const char *bytes, size_t length)
{
    struct end *end = user;
    assert_int_equal(end->closed, 0);
    assert_true(length > 0);
    buffer_append(&end->got, bytes, length);
    if (end->on_data) {
        end->on_data(end);
    }
}

static void on_drained(void *user)
{
    struct end *end = user;
    assert_int_equal(end->closed, 0);
    end->drained++;
    if (end->on_drained) {
        end->on_drained(end);
    }
}

static void on_secured(void *user)
{
    struct end *end = user;
    end->secured++;
    if (end->on_secured) {
        end->on_secured(end);
    }
}

static void on_closed(void *user, int reason)
{
    struct end *end = user;
    end->closed++;
    end->reason = reason;
}

static const struct conn_ops ops = {
    .connected = on_connected,
    .secured = on_secured,
    .data = on_data,
    .drained = on_drained,
    .closed = on_closed,
};

struct world {
    struct loop *loop;
    struct end a, b;
};

static inline int setup(void **state)
{
    static struct world world;
    world = (struct world){.loop = loop_new()};
    world.a.other = &world.b;
    world.b.other = &world.a;
    *state = &world;
    return 0;
}

static inline int teardown(void **state)
{
    struct world *world = *state;
    loop_free(world->loop);
    buffer_fini(&world->a.got);
    buffer_fini(&world->b.got);
    return 0;
}

static inline void make_pair(struct world *world)
{
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    world->a.conn = conn_accepted(world->loop, fds[0], &ops, &world->a);
    world->b.conn = conn_accepted(world->loop, fds[1], &ops, &world->b);
}

/* `a` a connection, the other end a plain descriptor. */
static inline int make_half(struct world *world)
{
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    world->a.conn = conn_accepted(world->loop, fds[0], &ops, &world->a);
    return fds[1];
}

/* One turn of the loop that does not wait. */
static inline void turn(struct world *world)
{
    uv_run(loop_uv(world->loop), UV_RUN_NOWAIT);
}

static inline void assert_ended(const struct end *end, int reason)
{
    assert_int_equal(end->closed, 1);
    assert_int_equal(end->reason, reason);
}

static inline char *pattern(size_t length)
{
    char *bytes = xmalloc(length);
    for (size_t i = 0; i < length; i++) {
        bytes[i] = (char)(i * 2654435761u >> 24);
    }
    return bytes;
}
