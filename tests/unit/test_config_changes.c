/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Unit tests of what differs between two configurations, and of where values are from.
 */
#include <stdlib.h>

#include "common/base/error.h"
#include "tests/unit/config_files.h"

#define NODE "[node]\nhost = a.example\n"

static void collect(void *user, const struct config_change *change)
{
    buffer_printf(user, "[%s%s%s] %s: %s -> %s%s;", change->section->name,
                  change->instance ? " " : "", change->instance ? change->instance : "",
                  change->item ? change->item->key : "*", change->before ? change->before : "none",
                  change->after ? change->after : "none",
                  change->item && (change->item->flags & CONFIG_RESTART) ? " !" : "");
}

static struct config *load(struct files *files, const char *text)
{
    files_write(files, "main.conf", 0644, text);
    assert_int_equal(files_load(files), 0);
    struct config *config = files->config;
    files->config = NULL;
    return config;
}

static void assert_changes(const struct config *before, const struct config *after,
                           const char *expected)
{
    struct buffer changes = {0};

    buffer_append(&changes, NULL, 0);
    config_compare(before, after, collect, &changes);
    buffer_append_char(&changes, '\0');
    assert_string_equal(changes.data, expected);
    buffer_fini(&changes);
}

static void test_differences(void **state)
{
    struct config *before = load(*state, NODE "[c2s]\nlisten = 127.0.0.1:1\nsasl-tries = 1\n"
                                              "[peer \"b.example\"]\n[peer \"c.example\"]\n");
    struct config *after =
        load(*state, NODE "[c2s]\nlisten = 127.0.0.1:1\nlisten = 127.0.0.1:2\nsasl-tries = 2\n"
                          "[peer \"c.example\"]\nrequire-tls = no\n[peer \"d.example\"]\n");

    assert_changes(before, before, "");
    assert_changes(before, after,
                   "[c2s] listen: 127.0.0.1:1 -> 127.0.0.1:1, 127.0.0.1:2 !;"
                   "[c2s] sasl-tries: 1 -> 2;"
                   "[peer c.example] require-tls: default -> no;"
                   "[peer d.example] *: none -> ;[peer b.example] *:  -> none;");
    config_free(before);
    config_free(after);
}

/* What needs a restart stays, over several reloads; the rest is taken. */
static void test_holding(void **state)
{
    struct config *before = load(*state, NODE "[c2s]\nlisten = 127.0.0.1:1\nsasl-tries = 1\n");
    struct config *after =
        load(*state, NODE "[c2s]\nlisten = 127.0.0.1:2\nsasl-tries = 2\nworker = other\n");
    struct config *held =
        load(*state, NODE "[c2s]\nlisten = 127.0.0.1:2\nsasl-tries = 2\nworker = other\n");

    config_hold(held, before);
    assert_changes(before, held, "[c2s] sasl-tries: 1 -> 2;");
    assert_changes(held, after,
                   "[c2s] worker: c2s-1 -> other !;[c2s] listen: 127.0.0.1:1 -> 127.0.0.1:2 !;");
    config_free(before);
    assert_string_equal(config_list_item(held, "c2s", NULL, "listen", 0), "127.0.0.1:1");
    config_free(after);
    config_free(held);
}

static void collect_said(void *user, const struct config_said *said)
{
    buffer_printf(user, "%s %s:%zu:%zu;", said->text, strrchr(said->file, '/') + 1, said->line,
                  said->column);
}

static void test_what_files_say(void **state)
{
    struct files *files = *state;
    struct buffer said = {0};

    files_write(files, "conf.d/more.conf", 0644,
                "\n [s2s]\n deny = b.example\n deny = c.example\n");
    struct config *config = load(files, NODE "[c2s]\nworker = x\n");
    config_each_said(config, collect_said, &said);
    buffer_append_char(&said, '\0');
    assert_string_equal(said.data, "a.example main.conf:2:1;x main.conf:4:1;"
                                   "b.example more.conf:3:2;c.example more.conf:3:2;");
    buffer_fini(&said);
    char *origin = config_origin(config, "s2s", NULL, "deny");
    assert_non_null(strstr(origin, "/more.conf:3"));
    free(origin);
    origin = config_origin(config, "s2s", NULL, "allow");
    assert_string_equal(origin, "default");
    free(origin);
    config_free(config);
}

static void test_dump_of_what_files_say(void **state)
{
    struct files *files = *state;
    struct config *config = load(files, NODE "[s2s]\nlisten =\n");
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    config_dump(config, CONFIG_DUMP_SAID | CONFIG_DUMP_ORIGIN, out);
    fclose(out);
    char *relative = files_relative(files, text);
    assert_string_equal(relative, "[node]\n# main.conf:2\nhost = a.example\n\n"
                                  "[s2s]\n# main.conf:4\nlisten =\n\n");
    free(relative);
    free(text);
    config_free(config);
}

#define FILES(test) cmocka_unit_test_setup_teardown(test, files_begin, files_end)

int main(void)
{
    const struct CMUnitTest tests[] = {FILES(test_differences), FILES(test_holding),
                                       FILES(test_what_files_say),
                                       FILES(test_dump_of_what_files_say)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
