/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The store of kontalk-files on a real disk.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/error.h"
#include "common/base/memory.h"
#include "files/store.h"
#include "tests/unit/unit.h"

struct world {
    char directory[64];
    struct store *store;
    struct arena *arena;
};

static void open_store(struct world *world)
{
    char *problem = NULL;

    assert_int_equal(store_open(world->directory, &world->store, &problem), 0);
    assert_null(problem);
}

static int set_up(void **state)
{
    struct world *world = xcalloc(1, sizeof(*world));

    strcpy(world->directory, "/tmp/kontalk-store-XXXXXX");
    assert_non_null(mkdtemp(world->directory));
    world->arena = arena_new();
    open_store(world);
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    char *command = xasprintf("rm -r %s", world->directory);

    store_close(world->store);
    assert_int_equal(system(command), 0);
    free(command);
    arena_free(world->arena);
    free(world);
    return 0;
}

static int put(struct world *world, const char *id, const char *content, int64_t created_us,
               int64_t expires_us)
{
    const struct stored_file file = {.id = id,
                                     .name = "n",
                                     .owner = "alice",
                                     .created_us = created_us,
                                     .expires_us = expires_us};
    struct upload *upload;

    assert_int_equal(upload_begin(world->store, strlen(content), &upload), 0);
    for (const char *at = content; *at; at++) {
        assert_false(upload_is_whole(upload));
        assert_int_equal(upload_write(upload, at, 1), 0);
    }
    assert_true(upload_is_whole(upload));
    return upload_commit(upload, &file);
}

/* What is under the id; NULL: nothing is. */
static char *get(struct world *world, const char *id)
{
    struct stored_file file;
    char content[256] = "";
    int error = index_find(store_index(world->store), id, world->arena, &file);

    if (error) {
        assert_int_equal(error, ERR_NOT_FOUND);
        return NULL;
    }
    int fd = store_read(world->store, &file);
    assert_true(fd >= 0);
    assert_int_equal(read(fd, content, sizeof(content) - 1), file.size);
    close(fd);
    return arena_strdup(world->arena, content);
}

/* The files below "content". */
static size_t count_content(struct world *world)
{
    char *command = xasprintf("find %s/content -type f | wc -l", world->directory);
    FILE *pipe = popen(command, "r");
    size_t count = 0;

    assert_non_null(pipe);
    assert_int_equal(fscanf(pipe, "%zu", &count), 1);
    pclose(pipe);
    free(command);
    return count;
}

static void test_put_and_get(void **state)
{
    struct world *world = *state;
    struct stored_file file;

    assert_int_equal(put(world, "1", "hello", 10, 20), 0);
    assert_string_equal(get(world, "1"), "hello");
    assert_null(get(world, "2"));
    assert_int_equal(index_find(store_index(world->store), "1", world->arena, &file), 0);
    assert_string_equal(file.name, "n");
    assert_null(file.type);
    assert_string_equal(file.owner, "alice");
    assert_string_equal(file.hash, /* of "hello" */
                        "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
    assert_true(file.size == 5 && file.created_us == 10 && file.expires_us == 20);
}

/* The same content is kept once, until nobody has it any more. */
static void test_same_content(void **state)
{
    struct world *world = *state;
    bool more;

    assert_int_equal(put(world, "1", "same", 0, 10), 0);
    assert_int_equal(put(world, "2", "same", 0, 20), 0);
    assert_int_equal(put(world, "3", "other", 0, 20), 0);
    assert_int_equal(count_content(world), 2);
    assert_int_equal(store_expire(world->store, 9, &more), 0);
    assert_string_equal(get(world, "1"), "same");
    assert_int_equal(store_expire(world->store, 10, &more), 0);
    assert_null(get(world, "1"));
    assert_string_equal(get(world, "2"), "same");
    assert_int_equal(count_content(world), 2);
    assert_int_equal(store_expire(world->store, 20, &more), 0);
    assert_false(more);
    assert_null(get(world, "2"));
    assert_int_equal(count_content(world), 0);
}

/* Some at a time, and an upload is finished in between; what goes is gone before the next some. */
static void test_many_expire(void **state)
{
    struct world *world = *state;
    uint64_t files, before = 60, bytes;
    bool more = true;

    for (unsigned i = 0; i < before; i++) {
        char *id = xasprintf("old%u", i);
        const struct stored_file file = {.id = id,
                                         .name = "n",
                                         .owner = "alice",
                                         .hash = "ab01",
                                         .created_us = 1,
                                         .expires_us = i};
        assert_int_equal(index_add(store_index(world->store), &file), 0);
        free(id);
    }
    for (unsigned round = 0; more; round++) {
        char *id = xasprintf("new%u", round);
        assert_int_equal(store_expire(world->store, 1000, &more), 0);
        assert_int_equal(put(world, id, "meanwhile", 1, 2000), 0);
        free(id);
        assert_int_equal(index_totals(store_index(world->store), &files, &bytes), 0);
        assert_true(files - (round + 1) < before);
        before = files - (round + 1);
        assert_true((before == 0) == !more);
    }
    assert_non_null(get(world, "new1"));
}

static void test_id_is_used_once(void **state)
{
    struct world *world = *state;

    assert_int_equal(put(world, "1", "first", 0, 10), 0);
    assert_int_equal(put(world, "1", "second", 0, 10), ERR_EXISTS);
    assert_string_equal(get(world, "1"), "first");
    assert_int_equal(count_content(world), 1);
}

static void test_more_than_was_said(void **state)
{
    struct world *world = *state;
    struct upload *upload;

    assert_int_equal(upload_begin(world->store, 3, &upload), 0);
    assert_int_equal(upload_write(upload, "ab", 2), 0);
    assert_int_equal(upload_write(upload, "cd", 2), ERR_TOO_BIG);
    upload_abort(upload);
    assert_int_equal(count_content(world), 0);
}

static void test_usage(void **state)
{
    struct world *world = *state;
    uint64_t bytes, files;
    int64_t oldest_us;

    assert_int_equal(put(world, "1", "12345", 10, 100), 0);
    assert_int_equal(put(world, "2", "123", 20, 100), 0);
    assert_int_equal(index_usage(store_index(world->store), "alice", 9, &bytes, &oldest_us), 0);
    assert_true(bytes == 8 && oldest_us == 10);
    assert_int_equal(index_usage(store_index(world->store), "alice", 10, &bytes, &oldest_us), 0);
    assert_true(bytes == 3 && oldest_us == 20);
    assert_int_equal(index_usage(store_index(world->store), "bob", 0, &bytes, &oldest_us), 0);
    assert_true(bytes == 0 && oldest_us == 0);
    assert_int_equal(index_totals(store_index(world->store), &files, &bytes), 0);
    assert_true(files == 2 && bytes == 8);
}

/* Slots outlive a restart; so do files. */
static void test_opened_again(void **state)
{
    struct world *world = *state;
    uint8_t key[SLOT_KEY_SIZE];

    memcpy(key, store_key(world->store), sizeof(key));
    assert_int_equal(put(world, "1", "kept", 0, 10), 0);
    store_close(world->store);
    open_store(world);
    assert_memory_equal(key, store_key(world->store), sizeof(key));
    assert_string_equal(get(world, "1"), "kept");
}

/* It ended between the disk and the index. */
static void test_tidy(void **state)
{
    struct world *world = *state;
    char *path = xasprintf("%s/content/ab", world->directory);

    assert_int_equal(put(world, "1", "kept", 0, 10), 0);
    mkdir(path, 0700);
    char *orphan = xasprintf("%s/ab01", path);
    int fd = open(orphan, O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(count_content(world), 2);
    store_tidy(world->store);
    assert_int_equal(count_content(world), 1);
    assert_string_equal(get(world, "1"), "kept");
    free(orphan);
    free(path);
}

static void test_no_room(void **state)
{
    struct world *world = *state;
    struct upload *upload;
    int error = upload_begin(world->store, (uint64_t)1 << 60, &upload);

    assert_true(error == ERR_LIMIT || error == ERR_SYSTEM); /* or larger than a file may be */
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_put_and_get),
        TEST(test_same_content),
        TEST(test_many_expire),
        TEST(test_id_is_used_once),
        TEST(test_more_than_was_said),
        TEST(test_usage),
        TEST(test_opened_again),
        TEST(test_tidy),
        TEST(test_no_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
