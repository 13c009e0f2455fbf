/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Unit tests of the arena.
 */
#include "common/base/arena.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

static void test_memory_is_aligned_and_apart(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    unsigned char *blocks[500];

    for (size_t i = 0; i < 500; i++) {
        blocks[i] = arena_alloc(arena, i);
        assert_int_equal((uintptr_t)blocks[i] % alignof(max_align_t), 0);
        memset(blocks[i], (int)(i % 251), i);
        arena_strdup(arena, "x");
    }
    for (size_t i = 0; i < 500; i++) {
        for (size_t n = 0; n < i; n++) {
            assert_int_equal(blocks[i][n], i % 251);
        }
    }
    arena_free(arena);
}

static void test_zalloc_clears(void **state)
{
    (void)state;
    static const char zeros[3000];
    struct arena *arena = arena_new();

    for (size_t size = 1; size <= sizeof(zeros); size *= 3) {
        assert_memory_equal(arena_zalloc(arena, size), zeros, size);
    }
    arena_free(arena);
}

static void test_texts(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    char *longer = arena_alloc(arena, 100000);
    memset(longer, 'a', 99999);
    longer[99999] = '\0';

    assert_string_equal(arena_strdup(arena, ""), "");
    assert_string_equal(arena_strdup(arena, "stanza"), "stanza");
    assert_string_equal(arena_strdup(arena, longer), longer);
    assert_string_equal(arena_strndup(arena, "stanza", 3), "sta");
    assert_string_equal(arena_strndup(arena, NULL, 0), "");
    assert_memory_equal(arena_strndup(arena, "a\0b", 3), "a\0b", 4);
    assert_string_equal(arena_printf(arena, "%s/%d", "a", 7), "a/7");
    assert_int_equal(strlen(arena_printf(arena, "%s.", longer)), 100000);
    arena_free(arena);
}

static void test_size_grows_with_what_is_taken(void **state)
{
    (void)state;
    struct arena *arena = arena_new();

    assert_true(arena_size(arena) <= 1024);
    arena_alloc(arena, 1000000);
    assert_in_range(arena_size(arena), 1000000, 1010000);
    arena_free(arena);
}

/* Found by AddressSanitizer if it were not so. */
static void test_what_is_kept_stays(void **state)
{
    struct arena *original = arena_new(), *copy = arena_new(), *copy_of_copy = arena_new();
    const char *text = arena_join(original, "sta", "nza");

    (void)state;
    arena_keep(copy, original);
    arena_keep(copy_of_copy, copy);
    arena_free(original);
    arena_free(copy);
    assert_string_equal(text, "stanza");
    arena_free(copy_of_copy);
}

static void test_null_can_be_freed(void **state)
{
    (void)state;
    arena_free(NULL);
}

/* A stanza of usual size costs one malloc(): what is left after a big block stays in use. */
static void test_small_ones_share_the_first_block(void **state)
{
    (void)state;
#if defined(__SANITIZE_ADDRESS__)
    print_message("AddressSanitizer wants each piece in a block of its own\n");
    skip();
#endif
    struct arena *arena = arena_new();
    size_t size = arena_size(arena);

    arena_alloc(arena, 400);
    assert_int_equal(arena_size(arena), size);
    arena_alloc(arena, 5000);
    size = arena_size(arena);
    arena_alloc(arena, 400);
    assert_int_equal(arena_size(arena), size);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory_is_aligned_and_apart),
        cmocka_unit_test(test_zalloc_clears),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_size_grows_with_what_is_taken),
        cmocka_unit_test(test_what_is_kept_stays),
        cmocka_unit_test(test_null_can_be_freed),
        cmocka_unit_test(test_small_ones_share_the_first_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
