/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Unit tests of the schema itself and of what is made of it: the dump and the manual.
 */
#include "common/config/schema.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/error.h"
#include "common/config/value.h"
#include "tests/unit/config_files.h"

/* Each row is in the table of its section, and none is there twice. */
static void test_rows_are_in_order(void **state)
{
    (void)state;
    for (size_t i = 0; i < config_sections_count; i++) {
        size_t count;
        const struct config_item *items = config_section_items(&config_sections[i], &count);
        assert_true(count > 0);
        for (size_t n = 0; n < count; n++) {
            assert_string_equal(items[n].section, config_sections[i].name);
            assert_ptr_equal(config_item_find(items[n].section, items[n].key), &items[n]);
        }
    }
}

static void assert_row_is_whole(const struct config_item *item)
{
    assert_true(strlen(item->help) > 10);
    assert_int_equal(item->help[strlen(item->help) - 1], '.');
    assert_int_equal(item->type == CONFIG_CHOICE, item->choices != NULL);
    assert_true(item->minimum <= item->maximum);
    assert_false((item->flags & CONFIG_REQUIRED) && item->fallback);
    assert_true(strspn(item->key, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(item->key));
}

static void test_rows_are_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < config_sections_count; i++)
        for (const struct config_item *item = config_sections[i].items; item->key; item++)
            assert_row_is_whole(item);
}

static char *dump(const struct config *config)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    config_dump(config, 0, out);
    fclose(out);
    return text;
}

static const char configuration[] = "[peer \"z.example\"]\n"
                                    "[node]\n"
                                    "host = Alpha.Example.Test\n"
                                    "run-directory = run\n"
                                    "[domain \"b\xc3\xbc"
                                    "cher.example\"]\n"
                                    "certificate = \"a # \\\"b\\\" \\\\.pem\"\n"
                                    "key = secret\n"
                                    "sasl-mechanism = PLAIN\n"
                                    "sasl-mechanism = EXTERNAL\n"
                                    "channel-binding = no\n"
                                    "abuse-address = mailto:a@example\n"
                                    "[component \"irc\"]\n"
                                    "secret-file = secret\n"
                                    "[c2s]\n"
                                    "listen-tls =\n"
                                    "worker = \"\"\n"
                                    "idle-timeout = 90s\n"
                                    "[router]\n"
                                    "c2s-group = \" blank\"\n"
                                    "net-group = \"# \"\n"
                                    "s2s-group = a\"b\\\n"
                                    "[database]\n"
                                    "conninfo = \"dbname=x user='a b' \" ; comment\n";

static void test_dump_loads_to_the_same(void **state)
{
    struct files *files = *state;

    files_write(files, "secret", 0600, "x");
    files_write(files, "main.conf", 0644, configuration);
    assert_int_equal(files_load(files), 0);
    char *first = dump(files->config);
    files_write(files, "main.conf", 0644, first);
    assert_int_equal(files_load(files), 0);
    assert_string_equal(files->errors, "");
    char *second = dump(files->config);
    assert_string_equal(first, second);

    const struct config *config = files->config;
    const char *domain = "b\xc3\xbc"
                         "cher.example";
    char *certificate = files_path(files, "a # \"b\" \\.pem");
    assert_string_equal(config_text(config, "domain", domain, "certificate"), certificate);
    assert_int_equal(config_list_size(config, "domain", domain, "sasl-mechanism"), 2);
    assert_false(config_bool(config, "domain", domain, "channel-binding"));
    assert_int_equal(config_list_size(config, "c2s", NULL, "listen-tls"), 0);
    assert_int_equal(config_list_size(config, "c2s", NULL, "listen"), 1);
    assert_string_equal(config_text(config, "c2s", NULL, "worker"), "");
    assert_int_equal(config_number(config, "c2s", NULL, "idle-timeout"), 90000);
    assert_string_equal(config_text(config, "router", NULL, "c2s-group"), " blank");
    assert_string_equal(config_text(config, "router", NULL, "net-group"), "# ");
    assert_string_equal(config_text(config, "router", NULL, "s2s-group"), "a\"b\\");
    assert_string_equal(config_text(config, "database", NULL, "conninfo"), "dbname=x user='a b' ");
    assert_int_equal(config_instances(config, "peer"), 1);
    free(certificate);
    free(first);
    free(second);
}

static void test_dump_of_the_defaults_loads(void **state)
{
    struct files *files = *state;

    files_write(files, "main.conf", 0644, "[node]\nhost = a.example\n");
    assert_int_equal(files_load(files), 0);
    char *first = dump(files->config);
    files_write(files, "main.conf", 0644, first);
    assert_int_equal(files_load(files), 0);
    char *second = dump(files->config);
    assert_string_equal(first, second);
    free(first);
    free(second);
}

static void assert_defaults_are_in(const char *text, const struct config_section *section)
{
    for (const struct config_item *item = section->items; item->key; item++) {
        char *line = xasprintf("\n%s = ", item->key);
        assert_true(!item->fallback || strstr(text, line));
        free(line);
    }
}

static void test_dump_has_all_values_in_force(void **state)
{
    struct files *files = *state;

    files_write(files, "main.conf", 0644, "[node]\nhost = a.example\n");
    assert_int_equal(files_load(files), 0);
    char *text = dump(files->config);
    for (size_t i = 0; i < config_sections_count; i++)
        if (!config_sections[i].named)
            assert_defaults_are_in(text, &config_sections[i]);
    assert_non_null(strstr(text, "\nnetwork = a.example\n"));
    assert_non_null(strstr(text, "\nrouter = unix:/run/kontalk/c2s.sock\n"));
    free(text);
}

/* The variables are static because GCC 12 takes the text for a pointer to them. */
static char *manual(void)
{
    static char *text;
    static size_t size;
    FILE *out = open_memstream(&text, &size);

    config_manual(out);
    fclose(out);
    return text;
}

/* As roff writes it. */
static char *bold(const char *key)
{
    struct buffer out = {0};

    buffer_append_text(&out, "\n\\fB");
    for (; *key; key++) {
        buffer_append_text(&out, *key == '-' ? "\\" : "");
        buffer_append_char(&out, *key);
    }
    buffer_append_text(&out, "\\fR (");
    return buffer_take(&out);
}

static void assert_section_is_in(const char *text, const struct config_section *section)
{
    size_t count;
    const struct config_item *items = config_section_items(section, &count);
    char *heading = xasprintf("\n.SH \"[%s", section->name);
    const char *at = strstr(text, heading);
    const char *end = at ? strstr(at + 1, "\n.SH") : NULL;

    free(heading);
    assert_non_null(end);
    for (size_t i = 0; i < count; i++) {
        char *key = bold(items[i].key);
        at = strstr(at, key);
        free(key);
        assert_non_null(at);
        assert_true(at < end);
    }
}

/* Each below the heading of its section, in the order of the schema. */
static void test_manual_has_every_key(void **state)
{
    (void)state;
    char *text = manual();

    for (size_t i = 0; i < config_sections_count; i++) {
        assert_section_is_in(text, &config_sections[i]);
    }
    free(text);
}

/* Lines that begin with a control character are requests: all of these have to be ours. */
static void test_manual_has_no_stray_requests(void **state)
{
    (void)state;
    static const char *const requests[] = {".TH ", ".SH ", ".TP\n", ".PP\n", ".B ",
                                           ".BR ", ".I ",  ".IR ",  ".br\n"};
    char *text = manual();

    for (const char *line = text; *line; line = strchr(line, '\n') + 1) {
        bool known = *line != '.' && *line != '\'';
        for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
            known = known || strncmp(line, requests[i], strlen(requests[i])) == 0;
        }
        assert_true(known);
    }
    free(text);
}

#define FILES(test) cmocka_unit_test_setup_teardown(test, files_begin, files_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_are_in_order),
        cmocka_unit_test(test_rows_are_whole),
        FILES(test_dump_loads_to_the_same),
        FILES(test_dump_of_the_defaults_loads),
        FILES(test_dump_has_all_values_in_force),
        cmocka_unit_test(test_manual_has_every_key),
        cmocka_unit_test(test_manual_has_no_stray_requests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
