/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Links to a router that is there: routes, names, rights.
 */
#include "tests/unit/link_world.h"

static void stanzas_go_where_their_domain_is(void **state)
{
    struct world *world = *state;
    start_router(world);
    struct daemon *c2s = c2s_new(world, "c2s-1");
    struct daemon *s2s = s2s_new(world);
    struct daemon *net = net_new(world);
    await(c2s, "up");
    await(s2s, "up");
    await(net, "up");

    say(c2s, "1", "a@example.test/r", "b@example.test");
    say(c2s, "2", "a@example.test", "x@jabber.test");
    say(c2s, "3", "alpha.example.test", "beta.example.test/c2s-1");
    say(s2s, "4", "x@jabber.test", "a@example.test");
    say(net, "5", "beta.example.test", "alpha.example.test/c2s-1");
    await(c2s, "message 1 ");
    await(s2s, "message 2 ");
    await(net, "message 3 ");
    await(c2s, "message 4 ");
    await(c2s, "message 5 ");

    /* doors are no relays */
    say(s2s, "6", "x@jabber.test", "y@other.test");
    say(net, "7", "beta.example.test", "x@jabber.test");
    say(net, "8", "beta.example.test", "beta.example.test");
    await(s2s, "message 6 remote-server-not-found");
    await(net, "message 7 remote-server-not-found");
    await(net, "message 8 remote-server-not-found");
    /* never known; the network's own names do not take the default route */
    say(c2s, "9", "a@example.test", "gamma.example.test");
    await(c2s, "message 9 remote-server-not-found");
    say(c2s, "10", "a@example.test", "irc.example.test");
    await(c2s, "message 10 remote-server-timeout");
    daemon_free(net);
    say(c2s, "11", "a@example.test", "beta.example.test");
    await(c2s, "message 11 remote-server-timeout");
    daemon_free(s2s);
    say(c2s, "12", "a@example.test", "x@jabber.test");
    await(c2s, "message 12 remote-server-timeout");
    daemon_free(c2s);
}

static void routes_are_announced(void **state)
{
    struct world *world = *state;
    start_router(world);
    struct daemon *c2s = c2s_new(world, "c2s-1");
    await(c2s, "up");
    struct daemon *s2s = s2s_new(world);
    await(s2s, "route +alpha.example.test");
    await(s2s, "route +example.test");
    await(c2s, "route +(default)");
    struct daemon *net = net_new(world);
    await(net, "up");
    await(net, "route +(default)");
    await(net, "route +example.test");
    assert_false(has_heard(net, "route +beta.example.test"));
    await(c2s, "route +beta.example.test");
    const struct link_bind hidden = {.name = "gamma.example.test", .is_private = true};
    link_bind(net->link, &hidden);
    link_unbind(net->link, "beta.example.test");
    await(c2s, "route -beta.example.test");
    assert_false(has_heard(c2s, "route +gamma.example.test"));
    daemon_free(s2s);
    await(c2s, "route -(default)");
    daemon_free(net);
    daemon_free(c2s);
}

static void workers_share_accounts(void **state)
{
    static const char *const ids[] = {"c2s-1", "c2s-2"};
    struct world *world = *state;
    struct daemon *workers[2];
    start_router(world);
    workers[0] = c2s_new(world, ids[0]);
    await(workers[0], "up");
    await(workers[0], "members example.test: c2s-1");
    workers[1] = c2s_new(world, ids[1]);
    await(workers[1], "up");
    await(workers[0], "members example.test: c2s-1 c2s-2");
    await(workers[1], "members example.test: c2s-1 c2s-2");
    await(workers[1], "members alpha.example.test: c2s-1 c2s-2");

    for (int i = 0; i < 20; i++) {
        char *to = xasprintf("user%d@example.test", i);
        char *line = xasprintf("message m%d ", i);
        char *id = xasprintf("m%d", i);
        say(workers[i % 2], id, "a@example.test", to);
        await(workers[slot_owner(slot_of(to), ids, 2)], line);
        free(id);
        free(line);
        free(to);
    }
    say(workers[0], "to2", "alpha.example.test/c2s-1", "alpha.example.test/c2s-2");
    await(workers[1], "message to2 ");

    forget(workers[1]);
    daemon_free(workers[0]);
    await(workers[1], "members example.test: c2s-2");
    await(workers[1], "route -example.test");
    daemon_free(workers[1]);
}

static void foreign_names_are_refused(void **state)
{
    static const struct {
        const char *role;
        struct link_bind bind;
        const char *line;
    } rows[] = {
        {"c2s", {.name = "jabber.test"}, "refused jabber.test forbidden"},
        {"c2s", {.name = "beta.example.test"}, "refused beta.example.test forbidden"},
        {"c2s", {.is_default = true}, "refused (default) forbidden"},
        {"c2s", {.name = "example.test", .log = true}, "refused example.test forbidden"},
        {"net", {.name = "alpha.example.test"}, "refused alpha.example.test forbidden"},
        {"net", {.name = "example.test"}, "refused example.test forbidden"},
        {"net", {.name = "evilexample.test"}, "refused evilexample.test forbidden"},
        {"net", {.name = "irc.example.test"}, "refused irc.example.test forbidden"},
        {"net",
         {.name = "beta.example.test", .shared = "n"},
         "refused beta.example.test forbidden"},
        {"s2s", {.name = "example.test"}, "refused example.test forbidden"},
        {"s2s", {.name = "jabber.test", .is_default = true}, "refused jabber.test forbidden"},
        {"s2s", {.is_default = true, .is_private = true}, "refused (default) forbidden"},
        {"c2s", {.name = "a b"}, "refused a b jid-malformed"},
        {"c2s", {.name = "example.test", .shared = ""}, "refused example.test bad-request"},
        {"s2s", {.shared = "x", .is_default = true}, "refused (default) bad-request"},
    };
    struct world *world = *state;
    start_router(world);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct daemon *daemon = daemon_new(world, rows[i].role, "x", &rows[i].bind, 1);
        await(daemon, rows[i].line);
        assert_false(link_is_up(daemon->link));
        daemon_free(daemon);
    }
}

static void third_parties_prove_a_secret(void **state)
{
    struct world *world = *state;
    start_router(world);
    const struct router_listener *door = &world->router->listeners[ROLE_COMPONENT];
    const struct link_settings settings = {.address = listener_address(door->listener),
                                           .name = "irc.example.test",
                                           .secret = "s3cret"};
    const struct link_bind binds[] = {{.name = "irc.example.test"}, {.name = "irc2.test"}};
    struct daemon *c2s = c2s_new(world, "c2s-1");
    await(c2s, "up");
    struct daemon *irc = daemon_with(world, settings, binds, ARRAY_SIZE(binds));
    await(irc, "up");
    await(c2s, "route +irc.example.test");
    await(c2s, "route +irc2.test");
    say(c2s, "1", "a@example.test", "#c@irc.example.test");
    await(irc, "message 1 ");
    say(irc, "2", "#c@irc2.test/n", "a@example.test/r");
    await(c2s, "message 2 ");
    /* lesson 3: all its names go with it */
    daemon_free(irc);
    await(c2s, "route -irc.example.test");
    await(c2s, "route -irc2.test");
    daemon_free(c2s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(stanzas_go_where_their_domain_is, set_up, tear_down),
        cmocka_unit_test_setup_teardown(routes_are_announced, set_up, tear_down),
        cmocka_unit_test_setup_teardown(workers_share_accounts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(foreign_names_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(third_parties_prove_a_secret, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
