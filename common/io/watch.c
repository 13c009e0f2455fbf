/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Files over uv_fs_event_t: the directory is watched, because a file that is replaced atomically is
 * another one afterwards.
 */
#include "common/io/watch.h"

#include <libgen.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include "common/base/error.h"
#include "common/base/memory.h"
#include "common/io/timer.h"

/* An editor writes in several steps. */
#define SETTLE_MS 50

struct watch {
    uv_fs_event_t handle;
    struct timer *settle;
    char *name; /* in its directory */
    void (*changed)(void *user);
    void *user;
};

static void on_event(uv_fs_event_t *handle, const char *name, int events, int status)
{
    struct watch *watch = CONTAINER_OF(handle, struct watch, handle);

    (void)events;
    if (status == 0 && (!name || strcmp(name, watch->name) == 0))
        timer_start(watch->settle, SETTLE_MS, 0);
}

static void on_settled(void *user)
{
    struct watch *watch = user;

    watch->changed(watch->user);
}

static void on_close(uv_handle_t *handle)
{
    struct watch *watch = CONTAINER_OF((uv_fs_event_t *)handle, struct watch, handle);

    free(watch->name);
    free(watch);
}

void watch_close(struct watch *watch)
{
    if (!watch)
        return;
    timer_close(watch->settle);
    uv_close((uv_handle_t *)&watch->handle, on_close);
}

int watch_new(struct loop *loop, const char *path, void (*changed)(void *user), void *user,
              struct watch **watch)
{
    struct watch *made = xcalloc(1, sizeof(*made));
    char *first = xstrdup(path), *second = xstrdup(path);

    made->name = xstrdup(basename(first));
    made->changed = changed;
    made->user = user;
    made->settle = timer_new(loop, on_settled, made);
    int failed = uv_fs_event_init(loop_uv(loop), &made->handle);
    if (!failed)
        failed = uv_fs_event_start(&made->handle, on_event, dirname(second), 0);
    free(first);
    free(second);
    if (failed) {
        watch_close(made);
        return ERR_SYSTEM;
    }
    *watch = made;
    return 0;
}
