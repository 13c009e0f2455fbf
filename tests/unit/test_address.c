/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Unit tests of socket addresses as text.
 */
#include "common/io/address.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/error.h"
#include "common/base/memory.h"
#include "tests/unit/unit.h"

#define LONG_PATH                                                                                  \
    "/0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890" \
    "123456789012345"

static const struct {
    const char *text;
    int result;
    const char *host; /* of those that are parsed */
    uint16_t port;
} rows[] = {
    {"127.0.0.1:5222", 0, "127.0.0.1", 5222},
    {"0.0.0.0:0", 0, "0.0.0.0", 0},
    {"255.255.255.255:65535", 0, "255.255.255.255", 65535},
    {"[::1]:5222", 0, "::1", 5222},
    {"[::]:5222", 0, "::", 5222},
    {"[2001:db8::1]:1", 0, "2001:db8::1", 1},
    {"unix:/run/kontalk/x.sock", 0, "unix", 0},
    {"unix:x", 0, "unix", 0},
    {"example.test:5222", ERR_NOT_FOUND, NULL, 0},
    {"localhost:1", ERR_NOT_FOUND, NULL, 0},
    {"256.0.0.1:1", ERR_NOT_FOUND, NULL, 0}, /* looked up, and not found */
    {"", ERR_INVALID, NULL, 0},
    {":5222", ERR_INVALID, NULL, 0},
    {"127.0.0.1", ERR_INVALID, NULL, 0},
    {"127.0.0.1:", ERR_INVALID, NULL, 0},
    {"127.0.0.1:65536", ERR_INVALID, NULL, 0},
    {"127.0.0.1:-1", ERR_INVALID, NULL, 0},
    {"127.0.0.1:+1", ERR_INVALID, NULL, 0},
    {"127.0.0.1: 1", ERR_INVALID, NULL, 0},
    {"127.0.0.1:1x", ERR_INVALID, NULL, 0},
    {"127.0.0.1:99999999999999999999", ERR_INVALID, NULL, 0},
    {"::1:5222", ERR_INVALID, NULL, 0},
    {"[::1]", ERR_INVALID, NULL, 0},
    {"[::1:5222", ERR_INVALID, NULL, 0},
    {"[]:5222", ERR_INVALID, NULL, 0},
    {"[x]:5222", ERR_NOT_FOUND, NULL, 0},
    {"a b:5222", ERR_INVALID, NULL, 0},
    {"unix:", ERR_INVALID, NULL, 0},
    {"unix:" LONG_PATH LONG_PATH, ERR_INVALID, NULL, 0},
};

static void test_parse_and_write(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct address address;
        int rc = address_parse(rows[i].text, &address);
        if (rc != rows[i].result) {
            fail_msg("%s: %d", rows[i].text, rc);
        }
        if (rc < 0) {
            continue;
        }
        char *text = address_text(&address), *host = address_host(&address);
        assert_string_equal(text, rows[i].text);
        assert_string_equal(host, rows[i].host);
        assert_int_equal(address_port(&address), rows[i].port);
        free(text);
        free(host);
    }
}

static void test_split(void **state)
{
    (void)state;
    char *host;
    uint16_t port;
    assert_int_equal(address_split("example.test:5269", &host, &port), 0);
    assert_string_equal(host, "example.test");
    assert_int_equal(port, 5269);
    free(host);
    assert_int_equal(address_split("[::1]:5269", &host, &port), 0);
    assert_string_equal(host, "::1");
    free(host);
    assert_int_equal(address_split("example.test", &host, &port), ERR_INVALID);
}

/* What a dual-stack socket says about IPv4 peers. */
static void test_mapped_addresses_are_shown_as_ipv4(void **state)
{
    (void)state;
    struct address address;
    assert_int_equal(address_parse("[::ffff:192.0.2.1]:7", &address), 0);
    char *host = address_host(&address);
    assert_string_equal(host, "192.0.2.1");
    free(host);
}

static void test_sockets_without_an_address(void **state)
{
    (void)state;
    struct address address;
    assert_int_equal(address_of_socket(-1, &address), ERR_SYSTEM);
    assert_int_equal(address_of_peer(-1, &address), ERR_SYSTEM);
    address = (struct address){0};
    char *host = address_host(&address);
    assert_string_equal(host, "unknown");
    free(host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse_and_write),
        cmocka_unit_test(test_split),
        cmocka_unit_test(test_mapped_addresses_are_shown_as_ipv4),
        cmocka_unit_test(test_sockets_without_an_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
