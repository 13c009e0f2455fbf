/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Unit tests of reading network documents, of writing them and of asking them.
 */
#include <unistd.h>

#include "common/base/error.h"
#include "tests/unit/network_text.h"

static char *errors_of_a(const char *text, int error)
{
    struct network *network = NULL;
    char *errors = NULL;
    size_t length;
    FILE *out = open_memstream(&errors, &length);

    assert_int_equal(network_parse("doc", text, strlen(text), out, &network), error);
    fclose(out);
    return errors;
}

static char *errors_of(const char *text)
{
    return errors_of_a(text, ERR_INVALID);
}

static char *replaced(const char *text, const char *old, const char *new)
{
    const char *at = strstr(text, old);
    struct buffer out = {0};

    assert_non_null(at);
    buffer_append(&out, text, (size_t)(at - text));
    buffer_append_text(&out, new);
    buffer_append_text(&out, at + strlen(old));
    return buffer_take(&out);
}

static void test_all_is_read(void **state)
{
    struct network_world *world = *state;
    char *text = network_text(world, 7, 1, NULL);
    struct network *network = network_must_parse(text, strlen(text));

    assert_string_equal(network->domain, "example.net");
    assert_true(network->serial == 7);
    assert_true(network->expires == 1811808000);
    assert_int_equal(network->keyholders_count, 2);
    assert_int_equal(network->members_count, 3);
    assert_int_equal(network->homes_count, 2);
    assert_string_equal(network->registrar->name, "alpha");
    const struct network_member *beta = network_member_by_host(network, "beta.example.net");
    assert_non_null(beta);
    assert_int_equal(beta->number, 2);
    assert_int_equal(beta->roles, NETWORK_FRONT | NETWORK_HOME);
    assert_int_equal(beta->state, NETWORK_DRAINING);
    assert_string_equal(beta->operator_name, "mailto:ops@beta.example");
    assert_string_equal(beta->addresses[0], "192.0.2.2:5271");
    network_unref(network);
    free(text);
}

static void test_lookups(void **state)
{
    struct network_world *world = *state;
    char *text = network_text(world, 7, 1, NULL);
    struct network *network = network_must_parse(text, strlen(text));
    uint8_t pin[TLS_PIN_SIZE];

    memset(pin, 3, sizeof(pin));
    assert_string_equal(network_member_by_pin(network, pin)->host, "gamma.example.net");
    memset(pin, 9, sizeof(pin));
    assert_null(network_member_by_pin(network, pin));
    assert_string_equal(network_member_by_number(network, 2)->host, "beta.example.net");
    assert_null(network_member_by_number(network, 4));
    assert_null(network_member_by_host(network, "evilbeta.example.net"));
    assert_null(network_home_by_name(network, "gamma"));
    assert_true(network_serves(network, "beta.example.net", "beta", 3));
    assert_false(network_serves(network, "beta.example.net", "beta", 2));
    assert_false(network_serves(network, "alpha.example.net", "beta", 3));
    assert_false(network_is_expired(network, NETWORK_TEXT_NOW));
    assert_true(network_is_expired(network, network->expires));
    const struct network_member *gamma = network_member_by_number(network, 3);
    assert_true(network_member_is_linked(network, gamma, NETWORK_TEXT_NOW));
    assert_false(network_member_may(network, gamma, NETWORK_FRONT, NETWORK_TEXT_NOW));
    assert_true(network_member_may(network, network_member_by_number(network, 2), NETWORK_HOME,
                                   NETWORK_TEXT_NOW));
    network_unref(network);
    free(text);
}

/* Addresses that answers find their way to. */
static void test_returns(void **state)
{
    struct network_world *world = *state;
    char *text = network_text(world, 7, 1, NULL);
    struct network *network = network_must_parse(text, strlen(text));
    static const char *const none[] = {"",   "2",    "4/x",           "x/2",
                                       "/2", "-2/x", "99999999999/x", "2x/y"};

    for (size_t i = 0; i < network->members_count; i++) {
        char *resource = network_return(&network->members[i], "nonce");
        assert_ptr_equal(network_member_by_return(network, resource), &network->members[i]);
        assert_true(network_is_return(resource, "nonce"));
        assert_false(network_is_return(resource, "once"));
        free(resource);
    }
    for (size_t i = 0; i < ARRAY_SIZE(none); i++)
        assert_null(network_member_by_return(network, none[i]));
    assert_true(network_is_return("nonce", "nonce"));
    network_unref(network);
    free(text);
}

static void test_written_is_the_same(void **state)
{
    struct network_world *world = *state;
    char *text = network_text(world, 7, 1, NULL);
    struct network *network = network_must_parse(text, strlen(text));
    struct buffer first = {0}, second = {0};

    network_write(&first, network);
    struct network *again = network_must_parse(first.data, first.length);
    network_write(&second, again);
    assert_string_equal(first.data, second.data);
    for (size_t i = 0; i < 3; i++)
        assert_true(network_member_equal(&network->members[i], &again->members[i]));
    assert_false(network_member_equal(&network->members[0], &again->members[1]));
    network_unref(network);
    network_unref(again);
    buffer_fini(&first);
    buffer_fini(&second);
    free(text);
}

/* What in the good document is replaced, by what, and what is then wrong with it. */
static const struct {
    const char *old, *new, *errors;
} mistakes[] = {
    {"serial = 7", "serial = 0", "doc:4:10: 0 is out of range: 1 to 9223372036854775807\n"},
    {"serial = 7", "seriel = 7",
     "doc:4:1: unknown key \"seriel\" in [network]; did you mean \"serial\"?\n"},
    {"serial = 7\n", "", "doc:2:2: \"serial\" is missing in [network \"example.net\"]\n"},
    {"serial = 7", "serial = 7\nserial = 8",
     "doc:5:1: \"serial\" is set a second time, first in line 4\n"},
    {"2027-06-01T00:00:00Z", "soon",
     "doc:5:11: \"soon\" is not a time, such as 2027-01-31T12:00:00Z\n"},
    {"registrar = alpha", "registrar = beta",
     "doc:6:13: \"beta.example.net\", which serves it, has not the role registrar\n"},
    {"registrar = alpha", "registrar = omega", "doc:6:13: there is no home \"omega\"\n"},
    {"required-signatures = 1", "required-signatures = 3",
     "doc:7:23: there are only 2 keyholders\n"},
    {"[keyholder \"bea\"]", "[keyholder \"ada\"]",
     "doc:12:2: [keyholder] is there already, in line 9\n"},
    {"[keyholder \"bea\"]", "[keyholdr \"bea\"]",
     "doc:12:2: unknown section [keyholdr]; did you mean \"keyholder\"?\n"},
    {"number = 2", "number = 1",
     "doc:25:2: \"number\" of \"beta.example.net\" is that of \"alpha.example.net\"\n"},
    {"192.0.2.2:5271", "unix:/x",
     "doc:27:11: \"unix:/x\" is not an address: other nodes cannot reach it\n"},
    {"state = joining", "state = gone",
     "doc:40:9: \"gone\" is none of joining, active, draining, suspended\n"},
    {"[member \"gamma.example.net\"]", "[member \"example.net\"]",
     "doc:34:2: a node cannot have the name of the network\n"},
    {"epoch = 3\nhost = beta", "epoch = 3\nhost = gamma",
     "doc:47:8: \"gamma.example.net\" has not the role home\n"},
    {"epoch = 3\nhost = beta", "epoch = 3\nhost = delta",
     "doc:47:8: there is no member \"delta.example.net\"\n"},
    {"[home \"beta\"]", "[home \"Beta\"]",
     "doc:45:2: names of homes are made of a to z, digits and '-'\n"},
    {"format = 1", "format = 2\nneeds-format = 2",
     "doc:4:16: this document needs a newer release: it has parts that this one does not know\n"},
    {"[home \"beta\"]", "[signature \"ada\"]\nvalue = AAAA\n[home \"beta\"]",
     "doc:47:1: [home] has to stand before all signatures\n"},
};

static void test_mistakes_have_their_lines(void **state)
{
    struct network_world *world = *state;
    char *good = network_text(world, 7, 1, NULL);

    for (size_t i = 0; i < ARRAY_SIZE(mistakes); i++) {
        char *bad = replaced(good, mistakes[i].old, mistakes[i].new);
        char *errors = errors_of(bad);
        assert_string_equal(errors, mistakes[i].errors);
        free(errors);
        free(bad);
    }
    free(good);
}

static void test_nothing_and_too_much(void **state)
{
    struct network *network = NULL;
    char *errors = errors_of("# nothing\n");
    char *big = xmalloc(NETWORK_SIZE_MAX + 1);

    (void)state;
    assert_string_equal(errors, "doc:1:1: [network \"example.net\"] is missing\n");
    memset(big, '\n', NETWORK_SIZE_MAX + 1);
    assert_int_equal(network_parse("doc", big, NETWORK_SIZE_MAX + 1, NULL, &network), ERR_TOO_BIG);
    assert_int_equal(network_load("/nonexistent", NULL, &network), ERR_NOT_FOUND);
    free(big);
    free(errors);
}

/* Half of what links carry is for suspensions and signatures. */
static void test_a_body_that_is_too_big(void **state)
{
    char *good = network_text(*state, 7, 1, NULL);
    struct buffer text = {0};
    struct network *network = NULL;

    while (text.length + strlen(good) < NETWORK_BODY_MAX)
        buffer_append_char(&text, '\n');
    buffer_append_text(&text, good);
    network = network_must_parse(text.data, text.length);
    network_unref(network);
    buffer_append_char(&text, '\n');
    char *errors = errors_of_a(text.data, ERR_TOO_BIG);
    assert_string_equal(errors, "doc:1:1: the document is too big for the links between nodes: "
                                "what is signed has 524289 bytes, and may have 524288\n");
    free(errors);
    free(good);
    buffer_fini(&text);
}

/* A newer release says what has to be understood; the rest is passed over. */
static void test_parts_of_a_newer_release(void **state)
{
    struct network_world *world = *state;
    char *good = network_text(world, 7, 1, NULL);
    char *newer = replaced(good, "format = 1", "format = 2\ncolour = green\n");
    char *more = replaced(newer, "[home \"alpha\"]", "[moon \"io\"]\nx = y\n[home \"alpha\"]");
    struct network *network = network_must_parse(more, strlen(more));

    assert_int_equal(network->format, 2);
    assert_int_equal(network->homes_count, 2);
    network_unref(network);
    free(good);
    free(newer);
    free(more);
}

static void test_saved_and_loaded(void **state)
{
    struct network_world *world = *state;
    char directory[] = "/tmp/network-XXXXXX";
    char *text = network_text(world, 7, 1, NULL);

    assert_non_null(mkdtemp(directory));
    char *path = xasprintf("%s/document", directory);
    for (int i = 0; i < 2; i++)
        assert_int_equal(network_save(path, text, strlen(text)), 0);
    struct network *network = NULL;
    assert_int_equal(network_load(path, stderr, &network), 0);
    assert_string_equal(network->text, text);
    network_unref(network);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(network_save("/nonexistent/x", text, strlen(text)), ERR_SYSTEM);
    assert_int_equal(rmdir(directory), 0); /* nothing is left beside it */
    free(path);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_is_read),
        cmocka_unit_test(test_lookups),
        cmocka_unit_test(test_returns),
        cmocka_unit_test(test_written_is_the_same),
        cmocka_unit_test(test_mistakes_have_their_lines),
        cmocka_unit_test(test_nothing_and_too_much),
        cmocka_unit_test(test_a_body_that_is_too_big),
        cmocka_unit_test(test_parts_of_a_newer_release),
        cmocka_unit_test(test_saved_and_loaded),
    };

    return cmocka_run_group_tests(tests, network_world_setup, network_world_teardown);
}
