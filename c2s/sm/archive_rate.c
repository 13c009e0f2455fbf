/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * How often an account may ask its archive. A client that reads page after page is slowed down,
 * which it does not notice as an error; only who asks far more at once than it can be given is
 * refused.
 */
#include <stdlib.h>

#include "c2s/rate.h"
#include "c2s/sm/archive.h"
#include "common/base/clock.h"
#include "common/base/limit.h"

/* What is given in so many seconds may be asked at once, and as much more waits for its turn. */
#define BURST_SECONDS 2

#define TICK_MS 50

struct waiting {
    struct sm_request *request;
    void (*start)(struct sm_request *request);
    uint64_t due_ms;
    struct waiting *prev, *next;
};

struct archive_rates {
    struct timer *timer;
    struct waiting *waiting;
};

static void begin(struct archive_rates *rates, struct waiting *waiting)
{
    struct sm_request *request = waiting->request;
    void (*start)(struct sm_request *) = waiting->start;

    DL_DELETE(rates->waiting, waiting);
    free(waiting);
    start(request);
}

static void begin_due(void *user)
{
    struct archive_rates *rates = user;
    struct waiting *waiting, *next;
    uint64_t now = clock_monotonic_ms();

    DL_FOREACH_SAFE (rates->waiting, waiting, next) {
        if (waiting->due_ms <= now)
            begin(rates, waiting);
    }
    if (!rates->waiting)
        timer_stop(rates->timer);
}

static void wait_until(struct sm *sm, struct sm_request *request,
                       void (*start)(struct sm_request *), uint64_t due_ms)
{
    struct archive_rates *rates = sm->archive_rates;
    struct waiting *waiting = xcalloc(1, sizeof(*waiting));

    waiting->request = request;
    waiting->start = start;
    waiting->due_ms = due_ms;
    if (!rates->waiting)
        timer_start(rates->timer, TICK_MS, TICK_MS);
    DL_APPEND(rates->waiting, waiting);
}

static struct rate *rate_of(struct account *account, uint64_t now)
{
    size_t per_second = account->sm->limits.archive_queries;

    if (!account->archive_rate) {
        account->archive_rate = xcalloc(1, sizeof(*account->archive_rate));
        rate_init(account->archive_rate, per_second, BURST_SECONDS * per_second, now);
    }
    return account->archive_rate;
}

void archive_rate(struct sm_request *request, void (*start)(struct sm_request *request))
{
    uint64_t now = clock_monotonic_ms();
    struct rate *rate = rate_of(request->account, now);
    uint64_t wait = rate_take(rate, 1, now);

    if (wait == 0) {
        start(request);
    } else if (rate->tokens_milli <= -(int64_t)rate->burst * 1000) {
        rate->tokens_milli += 1000; /* what is refused costs nothing */
        limit_reached("archive-queries");
        sm_error(request, STANZA_RESOURCE_CONSTRAINT, "too many queries to the archive");
    } else {
        wait_until(request->sm, request, start, now + wait);
    }
}

static void forget(struct session *session)
{
    struct archive_rates *rates = session->account->sm->archive_rates;
    struct waiting *waiting, *next;

    DL_FOREACH_SAFE (rates->waiting, waiting, next) {
        if (waiting->request->session == session) {
            waiting->start = sm_result; /* nobody is there to hear it */
            begin(rates, waiting);
        }
    }
}

static void start(struct sm *sm)
{
    sm->archive_rates = xcalloc(1, sizeof(*sm->archive_rates));
    sm->archive_rates->timer = timer_new(sm->loop, begin_due, sm->archive_rates);
}

static void stop(struct sm *sm)
{
    timer_close(sm->archive_rates->timer);
    free(sm->archive_rates);
}

static void unload(struct account *account)
{
    free(account->archive_rate);
    account->archive_rate = NULL;
}

const struct sm_module archive_rate_module = {
    .name = "archive_rate",
    .start = start,
    .stop = stop,
    .unload = unload,
    .session_closed = forget,
};
