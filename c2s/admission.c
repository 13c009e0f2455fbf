/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Counters by address, kept only as long as they say something.
 */
#include "c2s/admission.h"

#include <stdlib.h>
#include <string.h>

#include "c2s/networks.h"
#include "c2s/rate.h"
#include "common/base/clock.h"
#include "common/base/limit.h"
#include "common/base/memory.h"
#include "common/base/table.h"

#define FAILURE_DELAY_MS 2000
#define FORGET_AFTER_MS  60000
#define TELL_AFTER_MS    60000
#define SOURCES_SWEEP    256 /* new sources between two sweeps of the table */
#define STRESS_PERCENT   80

struct source {
    UT_hash_handle hh;
    uint8_t key[16];
    unsigned strangers;
    struct rate connections;
    struct rate failures;
    uint64_t touched_ms;
    uint64_t tell_ms; /* from when on a line about it may be written */
};

struct network;

struct admission {
    struct source *sources;
    unsigned added_since_sweep;
    unsigned strangers;
    unsigned strangers_per_address;
    unsigned strangers_max;
    uint64_t connections_per_second, connections_burst;
    uint64_t failures_per_minute;
    struct networks *exempt;
};

static uint64_t number(const struct config *config, const char *key)
{
    return (uint64_t)config_number(config, "c2s", NULL, key);
}

void admission_reload(struct admission *admission, const struct config *config)
{
    networks_free(admission->exempt);
    admission->exempt = networks_read(config, "rate-exempt");
    admission->strangers_per_address = (unsigned)number(config, "connections-per-address");
    admission->strangers_max = (unsigned)number(config, "max-connections");
    admission->connections_per_second = number(config, "connection-rate");
    admission->connections_burst = number(config, "connection-burst");
    admission->failures_per_minute = number(config, "sasl-tries-per-minute");
}

struct admission *admission_new(const struct config *config)
{
    struct admission *admission = xcalloc(1, sizeof(*admission));

    admission_reload(admission, config);
    return admission;
}

void admission_free(struct admission *admission)
{
    struct source *source, *next;

    HASH_ITER (hh, admission->sources, source, next) {
        HASH_DEL(admission->sources, source);
        free(source);
    }
    networks_free(admission->exempt);
    free(admission);
}

bool admission_is_exempt(const struct admission *admission, const char *address)
{
    return networks_hold(admission->exempt, address);
}

/* An IPv4 address as it is, of an IPv6 address the /64: what one customer has. */
static void make_key(const char *address, uint8_t key[16])
{
    memset(key, 0, 16);
    if (networks_parse_address(address, key) && strchr(address, '.') == NULL)
        memset(key + 8, 0, 8);
}

/* Full buckets and no open connection: as good as unknown. */
static void sweep(struct admission *admission, uint64_t now)
{
    struct source *source, *next;

    HASH_ITER (hh, admission->sources, source, next) {
        if (source->strangers == 0 && now - source->touched_ms > FORGET_AFTER_MS) {
            HASH_DEL(admission->sources, source);
            free(source);
        }
    }
    admission->added_since_sweep = 0;
}

static struct source *find_source(struct admission *admission, const char *address, bool add)
{
    uint64_t now = clock_monotonic_ms();
    struct source *source;
    uint8_t key[16];

    make_key(address, key);
    HASH_FIND(hh, admission->sources, key, sizeof(key), source);
    if (source == NULL && add) {
        if (++admission->added_since_sweep > SOURCES_SWEEP)
            sweep(admission, now);
        source = xcalloc(1, sizeof(*source));
        memcpy(source->key, key, sizeof(key));
        rate_init(&source->connections, admission->connections_per_second,
                  admission->connections_burst, now);
        /* In thousandths of a failure, so that a minute can be told in a rate per second. */
        rate_init(&source->failures, admission->failures_per_minute * 1000 / 60,
                  admission->failures_per_minute * 1000, now);
        HASH_ADD(hh, admission->sources, key, sizeof(source->key), source);
    }
    if (source)
        source->touched_ms = now;
    return source;
}

const char *admission_enter(struct admission *admission, const char *address)
{
    if (admission->strangers >= admission->strangers_max)
        return "max-connections";
    if (!admission_is_exempt(admission, address)) {
        struct source *source = find_source(admission, address, true);
        if (source->strangers >= admission->strangers_per_address)
            return "connections-per-address";
        if (rate_take(&source->connections, 1, clock_monotonic_ms()) > 0)
            return "connection-rate";
        source->strangers++;
    }
    admission->strangers++;
    return NULL;
}

void admission_done(struct admission *admission, const char *address)
{
    struct source *source = find_source(admission, address, false);

    admission->strangers--;
    if (source && source->strangers > 0)
        source->strangers--;
}

uint64_t admission_failed(struct admission *admission, const char *address)
{
    if (admission_is_exempt(admission, address))
        return 0;
    struct source *source = find_source(admission, address, true);
    if (rate_take(&source->failures, 1000, clock_monotonic_ms()) == 0)
        return 0;
    limit_reached("sasl-tries-per-minute");
    return FAILURE_DELAY_MS;
}

bool admission_tells(struct admission *admission, const char *address)
{
    struct source *source = find_source(admission, address, true);

    if (source->touched_ms < source->tell_ms)
        return false;
    source->tell_ms = source->touched_ms + TELL_AFTER_MS;
    return true;
}

bool admission_stressed(const struct admission *admission)
{
    return (uint64_t)admission->strangers * 100 >
           (uint64_t)admission->strangers_max * STRESS_PERCENT;
}

size_t admission_sources(const struct admission *admission)
{
    return HASH_COUNT(admission->sources);
}
