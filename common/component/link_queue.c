/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What is sent: at once while the router is there, else it waits here for as long as patience
 * lasts.
 */
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/base/table.h"
#include "common/component/link_internal.h"
#include "common/xmpp/namespaces.h"

size_t queue_pending(const struct link *link)
{
    return link->queue_size + (link->conn ? conn_queued(link->conn) : 0);
}

static void enqueue(struct link *link, struct stanza *stanza, size_t size)
{
    struct queued *queued = xcalloc(1, sizeof(*queued));
    queued->stanza = stanza_ref(stanza);
    queued->size = size;
    queued->deadline_ms = clock_monotonic_ms() + link->patience_ms;
    DL_APPEND(link->queue, queued);
    link->queue_size += size;
    if (!timer_active(link->queue_timer))
        timer_start(link->queue_timer, link->patience_ms, 0);
}

static struct stanza *dequeue(struct link *link)
{
    struct queued *queued = link->queue;
    struct stanza *stanza = queued->stanza;
    DL_DELETE(link->queue, queued);
    link->queue_size -= queued->size;
    free(queued);
    return stanza;
}

int link_send(struct link *link, struct stanza *stanza)
{
    struct buffer out = {0};
    int error = 0;
    if (link->state == LINK_CLOSING)
        return ERR_STATE;
    stanza_write(&out, stanza, NS_COMPONENT);
    if (queue_pending(link) + out.length > link->queue_max)
        error = ERR_LIMIT;
    else if (link->state == LINK_UP)
        stream_send_bytes(link->stream, out.data, out.length);
    else
        enqueue(link, stanza, out.length);
    buffer_fini(&out);
    link->congested = link->congested || link_is_congested(link);
    return error;
}

bool link_is_congested(const struct link *link)
{
    return queue_pending(link) > MIN(CONN_HIGH_WATER, link->queue_max / 2);
}

void queue_drained(struct link *link)
{
    if (!link->congested || link_is_congested(link) || link->state == LINK_CLOSING)
        return;
    link->congested = false;
    if (link->ops->drained)
        link->ops->drained(link->user);
}

void queue_flush(struct link *link)
{
    timer_stop(link->queue_timer);
    while (link->queue) {
        struct stanza *stanza = dequeue(link);
        stream_send(link->stream, stanza);
        stanza_unref(stanza);
    }
}

void queue_return_all(struct link *link)
{
    while (link->queue)
        link->ops->undelivered(link->user, dequeue(link));
}

void queue_expire(void *user)
{
    struct link *link = user;
    uint64_t now = clock_monotonic_ms();
    size_t count = 0;
    while (link->queue && link->queue->deadline_ms <= now) {
        link->ops->undelivered(link->user, dequeue(link));
        count++;
    }
    if (link->queue)
        timer_start(link->queue_timer, link->queue->deadline_ms - now, 0);
    if (count > 0)
        log_warn("link_undelivered", LOG_TEXT("name", link->name), LOG_INT("stanzas", count));
    queue_drained(link);
}
