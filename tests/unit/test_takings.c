/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What a taker knows of offers: in hand, taken, forgotten.
 */
#include "common/component/takings.h"

#include <inttypes.h>
#include <stdio.h>

#include "tests/unit/unit.h"

struct mine {
    struct taking taking;
    int more;
};

static size_t forgotten;

static void on_forget(struct taking *taking)
{
    forgotten += (size_t)((struct mine *)taking)->more;
}

static struct mine *add(struct takings *takings, const char *id, struct stanza *stanza)
{
    struct arena *arena = arena_new();
    struct durable offer = {.kind = DURABLE_OFFER, .id = id};
    struct mine *mine;

    assert_int_equal(jid_parse(arena, "a@b.c", &offer.from), 0);
    assert_int_equal(jid_parse(arena, "d@e.f", &offer.to), 0);
    mine = (struct mine *)takings_add(takings, &offer, stanza);
    arena_free(arena);
    return mine;
}

static bool follows(const struct takings *takings, const char *after)
{
    const struct durable offer = {.kind = DURABLE_OFFER, .id = "x", .after = after};

    return takings_follows(takings, &offer);
}

static void from_hand_to_hand(void **state)
{
    struct takings *takings = takings_new(sizeof(struct mine), on_forget);
    struct stanza *stanza = stanza_new(STANZA_MESSAGE, MESSAGE_CHAT);
    struct mine *mine = add(takings, "1", stanza);
    (void)state;

    assert_int_equal(mine->more, 0);
    mine->more = 1;
    forgotten = 0;
    assert_ptr_equal(takings_find(takings, "1"), &mine->taking);
    assert_ptr_equal(takings_find_stanza(takings, stanza), &mine->taking);
    assert_string_equal(mine->taking.offer->to.bare, "d@e.f");
    assert_true(follows(takings, NULL));
    assert_true(follows(takings, "1"));
    assert_false(follows(takings, "2"));
    takings_took(takings, &mine->taking);
    assert_null(mine->taking.stanza);
    assert_null(takings_find_stanza(takings, stanza));
    assert_ptr_equal(takings_find(takings, "1"), &mine->taking);
    takings_forget(takings, &mine->taking);
    assert_int_equal(forgotten, 1);
    assert_null(takings_find(takings, "1"));
    add(takings, "2", stanza)->more = 1;
    stanza_unref(stanza);
    takings_free(takings);
    assert_int_equal(forgotten, 2);
}

/* What is in hand is never forgotten by itself. */
static void oldest_are_forgotten(void **state)
{
    struct takings *takings = takings_new(sizeof(struct mine), NULL);
    struct stanza *held = stanza_new(STANZA_MESSAGE, MESSAGE_CHAT);
    char id[32];
    (void)state;

    add(takings, "held", held);
    for (int i = 0; i < TAKINGS_MAX + 2; i++) {
        struct stanza *stanza = stanza_new(STANZA_MESSAGE, MESSAGE_CHAT);

        snprintf(id, sizeof(id), "%d", i);
        takings_took(takings, &add(takings, id, stanza)->taking);
        stanza_unref(stanza);
    }
    assert_null(takings_find(takings, "0"));
    assert_null(takings_find(takings, "1"));
    assert_non_null(takings_find(takings, "2"));
    assert_non_null(takings_find(takings, id));
    assert_non_null(takings_find(takings, "held"));
    assert_string_equal(takings_first(takings)->id, "held");
    stanza_unref(held);
    takings_free(takings);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(from_hand_to_hand),
        cmocka_unit_test(oldest_are_forgotten),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
