/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Trunks: two ends in memory, and a way between them that loses, doubles and breaks off.
 */
#include "c2s/front/trunk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/memory.h"
#include "tests/unit/unit.h"

#define FRAMES 4096

struct end {
    struct trunk *trunk;
    struct stanza *wire[FRAMES]; /* on the way to this end */
    size_t begin, count;
    unsigned received; /* and the next one has to have this number */
    unsigned sent;
    unsigned rooms;
    const char *dead;
    bool blocked; /* its frames are not taken */
    struct end *other;
};

static struct {
    struct end front, owner;
    uint64_t now;
    unsigned lose; /* each so many-th frame; 0: none */
    unsigned double_;
    unsigned frames;
} world;

static int on_send(void *user, struct stanza *frame)
{
    struct end *end = user, *other = end->other;

    if (end->blocked)
        return -1;
    world.frames++;
    if (world.lose && world.frames % world.lose == 0)
        return 0;
    for (unsigned copies = 0; copies < (world.double_ && world.frames % world.double_ == 0) + 1u;
         copies++) {
        assert_true(other->count < FRAMES);
        other->wire[(other->begin + other->count++) % FRAMES] = stanza_copy(frame);
    }
    return 0;
}

static void on_receive(void *user, struct element *element)
{
    struct end *end = user;

    assert_string_equal(element->name, "item");
    assert_int_equal(atoi(element_get(element, "i")), end->received);
    end->received++;
}

static void on_room(void *user)
{
    struct end *end = user;

    end->rooms++;
}

static void on_dead(void *user, const char *reason)
{
    struct end *end = user;

    assert_null(end->dead);
    end->dead = reason;
}

static const struct trunk_ops ops = {on_send, on_receive, on_room, on_dead};

static struct trunk *make(struct end *end, const char *from, const char *to, const char *name,
                          const char *peer)
{
    struct jid from_jid = {.domain = from, .bare = from, .full = from};
    struct jid to_jid = {.domain = to, .bare = to, .full = to};
    const struct trunk_settings settings = {
        .from = &from_jid, .to = &to_jid, .name = name, .peer = peer, .window = 8, .queue = 100};

    return trunk_new(&settings, &ops, end);
}

static void pass(uint64_t ms)
{
    world.now += ms;
    clock_fake(world.now, 0);
}

static int set_up(void **state)
{
    (void)state;
    memset(&world, 0, sizeof(world));
    pass(1000);
    world.front.other = &world.owner;
    world.owner.other = &world.front;
    world.front.trunk = make(&world.front, "a.test", "b.test", "00000000000000aa", NULL);
    world.owner.trunk =
        make(&world.owner, "b.test", "a.test", "00000000000000bb", "00000000000000aa");
    return 0;
}

static struct stanza *next_frame(struct end *end)
{
    struct stanza *frame = end->wire[end->begin];

    end->begin = (end->begin + 1) % FRAMES;
    end->count--;
    return frame;
}

static int tear_down(void **state)
{
    (void)state;
    struct end *ends[] = {&world.front, &world.owner};

    for (size_t i = 0; i < 2; i++) {
        while (ends[i]->count)
            stanza_unref(next_frame(ends[i]));
        trunk_free(ends[i]->trunk);
    }
    return 0;
}

static void say(struct end *end)
{
    struct element *item = trunk_begin(end->trunk, "item");

    element_set(item, "i", arena_printf(item->arena, "%u", end->sent++));
    trunk_send(end->trunk);
}

static void deliver(struct end *end)
{
    while (end->count && !end->dead) {
        struct stanza *frame = next_frame(end);
        trunk_take(end->trunk, element_first(frame->root));
        stanza_unref(frame);
    }
    if (!end->dead)
        trunk_settle(end->trunk);
}

static void settle(void)
{
    while (world.front.count || world.owner.count) {
        deliver(&world.owner);
        deliver(&world.front);
    }
}

static void lose_what_is_on_the_way(void)
{
    while (world.front.count)
        stanza_unref(next_frame(&world.front));
    while (world.owner.count)
        stanza_unref(next_frame(&world.owner));
}

static void elements_arrive_in_order(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++)
        say(&world.front);
    settle();
    assert_int_equal(world.owner.received, 5);
    assert_string_equal(trunk_peer(world.front.trunk), "00000000000000bb");
    say(&world.owner);
    settle();
    assert_int_equal(world.front.received, 1);
    pass(5000);
    unsigned frames = world.frames;
    trunk_look(world.front.trunk);
    trunk_look(world.owner.trunk);
    assert_int_equal(world.frames, frames); /* all of it is acknowledged: nothing is sent again */
}

static void window_holds_back(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++)
        say(&world.front);
    assert_int_equal(world.owner.count, 8);
    assert_true(trunk_is_full(world.front.trunk));
    settle();
    assert_int_equal(world.owner.received, 20);
    assert_false(trunk_is_full(world.front.trunk));
    assert_int_equal(world.front.rooms, 1);
}

static void lost_frames_come_again(void **state)
{
    (void)state;
    say(&world.front);
    say(&world.front);
    lose_what_is_on_the_way();
    pass(1999);
    trunk_look(world.front.trunk);
    assert_int_equal(world.owner.count, 0);
    pass(1);
    trunk_look(world.front.trunk);
    settle();
    assert_int_equal(world.owner.received, 2);
}

static void gap_is_told_at_once(void **state)
{
    (void)state;
    say(&world.front);
    settle();
    say(&world.front);
    lose_what_is_on_the_way();
    say(&world.front);
    say(&world.front);
    settle();
    assert_int_equal(world.owner.received, 4);
}

static void way_that_comes_back_is_used(void **state)
{
    (void)state;
    world.front.blocked = true;
    say(&world.front);
    say(&world.front);
    assert_int_equal(world.owner.count, 0);
    world.front.blocked = false;
    trunk_resume(world.front.trunk);
    settle();
    assert_int_equal(world.owner.received, 2);
}

/* Any way of losing and doubling: everything arrives once and in order, both ways. */
static void nothing_is_lost_or_doubled(void **state)
{
    (void)state;
    for (world.lose = 2; world.lose < 12; world.lose++) {
        world.double_ = 13 - world.lose;
        for (int round = 0; round < 50; round++) {
            say(&world.front);
            say(&world.owner);
            if (round % 3 == 0)
                settle();
            if (round % 17 == 0)
                lose_what_is_on_the_way();
        }
        for (int i = 0; i < 200; i++) {
            pass(2000);
            trunk_look(world.front.trunk);
            trunk_look(world.owner.trunk);
            settle();
        }
        assert_null(world.front.dead);
        assert_int_equal(world.owner.received, world.front.sent);
        assert_int_equal(world.front.received, world.owner.sent);
    }
}

static void silence_kills(void **state)
{
    (void)state;
    say(&world.front);
    settle();
    for (int i = 0; i < 59; i++) {
        pass(1000);
        trunk_look(world.front.trunk);
    }
    assert_null(world.front.dead);
    assert_true(world.owner.count > 0); /* it has asked */
    pass(1000);
    assert_int_equal(trunk_look(world.front.trunk), 0);
    assert_string_equal(world.front.dead, "silence");
}

static void answers_keep_it_alive(void **state)
{
    (void)state;
    say(&world.front);
    settle();
    for (int i = 0; i < 300; i++) {
        pass(1000);
        trunk_look(world.front.trunk);
        settle();
    }
    assert_null(world.front.dead);
    assert_null(world.owner.dead);
}

static void feed(struct end *end, const char *attributes[][2], size_t count)
{
    struct arena *arena = arena_new();
    struct element *t = element_new(arena, NS_TRUNK, "t");

    for (size_t i = 0; i < count; i++)
        element_set(t, attributes[i][0], attributes[i][1]);
    trunk_take(end->trunk, t);
    arena_free(arena);
}

#define FEED(end, ...)                                                                             \
    do {                                                                                           \
        const char *attributes[][2] = {__VA_ARGS__};                                               \
        feed((end), attributes, sizeof(attributes) / sizeof(attributes[0]));                       \
    } while (0)

static void other_incarnation_kills(void **state)
{
    (void)state;
    say(&world.front);
    settle();
    FEED(&world.front, {"me", "00000000000000cc"}, {"you", "00000000000000aa"});
    assert_non_null(world.front.dead);
}

static void reset_kills(void **state)
{
    (void)state;
    struct jid a = {.domain = "a.test", .bare = "a.test", .full = "a.test"};
    struct stanza *reset = trunk_make_reset(&a, &a, "00000000000000dd", "00000000000000aa");

    trunk_take(world.front.trunk, element_first(reset->root));
    stanza_unref(reset);
    assert_non_null(world.front.dead);
}

static void nonsense_does_no_harm(void **state)
{
    (void)state;
    say(&world.front);
    settle();
    FEED(&world.front, {"me", "zz"});
    FEED(&world.front, {"n", "1"});
    FEED(&world.front, {"me", "00000000000000bb"}, {"n", "-1"});
    FEED(&world.front, {"me", "00000000000000bb"}, {"n", "99999999999999999999"});
    FEED(&world.front, {"me", "00000000000000bb"}, {"n", "7"}); /* not the next */
    FEED(&world.front, {"me", "00000000000000bb"}, {"n", "0"});
    assert_null(world.front.dead);
    assert_int_equal(world.front.received, 0);
    say(&world.owner);
    settle();
    assert_int_equal(world.front.received, 1);
    FEED(&world.front, {"me", "00000000000000bb"}, {"a", "2"}); /* was never sent */
    assert_non_null(world.front.dead);
}

static void queue_is_bounded(void **state)
{
    (void)state;
    for (int i = 0; i < 101; i++)
        say(&world.front);
    trunk_look(world.front.trunk);
    assert_string_equal(world.front.dead, "too much waits for it");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(elements_arrive_in_order),
        TEST(window_holds_back),
        TEST(lost_frames_come_again),
        TEST(gap_is_told_at_once),
        TEST(way_that_comes_back_is_used),
        TEST(nothing_is_lost_or_doubled),
        TEST(silence_kills),
        TEST(answers_keep_it_alive),
        TEST(other_incarnation_kills),
        TEST(reset_kills),
        TEST(nonsense_does_no_harm),
        TEST(queue_is_bounded),
    };
    return cmocka_run_group_tests_name("trunk", tests, NULL, NULL);
}
