/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What kontalk-s2s counts.
 */
#include "common/service/certificates.h"
#include "s2s/in.h"
#include "s2s/pair.h"

static void read_out(void *state, struct metric_samples *samples)
{
    size_t counts[PAIR_STATES] = {0};

    for (const struct remote *remote = ((const struct server *)state)->remotes; remote;
         remote = remote->hh.next)
        for (const struct pair *pair = remote->pairs; pair; pair = pair->next)
            counts[pair->state]++;
    for (int i = 0; i < PAIR_STATES; i++)
        metric_add(samples, (double)counts[i],
                   METRIC_LABELS({"state", pair_state_name((enum pair_state)i)}));
}

static void read_in(void *state, struct metric_samples *samples)
{
    size_t proven = 0, unproven = 0;

    for (const struct in *in = ((const struct server *)state)->ins; in; in = in->next)
        ++*(in->proven ? &proven : &unproven);
    metric_add(samples, (double)proven, METRIC_LABELS({"state", "proven"}));
    metric_add(samples, (double)unproven, METRIC_LABELS({"state", "unproven"}));
}

static void read_queued(void *state, struct metric_samples *samples)
{
    metric_add(samples, (double)((const struct server *)state)->queued_bytes, NULL);
}

static void read_inbound(void *state, struct metric_samples *samples)
{
    metric_add(samples, (double)((const struct server *)state)->inbound_bytes, NULL);
}

static void read_verifications(void *state, struct metric_samples *samples)
{
    metric_add(samples, ((const struct server *)state)->verifications, NULL);
}

static void read_certificates(void *state, struct metric_samples *samples)
{
    certificates_add(policy_server_tls(((const struct server *)state)->policy, false), samples);
}

const char *server_problem(void *state)
{
    return link_problem(((const struct server *)state)->link);
}

const struct metric server_metrics[] = {
    {"kontalk_s2s_out", METRIC_GAUGE, "Pairs of domains that something goes out for.", read_out},
    {"kontalk_s2s_in", METRIC_GAUGE, "Streams from other servers.", read_in},
    {"kontalk_s2s_queued_bytes", METRIC_GAUGE,
     "What waits for other servers, or was not acknowledged by them.", read_queued},
    {"kontalk_s2s_inbound_bytes", METRIC_GAUGE,
     "What came from them and nobody here has taken yet.", read_inbound},
    {"kontalk_s2s_verifications", METRIC_GAUGE, "Keys of dialback in question at other servers.",
     read_verifications},
    {"kontalk_s2s_certificate_end_seconds", METRIC_GAUGE,
     "When a certificate in use ends, since 1970.", read_certificates},
    {0},
};
