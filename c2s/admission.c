/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Counters by address, kept only as long as they say something.
 */
#include "c2s/admission.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "c2s/rate.h"
#include "common/base/clock.h"
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
    struct network *exempt;
    size_t exempt_count;
};

/* As 16 bytes; IPv4 addresses are mapped into IPv6 (RFC 4291 §2.5.5.2). */
struct network {
    uint8_t address[16];
    unsigned bits;
};

static bool parse_address(const char *text, uint8_t address[16])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

    if (inet_pton(AF_INET6, text, address) == 1)
        return true;
    memcpy(address, mapped, sizeof(mapped));
    return inet_pton(AF_INET, text, address + sizeof(mapped)) == 1;
}

/* Validated by the configuration already. */
static struct network read_network(const char *text)
{
    const char *slash = strchr(text, '/');
    char *host = slash ? xstrndup(text, (size_t)(slash - text)) : xstrdup(text);
    bool is_ip4 = strchr(host, ':') == NULL;
    struct network network = {.bits = 128};

    if (!parse_address(host, network.address))
        memset(&network, 0, sizeof(network));
    if (slash)
        network.bits = (unsigned)strtoul(slash + 1, NULL, 10) + (is_ip4 ? 96 : 0);
    free(host);
    return network;
}

static bool network_holds(const struct network *network, const uint8_t address[16])
{
    size_t bytes = network->bits / 8;
    unsigned rest = network->bits % 8;

    if (memcmp(network->address, address, bytes) != 0)
        return false;
    return rest == 0 || (network->address[bytes] ^ address[bytes]) >> (8 - rest) == 0;
}

static uint64_t number(const struct config *config, const char *key)
{
    return (uint64_t)config_number(config, "c2s", NULL, key);
}

void admission_reload(struct admission *admission, const struct config *config)
{
    free(admission->exempt);
    admission->exempt_count = config_list_size(config, "c2s", NULL, "rate-exempt");
    admission->exempt = xcalloc(admission->exempt_count + 1, sizeof(*admission->exempt));
    for (size_t i = 0; i < admission->exempt_count; i++)
        admission->exempt[i] =
            read_network(config_list_item(config, "c2s", NULL, "rate-exempt", i));
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
    free(admission->exempt);
    free(admission);
}

bool admission_is_exempt(const struct admission *admission, const char *address)
{
    uint8_t bytes[16];

    if (admission->exempt_count == 0 || !parse_address(address, bytes))
        return false;
    for (size_t i = 0; i < admission->exempt_count; i++)
        if (network_holds(&admission->exempt[i], bytes))
            return true;
    return false;
}

/* An IPv4 address as it is, of an IPv6 address the /64: what one customer has. */
static void make_key(const char *address, uint8_t key[16])
{
    memset(key, 0, 16);
    if (parse_address(address, key) && strchr(address, '.') == NULL)
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

bool admission_enter(struct admission *admission, const char *address)
{
    if (admission->strangers >= admission->strangers_max)
        return false;
    if (!admission_is_exempt(admission, address)) {
        struct source *source = find_source(admission, address, true);
        if (source->strangers >= admission->strangers_per_address ||
            rate_take(&source->connections, 1, clock_monotonic_ms()) > 0)
            return false;
        source->strangers++;
    }
    admission->strangers++;
    return true;
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
    return rate_take(&source->failures, 1000, clock_monotonic_ms()) > 0 ? FAILURE_DELAY_MS : 0;
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
