/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Offers through a router: who gets them, who hears the answers, and what becomes of them where
 * nobody is.
 */
#include "common/base/arena.h"
#include "tests/unit/link_world.h"

static int try_offer(struct daemon *daemon, const char *id, const char *after, const char *from,
                     const char *to)
{
    struct stanza *stanza = message_of(id, from, to);
    int error = link_offer(daemon->link, id, 1, after, stanza);
    stanza_unref(stanza);
    return error;
}

static void offer(struct daemon *daemon, const char *id, const char *from, const char *to)
{
    assert_int_equal(try_offer(daemon, id, NULL, from, to), 0);
}

static void answer(struct daemon *daemon, enum durable_kind kind, const char *id, const char *from,
                   const char *to)
{
    struct arena *arena = arena_new();
    struct durable durable = {.kind = kind,
                              .id = id,
                              .reason = STANZA_RESOURCE_CONSTRAINT,
                              .text = "<not> 'now' & never",
                              .retry_after = 7};
    assert_int_equal(jid_parse(arena, from, &durable.from), 0);
    assert_int_equal(jid_parse(arena, to, &durable.to), 0);
    link_answer(daemon->link, &durable);
    arena_free(arena);
}

static void offers_are_answered(void **state)
{
    struct world *world = *state;
    start_router(world);
    struct daemon *c2s = c2s_new(world, "c2s-1");
    struct daemon *s2s = s2s_new(world);
    await(c2s, "up");
    await(s2s, "up");
    offer(c2s, "a@example.test/1", "a@example.test/r", "x@jabber.test");
    await(s2s, "offer a@example.test/1 1 -: message a@example.test/1");
    assert_int_equal(try_offer(c2s, "2", "a@example.test/1", "a@example.test/r", "x@jabber.test"),
                     0);
    await(s2s, "offer 2 1 a@example.test/1: message 2");
    answer(s2s, DURABLE_TOOK, "a@example.test/1", "x@jabber.test", "a@example.test");
    await(c2s, "took a@example.test/1");
    answer(s2s, DURABLE_REFUSED, "2", "x@jabber.test", "a@example.test");
    await(c2s, "refused 2 resource-constraint");
    answer(c2s, DURABLE_FORGET, "a@example.test/1", "a@example.test", "x@jabber.test");
    await(s2s, "forget a@example.test/1");
    /* the other way */
    offer(s2s, "s2s/1", "x@jabber.test", "a@example.test");
    await(c2s, "offer s2s/1 1 -: message s2s/1");
    answer(c2s, DURABLE_TOOK, "s2s/1", "a@example.test", "x@jabber.test");
    await(s2s, "took s2s/1");
    daemon_free(s2s);
    daemon_free(c2s);
}

/* Offers to an account and answers for it both go to whoever owns its slot. */
static void slots_decide(void **state)
{
    static const char *const ids[] = {"c2s-1", "c2s-2"};
    struct world *world = *state;
    struct daemon *workers[2];
    start_router(world);
    struct daemon *s2s = s2s_new(world);
    await(s2s, "up");
    for (int i = 0; i < 2; i++) {
        workers[i] = c2s_new(world, ids[i]);
        await(workers[i], "up");
    }
    await(workers[0], "members example.test: c2s-1 c2s-2");
    for (int i = 0; i < 20; i++) {
        char *user = xasprintf("user%d@example.test", i);
        char *id = xasprintf("m%d", i);
        char *heard = xasprintf("offer m%d 1 -: message m%d", i, i);
        char *took = xasprintf("took m%d", i);
        struct daemon *owner = workers[slot_owner(slot_of(user), ids, 2)];
        offer(s2s, id, "x@jabber.test", user);
        await(owner, heard);
        answer(s2s, DURABLE_TOOK, id, "x@jabber.test", user);
        await(owner, took);
        free(took);
        free(heard);
        free(id);
        free(user);
    }
    for (int i = 0; i < 2; i++)
        daemon_free(workers[i]);
    daemon_free(s2s);
}

static void nobody_is_there(void **state)
{
    struct world *world = *state;
    start_router(world);
    struct daemon *c2s = c2s_new(world, "c2s-1");
    await(c2s, "up");
    /* right after the start s2s may still come */
    offer(c2s, "1", "a@example.test", "x@jabber.test");
    await(c2s, "refused 1 remote-server-timeout");
    offer(c2s, "2", "a@example.test", "irc.example.test");
    await(c2s, "refused 2 remote-server-timeout");
    struct daemon *s2s = s2s_new(world);
    await(s2s, "up");
    offer(c2s, "3", "a@example.test", "gamma.example.test");
    await(c2s, "refused 3 remote-server-not-found");
    daemon_free(s2s);
    offer(c2s, "4", "a@example.test", "x@jabber.test");
    await(c2s, "refused 4 remote-server-timeout");
    daemon_free(c2s);
}

static void forged_offers_end_the_stream(void **state)
{
    struct world *world = *state;
    start_router(world);
    struct daemon *s2s = s2s_new(world);
    struct daemon *c2s = c2s_new(world, "c2s-1");
    await(s2s, "up");
    await(c2s, "up");
    offer(s2s, "1", "a@example.test", "b@example.test");
    await(s2s, "down");
    forget(s2s);
    await(s2s, "up");
    answer(s2s, DURABLE_TOOK, "1", "a@example.test", "b@example.test");
    await(s2s, "down");
    daemon_free(c2s);
    daemon_free(s2s);
}

/* A library that knows only XEP-0114 gets the stanza, and the promise ends there. */
static void stock_components_get_stanzas(void **state)
{
    struct world *world = *state;
    start_router(world);
    const struct link_settings settings = {
        .address = listener_address(world->router->listeners[ROLE_COMPONENT].listener),
        .name = "irc.example.test",
        .secret = "s3cret"};
    struct daemon *irc = daemon_with(world, settings, NULL, 0);
    struct daemon *c2s = c2s_new(world, "c2s-1");
    await(irc, "up");
    await(c2s, "up");
    offer(c2s, "1", "a@example.test", "room@irc.example.test");
    await(irc, "message 1 ");
    await(c2s, "took 1");
    assert_int_equal(try_offer(irc, "2", NULL, "irc.example.test", "a@example.test"),
                     ERR_UNSUPPORTED);
    daemon_free(c2s);
    daemon_free(irc);
}

/* While members come back nothing is decided, and nothing is kept here. */
static void offers_wait_for_the_members(void **state)
{
    struct world *world = *state;
    configure(world, "shared-hold = 300ms");
    start_router(world);
    struct daemon *s2s = s2s_new(world);
    await(s2s, "up");
    offer(s2s, "1", "x@jabber.test", "a@example.test");
    await(s2s, "full 1");
    struct daemon *c2s = c2s_new(world, "c2s-1");
    await(s2s, "ready example.test");
    await(c2s, "up");
    offer(s2s, "2", "x@jabber.test", "a@example.test");
    await(c2s, "offer 2 1 -: message 2");
    assert_null(strstr(c2s->heard.data, "offer 1"));
    daemon_free(c2s);
    daemon_free(s2s);
}

/* One stanza for accounts of two workers, for another domain, and for a component that knows
 * nothing of this: everybody gets it once, under the id of its own, and the answers find their way.
 */
static void batches_are_sorted(void **state)
{
    static const char *const to[] = {"bob@example.test",         "\xc3\xa4@example.test",
                                     "carol@example.test/r",     "x@jabber.test",
                                     "room@irc.example.test",    "dora@example.test",
                                     "nobody@gamma.example.test"};
    static const char *const ids[] = {"c2s-1", "c2s-2"};
    struct world *world = *state;
    struct arena *arena = arena_new();
    struct batch_item items[ARRAY_SIZE(to)];
    struct batch batch = {.kind = DURABLE_OFFER, .items = items, .count = ARRAY_SIZE(to)};
    struct stanza *stanza = message_of("m", "room@example.test/nick", "x@jabber.test");
    struct daemon *workers[2];
    size_t made;

    start_router(world);
    const struct link_settings settings = {
        .address = listener_address(world->router->listeners[ROLE_COMPONENT].listener),
        .name = "irc.example.test",
        .secret = "s3cret"};
    struct daemon *irc = daemon_with(world, settings, NULL, 0);
    struct daemon *s2s = s2s_new(world);
    for (int i = 0; i < 2; i++) {
        workers[i] = c2s_new(world, ids[i]);
        await(workers[i], "up");
    }
    await(irc, "up");
    await(s2s, "up");
    await(workers[0], "members example.test: c2s-1 c2s-2");
    for (size_t i = 0; i < ARRAY_SIZE(to); i++) {
        items[i] = (struct batch_item){.id = arena_printf(arena, "room/\xc3\xa4/%zu", i),
                                       .attempt = (unsigned)i + 1,
                                       .after = i == 3 ? "room/\xc3\xb6" : NULL};
        assert_int_equal(jid_parse(arena, to[i], &items[i].jid), 0);
    }
    assert_int_equal(link_offer_batch(workers[0]->link, &batch, stanza, &made), 0);
    assert_int_equal(made, ARRAY_SIZE(to));
    for (size_t i = 0; i < ARRAY_SIZE(to); i++) {
        struct daemon *owner = workers[slot_owner(slot_of(items[i].jid.bare), ids, 2)];
        const char *heard = arena_printf(arena, "offer %s %zu %s: message m", items[i].id, i + 1,
                                         i == 3 ? "room/\xc3\xb6" : "-");
        if (strcmp(items[i].jid.domain, "example.test") == 0)
            await(owner, heard);
        else if (i == 3)
            await(s2s, heard);
    }
    await(irc, "message m ");
    await(workers[0], "took room/\xc3\xa4/4");
    await(workers[0], "refused room/\xc3\xa4/6 remote-server-not-found");
    forget(workers[0]);
    forget(workers[1]);
    /* answers: those for which one domain speaks */
    batch = (struct batch){.kind = DURABLE_TOOK, .items = items, .count = 3};
    assert_int_equal(jid_parse(arena, "example.test", &batch.from), 0);
    assert_int_equal(jid_parse(arena, "x@jabber.test", &batch.to), 0);
    link_answer_batch(workers[1]->link, &batch);
    for (int i = 0; i < 3; i++)
        await(s2s, arena_printf(arena, "took room/\xc3\xa4/%d", i));
    /* what cannot go one by one does not go to who knows no batches */
    batch = (struct batch){.kind = DURABLE_OFFER, .whole = true, .items = items + 3, .count = 2};
    items[3].after = NULL;
    assert_int_equal(link_offer_batch(workers[0]->link, &batch, stanza, &made), 0);
    await(workers[0], "refused room/\xc3\xa4/4 feature-not-implemented");
    stanza_unref(stanza);
    arena_free(arena);
    for (int i = 0; i < 2; i++)
        daemon_free(workers[i]);
    daemon_free(s2s);
    daemon_free(irc);
}

static void nothing_is_offered_without_a_router(void **state)
{
    struct world *world = *state;
    start_router(world);
    struct daemon *c2s = c2s_new(world, "c2s-1");
    await(c2s, "up");
    stop_router(world);
    await(c2s, "down");
    assert_int_equal(try_offer(c2s, "1", NULL, "a@example.test", "x@jabber.test"), ERR_UNAVAILABLE);
    daemon_free(c2s);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(offers_are_answered),
        TEST(slots_decide),
        TEST(nobody_is_there),
        TEST(forged_offers_end_the_stream),
        TEST(stock_components_get_stanzas),
        TEST(offers_wait_for_the_members),
        TEST(batches_are_sorted),
        TEST(nothing_is_offered_without_a_router),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
