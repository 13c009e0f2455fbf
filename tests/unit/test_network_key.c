/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Unit tests of the keys of dialback that any node of a network can check.
 */
#include "s2s/network_key.h"

#include "common/base/arena.h"
#include "tests/unit/network_text.h"

static const struct network_key_subject SUBJECT = {"other.example", "example.net", "D60000229F"};

struct world {
    struct network_world keys;
    struct network *network; /* alpha may federate; beta and gamma have not the role */
    char *key;
};

static enum network_key_verdict check(const struct world *world, const char *key)
{
    return network_key_check(world->network, NETWORK_TEXT_NOW, &SUBJECT, key);
}

static void test_good(void **state)
{
    struct world *world = *state;

    assert_int_equal(strncmp(world->key, "1.7.", 4), 0);
    assert_int_equal(strlen(world->key), 4 + 128);
    assert_int_equal(check(world, world->key), NETWORK_KEY_GOOD);
}

/* Every part counts, and where one ends and the next begins. */
static void test_parts(void **state)
{
    static const struct network_key_subject rows[] = {
        {"other.exampl", "example.net", "D60000229F"},
        {"example.net", "other.example", "D60000229F"},
        {"other.example", "example.net", "D60000229E"},
        {"other.example", "example.net", ""},
        {"other.example\nexample.net", "", "D60000229F"},
    };
    struct world *world = *state;

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        assert_int_equal(network_key_check(world->network, NETWORK_TEXT_NOW, &rows[i], world->key),
                         NETWORK_KEY_BAD);
}

/* The key with another beginning, or of another length. */
static void test_forms(void **state)
{
    static const struct {
        const char *beginning;
        size_t hex; /* digits of the signature */
        enum network_key_verdict verdict;
    } rows[] = {
        {"1.7.", 128, NETWORK_KEY_GOOD},
        {"1.6.", 128, NETWORK_KEY_GOOD}, /* the member has kept its key */
        {"9.7.", 128, NETWORK_KEY_UNKNOWN},
        {"4294967297.7.", 128, NETWORK_KEY_UNKNOWN},
        {"2.7.", 128, NETWORK_KEY_UNKNOWN}, /* may not federate */
        {"1.7.", 126, NETWORK_KEY_OTHER},
        {"1.7.0", 128, NETWORK_KEY_OTHER},
        {"1.", 128, NETWORK_KEY_OTHER},
        {"", 64, NETWORK_KEY_OTHER}, /* XEP-0185 */
        {"", 0, NETWORK_KEY_OTHER},
        {".7.", 128, NETWORK_KEY_OTHER},
        {"-1.7.", 128, NETWORK_KEY_OTHER},
        {"1.99999999999999999999.", 128, NETWORK_KEY_OTHER},
    };
    struct world *world = *state;

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char *key = xasprintf("%s%.*s", rows[i].beginning, (int)rows[i].hex, world->key + 4);
        assert_int_equal(check(world, key), rows[i].verdict);
        free(key);
    }
}

/* Forged under the document in force; under another one, nobody here can tell. */
static void test_a_wrong_signature(void **state)
{
    struct world *world = *state;

    world->key[10] = world->key[10] == '0' ? '1' : '0';
    assert_int_equal(check(world, world->key), NETWORK_KEY_BAD);
    world->key[2] = '8';
    assert_int_equal(check(world, world->key), NETWORK_KEY_UNKNOWN);
    world->key[2] = '6';
    assert_int_equal(check(world, world->key), NETWORK_KEY_UNKNOWN);
}

/* By the signing key of another member, or by nobody's. */
static void test_another_signer(void **state)
{
    struct world *world = *state;

    for (size_t i = 1; i < 3; i++) {
        char *key = network_key_make(world->network, &world->network->members[0],
                                     world->keys.nodes[i], &SUBJECT);
        assert_int_equal(check(world, key), NETWORK_KEY_BAD);
        free(key);
    }
}

/* What a suspended member has made counts no longer. */
static void test_suspended(void **state)
{
    struct world *world = *state;

    world->network->suspensions =
        arena_zalloc(world->network->arena, sizeof(*world->network->suspensions));
    world->network->suspensions_count = 1;
    world->network->suspensions[0] = (struct network_suspension){
        .host = "alpha.example.net", .begins = NETWORK_TEXT_NOW, .ends = NETWORK_TEXT_NOW + 1};
    assert_int_equal(check(world, world->key), NETWORK_KEY_UNKNOWN);
}

static int setup(void **state)
{
    static struct world world;

    network_world_init(&world.keys);
    char *text = network_text(&world.keys, 7, 1, NULL);
    world.network = network_must_parse(text, strlen(text));
    world.key =
        network_key_make(world.network, &world.network->members[0], world.keys.nodes[0], &SUBJECT);
    free(text);
    *state = &world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;

    free(world->key);
    network_unref(world->network);
    network_world_fini(&world->keys);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_good),           TEST(test_parts),
        TEST(test_forms),          TEST(test_a_wrong_signature),
        TEST(test_another_signer), TEST(test_suspended),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
