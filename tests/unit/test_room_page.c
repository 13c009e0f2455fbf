/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Pages of the list of rooms, and one of several.
 */
#include "common/xmpp/room_page.h"

#include <stdio.h>
#include <string.h>

#include "common/base/error.h"
#include "common/base/memory.h"
#include "common/xmpp/namespaces.h"
#include "tests/unit/unit.h"

/* "a b c+": three rooms, and there are more. NULL: no page. */
static struct element *make(struct arena *arena, const char *text)
{
    struct element *page = element_new(arena, NS_DIRECTORY, "rooms");
    char *words = arena_strdup(arena, text), *rest = NULL;
    int64_t count = 0;
    bool more = false;

    for (char *word = strtok_r(words, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        more = strcmp(word, "+") == 0;
        if (!more)
            room_page_add(page, word, word);
        count++;
    }
    room_page_set(page, count, more);
    return page;
}

static const char *write(struct arena *arena, const struct element *page)
{
    const char *text = "";

    ELEMENT_FOREACH (room, page)
        text = arena_printf(arena, "%s%s%s", text, *text ? " " : "", element_get(room, "local"));
    if (room_page_has_more(page))
        text = arena_printf(arena, "%s%s+", text, *text ? " " : "");
    return text;
}

static void test_merge(void **state UNUSED)
{
    static const struct {
        struct rsm wish;
        const char *pages[3], *merged;
    } rows[] = {
        {{0}, {"", "", NULL}, ""},
        {{0}, {"a c", "b d", NULL}, "a b c d"},
        {{0}, {"a c", NULL, "b"}, "a b c"},
        {{0}, {"a b", "b c", "b"}, "a b c"},
        {{.has_max = true, .max = 2}, {"a c", "b d", NULL}, "a b +"},
        {{.has_max = true, .max = 4}, {"a c", "b d", NULL}, "a b c d"},
        {{.has_max = true, .max = 0}, {"", "", NULL}, ""},
        /* nobody knows what comes behind b */
        {{0}, {"a b +", "aa c", NULL}, "a aa b +"},
        {{0}, {"a b +", "aa c +", "x"}, "a aa b +"},
        {{.has_max = true, .max = 1}, {"b +", "c +", NULL}, "b +"},
        {{0}, {"a b", "+", NULL}, "a b"},
        {{.before = ""}, {"d b", "c a", NULL}, "d c b a"},
        {{.before = ""}, {"d b +", "c a", NULL}, "d c b +"},
        {{.before = "e", .has_max = true, .max = 3}, {"d b", "c a", NULL}, "d c b +"},
        {{0}, {"Z \xc3\xa4", "a", NULL}, "Z a \xc3\xa4"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct arena *arena = arena_new();
        struct element *merged = element_new(arena, NS_DIRECTORY, "rooms");
        const struct element *pages[3];

        for (size_t j = 0; j < ARRAY_SIZE(pages); j++)
            pages[j] = rows[i].pages[j] ? make(arena, rows[i].pages[j]) : NULL;
        room_page_merge(merged, pages, ARRAY_SIZE(pages), &rows[i].wish);
        assert_string_equal(write(arena, merged), rows[i].merged);
        arena_free(arena);
    }
}

/* Each has what fits; the rest is on the next page. */
static void test_large(void **state UNUSED)
{
    static const struct rsm wish;
    struct arena *arena = arena_new();
    struct element *page = element_new(arena, NS_DIRECTORY, "rooms");
    struct element *merged = element_new(arena, NS_DIRECTORY, "rooms");
    char name[1025], local[1024];
    size_t count = 0;

    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    room_page_add(page, "a", name);
    assert_null(element_get(element_first(page), "name"));
    for (unsigned i = 0; i < ROOM_PAGE_MAX - 1; i++) {
        memset(local, 'b', sizeof(local) - 1);
        snprintf(local + 1000, sizeof(local) - 1000, "%05u", i);
        room_page_add(page, local, name + 1);
    }
    assert_true(room_page_is_good(page, &wish));
    room_page_merge(merged, &(const struct element *){page}, 1, &wish);
    assert_true(room_page_has_more(merged));
    ELEMENT_FOREACH (room, merged)
        count += room != NULL;
    assert_in_range(count, 50, 70);
    assert_true(element_fits(merged, "", (size_t)160 * 1024));
    arena_free(arena);
}

static void test_good(void **state UNUSED)
{
    static const struct {
        struct rsm wish;
        const char *page;
        bool good;
    } rows[] = {
        {{0}, "", true},
        {{0}, "a b", true},
        {{0}, "b a", false},
        {{0}, "a a", false},
        {{.after = "a"}, "b", true},
        {{.after = "b"}, "b c", false},
        {{.before = ""}, "b a", true},
        {{.before = ""}, "a b", false},
        {{.before = "b"}, "a", true},
        {{.before = "b"}, "b", false},
        {{.has_max = true, .max = 1}, "a b", false},
        {{.has_max = true}, "a", false},
    };
    struct arena *arena = arena_new();

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        assert_int_equal(room_page_is_good(make(arena, rows[i].page), &rows[i].wish), rows[i].good);
    arena_free(arena);
}

static void test_wish(void **state UNUSED)
{
    static const char *const bad[] = {NULL, "", "x", "-1", "1x", "99999999999999999999"};
    struct arena *arena = arena_new();
    struct element *question = element_new(arena, NS_DIRECTORY, "rooms");
    struct rsm wish;

    room_page_ask(question, &(const struct rsm){.has_max = true, .max = 7, .after = "x"});
    assert_int_equal(room_page_read(question, &wish), 0);
    assert_int_equal(room_page_size(&wish), 7);
    assert_string_equal(wish.after, "x");
    assert_null(wish.before);
    room_page_ask(question, &(const struct rsm){.before = ""});
    assert_int_equal(room_page_read(question, &wish), 0);
    assert_int_equal(room_page_size(&wish), ROOM_PAGE_MAX);
    assert_string_equal(wish.before, "");
    element_set(question, "max", "1000000");
    assert_int_equal(room_page_read(question, &wish), 0);
    assert_int_equal(room_page_size(&wish), ROOM_PAGE_MAX);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        element_set(question, "max", bad[i]);
        assert_int_equal(room_page_read(question, &wish), ERR_MALFORMED);
    }
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_merge),
        cmocka_unit_test(test_large),
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_wish),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
