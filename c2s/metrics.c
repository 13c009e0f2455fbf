/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What a worker counts, and what keeps it from serving.
 */
#include "c2s/metrics.h"

#include <stdlib.h>
#include <string.h>

#include "c2s/client.h"
#include "c2s/slots.h"
#include "c2s/worker.h"
#include "common/base/memory.h"
#include "common/base/table.h"
#include "common/db/db.h"
#include "common/service/certificates.h"

static const char *const kinds[] = {
    [STANZA_MESSAGE] = "message", [STANZA_PRESENCE] = "presence", [STANZA_IQ] = "iq"};

/* Clients by a word of each: there are few words. */
struct tally {
    const char *word;
    size_t count;
};

#define TALLIES_MAX 16

/* Of one walk past all clients: made with the first family that needs it, gone with the last. */
struct census {
    struct tally states[TALLIES_MAX], transports[TALLIES_MAX], versions[TALLIES_MAX];
};

static void tally(struct tally *tallies, const char *word)
{
    struct tally *at = tallies;

    while (at->word && strcmp(at->word, word) != 0 && at < tallies + TALLIES_MAX - 1)
        at++;
    at->word = at->word ? at->word : word;
    at->count++;
}

static void add_tallies(struct metric_samples *samples, const char *label,
                        const struct tally tallies[TALLIES_MAX])
{
    for (size_t i = 0; i < TALLIES_MAX && tallies[i].word; i++)
        metric_add(samples, (double)tallies[i].count, METRIC_LABELS({label, tallies[i].word}));
}

static const char *state_of(const struct client *client)
{
    return client->session ? "bound" : stream_state_name(stream_state(client->stream));
}

static const char *version_of(const struct client *client)
{
    const struct tls_session *tls = transport_tls(&client->transport);

    return tls ? tls_version(tls) : "none";
}

static struct census *census_of(struct worker *worker)
{
    const struct client *client;
    struct census *census = worker->census;

    if (census)
        return census;
    census = worker->census = xcalloc(1, sizeof(*census));
    DL_FOREACH (worker->clients, client) {
        tally(census->states, state_of(client));
        tally(census->transports, client->transport.ops->name);
        tally(census->versions, version_of(client));
    }
    return census;
}

static void read_clients(void *state, struct metric_samples *samples)
{
    add_tallies(samples, "state", census_of(state)->states);
}

static void read_transports(void *state, struct metric_samples *samples)
{
    add_tallies(samples, "transport", census_of(state)->transports);
}

/* The last of them in the table. */
static void read_tls(void *state, struct metric_samples *samples)
{
    struct worker *worker = state;

    add_tallies(samples, "version", census_of(worker)->versions);
    free(worker->census);
    worker->census = NULL;
}

static void read_stanzas(void *state, struct metric_samples *samples)
{
    const struct worker *worker = state;

    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        metric_add(samples, (double)worker->traffic.received[i],
                   METRIC_LABELS({"kind", kinds[i]}, {"direction", "in"}));
        metric_add(samples, (double)worker->traffic.sent[i],
                   METRIC_LABELS({"kind", kinds[i]}, {"direction", "out"}));
    }
}

static void read_slots(void *state, struct metric_samples *samples)
{
    metric_add(samples, (double)slots_count(((const struct worker *)state)->slots), NULL);
}

static void read_sources(void *state, struct metric_samples *samples)
{
    metric_add(samples, (double)admission_sources(((const struct worker *)state)->admission), NULL);
}

static void read_router(void *state, struct metric_samples *samples)
{
    metric_add(samples, link_is_up(((const struct worker *)state)->link), NULL);
}

static void read_database(void *state, struct metric_samples *samples)
{
    metric_add(samples, db_available(((const struct worker *)state)->db), NULL);
}

static void read_units(void *state, struct metric_samples *samples)
{
    metric_add(samples, (double)db_counters(((const struct worker *)state)->db)->units, NULL);
}

static void read_commits(void *state, struct metric_samples *samples)
{
    metric_add(samples, (double)db_counters(((const struct worker *)state)->db)->groups, NULL);
}

static void read_waiting(void *state, struct metric_samples *samples)
{
    metric_add(samples, (double)db_waiting_ms(((const struct worker *)state)->db, 0) / 1000, NULL);
}

static void read_certificates(void *state, struct metric_samples *samples)
{
    certificates_add(((const struct worker *)state)->domains->starttls, samples);
}

const char *worker_problem(void *state)
{
    const struct worker *worker = state;

    if (!db_available(worker->db))
        return "the database cannot be reached";
    const char *problem = link_problem(worker->link);
    return problem ? problem : worker->home_refusal;
}

const struct metric worker_metrics[] = {
    {"kontalk_c2s_clients", METRIC_GAUGE, "Clients by the state of their stream.", read_clients},
    {"kontalk_c2s_transports", METRIC_GAUGE, "Clients by what carries their stream.",
     read_transports},
    {"kontalk_c2s_tls", METRIC_GAUGE, "Clients by their version of TLS.", read_tls},
    {"kontalk_c2s_stanzas", METRIC_COUNTER, "Stanzas from and to clients.", read_stanzas},
    {"kontalk_c2s_slots", METRIC_GAUGE, "Slots of accounts that this worker owns, of 64.",
     read_slots},
    {"kontalk_c2s_sources", METRIC_GAUGE, "Addresses that are remembered for the limits.",
     read_sources},
    {"kontalk_c2s_router_up", METRIC_GAUGE, "1 while the router is there.", read_router},
    {"kontalk_c2s_database_up", METRIC_GAUGE, "1 while the database is there.", read_database},
    {"kontalk_c2s_database_units", METRIC_COUNTER, "Units of work that were committed.",
     read_units},
    {"kontalk_c2s_database_commits", METRIC_COUNTER, "Transactions that these were committed in.",
     read_commits},
    {"kontalk_c2s_database_waiting_seconds", METRIC_GAUGE,
     "For how long the first writer has been waiting for an answer.", read_waiting},
    {"kontalk_c2s_certificate_end_seconds", METRIC_GAUGE,
     "When a certificate in use ends, since 1970.", read_certificates},
    {0},
};
