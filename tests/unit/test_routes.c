/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The route table: who may bind what, what stays known, which member a stanza goes to.
 */
#include "router/routes.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/error.h"
#include "common/base/memory.h"
#include "tests/unit/unit.h"

enum { ALPHA, BETA, GAMMA, OWNERS };

struct world {
    struct routes *routes;
    struct route_owner owners[OWNERS];
};

static int set_up(void **state)
{
    struct world *world = xcalloc(1, sizeof(*world));
    world->routes = routes_new();
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    for (size_t i = 0; i < OWNERS; i++) {
        while (world->owners[i].binds)
            routes_unbind(world->routes, world->owners[i].binds);
        assert_int_equal(world->owners[i].count, 0);
    }
    routes_free(world->routes);
    free(world);
    return 0;
}

static int bind(struct world *world, int owner, const char *name, const char *id)
{
    struct bind *new;
    int expected = routes_may_bind(world->routes, name, &world->owners[owner], id);
    int result = routes_bind(world->routes, name, &world->owners[owner], id, false, &new);
    assert_int_equal(result, expected);
    if (!result)
        assert_ptr_equal(new->owner, &world->owners[owner]);
    return result;
}

static void unbind(struct world *world, int owner, const char *name)
{
    struct route *route = routes_find(world->routes, name);
    assert_non_null(route);
    routes_unbind(world->routes, route_bind_of(route, &world->owners[owner]));
}

/* Lessons 1 and 2: binding twice, or what is somebody else's, is refused, and the first stays. */
static void second_binds_are_refused(void **state)
{
    static const struct {
        int first_owner;
        const char *name, *first_id;
        int second_owner;
        const char *second_id;
        int expected;
    } rows[] = {
        {ALPHA, "a.test", NULL, BETA, NULL, ERR_CONFLICT},
        {ALPHA, "a.test", NULL, ALPHA, NULL, ERR_CONFLICT},
        {ALPHA, "a.test", NULL, BETA, "b", ERR_CONFLICT},
        {ALPHA, "a.test", "a", BETA, NULL, ERR_CONFLICT},
        {ALPHA, "a.test", "a", BETA, "a", ERR_CONFLICT},
        {ALPHA, "a.test", "a", ALPHA, "b", ERR_CONFLICT},
        {ALPHA, "a.test", "a", BETA, "b", 0},
        {ALPHA, ROUTE_DEFAULT, NULL, BETA, NULL, ERR_CONFLICT},
        {ALPHA, ROUTE_DEFAULT, NULL, ALPHA, NULL, ERR_CONFLICT},
    };
    struct world *world = *state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        assert_int_equal(bind(world, rows[i].first_owner, rows[i].name, rows[i].first_id), 0);
        int result = bind(world, rows[i].second_owner, rows[i].name, rows[i].second_id);
        assert_int_equal(result, rows[i].expected);
        assert_non_null(route_bind_of(routes_find(world->routes, rows[i].name),
                                      &world->owners[rows[i].first_owner]));
        unbind(world, rows[i].first_owner, rows[i].name);
        if (!result)
            unbind(world, rows[i].second_owner, rows[i].name);
    }
}

static void names_stay_known(void **state)
{
    struct world *world = *state;
    assert_null(routes_find(world->routes, "a.test"));
    assert_int_equal(bind(world, ALPHA, "a.test", NULL), 0);
    unbind(world, ALPHA, "a.test");
    struct route *route = routes_find(world->routes, "a.test");
    assert_non_null(route);
    assert_null(route->members);
    assert_int_equal(bind(world, BETA, "a.test", "b"), 0);
    assert_ptr_equal(routes_find(world->routes, "a.test"), route);
    assert_true(route_is_shared(route));
}

/* Names that a component binds and leaves for ever do not fill the memory. */
static void the_oldest_known_names_are_forgotten(void **state)
{
    struct world *world = *state;
    assert_int_equal(bind(world, ALPHA, "first.test", NULL), 0);
    assert_int_equal(bind(world, BETA, "stays.test", NULL), 0);
    unbind(world, ALPHA, "first.test");
    for (int i = 0; i < ROUTES_DOWN_MAX; i++) {
        char *name = xasprintf("n%d.test", i);
        assert_non_null(routes_find(world->routes, "first.test"));
        assert_int_equal(bind(world, ALPHA, name, NULL), 0);
        unbind(world, ALPHA, name);
        free(name);
    }
    assert_null(routes_find(world->routes, "first.test"));
    assert_non_null(routes_find(world->routes, "n0.test"));
    assert_non_null(routes_find(world->routes, "stays.test")->members);
}

static void generations_count_changes(void **state)
{
    struct world *world = *state;
    assert_int_equal(bind(world, ALPHA, "a.test", "a"), 0);
    struct route *route = routes_find(world->routes, "a.test");
    uint64_t generation = route->generation;
    assert_int_equal(bind(world, BETA, "a.test", "b"), 0);
    assert_true(route->generation > generation);
    generation = route->generation;
    assert_int_equal(bind(world, BETA, "a.test", "b"), ERR_CONFLICT);
    assert_int_equal(route->generation, generation);
    unbind(world, ALPHA, "a.test");
    assert_true(route->generation > generation);
}

static int owner_of(struct world *world, const char *to)
{
    struct arena *arena = arena_new();
    struct jid jid;
    assert_int_equal(jid_parse(arena, to, &jid), 0);
    struct bind *picked = route_pick(routes_find(world->routes, jid.domain), &jid);
    arena_free(arena);
    return (int)(picked->owner - world->owners);
}

static void stanzas_find_their_member(void **state)
{
    struct world *world = *state;
    const char *const ids[] = {"c2s-1", "c2s-2", "c2s-3"};
    for (int i = 0; i < OWNERS; i++)
        assert_int_equal(bind(world, i, "h.test", ids[i]), 0);

    assert_int_equal(owner_of(world, "h.test/c2s-1"), ALPHA);
    assert_int_equal(owner_of(world, "h.test/c2s-3"), GAMMA);
    assert_in_range(owner_of(world, "h.test"), ALPHA, GAMMA);
    for (int i = 0; i < 200; i++) {
        char *bare = xasprintf("user%d@h.test", i);
        char *full = xasprintf("%s/c2s-1", bare);
        int expected = (int)slot_owner(slot_of(bare), ids, OWNERS);
        assert_int_equal(owner_of(world, bare), expected);
        assert_int_equal(owner_of(world, full), expected);
        free(full);
        free(bare);
    }
    /* a resource that is no member's belongs to the domain's own slot */
    assert_int_equal(owner_of(world, "h.test/3/nonce"),
                     (int)slot_owner(slot_of("h.test"), ids, OWNERS));

    unbind(world, GAMMA, "h.test");
    for (int i = 0; i < 200; i++) {
        char *bare = xasprintf("user%d@h.test", i);
        assert_int_equal(owner_of(world, bare), (int)slot_owner(slot_of(bare), ids, 2));
        free(bare);
    }
}

static void a_single_owner_gets_all(void **state)
{
    struct world *world = *state;
    assert_int_equal(bind(world, BETA, "irc.test", NULL), 0);
    assert_int_equal(owner_of(world, "irc.test"), BETA);
    assert_int_equal(owner_of(world, "#c@irc.test/x"), BETA);
    assert_int_equal(owner_of(world, "irc.test/c2s-1"), BETA);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(second_binds_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(names_stay_known, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_oldest_known_names_are_forgotten, set_up, tear_down),
        cmocka_unit_test_setup_teardown(generations_count_changes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(stanzas_find_their_member, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_single_owner_gets_all, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
