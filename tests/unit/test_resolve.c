/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Finding the servers of a domain, against a DNS that is made up: limits, refusals, and what is an
 * answer for good and what is not.
 */
#include "s2s/resolve.h"

#include <stdio.h>

#include <stdlib.h>
#include <string.h>

#include "common/base/buffer.h"
#include "common/base/error.h"
#include "common/base/memory.h"
#include "tests/unit/unit.h"

#define QUERIES_MAX 64
#define VALUES_MAX  40

/* A row of the zone. SRV: "priority weight port target", repeated `times`. */
struct zone_row {
    const char *name;
    enum dns_type type;
    const char *value; /* NULL: only the status counts */
    int status;
    bool secure;
    unsigned aliases;
    unsigned times; /* 0: once */
};

struct dns_query {
    char *name;
    enum dns_type type;
    dns_done *done;
    void *user;
    bool cancelled;
};

struct fake {
    struct dns dns;
    const struct zone_row *zone;
    struct dns_query *queries[QUERIES_MAX];
    size_t count;
};

static struct dns_query *ask(struct dns *dns, const char *name, enum dns_type type, dns_done *done,
                             void *user)
{
    struct fake *fake = (struct fake *)dns;
    struct dns_query *query = xcalloc(1, sizeof(*query));
    *query = (struct dns_query){xstrdup(name), type, done, user, false};
    assert_true(fake->count < QUERIES_MAX);
    fake->queries[fake->count++] = query;
    return query;
}

static void cancel(struct dns_query *query)
{
    query->cancelled = true;
}

static const struct dns_ops fake_ops = {ask, cancel};

static void put_srv(struct buffer *out, const char *text)
{
    unsigned priority, weight, port;
    int at;
    assert_int_equal(sscanf(text, "%u %u %u %n", &priority, &weight, &port, &at), 3);
    const unsigned numbers[] = {priority, weight, port};
    for (size_t i = 0; i < 3; i++) {
        buffer_append_char(out, (char)(numbers[i] >> 8));
        buffer_append_char(out, (char)numbers[i]);
    }
    for (const char *label = text + at; *label && strcmp(label, ".") != 0;) {
        size_t length = strcspn(label, ".");
        buffer_append_char(out, (char)length);
        buffer_append(out, label, length);
        label += length + (label[length] == '.');
    }
    buffer_append_char(out, 0);
}

static void put(struct buffer *out, enum dns_type type, const char *text)
{
    struct address address;
    if (type == DNS_SRV) {
        put_srv(out, text);
    } else if (type == DNS_TLSA) {
        buffer_append(out, text, 3);
        for (int i = 0; i < 32; i++)
            buffer_append_char(out, 'x');
    } else {
        assert_int_equal(address_parse(text, &address), 0);
        if (type == DNS_A)
            buffer_append(out, &address.ip4.sin_addr, 4);
        else
            buffer_append(out, &address.ip6.sin6_addr, 16);
    }
}

static bool is_of(const struct zone_row *row, const struct dns_query *query)
{
    return strcmp(row->name, query->name) == 0 && row->type == query->type;
}

static void answer(struct fake *fake, struct dns_query *query)
{
    struct buffer data[VALUES_MAX] = {{0}};
    struct dns_record records[VALUES_MAX];
    struct dns_answer result = {.records = records, .status = ERR_NOT_FOUND};
    for (const struct zone_row *row = fake->zone; row->name; row++) {
        if (!is_of(row, query))
            continue;
        result.status = row->status;
        result.secure = row->secure;
        result.aliases = row->aliases;
        for (unsigned i = 0; row->value && i < (row->times ? row->times : 1); i++) {
            struct buffer *out = &data[result.count];
            put(out, row->type, row->value);
            records[result.count++] = (struct dns_record){(uint8_t *)out->data, out->length};
        }
    }
    query->done(query->user, &result);
    for (size_t i = 0; i < VALUES_MAX; i++)
        buffer_fini(&data[i]);
}

static void answer_all(struct fake *fake)
{
    for (size_t i = 0; i < fake->count; i++) {
        if (!fake->queries[i]->cancelled)
            answer(fake, fake->queries[i]);
    }
}

static void forget(struct fake *fake)
{
    for (size_t i = 0; i < fake->count; i++) {
        free(fake->queries[i]->name);
        free(fake->queries[i]);
    }
    fake->count = 0;
}

static void take(void *user, struct resolution *resolution)
{
    struct resolution **result = user;
    assert_null(*result);
    *result = resolution;
}

static uint32_t zero(uint32_t below)
{
    (void)below;
    return 0;
}

static struct resolution *resolve_traced(const struct zone_row *zone, bool internal_allowed,
                                         struct trace *trace)
{
    struct fake fake = {.dns.ops = &fake_ops, .zone = zone};
    struct resolution *result = NULL;
    struct address own;
    assert_int_equal(address_parse("8.8.4.4:5269", &own), 0);
    const struct resolve_settings settings = {internal_allowed, &own, 1, zero, trace};
    assert_non_null(resolve_start(&fake.dns, &settings, "d.test", take, &result));
    assert_null(result);
    answer_all(&fake);
    assert_non_null(result);
    forget(&fake);
    return result;
}

static struct resolution *resolve(const struct zone_row *zone, bool internal_allowed)
{
    return resolve_traced(zone, internal_allowed, NULL);
}

#define XMPP  .name = "_xmpp-server._tcp.d.test", .type = DNS_SRV
#define XMPPS .name = "_xmpps-server._tcp.d.test", .type = DNS_SRV

/* `expected`: the candidates, direct TLS marked with '+'. */
static const struct {
    const char *what;
    struct zone_row zone[8];
    bool internal_allowed;
    int status;
    const char *expected;
} ROWS[] = {
    {"nothing at all", {{0}}, false, ERR_NOT_FOUND, ""},
    {"no SRV",
     {{.name = "d.test", .type = DNS_A, .value = "8.8.8.8:1"}},
     false,
     0,
     "8.8.8.8:5269 "},
    {"no SRV, both families",
     {{.name = "d.test", .type = DNS_A, .value = "8.8.8.8:1"},
      {.name = "d.test", .type = DNS_AAAA, .value = "[2a00::1]:1"}},
     false,
     0,
     "[2a00::1]:5269 8.8.8.8:5269 "},
    {"one service",
     {{XMPP, .value = "0 0 5000 a.test"},
      {.name = "a.test", .type = DNS_A, .value = "8.8.8.8:1"},
      {.name = "d.test", .type = DNS_A, .value = "9.9.9.9:1"}},
     false,
     0,
     "8.8.8.8:5000 "},
    {"both services are one set (XEP-0368)",
     {{XMPP, .value = "1 0 5269 a.test"},
      {XMPPS, .value = "2 0 443 b.test"},
      {XMPPS, .value = "0 0 5270 a.test"},
      {.name = "a.test", .type = DNS_A, .value = "8.8.8.8:1"},
      {.name = "b.test", .type = DNS_A, .value = "9.9.9.9:1"}},
     false,
     0,
     "8.8.8.8:5270+ 8.8.8.8:5269 9.9.9.9:443+ "},
    {"no service",
     {{XMPP, .value = "0 0 0 ."}, {.name = "d.test", .type = DNS_A, .value = "8.8.8.8:1"}},
     false,
     ERR_NOT_FOUND,
     ""},
    {"no service but by direct TLS",
     {{XMPP, .value = "0 0 0 ."},
      {XMPPS, .value = "0 0 443 a.test"},
      {.name = "a.test", .type = DNS_A, .value = "8.8.8.8:1"}},
     false,
     0,
     "8.8.8.8:443+ "},
    {"no direct TLS",
     {{XMPPS, .value = "0 0 0 ."},
      {XMPP, .value = "0 0 5269 a.test"},
      {.name = "a.test", .type = DNS_A, .value = "8.8.8.8:1"}},
     false,
     0,
     "8.8.8.8:5269 "},
    {"no direct TLS, and no other record: not the domain itself (XEP-0368)",
     {{XMPPS, .value = "0 0 0 ."}, {.name = "d.test", .type = DNS_A, .value = "8.8.8.8:1"}},
     false,
     ERR_NOT_FOUND,
     ""},
    {"no STARTTLS, and direct TLS cannot be asked for now",
     {{XMPP, .value = "0 0 0 ."}, {XMPPS, .value = NULL, .status = ERR_TIMEOUT}},
     false,
     ERR_UNAVAILABLE,
     ""},
    {"servers fail",
     {{XMPP, .value = NULL, .status = ERR_UNAVAILABLE}},
     false,
     ERR_UNAVAILABLE,
     ""},
    {"servers fail for one service",
     {{XMPP, .value = NULL, .status = ERR_TIMEOUT},
      {XMPPS, .value = "0 0 443 a.test"},
      {.name = "a.test", .type = DNS_A, .value = "8.8.8.8:1"}},
     false,
     0,
     "8.8.8.8:443+ "},
    {"forged: not to be got round by asking for the address",
     {{XMPP, .value = NULL, .status = ERR_DENIED},
      {.name = "d.test", .type = DNS_A, .value = "8.8.8.8:1"}},
     false,
     ERR_UNAVAILABLE,
     ""},
    {"no address for now",
     {{XMPP, .value = "0 0 1 a.test"},
      {.name = "a.test", .type = DNS_A, .value = NULL, .status = ERR_TIMEOUT}},
     false,
     ERR_UNAVAILABLE,
     ""},
    {"no address", {{XMPP, .value = "0 0 1 a.test"}}, false, ERR_NOT_FOUND, ""},
    {"port 0 is passed over",
     {{XMPP, .value = "0 0 0 a.test"},
      {XMPP, .value = "1 0 5 b.test"},
      {.name = "b.test", .type = DNS_A, .value = "8.8.8.8:1"}},
     false,
     0,
     "8.8.8.8:5 "},
    {"our own machine",
     {{.name = "d.test", .type = DNS_A, .value = "127.0.0.1:1"},
      {.name = "d.test", .type = DNS_AAAA, .value = "[::1]:1"}},
     false,
     ERR_NOT_FOUND,
     ""},
    {"a private network",
     {{.name = "d.test", .type = DNS_A, .value = "10.0.0.1:1"}},
     false,
     ERR_NOT_FOUND,
     ""},
    {"allowed",
     {{.name = "d.test", .type = DNS_A, .value = "10.0.0.1:1"}},
     true,
     0,
     "10.0.0.1:5269 "},
    {"our own listener",
     {{.name = "d.test", .type = DNS_A, .value = "8.8.4.4:1"},
      {.name = "d.test", .type = DNS_A, .value = "8.8.8.8:1"}},
     true,
     0,
     "8.8.8.8:5269 "},
    {"too many aliases",
     {{.name = "d.test", .type = DNS_A, .value = "8.8.8.8:1", .aliases = RECORDS_ALIASES_MAX + 1}},
     false,
     ERR_NOT_FOUND,
     ""},
    {"as many aliases as may be",
     {{.name = "d.test", .type = DNS_A, .value = "8.8.8.8:1", .aliases = RECORDS_ALIASES_MAX}},
     false,
     0,
     "8.8.8.8:5269 "},
};

static void rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        struct resolution *result = resolve(ROWS[i].zone, ROWS[i].internal_allowed);
        struct buffer got = {0};
        buffer_append_text(&got, "");
        for (size_t c = 0; c < result->count; c++) {
            char *text = address_text(&result->candidates[c].address);
            buffer_printf(&got, "%s%s ", text, result->candidates[c].target->direct_tls ? "+" : "");
            free(text);
        }
        if (result->status != ROWS[i].status || strcmp(got.data, ROWS[i].expected) != 0)
            fail_msg("%s: %d %s", ROWS[i].what, result->status, got.data);
        assert_int_equal(result->status == 0, result->why == NULL);
        buffer_fini(&got);
        free(result);
    }
}

/* S10: a thousand records make no more work than a few. */
static void limits(void **state)
{
    static const struct zone_row zone[] = {
        {XMPP, .value = "0 0 1 a.test", .times = VALUES_MAX},
        {XMPPS, .value = NULL},
        {.name = "a.test", .type = DNS_A, .value = "8.8.8.8:1", .times = VALUES_MAX},
        {0},
    };
    (void)state;
    struct resolution *result = resolve(zone, false);
    assert_int_equal(result->targets_count, RECORDS_SRV_MAX / 2);
    assert_int_equal(result->targets[0].count, RECORDS_ADDRESS_MAX);
    assert_int_equal(result->count, RESOLVE_CANDIDATES_MAX);
    free(result);
}

/* TLSA records count where all that leads to them is proven (RFC 7671 §2, RFC 7673). */
static void dane(void **state)
{
    static const struct {
        bool srv_secure, tlsa_secure;
        size_t expected;
    } rows[] = {{true, true, 1}, {true, false, 0}, {false, true, 0}};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct zone_row zone[] = {
            {XMPP, .value = "0 0 5269 a.test", .secure = rows[i].srv_secure},
            {.name = "a.test", .type = DNS_A, .value = "8.8.8.8:1", .secure = true},
            {.name = "_5269._tcp.a.test",
             .type = DNS_TLSA,
             .value = "\3\1\1",
             .secure = rows[i].tlsa_secure},
            {0},
        };
        struct resolution *result = resolve(zone, false);
        assert_int_equal(result->targets[0].dane_count, rows[i].expected);
        free(result);
    }
}

static void cancelling(void **state)
{
    struct fake fake = {.dns.ops = &fake_ops};
    struct resolution *result = NULL;
    const struct resolve_settings settings = {.pick = zero};
    (void)state;
    struct resolve *lookup = resolve_start(&fake.dns, &settings, "d.test", take, &result);
    resolve_cancel(lookup);
    for (size_t i = 0; i < fake.count; i++)
        assert_true(fake.queries[i]->cancelled);
    assert_int_equal(fake.count, 2);
    assert_null(result);
    resolve_cancel(NULL);
    forget(&fake);
}

/* Who follows it hears of every record, and of what is passed over. */
struct listener {
    struct trace trace;
    struct buffer heard;
};

static void hear(struct trace *trace, const char *topic, const char *text)
{
    struct listener *listener = (struct listener *)trace;
    assert_string_equal(topic, "dns");
    buffer_printf(&listener->heard, "%s\n", text);
}

static void told(void **state)
{
    static const struct zone_row zone[] = {
        {XMPP, .value = "1 2 5269 a.test", .secure = true},
        {XMPPS, .value = "0 0 0 .", .secure = true},
        {.name = "a.test", .type = DNS_A, .value = "8.8.8.8:1"},
        {.name = "a.test", .type = DNS_A, .value = "10.0.0.1:1"},
        {.name = "a.test", .type = DNS_AAAA, .value = NULL, .status = ERR_TIMEOUT},
        {.name = "_5269._tcp.a.test", .type = DNS_TLSA, .value = "\3\1\1", .secure = true},
        {0},
    };
    struct listener listener = {.trace = {.line = hear}};
    (void)state;
    free(resolve_traced(zone, false, &listener.trace));
    assert_string_equal(listener.heard.data,
                        "SRV _xmpps-server._tcp.d.test: 1 record, proven by DNSSEC\n"
                        "  0 0 0 . (there is no such service)\n"
                        "SRV _xmpp-server._tcp.d.test: 1 record, proven by DNSSEC\n"
                        "  1 2 5269 a.test\n"
                        "AAAA a.test: timed out\n"
                        "A a.test: 2 records, not proven by DNSSEC\n"
                        "  8.8.8.8\n"
                        "  10.0.0.1\n"
                        "  10.0.0.1 is not used: it is of this machine or of a private network\n"
                        "TLSA _5269._tcp.a.test: 1 record, proven by DNSSEC\n"
                        "  3 1 1\n");
    buffer_fini(&listener.heard);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows),       cmocka_unit_test(limits), cmocka_unit_test(dane),
        cmocka_unit_test(cancelling), cmocka_unit_test(told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
