/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Rights of components, and the patience with wrong secrets.
 */
#include "router/acl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/memory.h"
#include "router/throttle.h"
#include "tests/unit/unit.h"

struct world {
    char *directory;
    struct config *config;
    struct acl_set *set;
};

static char *write_file(const char *directory, const char *name, const char *text)
{
    char *path = xasprintf("%s/%s", directory, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, 0600), 0);
    return path;
}

static int set_up(void **state)
{
    char pattern[] = "/tmp/kontalk-acl-XXXXXX";
    struct world *world = xcalloc(1, sizeof(*world));
    char *problem = NULL;
    world->directory = xstrdup(mkdtemp(pattern));
    free(write_file(world->directory, "secret", "s3cret\n"));
    char *text = xasprintf("[node]\nhost = alpha.example.test\nnetwork = example.test\n"
                           "[domain \"other.test\"]\ncertificate = %s/secret\nkey = %s/secret\n"
                           "[component \"irc.example.test\"]\nsecret-file = %s/secret\n"
                           "[component \"bot.test\"]\nsecret-file = %s/secret\n"
                           "domain = bot2.test\nfrom = example.test\nallow = log\n",
                           world->directory, world->directory, world->directory, world->directory);
    char *path = write_file(world->directory, "kontalk.conf", text);
    assert_int_equal(config_load(path, stderr, &world->config), 0);
    assert_int_equal(acl_set_new(world->config, &world->set, &problem), 0);
    free(path);
    free(text);
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    static const char *const files[] = {"secret", "kontalk.conf"};
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        char *path = xasprintf("%s/%s", world->directory, files[i]);
        unlink(path);
        free(path);
    }
    rmdir(world->directory);
    acl_set_free(world->set);
    config_free(world->config);
    free(world->directory);
    free(world);
    return 0;
}

/* Columns: c2s, net, s2s, irc.example.test, bot.test; b: may bind, f: may be in 'from'. */
static void domains_belong_to_roles(void **state)
{
    static const struct {
        const char *domain;
        const char *rights[5];
    } rows[] = {
        {"alpha.example.test", {"bf", "", "", "", ""}},
        {"example.test", {"bf", "", "", "", "f"}},
        {"other.test", {"bf", "", "", "", ""}},
        {"beta.example.test", {"", "bf", "", "", ""}},
        {"s2s.alpha.example.test", {"", "", "b", "", ""}},
        {"s2s.beta.example.test", {"", "bf", "", "", ""}},
        {"irc.example.test", {"", "", "", "bf", ""}},
        {"bot.test", {"", "", "", "", "bf"}},
        {"bot2.test", {"", "", "", "", "bf"}},
        /* no plain suffix (lesson 5), no sub- or super-domain (F6) */
        {"evilalpha.example.test", {"", "bf", "", "", ""}},
        {"betaexample.test", {"", "", "f", "", ""}},
        {"x.irc.example.test", {"", "bf", "", "", ""}},
        {"x.bot.test", {"", "", "f", "", ""}},
        {".example.test", {"", "", "f", "", ""}},
        {"test", {"", "", "f", "", ""}},
        {"jabber.org", {"", "", "f", "", ""}},
        {"x.other.test", {"", "", "f", "", ""}},
    };
    struct world *world = *state;
    const struct acl *acls[] = {
        acl_of_role(world->set, ROLE_C2S),        acl_of_role(world->set, ROLE_NET),
        acl_of_role(world->set, ROLE_S2S),        acl_of_component(world->set, "irc.example.test"),
        acl_of_component(world->set, "bot.test"),
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        for (size_t who = 0; who < ARRAY_SIZE(acls); who++) {
            const char *rights = rows[i].rights[who];
            assert_int_equal(acl_may_bind(acls[who], rows[i].domain), strchr(rights, 'b') != NULL);
            assert_int_equal(acl_may_send(acls[who], rows[i].domain), strchr(rights, 'f') != NULL);
        }
    }
}

static void rights_are_as_the_table_says(void **state)
{
    struct world *world = *state;
    const struct {
        const struct acl *acl;
        unsigned rights;
    } rows[] = {
        {acl_of_role(world->set, ROLE_C2S),
         ACL_PRIVATE | ACL_SHARED | ACL_USE_DEFAULT | ACL_REFLECT},
        {acl_of_role(world->set, ROLE_NET), ACL_PRIVATE},
        {acl_of_role(world->set, ROLE_S2S), ACL_DEFAULT},
        {acl_of_component(world->set, "irc.example.test"), ACL_USE_DEFAULT | ACL_REFLECT},
        {acl_of_component(world->set, "bot.test"), ACL_LOG | ACL_USE_DEFAULT | ACL_REFLECT},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        for (unsigned right = ACL_DEFAULT; right <= ACL_REFLECT; right <<= 1)
            assert_int_equal(acl_allows(rows[i].acl, (enum acl_right)right),
                             (rows[i].rights & right) != 0);
    }
}

static void components_are_found_by_their_own_domain(void **state)
{
    struct world *world = *state;
    assert_null(acl_of_component(world->set, "bot2.test"));
    assert_null(acl_of_component(world->set, "example.test"));
    assert_string_equal(acl_secret(acl_of_component(world->set, "bot.test")), "s3cret");
    assert_true(acl_is_known(world->set, "bot2.test"));
    assert_true(acl_is_known(world->set, "other.test"));
    assert_false(acl_is_known(world->set, "beta.example.test"));
    assert_true(acl_is_network(world->set, "beta.example.test"));
    assert_false(acl_is_network(world->set, "betaexample.test"));
}

static void a_secret_that_others_can_read_is_refused(void **state)
{
    struct world *world = *state;
    struct acl_set *set = NULL;
    char *problem = NULL;
    char *path = xasprintf("%s/secret", world->directory);
    assert_int_equal(chmod(path, 0644), 0);
    assert_int_equal(acl_set_new(world->config, &set, &problem), ERR_DENIED);
    assert_non_null(strstr(problem, "irc.example.test"));
    free(problem);
    free(path);
}

/* --- throttle --- */

static void three_wrong_secrets_are_enough(void **state)
{
    struct throttle *throttle = throttle_new();
    (void)state;
    clock_fake(1000000, 0);
    for (int i = 0; i < THROTTLE_TRIES; i++) {
        assert_false(throttle_is_blocked(throttle, "192.0.2.1", "a.test"));
        throttle_failed(throttle, "192.0.2.1", "a.test");
    }
    assert_true(throttle_is_blocked(throttle, "192.0.2.1", "a.test"));
    assert_false(throttle_is_blocked(throttle, "192.0.2.1", "b.test"));
    assert_false(throttle_is_blocked(throttle, "192.0.2.2", "a.test"));
    clock_fake(1000000 + THROTTLE_REST_MS - 1, 0);
    assert_true(throttle_is_blocked(throttle, "192.0.2.1", "a.test"));
    clock_fake(1000000 + THROTTLE_REST_MS, 0);
    assert_false(throttle_is_blocked(throttle, "192.0.2.1", "a.test"));
    throttle_free(throttle);
}

static void a_right_secret_clears_the_count(void **state)
{
    struct throttle *throttle = throttle_new();
    (void)state;
    for (int round = 0; round < 3; round++) {
        throttle_failed(throttle, "unix", "a.test");
        throttle_failed(throttle, "unix", "a.test");
        throttle_passed(throttle, "unix", "a.test");
    }
    assert_false(throttle_is_blocked(throttle, "unix", "a.test"));
    throttle_free(throttle);
}

static void the_throttle_is_bounded(void **state)
{
    struct throttle *throttle = throttle_new();
    (void)state;
    for (int i = 0; i < THROTTLE_TRIES; i++)
        throttle_failed(throttle, "192.0.2.1", "a.test");
    for (int i = 0; i < THROTTLE_MAX; i++) {
        char *address = xasprintf("198.51.100.%d", i);
        throttle_failed(throttle, address, "a.test");
        free(address);
    }
    assert_false(throttle_is_blocked(throttle, "192.0.2.1", "a.test"));
    throttle_free(throttle);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(domains_belong_to_roles, set_up, tear_down),
        cmocka_unit_test_setup_teardown(rights_are_as_the_table_says, set_up, tear_down),
        cmocka_unit_test_setup_teardown(components_are_found_by_their_own_domain, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_secret_that_others_can_read_is_refused, set_up,
                                        tear_down),
        cmocka_unit_test(three_wrong_secrets_are_enough),
        cmocka_unit_test(a_right_secret_clears_the_count),
        cmocka_unit_test(the_throttle_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
