/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What the session manager counts.
 */
#include "common/service/metrics.h"
#include "c2s/sm/core.h"
#include "c2s/sm/dispatch.h"
#include "c2s/sm/outbox.h"
#include "c2s/sm/plugin.h"

static void read_accounts(void *state, struct metric_samples *samples)
{
    metric_add(samples, (double)((const struct sm *)state)->accounts_alive, NULL);
}

static void read_sessions(void *state, struct metric_samples *samples)
{
    size_t connected = 0, waiting = 0;

    for (const struct account *at = ((const struct sm *)state)->accounts; at; at = at->hh.next) {
        const struct session *session;

        ACCOUNT_SESSIONS (session, at) {
            ++*(session->waiting ? &waiting : &connected);
        }
    }
    metric_add(samples, (double)connected, METRIC_LABELS({"state", "connected"}));
    metric_add(samples, (double)waiting, METRIC_LABELS({"state", "waiting"}));
}

static void read_requests(void *state, struct metric_samples *samples)
{
    metric_add(samples, ((const struct sm *)state)->requests, NULL);
}

/* "{namespace}name get" as the row of the table has it. */
static void read_iqs(void *state, struct metric_samples *samples)
{
    const struct sm *sm = state;

    for (const struct sm_iq_row *row = sm->iqs; row; row = row->hh.next) {
        metric_add(samples, (double)row->handled,
                   METRIC_LABELS({"request", row->key}, {"outcome", "served"}));
        metric_add(samples, (double)row->refused,
                   METRIC_LABELS({"request", row->key}, {"outcome", "refused"}));
    }
    metric_add(samples, (double)sm->iqs_unknown,
               METRIC_LABELS({"request", ""}, {"outcome", "unknown"}));
}

static void read_outbox(void *state, struct metric_samples *samples)
{
    size_t bytes;

    metric_add(samples, (double)outbox_count(state, &bytes), NULL);
}

static void read_outbox_bytes(void *state, struct metric_samples *samples)
{
    size_t bytes;

    outbox_count(state, &bytes);
    metric_add(samples, (double)bytes, NULL);
}

const struct metric sm_metrics[] = {
    {"kontalk_sm_accounts", METRIC_GAUGE, "Accounts in memory.", read_accounts},
    {"kontalk_sm_sessions", METRIC_GAUGE,
     "Sessions with their client, and those that wait for it (XEP-0198).", read_sessions},
    {"kontalk_sm_requests", METRIC_GAUGE, "Requests that are being answered.", read_requests},
    {"kontalk_sm_iqs", METRIC_COUNTER, "Requests by what they ask for.", read_iqs},
    {"kontalk_sm_outbox", METRIC_GAUGE,
     "Messages that wait for other servers, nodes, homes and rooms.", read_outbox},
    {"kontalk_sm_outbox_bytes", METRIC_GAUGE, "How large they are together.", read_outbox_bytes},
    {0},
};
