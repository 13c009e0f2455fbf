/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The network document in a worker, and who wants to know when it changes.
 */
#include <stdlib.h>
#include <utlist.h>

#include "c2s/worker.h"
#include "common/base/memory.h"

struct worker_follower {
    void (*changed)(void *user, const struct network *before, const struct network *now);
    void *user;
    struct worker_follower *next;
};

static void on_changed(void *user, const struct network *before, const struct network *now)
{
    struct worker *worker = user;
    struct worker_follower *follower;

    LL_FOREACH (worker->followers, follower) {
        follower->changed(follower->user, before, now);
    }
}

int worker_open_document(struct worker *worker)
{
    const struct document_settings settings = {
        .loop = worker->loop, .config = worker->config, .changed = on_changed, .user = worker};

    return document_open(&settings, &worker->document);
}

void worker_close_document(struct worker *worker)
{
    struct worker_follower *follower, *next;

    document_close(worker->document);
    LL_FOREACH_SAFE (worker->followers, follower, next) {
        free(follower);
    }
}

void worker_follow_document(struct worker *worker,
                            void (*changed)(void *user, const struct network *before,
                                            const struct network *now),
                            void *user)
{
    struct worker_follower *follower = xcalloc(1, sizeof(*follower));

    follower->changed = changed;
    follower->user = user;
    LL_APPEND(worker->followers, follower);
}

const struct network *worker_document(const struct worker *worker)
{
    return worker->document ? document_network(worker->document) : NULL;
}

const struct network_member *worker_member(const struct worker *worker)
{
    return worker->document ? document_self(worker->document) : NULL;
}
