/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What strangers may use, by address.
 */
#include "c2s/admission.h"

#include "common/base/clock.h"
#include "tests/unit/config_files.h"

static struct admission *begin(struct files *files, const char *settings)
{
    char *text = xasprintf("[node]\nhost = h.test\n[c2s]\n%s\n", settings);

    files_write(files, "main.conf", 0600, text);
    free(text);
    assert_int_equal(files_load(files), 0);
    clock_fake(1000, 0);
    return admission_new(files->config);
}

static void enter(struct admission *admission, const char *address, unsigned times)
{
    for (unsigned i = 0; i < times; i++)
        assert_null(admission_enter(admission, address));
}

/* 64 at the default, and one more. */
static void test_connections_per_address(void **state)
{
    struct admission *admission = begin(*state, "connection-burst = 1000");

    enter(admission, "192.0.2.1", 64);
    assert_non_null(admission_enter(admission, "192.0.2.1"));
    enter(admission, "192.0.2.2", 1);
    admission_done(admission, "192.0.2.1");
    enter(admission, "192.0.2.1", 1);
    admission_free(admission);
}

/* 50 at once, then ten a second. */
static void test_connection_rate(void **state)
{
    struct admission *admission = begin(*state, "connections-per-address = 1000");

    enter(admission, "192.0.2.1", 50);
    assert_non_null(admission_enter(admission, "192.0.2.1"));
    enter(admission, "192.0.2.9", 50);
    clock_fake(1000 + 5200, 0); /* the refused one is owed too */
    enter(admission, "192.0.2.1", 50);
    assert_non_null(admission_enter(admission, "192.0.2.1"));
    admission_free(admission);
}

/* The first time, and again a minute later, whatever came in between. */
static void test_one_line_a_minute(void **state)
{
    struct admission *admission = begin(*state, "rate-exempt = 192.0.2.9");

    assert_true(admission_tells(admission, "192.0.2.1"));
    assert_false(admission_tells(admission, "192.0.2.1"));
    assert_true(admission_tells(admission, "192.0.2.9"));
    clock_fake(1000 + 59999, 0);
    assert_false(admission_tells(admission, "192.0.2.1"));
    clock_fake(1000 + 60000, 0);
    assert_true(admission_tells(admission, "192.0.2.1"));
    assert_false(admission_tells(admission, "192.0.2.1"));
    admission_free(admission);
}

/* One customer has a /64. */
static void test_ip6_network(void **state)
{
    struct admission *admission = begin(*state, "connections-per-address = 2");

    enter(admission, "2001:db8:0:1::1", 1);
    enter(admission, "2001:db8:0:1:ffff::2", 1);
    assert_non_null(admission_enter(admission, "2001:db8:0:1::3"));
    enter(admission, "2001:db8:0:2::1", 1);
    admission_free(admission);
}

static const struct {
    const char *address;
    bool exempt;
} exemptions[] = {
    {"127.0.0.1", true},   {"127.255.3.4", true},     {"128.0.0.1", false},
    {"192.0.2.7", true},   {"192.0.2.8", false},      {"::ffff:127.0.0.1", true},
    {"2001:db8::1", true}, {"2001:db9::1", false},    {"10.1.2.127", true},
    {"10.1.2.128", false}, {"not an address", false},
};

static void test_exemptions(void **state)
{
    struct admission *admission =
        begin(*state, "rate-exempt = 127.0.0.0/8\nrate-exempt = 192.0.2.7\n"
                      "rate-exempt = 2001:db8::/32\nrate-exempt = 10.1.2.0/25\n"
                      "connections-per-address = 1");

    for (size_t i = 0; i < ARRAY_SIZE(exemptions); i++)
        assert_int_equal(admission_is_exempt(admission, exemptions[i].address),
                         exemptions[i].exempt);
    enter(admission, "127.0.0.1", 500);
    enter(admission, "127.0.0.2", 2);
    admission_free(admission);
}

/* Ten failures a minute are free, then each answer waits; nothing is locked for others. */
static void test_failures(void **state)
{
    struct admission *admission = begin(*state, "");

    for (unsigned i = 0; i < 10; i++)
        assert_int_equal(admission_failed(admission, "192.0.2.1"), 0);
    assert_int_equal(admission_failed(admission, "192.0.2.1"), 2000);
    assert_int_equal(admission_failed(admission, "192.0.2.2"), 0);
    clock_fake(1000 + 120000, 0);
    assert_int_equal(admission_failed(admission, "192.0.2.1"), 0);
    admission_free(admission);
}

static void test_stress(void **state)
{
    struct admission *admission = begin(*state, "max-connections = 10\nrate-exempt = 127.0.0.1");

    enter(admission, "127.0.0.1", 8);
    assert_false(admission_stressed(admission));
    enter(admission, "127.0.0.1", 1);
    assert_true(admission_stressed(admission));
    enter(admission, "127.0.0.1", 1);
    assert_non_null(admission_enter(admission, "127.0.0.1"));
    admission_free(admission);
}

/* Sources that said nothing for a minute are forgotten, however many there were. */
static void test_many_sources(void **state)
{
    struct admission *admission = begin(*state, "");

    for (unsigned round = 0; round < 20; round++) {
        clock_fake(1000 + round * 61000ULL, 0);
        for (unsigned i = 0; i < 1000; i++) {
            char *address = xasprintf("10.%u.%u.%u", round, i / 250, i % 250);
            assert_null(admission_enter(admission, address));
            admission_done(admission, address);
            free(address);
        }
    }
    assert_in_range(admission_sources(admission), 1, 2 * 1000 + 512);
    admission_free(admission);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, files_begin, files_end)
    const struct CMUnitTest tests[] = {
        TEST(test_connections_per_address),
        TEST(test_connection_rate),
        TEST(test_one_line_a_minute),
        TEST(test_ip6_network),
        TEST(test_exemptions),
        TEST(test_failures),
        TEST(test_stress),
        TEST(test_many_sources),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
