/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Unit tests of the values of each type of the configuration, and of suggestions.
 */
#include "common/config/value.h"

#include <string.h>

#include "common/base/error.h"
#include "common/config/domain.h"
#include "common/config/number.h"
#include "common/config/suggest.h"
#include "common/xmpp/jid.h"
#include "tests/unit/unit.h"

static const char *const colours[] = {"red", "green", "blue", NULL};

static const struct {
    enum config_type type;
    const char *text;
    const char *result; /* NULL: as it was */
    int64_t number;
} good[] = {
    {CONFIG_TEXT, "any thing", NULL, 0},
    {CONFIG_BOOL, "yes", NULL, 1},
    {CONFIG_BOOL, "no", NULL, 0},
    {CONFIG_NUMBER, "0", NULL, 0},
    {CONFIG_NUMBER, "007", NULL, 7},
    {CONFIG_NUMBER, "9223372036854775807", NULL, INT64_MAX},
    {CONFIG_DURATION, "0", NULL, 0},
    {CONFIG_DURATION, "500ms", NULL, 500},
    {CONFIG_DURATION, "30s", NULL, 30000},
    {CONFIG_DURATION, "5m", NULL, 300000},
    {CONFIG_DURATION, "2h", NULL, 7200000},
    {CONFIG_DURATION, "7d", NULL, 604800000},
    {CONFIG_SIZE, "0", NULL, 0},
    {CONFIG_SIZE, "512", NULL, 512},
    {CONFIG_SIZE, "64k", NULL, 65536},
    {CONFIG_SIZE, "64K", NULL, 65536},
    {CONFIG_SIZE, "2M", NULL, 2097152},
    {CONFIG_SIZE, "1G", NULL, 1073741824},
    {CONFIG_SIZE, "8589934591G", NULL, INT64_C(8589934591) << 30},
    {CONFIG_DOMAIN, "example.net", NULL, 0},
    {CONFIG_DOMAIN, "Example.NET.", "example.net", 0},
    {CONFIG_DOMAIN, "irc", NULL, 0},
    {CONFIG_DOMAIN,
     "B\xc3\x9c"
     "CHER.example",
     "b\xc3\xbc"
     "cher.example",
     0},
    {CONFIG_DOMAIN, "xn--bcher-kva.example",
     "b\xc3\xbc"
     "cher.example",
     0},
    {CONFIG_JID, "alice@example.net", NULL, 0},
    {CONFIG_JID, "example.net", NULL, 0},
    {CONFIG_JID, "alice@example.net/a@b/c", NULL, 0},
    {CONFIG_ADDRESS, "127.0.0.1:5222", NULL, 0},
    {CONFIG_ADDRESS, "0.0.0.0:0", NULL, 0},
    {CONFIG_ADDRESS, "[::]:65535", NULL, 0},
    {CONFIG_ADDRESS, "[2001:db8::1]:5222", NULL, 0},
    {CONFIG_ADDRESS, "unix:/run/x.sock", NULL, 0},
    {CONFIG_ADDRESS, "unix:x.sock", "unix:/etc/kontalk/x.sock", 0},
    {CONFIG_FILE, "/etc/x", NULL, 0},
    {CONFIG_FILE, "tls/x.pem", "/etc/kontalk/tls/x.pem", 0},
    {CONFIG_CHOICE, "green", NULL, 0},
    {CONFIG_NETWORK, "127.0.0.1", NULL, 0},
    {CONFIG_NETWORK, "127.0.0.0/8", NULL, 0},
    {CONFIG_NETWORK, "0.0.0.0/0", NULL, 0},
    {CONFIG_NETWORK, "10.1.2.3/32", NULL, 0},
    {CONFIG_NETWORK, "::1", NULL, 0},
    {CONFIG_NETWORK, "2001:db8::/128", NULL, 0},
    {CONFIG_URI, "mailto:abuse@example.net", NULL, 0},
    {CONFIG_URI, "xmpp:admin@example.net?message", NULL, 0},
    {CONFIG_URI, "https://example.net/", NULL, 0},
    {CONFIG_CONNINFO, "host=/run/postgresql dbname=kontalk", NULL, 0},
    {CONFIG_CONNINFO, "host=db passfile=/etc/kontalk/pgpass", NULL, 0},
    {CONFIG_CONNINFO, "postgresql://kontalk@db:5432/kontalk", NULL, 0},
    {CONFIG_CONNINFO, "postgresql:///kontalk?host=/run/postgresql", NULL, 0},
};

static const struct {
    enum config_type type;
    const char *text, *problem; /* NULL: not looked at */
} bad[] = {
    {CONFIG_BOOL, "true", "\"true\" is neither yes nor no"},
    {CONFIG_BOOL, "Yes", NULL},
    {CONFIG_NUMBER, "", "\"\" is not a number"},
    {CONFIG_NUMBER, "-1", "\"-1\" is not a number"},
    {CONFIG_NUMBER, "+1", NULL},
    {CONFIG_NUMBER, "1.5", NULL},
    {CONFIG_NUMBER, "0x10", NULL},
    {CONFIG_NUMBER, "1k", NULL},
    {CONFIG_NUMBER, "0k", NULL},
    {CONFIG_NUMBER, "1 ", NULL},
    {CONFIG_NUMBER, "9223372036854775808", NULL},
    {CONFIG_NUMBER, "99999999999999999999999", NULL},
    {CONFIG_DURATION, "30", "\"30\" is not a duration, such as 500ms, 30s, 5m, 2h or 7d"},
    {CONFIG_DURATION, "30 s", NULL},
    {CONFIG_DURATION, "s", NULL},
    {CONFIG_DURATION, "1w", NULL},
    {CONFIG_DURATION, "0x", NULL},
    {CONFIG_DURATION, "1h30m", NULL},
    {CONFIG_DURATION, "106751991168d", NULL},
    {CONFIG_SIZE, "64kB", "\"64kB\" is not a size, such as 512, 64k, 2M or 1G"},
    {CONFIG_SIZE, "k", NULL},
    {CONFIG_SIZE, "1T", NULL},
    {CONFIG_SIZE, "8589934592G", NULL},
    {CONFIG_DOMAIN, "a b", "\"a b\" is not a domain name"},
    {CONFIG_DOMAIN, "a..b", NULL},
    {CONFIG_DOMAIN, ".a", NULL},
    {CONFIG_DOMAIN, ".", NULL},
    {CONFIG_DOMAIN, "a..", NULL},
    {CONFIG_DOMAIN, "a_b", NULL},
    {CONFIG_DOMAIN, "-a", NULL},
    {CONFIG_DOMAIN, "a-.b", NULL},
    {CONFIG_DOMAIN, "a@b", NULL},
    {CONFIG_DOMAIN, "\xc3\xbc@b", NULL},
    {CONFIG_DOMAIN, "a/b", NULL},
    {CONFIG_DOMAIN, "a:5222", NULL},
    {CONFIG_DOMAIN, "xn--a", NULL},
    {CONFIG_DOMAIN, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", NULL},
    {CONFIG_JID, "@example.net", "\"@example.net\" is not a JID"},
    {CONFIG_JID, "a@", NULL},
    {CONFIG_JID, "a@b/", NULL},
    {CONFIG_JID, "/r", NULL},
    {CONFIG_ADDRESS, "5222", "\"5222\" is not an address: the port is missing"},
    {CONFIG_ADDRESS, "127.0.0.1", "\"127.0.0.1\" is not an address: the port is missing"},
    {CONFIG_ADDRESS, "::1", "\"::1\" is not an address: the port is missing"},
    {CONFIG_ADDRESS, "[::1]", "\"[::1]\" is not an address: the port is missing"},
    {CONFIG_ADDRESS, "::1:5222", NULL},
    {CONFIG_ADDRESS, "[::1:5222", NULL},
    {CONFIG_ADDRESS, "[]:5222", NULL},
    {CONFIG_ADDRESS, "[127.0.0.1]:5222", NULL},
    {CONFIG_ADDRESS, "127.0.0.1:65536",
     "\"127.0.0.1:65536\" is not an address: the port is not 0 to 65535"},
    {CONFIG_ADDRESS, "127.0.0.1:", NULL},
    {CONFIG_ADDRESS, "127.0.0.1:-1", NULL},
    {CONFIG_ADDRESS, "localhost:5222",
     "\"localhost:5222\" is not an address: no IP address is before the port"},
    {CONFIG_ADDRESS, "256.0.0.1:1", NULL},
    {CONFIG_ADDRESS, ":5222", NULL},
    {CONFIG_ADDRESS, "unix:", NULL},
    {CONFIG_CHOICE, "gren", "\"gren\" is none of red, green, blue; did you mean \"green\"?"},
    {CONFIG_CHOICE, "yellow", "\"yellow\" is none of red, green, blue"},
    {CONFIG_CHOICE, "RED", NULL},
    {CONFIG_NETWORK, "127.0.0.1:80", NULL},
    {CONFIG_NETWORK, "127.0.0.0/33", NULL},
    {CONFIG_NETWORK, "::/129", NULL},
    {CONFIG_NETWORK, "10.0.0.0/", NULL},
    {CONFIG_NETWORK, "/8", NULL},
    {CONFIG_NETWORK, "10/8", NULL},
    {CONFIG_NETWORK, "proxy.example", NULL},
    {CONFIG_URI, "abuse@example.net", NULL},
    {CONFIG_URI, "mailto:", NULL},
    {CONFIG_URI, ":x", NULL},
    {CONFIG_URI, "https://a b", NULL},
    {CONFIG_CONNINFO, "host=db password=secret",
     "a password has no place here: name a file of them with passfile="},
    {CONFIG_CONNINFO, "password = 'secret'", NULL},
    {CONFIG_CONNINFO, "sslpassword=secret", NULL},
    {CONFIG_CONNINFO, "postgresql://kontalk:secret@db/kontalk", NULL},
    {CONFIG_CONNINFO, "postgres://db/kontalk?password=secret", NULL},
};

static const char *parse(struct arena *arena, enum config_type type, const char *text,
                         struct config_value *value)
{
    const struct config_item item = {.type = type, .choices = colours};

    return config_value_parse(arena, "/etc/kontalk", &item, text, value);
}

static void test_good_values(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        struct arena *arena = arena_new();
        struct config_value value;
        const char *problem = parse(arena, good[i].type, good[i].text, &value);
        if (problem) {
            fail_msg("%s", problem);
        }
        assert_string_equal(value.text, good[i].result ? good[i].result : good[i].text);
        assert_int_equal(value.number, good[i].number);
        arena_free(arena);
    }
}

static void test_bad_values(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct arena *arena = arena_new();
        struct config_value value;
        const char *problem = parse(arena, bad[i].type, bad[i].text, &value);
        if (!problem) {
            fail_msg("taken: %s", bad[i].text);
        }
        if (bad[i].problem) {
            assert_string_equal(problem, bad[i].problem);
        }
        arena_free(arena);
    }
}

static void test_ranges(void **state)
{
    (void)state;
    const struct config_item item = {.type = CONFIG_SIZE, .minimum = 1024, .maximum = 1048576};
    struct arena *arena = arena_new();
    struct config_value value;

    assert_null(config_value_parse(arena, "/", &item, "1k", &value));
    assert_null(config_value_parse(arena, "/", &item, "1M", &value));
    assert_string_equal(config_value_parse(arena, "/", &item, "1023", &value),
                        "1023 is out of range: 1k to 1M");
    assert_string_equal(config_value_parse(arena, "/", &item, "1025k", &value),
                        "1025k is out of range: 1k to 1M");
    arena_free(arena);
}

/* struct sockaddr_un has room for 107 bytes and the NUL. */
static void test_longest_socket_path(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct config_value value;

    assert_null(parse(arena, CONFIG_ADDRESS, arena_printf(arena, "unix:/%0106d", 0), &value));
    assert_non_null(parse(arena, CONFIG_ADDRESS, arena_printf(arena, "unix:/%0107d", 0), &value));
    arena_free(arena);
}

static void test_number_texts(void **state)
{
    (void)state;
    static const struct {
        enum config_type type;
        int64_t number;
        const char *text;
    } rows[] = {
        {CONFIG_NUMBER, 0, "0"},           {CONFIG_NUMBER, 1024, "1024"},
        {CONFIG_DURATION, 0, "0"},         {CONFIG_DURATION, 1500, "1500ms"},
        {CONFIG_DURATION, 2000, "2s"},     {CONFIG_DURATION, 90000, "90s"},
        {CONFIG_DURATION, 86400000, "1d"}, {CONFIG_SIZE, 10000, "10000"},
        {CONFIG_SIZE, 10240, "10k"},       {CONFIG_SIZE, 1073741824, "1G"},
    };
    struct arena *arena = arena_new();

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        int64_t back;
        const char *text = config_number_text(arena, rows[i].type, rows[i].number);
        assert_string_equal(text, rows[i].text);
        assert_int_equal(config_number_parse(rows[i].type, text, &back), 0);
        assert_int_equal(back, rows[i].number);
    }
    arena_free(arena);
}

/* The domains of the configuration are compared with those of addresses. */
static void test_domains_are_those_of_addresses(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(good) + ARRAY_SIZE(bad); i++) {
        bool is_good = i < ARRAY_SIZE(good);
        size_t n = is_good ? i : i - ARRAY_SIZE(good);
        const char *text = is_good ? good[n].text : bad[n].text;
        if ((is_good ? good[n].type : bad[n].type) != CONFIG_DOMAIN) {
            continue;
        }
        struct arena *arena = arena_new();
        const char *ours = NULL, *theirs = NULL;
        assert_int_equal(config_domain_prepare(arena, text, &ours),
                         jid_prepare_domain(arena, text, &theirs));
        if (is_good) {
            assert_string_equal(ours, theirs);
        }
        arena_free(arena);
    }
}

static const char *nearest(const char *word, const char *const *candidates)
{
    struct suggestion suggestion = suggestion_for(word);

    for (; *candidates; candidates++) {
        suggestion_consider(&suggestion, *candidates);
    }
    return suggestion.best;
}

static void test_suggestions(void **state)
{
    (void)state;
    static const char *const keys[] = {"listen", "listen-tls", "log-level", "worker", NULL};

    assert_string_equal(nearest("lisen", keys), "listen");
    assert_string_equal(nearest("lisetn", keys), "listen");
    assert_string_equal(nearest("listen_tls", keys), "listen-tls");
    assert_string_equal(nearest("loglevel", keys), "log-level");
    assert_string_equal(nearest("Worker", keys), "worker");
    assert_null(nearest("certificate", keys));
    assert_null(nearest("x", keys));
    assert_null(nearest("", keys));
    assert_null(
        nearest("a-word-that-is-so-long-that-nobody-can-have-meant-any-of-these-keys-by-it", keys));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_values),  cmocka_unit_test(test_bad_values),
        cmocka_unit_test(test_ranges),       cmocka_unit_test(test_longest_socket_path),
        cmocka_unit_test(test_number_texts), cmocka_unit_test(test_domains_are_those_of_addresses),
        cmocka_unit_test(test_suggestions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
