/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The loop over libuv. Deferred tasks and flushes run behind the timers (uv_prepare) and behind the
 * descriptors (uv_check) of a turn; while any is waiting an idle handle keeps libuv from sleeping.
 */
#include "common/io/loop.h"

#include <stdbool.h>
#include <stdlib.h>

#include <uv.h>

#include "common/base/fault_point.h"
#include "common/base/memory.h"
#include "common/base/table.h"
#include "common/io/loop_internal.h"

/* Holds four whole TLS records: what one read of a descriptor may bring. */
#define SCRATCH_SIZE ((size_t)64 * 1024)

struct loop_task {
    struct loop_task *prev, *next;
    void (*task)(void *user); /* NULL: cancelled */
    void *user;
};

struct loop {
    uv_loop_t uv;
    uv_prepare_t behind_timers;
    uv_check_t behind_descriptors;
    uv_idle_t awake;
    struct loop_task *tasks;
    struct loop_flush *flushes;
    char *scratch;
};

static void stay_awake(uv_idle_t *idle)
{
    (void)idle;
}

/* Only the tasks that are waiting now: what they defer comes after the next callbacks, so that a
 * task that defers itself does not starve the descriptors. */
static void run_tasks(struct loop *loop)
{
    struct loop_task *tasks = loop->tasks;
    loop->tasks = NULL;
    while (tasks) {
        struct loop_task *task = tasks;
        DL_DELETE(tasks, task);
        if (task->task) {
            task->task(task->user);
        }
        free(task);
    }
}

/* The length is taken before, for the same reason as in run_tasks(). */
static void run_flushes(struct loop *loop)
{
    struct loop_flush *flush;
    size_t left;
    DL_COUNT(loop->flushes, flush, left);
    while (left-- > 0 && loop->flushes) {
        flush = loop->flushes;
        loop_flush_remove(loop, flush);
        flush->run(flush);
    }
}

static void end_of_callbacks(struct loop *loop)
{
    run_tasks(loop);
    run_flushes(loop);
    FAULT_POINT_FLUSHED();
    if (!loop->tasks && !loop->flushes) {
        uv_idle_stop(&loop->awake);
    }
}

static void on_prepare(uv_prepare_t *handle)
{
    end_of_callbacks(CONTAINER_OF(handle, struct loop, behind_timers));
}

static void on_check(uv_check_t *handle)
{
    end_of_callbacks(CONTAINER_OF(handle, struct loop, behind_descriptors));
}

struct loop *loop_new(void)
{
    struct loop *loop = xcalloc(1, sizeof(*loop));
    if (uv_loop_init(&loop->uv) != 0) {
        abort(); /* out of descriptors before anything was served */
    }
    uv_prepare_init(&loop->uv, &loop->behind_timers);
    uv_check_init(&loop->uv, &loop->behind_descriptors);
    uv_idle_init(&loop->uv, &loop->awake);
    uv_prepare_start(&loop->behind_timers, on_prepare);
    uv_check_start(&loop->behind_descriptors, on_check);
    uv_unref((uv_handle_t *)&loop->behind_timers);
    uv_unref((uv_handle_t *)&loop->behind_descriptors);
    loop->scratch = xmalloc(SCRATCH_SIZE);
    return loop;
}

/* uv_run() returns early, with more to do, only after loop_stop(). */
static void run_to_the_end(struct loop *loop)
{
    while (uv_run(&loop->uv, UV_RUN_DEFAULT) != 0) {
    }
}

void loop_free(struct loop *loop)
{
    run_to_the_end(loop);
    uv_close((uv_handle_t *)&loop->behind_timers, NULL);
    uv_close((uv_handle_t *)&loop->behind_descriptors, NULL);
    uv_close((uv_handle_t *)&loop->awake, NULL);
    run_to_the_end(loop);
    if (uv_loop_close(&loop->uv) != 0) {
        abort(); /* somebody left a handle open that libuv would go on using */
    }
    free(loop->scratch);
    free(loop);
}

void loop_run(struct loop *loop)
{
    uv_run(&loop->uv, UV_RUN_DEFAULT);
}

void loop_stop(struct loop *loop)
{
    uv_stop(&loop->uv);
}

uv_loop_t *loop_uv(struct loop *loop)
{
    return &loop->uv;
}

char *loop_scratch(struct loop *loop, size_t *size)
{
    *size = SCRATCH_SIZE;
    return loop->scratch;
}

struct loop_task *loop_defer(struct loop *loop, void (*task)(void *user), void *user)
{
    struct loop_task *deferred = xcalloc(1, sizeof(*deferred));
    deferred->task = task;
    deferred->user = user;
    DL_APPEND(loop->tasks, deferred);
    uv_idle_start(&loop->awake, stay_awake);
    return deferred;
}

void loop_defer_cancel(struct loop_task *task)
{
    task->task = NULL;
}

/* A linked element of a utlist always has a `prev`. */
void loop_flush_add(struct loop *loop, struct loop_flush *flush)
{
    if (flush->prev) {
        return;
    }
    DL_APPEND(loop->flushes, flush);
    uv_idle_start(&loop->awake, stay_awake);
}

void loop_flush_remove(struct loop *loop, struct loop_flush *flush)
{
    if (!flush->prev) {
        return;
    }
    DL_DELETE(loop->flushes, flush);
    flush->prev = NULL;
    flush->next = NULL;
}

struct work {
    uv_work_t request;
    void (*work)(void *user);
    void (*done)(void *user);
    void *user;
};

static void work_run(uv_work_t *request)
{
    struct work *work = CONTAINER_OF(request, struct work, request);
    work->work(work->user);
}

static void work_done(uv_work_t *request, int status)
{
    (void)status; /* never cancelled */
    struct work *work = CONTAINER_OF(request, struct work, request);
    work->done(work->user);
    free(work);
}

void loop_work(struct loop *loop, void (*work)(void *user), void (*done)(void *user), void *user)
{
    struct work *queued = xcalloc(1, sizeof(*queued));
    queued->work = work;
    queued->done = done;
    queued->user = user;
    uv_queue_work(&loop->uv, &queued->request, work_run, work_done);
}
