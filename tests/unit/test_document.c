/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Unit tests of the document in force in a daemon: what is taken from its file and from others.
 */
#include "common/service/document.h"

#include <unistd.h>

#include <uv.h>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/io/timer.h"
#include "tests/unit/config_files.h"
#include "tests/unit/network_text.h"

#define ADA 1U
#define BEA 2U
#define EVE 4U

#define CONFIG                                                                                     \
    "[node]\nhost = beta.example.net\nnetwork = example.net\nlog-level = error\n"                  \
    "document = network.conf\n"

struct world {
    struct network_world keys;
    struct files *files;
    struct loop *loop;
    struct document *document;
    int changes;
    uint64_t before, now; /* serials of the last change */
};

static void on_changed(void *user, const struct network *before, const struct network *now)
{
    struct world *world = user;

    world->changes++;
    world->before = before ? before->serial : 0;
    world->now = now ? now->serial : 0;
    loop_stop(world->loop);
}

static void put(struct world *world, struct network *network)
{
    char *path = files_path(world->files, "network.conf");

    assert_int_equal(network_save(path, network->text, network->text_length), 0);
    network_unref(network);
    files_remember(world->files, path);
}

static struct network *make(const struct world *world, uint64_t serial, unsigned signers)
{
    return network_signed(&world->keys, network_text(&world->keys, serial, 1, NULL), signers);
}

static int open_document(struct world *world, const char *config)
{
    files_write(world->files, "main.conf", 0600, config);
    assert_int_equal(files_load(world->files), 0);
    const struct document_settings settings = {
        .loop = world->loop, .config = world->files->config, .changed = on_changed, .user = world};
    return document_open(&settings, &world->document);
}

static void begin(struct world *world)
{
    put(world, make(world, 7, ADA));
    assert_int_equal(open_document(world, CONFIG), 0);
}

struct outcome {
    unsigned calls;
    int error;
};

static void on_taken(void *user, int error, const char *problem)
{
    struct outcome *outcome = user;

    outcome->calls++;
    outcome->error = error;
    assert_int_equal(error == 0, problem == NULL);
}

static int take_text(struct world *world, const char *text, size_t length)
{
    struct outcome outcome = {0};

    document_take(world->document, text, length, on_taken, &outcome);
    assert_int_equal(outcome.calls, 0); /* later */
    while (outcome.calls == 0)
        uv_run(loop_uv(world->loop), UV_RUN_ONCE);
    assert_int_equal(outcome.calls, 1);
    return outcome.error;
}

static void test_read_at_start(void **state)
{
    struct world *world = *state;

    begin(world);
    assert_true(document_network(world->document)->serial == 7);
    assert_string_equal(document_self(world->document)->host, "beta.example.net");
    assert_int_equal(world->changes, 0);
}

static void test_none(void **state)
{
    struct world *world = *state;

    assert_int_equal(open_document(world, "[node]\nhost = beta.example.net\n"), 0);
    assert_null(document_network(world->document));
    assert_null(document_self(world->document));
    assert_int_equal(take_text(world, "x", 1), ERR_DENIED);
}

static void test_a_bad_start(void **state)
{
    struct world *world = *state;

    assert_int_equal(open_document(world, CONFIG), ERR_INVALID); /* no file */
    put(world, make(world, 7, EVE));
    assert_int_equal(open_document(world, CONFIG), ERR_INVALID);
    put(world, make(world, 7, ADA));
    assert_int_equal(open_document(world, "[node]\nhost = a\nnetwork = example.org\n"
                                          "document = network.conf\n"),
                     ERR_INVALID);
}

/* The file is followed without being told. */
static void test_a_new_file(void **state)
{
    struct world *world = *state;

    begin(world);
    put(world, make(world, 8, BEA));
    loop_run(world->loop);
    assert_int_equal(world->changes, 1);
    assert_true(world->before == 7 && world->now == 8);
    assert_true(document_network(world->document)->serial == 8);
}

static void test_what_reload_refuses(void **state)
{
    struct world *world = *state;

    begin(world);
    put(world, make(world, 8, EVE));
    assert_int_equal(document_reload(world->document, world->files->config), ERR_INVALID);
    put(world, make(world, 6, ADA));
    assert_int_equal(document_reload(world->document, world->files->config), ERR_INVALID);
    assert_true(document_network(world->document)->serial == 7);
    assert_int_equal(world->changes, 0);
    put(world, make(world, 9, ADA));
    assert_int_equal(document_reload(world->document, world->files->config), 0);
    assert_true(document_network(world->document)->serial == 9);
}

static int take(struct world *world, struct network *network)
{
    int error = take_text(world, network->text, network->text_length);

    network_unref(network);
    return error;
}

static void test_taken_from_others(void **state)
{
    struct world *world = *state;

    begin(world);
    assert_int_equal(take(world, make(world, 7, ADA)), ERR_EXISTS);
    assert_int_equal(take(world, make(world, 6, ADA)), ERR_EXISTS);
    assert_int_equal(take(world, make(world, 8, EVE)), ERR_DENIED);
    assert_int_equal(take(world, make(world, 8, ADA)), 0);
    assert_true(document_network(world->document)->serial == 8);
    char *path = files_path(world->files, "network.conf");
    struct network *written = NULL;
    assert_int_equal(network_load(path, stderr, &written), 0);
    assert_true(written->serial == 8);
    network_unref(written);
    free(path);
}

/* The file has been written, and nobody has noticed yet. */
static void test_the_file_is_not_written_over(void **state)
{
    struct world *world = *state;

    begin(world);
    put(world, make(world, 9, ADA));
    assert_int_equal(take(world, make(world, 8, ADA)), ERR_EXISTS);
    assert_true(document_network(world->document)->serial == 9);
}

/* Several at once are taken one after the other, whatever the disk does first. */
static void test_two_at_once(void **state)
{
    struct world *world = *state;
    struct network *older = make(world, 8, ADA), *newer = make(world, 9, ADA);
    struct outcome outcomes[2] = {0};

    begin(world);
    document_take(world->document, newer->text, newer->text_length, on_taken, &outcomes[0]);
    document_take(world->document, older->text, older->text_length, on_taken, &outcomes[1]);
    while (outcomes[1].calls == 0)
        uv_run(loop_uv(world->loop), UV_RUN_ONCE);
    assert_int_equal(outcomes[0].error, 0);
    assert_int_equal(outcomes[1].error, ERR_EXISTS);
    assert_true(document_network(world->document)->serial == 9);
    network_unref(older);
    network_unref(newer);
}

/* What is on its way to the disk then goes with it, and nobody is told. */
static void test_closed_meanwhile(void **state)
{
    struct world *world = *state;
    struct network *one = make(world, 8, ADA), *other = make(world, 9, ADA);
    struct outcome outcome = {0};

    begin(world);
    for (int turns = 0; turns < 3; turns++) {
        document_take(world->document, one->text, one->text_length, on_taken, &outcome);
        document_take(world->document, other->text, other->text_length, on_taken, &outcome);
        for (int i = 0; i < turns; i++)
            uv_run(loop_uv(world->loop), UV_RUN_NOWAIT);
        unsigned calls = outcome.calls;
        document_close(world->document);
        world->document = NULL;
        uv_run(loop_uv(world->loop), UV_RUN_DEFAULT);
        assert_int_equal(outcome.calls, calls);
        put(world, make(world, 7, ADA));
        assert_int_equal(open_document(world, CONFIG), 0);
    }
    network_unref(one);
    network_unref(other);
}

/* Two bodies of one serial: the keyholders have made a mistake, which no node decides. */
static void test_another_body(void **state)
{
    struct world *world = *state;

    begin(world);
    assert_int_equal(
        take(world, network_signed(&world->keys, network_text(&world->keys, 7, 1, ""), ADA)),
        ERR_DENIED);
}

static struct network *with_suspension(struct world *world, int64_t begins, int64_t ends)
{
    const struct network *network = document_network(world->document);
    struct network_suspension suspension = {.host = "gamma.example.net",
                                            .begins = begins,
                                            .ends = ends,
                                            .signature = {.keyholder = "bea"}};
    struct buffer text = {0};

    network_sign_suspension(network, world->keys.holders[1], &suspension);
    buffer_append_text(&text, network->text);
    network_write_suspension(&text, &suspension);
    struct network *made = network_must_parse(text.data, text.length);
    buffer_fini(&text);
    return made;
}

/* It begins when it is heard of, and its end is heard of too. */
static void test_a_suspension_begins_and_ends(void **state)
{
    struct world *world = *state;

    clock_fake(1000, NETWORK_TEXT_NOW * 1000000);
    begin(world);
    assert_int_equal(take(world, with_suspension(world, NETWORK_TEXT_NOW, NETWORK_TEXT_NOW + 3600)),
                     0);
    assert_int_equal(world->changes, 1);
    const struct network *network = document_network(world->document);
    const struct network_member *gamma = network_member_by_number(network, 3);
    assert_false(network_member_is_linked(network, gamma, document_now()));
    clock_fake(2000, (NETWORK_TEXT_NOW + 3600) * 1000000);
    timer_skip(world->loop, UINT64_C(3600) * 1000);
    while (world->changes < 2)
        loop_run(world->loop);
    assert_true(world->before == 7 && world->now == 7);
    assert_true(network_member_is_linked(network, gamma, document_now()));
}

/* It goes on, but only a new document can follow. */
static void test_expired(void **state)
{
    struct world *world = *state;

    begin(world);
    const struct network *network = document_network(world->document);
    clock_fake(1000, (network->expires + 1) * 1000000);
    assert_int_equal(take(world, with_suspension(world, network->expires, network->expires + 3600)),
                     ERR_DENIED);
    assert_int_equal(document_reload(world->document, world->files->config), 0);
    assert_string_equal(document_self(world->document)->host, "beta.example.net");
    assert_int_equal(take(world, make(world, 8, ADA)), 0);
}

static int setup(void **state)
{
    static struct world world;
    void *files;

    log_set_level(LOG_LEVEL_ERROR);
    world = (struct world){.loop = loop_new()};
    network_world_init(&world.keys);
    assert_int_equal(files_begin(&files), 0);
    world.files = files;
    *state = &world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    void *files = world->files;

    document_close(world->document);
    loop_free(world->loop);
    network_world_fini(&world->keys);
    return files_end(&files);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_read_at_start),
        TEST(test_none),
        TEST(test_a_bad_start),
        TEST(test_a_new_file),
        TEST(test_what_reload_refuses),
        TEST(test_taken_from_others),
        TEST(test_the_file_is_not_written_over),
        TEST(test_two_at_once),
        TEST(test_closed_meanwhile),
        TEST(test_another_body),
        TEST(test_a_suspension_begins_and_ends),
        TEST(test_expired),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
