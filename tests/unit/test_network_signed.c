/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Unit tests of signatures under network documents, of suspensions, and of what may follow what.
 */
#include "common/base/error.h"
#include "tests/unit/network_text.h"

#define ADA 1U
#define BEA 2U
#define EVE 4U

#define HOME(epoch, host) "[home \"beta\"]\nepoch = " epoch "\nhost = " host ".example.net\n"

static struct network *make(const struct network_world *world, uint64_t serial, unsigned required,
                            unsigned signers)
{
    return network_signed(world, network_text(world, serial, required, NULL), signers);
}

static void test_enough_keyholders(void **state)
{
    static const struct {
        unsigned required, signers;
        int result;
    } rows[] = {
        {1, 0, ERR_DENIED},   {1, ADA, 0},          {1, BEA, 0},
        {1, EVE, ERR_DENIED}, {2, ADA, ERR_DENIED}, {2, ADA | EVE, ERR_DENIED},
        {2, ADA | BEA, 0},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct network *network = make(*state, 7, rows[i].required, rows[i].signers);
        const char *problem = NULL;
        assert_int_equal(network_verify(network, &problem), rows[i].result);
        assert_int_equal(problem == NULL, rows[i].result == 0);
        network_unref(network);
    }
}

/* Each byte of the body counts. */
static void test_a_changed_body_is_not_signed(void **state)
{
    struct network *network = make(*state, 7, 1, ADA);
    char *text = xstrdup(network->text);
    const char *problem;

    strstr(text, "serial = 7")[9] = '8';
    struct network *changed = network_must_parse(text, strlen(text));
    assert_int_equal(network_verify(changed, &problem), ERR_DENIED);
    network_unref(network);
    network_unref(changed);
    free(text);
}

/* One keyholder who signs twice is one. */
static void test_a_keyholder_counts_once(void **state)
{
    struct network *network = make(*state, 7, 2, ADA);
    struct network_signature twice = {.keyholder = "bea"};
    struct buffer text = {0};
    const char *problem;

    memcpy(twice.value, network->signatures[0].value, SIGNATURE_SIZE);
    buffer_append_text(&text, network->text);
    network_write_signature(&text, &twice);
    struct network *doubled = network_must_parse(text.data, text.length);
    assert_int_equal(network_verify(doubled, &problem), ERR_DENIED);
    network_unref(network);
    network_unref(doubled);
    buffer_fini(&text);
}

static void test_what_may_follow(void **state)
{
    static const struct {
        uint64_t serial;
        unsigned signers;
        const char *home;
        int result;
    } rows[] = {
        {8, ADA, NULL, 0},
        {12, BEA, NULL, 0},
        {7, ADA, NULL, ERR_EXISTS},
        {6, ADA, NULL, ERR_EXISTS},
        {8, 0, NULL, ERR_DENIED},
        {8, EVE, NULL, ERR_DENIED},
        {8, ADA, HOME("2", "beta"), ERR_DENIED},
        {8, ADA, HOME("3", "alpha"), ERR_DENIED},
        {8, ADA, HOME("4", "alpha"), 0},
        {8, ADA, "", 0},
    };
    struct network_world *world = *state;
    struct network *before = make(world, 7, 1, ADA);

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct network *next = network_signed(
            world, network_text(world, rows[i].serial, 1, rows[i].home), rows[i].signers);
        const char *problem = NULL;
        assert_int_equal(network_verify_next(before, next, &problem), rows[i].result);
        assert_int_equal(problem == NULL, rows[i].result == 0);
        network_unref(next);
    }
    network_unref(before);
}

/* With `with` in place of each `what`. */
static char *replaced(char *text, const char *what, const char *with)
{
    struct buffer out = {0};
    const char *rest = text, *found;

    while ((found = strstr(rest, what)) != NULL) {
        buffer_append(&out, rest, (size_t)(found - rest));
        buffer_append_text(&out, with);
        rest = found + strlen(what);
    }
    buffer_append_text(&out, rest);
    free(text);
    return buffer_take(&out);
}

/* Beta and gamma may serve the registrar; `more` are homes beside alpha's. */
static struct network *with_registrar(const struct network_world *world, uint64_t serial,
                                      const char *registrar, const char *more)
{
    char *text = network_text(world, serial, 1, more);
    char *line = xasprintf("registrar = %s\n", registrar);

    text = replaced(text, "registrar = alpha\n", line);
    text = replaced(text, "operator =", "role = registrar\noperator =");
    text = replaced(text, "state = joining", "role = home\nrole = registrar\nstate = joining");
    free(line);
    return network_signed(world, text, ADA);
}

#define GAMMA_HOME "[home \"gamma\"]\nepoch = 1\nhost = gamma.example.net\n"

/* The office goes to a home whose data knows who had it before. */
static void test_another_registrar(void **state)
{
    static const struct {
        const char *before, *registrar, *after;
        int result;
    } rows[] = {
        {HOME("3", "beta"), "beta", HOME("3", "beta"), 0},
        {HOME("3", "beta"), "beta", HOME("4", "gamma"), 0}, /* the data goes with it */
        {"", "beta", HOME("3", "beta"), ERR_DENIED},
        {HOME("3", "beta"), "gamma", HOME("3", "beta") GAMMA_HOME, ERR_DENIED},
        {HOME("3", "beta"), "alpha", HOME("3", "beta") GAMMA_HOME, 0},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct network *before = with_registrar(*state, 7, "alpha", rows[i].before);
        struct network *next = with_registrar(*state, 8, rows[i].registrar, rows[i].after);
        const char *problem = NULL;
        assert_int_equal(network_verify_next(before, next, &problem), rows[i].result);
        assert_int_equal(problem == NULL, rows[i].result == 0);
        network_unref(before);
        network_unref(next);
    }
}

/* The one that had the office is lost: it is suspended, and its data are not what they were. */
static void test_a_lost_registrar(void **state)
{
    static const struct {
        const char *before, *registrar, *lost, *state, *homes, *problem;
    } rows[] = {
        {"alpha", "beta", "alpha", "suspended", "2", NULL},
        {"alpha", "beta", "alpha", "suspended", "1", "without a higher epoch"},
        {"alpha", "beta", "alpha", "active", "2", NULL}, /* it is back */
        {"alpha", "alpha", "beta", "suspended", "2", "was not the registrar"},
        {"beta", "beta", "alpha", "suspended", "2", "was not the registrar"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct network *before = with_registrar(*state, 7, rows[i].before, HOME("3", "beta"));
        char *text = network_text(*state, 8, 1, HOME("3", "beta"));
        char *line =
            xasprintf("registrar = %s\nregistrar-lost = %s\n", rows[i].registrar, rows[i].lost);
        char *epoch = xasprintf("[home \"alpha\"]\nepoch = %s\n", rows[i].homes);
        char *suspended = xasprintf("role = registrar\nstate = %s", rows[i].state);
        text = replaced(text, "registrar = alpha\n", line);
        text = replaced(text, "[home \"alpha\"]\nepoch = 1\n", epoch);
        text = replaced(text, "role = registrar\nstate = active", suspended);
        text = replaced(text, "operator =", "role = registrar\noperator =");
        text = replaced(text, "state = joining", "role = home\nrole = registrar\nstate = joining");
        struct network *next = network_signed(*state, text, ADA);
        const char *problem = NULL;
        int result = network_verify_next(before, next, &problem);
        if (rows[i].problem)
            assert_non_null(strstr(problem, rows[i].problem));
        else
            assert_int_equal(result, 0);
        free(line), free(epoch), free(suspended);
        network_unref(before);
        network_unref(next);
    }
}

/* Its home has been there, but it joins with the document that makes it the registrar's node. */
static void test_a_new_node_as_the_registrar(void **state)
{
    struct network *before = with_registrar(*state, 7, "alpha", HOME("3", "beta"));
    struct network *next = with_registrar(*state, 8, "beta", HOME("4", "gamma"));
    const char *problem = NULL;

    before->members_count--; /* gamma */
    assert_int_equal(network_verify_next(before, next, &problem), ERR_DENIED);
    assert_non_null(strstr(problem, "gamma.example.net is new"));
    network_unref(before);
    network_unref(next);
}

/* New keyholders have to be named by the old ones, and to sign too. */
static void test_a_change_of_keyholders(void **state)
{
    struct network_world *world = *state;
    struct network_world other = *world;
    struct network *before = make(world, 7, 1, ADA);
    const char *problem;

    other.holders[0] = world->holders[2];
    other.holders[1] = world->holders[1];
    other.holders[2] = world->holders[0];
    static const struct {
        unsigned required, signers;
        int result;
    } rows[] = {
        {1, ADA, ERR_DENIED}, /* only the new one */
        {1, EVE, ERR_DENIED}, /* only the one that goes */
        {1, ADA | EVE, 0},
        {2, BEA | EVE, ERR_DENIED}, /* enough for the old document alone */
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct network *next = network_signed(
            &other, network_text(&other, 8, rows[i].required, NULL), rows[i].signers);
        assert_int_equal(network_verify_next(before, next, &problem), rows[i].result);
        network_unref(next);
    }
    network_unref(before);
}

/* A copy of the document with a suspension of beta by that keyholder. */
static struct network *suspended(const struct network_world *world, const struct network *network,
                                 size_t holder, int64_t begins, int64_t ends)
{
    static const char *const names[] = {"ada", "bea", "ada"}; /* a stranger says it is ada */
    struct network_suspension suspension = {.host = "beta.example.net",
                                            .begins = begins,
                                            .ends = ends,
                                            .signature = {.keyholder = names[holder]}};
    struct buffer text = {0};

    network_sign_suspension(network, world->holders[holder], &suspension);
    buffer_append_text(&text, network->text);
    network_write_suspension(&text, &suspension);
    struct network *made = network_must_parse(text.data, text.length);
    buffer_fini(&text);
    return made;
}

static void test_a_suspension(void **state)
{
    struct network *network = make(*state, 7, 2, ADA | BEA);
    struct network *made = suspended(*state, network, 1, NETWORK_TEXT_NOW, NETWORK_TEXT_NOW + 3600);
    const struct network_member *beta = network_member_by_number(made, 2);
    const char *problem;

    assert_int_equal(network_verify(made, &problem), 0);
    assert_int_equal(network_member_state(made, beta, NETWORK_TEXT_NOW), NETWORK_SUSPENDED);
    assert_false(network_member_is_linked(made, beta, NETWORK_TEXT_NOW));
    assert_false(network_member_may(made, beta, NETWORK_HOME, NETWORK_TEXT_NOW));
    assert_int_equal(network_member_state(made, beta, NETWORK_TEXT_NOW + 3600), NETWORK_DRAINING);
    assert_int_equal(
        network_member_state(made, network_member_by_number(made, 1), NETWORK_TEXT_NOW),
        NETWORK_ACTIVE);
    network_unref(made);
    made = suspended(*state, network, 2, NETWORK_TEXT_NOW, NETWORK_TEXT_NOW + 3600);
    assert_int_equal(network_verify(made, &problem), ERR_DENIED);
    network_unref(made);
    network_unref(network);
}

static void test_a_day_is_the_most(void **state)
{
    struct network *network = make(*state, 7, 1, ADA);
    struct network *made =
        suspended(*state, network, 0, NETWORK_TEXT_NOW, NETWORK_TEXT_NOW + NETWORK_SUSPENSION_MAX);
    struct buffer text = {0};

    made->suspensions[0].ends++;
    buffer_append_text(&text, network->text);
    network_write_suspension(&text, &made->suspensions[0]);
    struct network *longer = NULL;
    assert_int_equal(network_parse("doc", text.data, text.length, NULL, &longer), ERR_INVALID);
    buffer_fini(&text);
    network_unref(made);
    network_unref(network);
}

/* Both sides come to the same; one that is made later cannot draw out another. */
static void test_merging(void **state)
{
    struct network *network = make(*state, 7, 1, ADA);
    struct network *a = suspended(*state, network, 0, NETWORK_TEXT_NOW, NETWORK_TEXT_NOW + 60);
    struct network *b =
        suspended(*state, network, 1, NETWORK_TEXT_NOW + 30, NETWORK_TEXT_NOW + 3600);
    struct buffer one = {0}, other = {0};
    uint8_t digests[3][NETWORK_DIGEST_SIZE];

    network_merge(&one, a, b);
    network_merge(&other, b, a);
    assert_string_equal(one.data, other.data);
    struct network *merged = network_must_parse(one.data, one.length);
    const char *problem;
    assert_int_equal(network_verify(merged, &problem), 0);
    assert_int_equal(merged->suspensions_count, 1);
    assert_true(merged->suspensions[0].ends == NETWORK_TEXT_NOW + 60);
    network_digest(merged, digests[0]);
    network_digest(a, digests[1]);
    network_digest(b, digests[2]);
    assert_memory_equal(digests[0], digests[1], NETWORK_DIGEST_SIZE);
    assert_memory_not_equal(digests[0], digests[2], NETWORK_DIGEST_SIZE);
    network_unref(merged);
    network_unref(a);
    network_unref(b);
    network_unref(network);
    buffer_fini(&one);
    buffer_fini(&other);
}

/* A peer that adds signatures of nobody adds nothing. */
static void test_merging_takes_no_rubbish(void **state)
{
    struct network *mine = make(*state, 7, 1, ADA);
    struct network *theirs = make(*state, 7, 1, ADA | BEA | EVE);
    struct buffer text = {0};

    network_merge(&text, mine, theirs);
    struct network *merged = network_must_parse(text.data, text.length);
    assert_int_equal(merged->signatures_count, 2);
    assert_int_equal(network_count_signatures(merged, merged), 2);
    network_unref(merged);
    network_unref(mine);
    network_unref(theirs);
    buffer_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_enough_keyholders),
        cmocka_unit_test(test_a_changed_body_is_not_signed),
        cmocka_unit_test(test_a_keyholder_counts_once),
        cmocka_unit_test(test_what_may_follow),
        cmocka_unit_test(test_another_registrar),
        cmocka_unit_test(test_a_lost_registrar),
        cmocka_unit_test(test_a_new_node_as_the_registrar),
        cmocka_unit_test(test_a_change_of_keyholders),
        cmocka_unit_test(test_a_suspension),
        cmocka_unit_test(test_a_day_is_the_most),
        cmocka_unit_test(test_merging),
        cmocka_unit_test(test_merging_takes_no_rubbish),
    };

    return cmocka_run_group_tests(tests, network_world_setup, network_world_teardown);
}
