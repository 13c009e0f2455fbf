/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What kontalk-files counts.
 */
#include "common/base/error.h"
#include "common/service/certificates.h"
#include "files/files.h"
#include "files/index.h"

static void read_files(void *state, struct metric_samples *samples)
{
    uint64_t count, bytes;

    if (index_totals(store_index(((const struct files *)state)->store), &count, &bytes) == 0)
        metric_add(samples, (double)count, NULL);
}

static void read_bytes(void *state, struct metric_samples *samples)
{
    uint64_t count, bytes;

    if (index_totals(store_index(((const struct files *)state)->store), &count, &bytes) == 0)
        metric_add(samples, (double)bytes, NULL);
}

static void read_free(void *state, struct metric_samples *samples)
{
    metric_add(samples, (double)store_free_bytes(((const struct files *)state)->store), NULL);
}

static void read_transfers(void *state, struct metric_samples *samples)
{
    const struct files *files = state;

    metric_add(samples, (double)files->uploads, METRIC_LABELS({"direction", "in"}));
    metric_add(samples, (double)files->downloads, METRIC_LABELS({"direction", "out"}));
}

static void read_certificate(void *state, struct metric_samples *samples)
{
    certificates_add(((const struct files *)state)->tls, samples);
}

const char *files_problem(void *state)
{
    return link_problem(((const struct files *)state)->link);
}

const struct metric files_metrics[] = {
    {"kontalk_files", METRIC_GAUGE, "Files that are kept.", read_files},
    {"kontalk_files_bytes", METRIC_GAUGE, "How large they are together.", read_bytes},
    {"kontalk_files_free_bytes", METRIC_GAUGE, "What their disk has free.", read_free},
    {"kontalk_files_transfers", METRIC_COUNTER, "Uploads and downloads.", read_transfers},
    {"kontalk_files_certificate_end_seconds", METRIC_GAUGE,
     "When a certificate in use ends, since 1970.", read_certificate},
    {0},
};
