/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Unit tests of loading configurations and of asking them.
 */
#include "common/config/config.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/error.h"
#include "tests/unit/config_files.h"

#define NODE "[node]\nhost = alpha.example.test\n"

/* What is wrong with the line(s) behind a good [node], which has lines 1 and 2. */
static const struct {
    const char *text;
    const char *errors; /* without "main.conf:" at the start of each line */
} mistakes[] = {
    {"[rooter]\nx = y\n", "3:2: unknown section [rooter]; did you mean \"router\"?\n"},
    {"[zzzzzzzz]\n", "3:2: unknown section [zzzzzzzz]\n"},
    {"[domain]\n", "3:2: [domain] needs a name: [domain \"example.net\"]\n"},
    {"  [ c2s \"x\" ]\n", "3:9: [c2s] has no name\n"},
    {"[domain \"a b\"]\ncertificate = x\n", "3:9: \"a b\" is not a domain name\n"},
    {"[c2s]\n  lisen = [::]:1\n",
     "4:3: unknown key \"lisen\" in [c2s]; did you mean \"listen\"?\n"},
    {"[c2s]\nhost = a\n", "4:1: unknown key \"host\" in [c2s]; it belongs into [node]\n"},
    {"[c2s]\nzzzzzzzz = a\n", "4:1: unknown key \"zzzzzzzz\" in [c2s]\n"},
    {"[c2s]\nworker = a\nworker = b\n", "5:1: \"worker\" is set a second time, first in line 4\n"},
    {"[c2s]\nworker = a\n[sm]\n[c2s]\nworker = b\n",
     "7:1: \"worker\" is set a second time, first in line 4\n"},
    {"[c2s]\nworker =\n", "4:9: the value of \"worker\" is missing\n"},
    {"[c2s]\nidle-timeout = \"\"\n", "4:16: the value of \"idle-timeout\" is missing\n"},
    {"[c2s]\nidle-timeout = 5x\n",
     "4:16: \"5x\" is not a duration, such as 500ms, 30s, 5m, 2h or 7d\n"},
    {"[c2s]\n\tsasl-tries\t=\t0\n", "4:15: 0 is out of range: 1 to 100\n"},
    {"[sm]\nshortcut = on\n", "4:12: \"on\" is neither yes nor no\n"},
    {"[node]\nlog-level = inf\n",
     "4:13: \"inf\" is none of error, warn, info, debug; did you mean \"info\"?\n"},
    {"[c2s]\nlisten\n", "4:7: '=' is missing\n"},
    {"[c2s]\nlisten = \"[::]:5222\n", "4:10: the quote is not closed\n"},
    {"[component \"a.example\"]\n",
     "3:2: \"secret-file\" is missing in [component \"a.example\"]\n"},
    {"[component \"a\"]\nsecret-file = hunter2\n",
     "4:15: there is no such file (secret-file names a file)\n"},
    {"[component \"a\"]\nsecret-file = .\n", "4:15: this is not a file\n"},
    {"[database]\nconninfo = dbname=x password=hunter2\n",
     "4:12: a password has no place here: name a file of them with passfile=\n"},
};

static void assert_errors(const struct files *files, const char *expected)
{
    struct buffer text = {0};

    buffer_append(&text, NULL, 0);
    while (*expected) {
        size_t length = strcspn(expected, "\n") + 1;
        buffer_append_text(&text, "main.conf:");
        buffer_append(&text, expected, length);
        expected += length;
    }
    assert_string_equal(files->errors, text.data);
    buffer_fini(&text);
}

static void test_each_mistake_has_its_place(void **state)
{
    struct files *files = *state;

    for (size_t i = 0; i < ARRAY_SIZE(mistakes); i++) {
        char *text = xasprintf(NODE "%s", mistakes[i].text);
        files_write(files, "main.conf", 0644, text);
        assert_int_equal(files_load(files), ERR_INVALID);
        assert_errors(files, mistakes[i].errors);
        assert_null(strstr(files->errors, "hunter2"));
        free(text);
    }
}

static void test_all_mistakes_at_once(void **state)
{
    struct files *files = *state;

    files_write(files, "main.conf", 0644,
                "lost = 1\n"
                "[node]\n"
                "[domain \"a.example\"]\n"
                "key = k\n"
                "certificate\n"
                "[sm]\n"
                "shortcut = perhaps\n"
                "shortcut = yes\n"
                "vcard-sise = 1k\n");
    files_write(files, "conf.d/1.conf", 0644, "worker = x\n[c2s]\n\"\n");
    files_write(files, "conf.d/2.conf", 0644, "[s2s]\nlisten = 5\n");
    assert_int_equal(files_load(files), ERR_INVALID);
    assert_string_equal(
        files->errors,
        "main.conf:1:1: \"lost\" is in no section\n"
        "main.conf:4:7: there is no such file (key names a file)\n"
        "main.conf:5:12: '=' is missing\n"
        "main.conf:7:12: \"perhaps\" is neither yes nor no\n"
        "main.conf:8:1: \"shortcut\" is set a second time, first in line 7\n"
        "main.conf:9:1: unknown key \"vcard-sise\" in [sm]; did you mean \"vcard-size\"?\n"
        "conf.d/1.conf:1:1: \"worker\" is in no section\n"
        "conf.d/1.conf:3:1: a name is expected here, made of letters, digits and '-'\n"
        "conf.d/2.conf:2:10: \"5\" is not an address: the port is missing\n"
        "main.conf:2:2: \"host\" is missing in [node]\n"
        "main.conf:3:2: \"certificate\" is missing in [domain \"a.example\"]\n");
}

static void test_an_empty_file_lacks_the_host(void **state)
{
    struct files *files = *state;

    files_write(files, "main.conf", 0644, "");
    assert_int_equal(files_load(files), ERR_INVALID);
    assert_errors(files, "1:1: \"host\" is missing in [node]\n");
}

static void test_files_that_cannot_be_read(void **state)
{
    struct files *files = *state;

    assert_int_equal(files_load(files), ERR_NOT_FOUND);
    assert_errors(files, "1:1: cannot read the file: No such file or directory\n");
    files_write(files, "main.conf", 0644, NODE);
    files_write(files, "conf.d/x", 0644, "");
    char *part = files_path(files, "conf.d/1.conf");
    mkdir(part, 0700);
    assert_int_equal(files_load(files), ERR_INVALID);
    assert_string_equal(files->errors, "conf.d/1.conf:1:1: cannot read the file: Is a directory\n");
    rmdir(part);
    free(part);
}

static const char *text(const struct files *files, const char *section, const char *key)
{
    return config_text(files->config, section, NULL, key);
}

static void test_defaults(void **state)
{
    struct files *files = *state;

    files_write(files, "main.conf", 0644, NODE);
    assert_int_equal(files_load(files), 0);
    assert_string_equal(files->errors, "");
    assert_string_equal(text(files, "node", "host"), "alpha.example.test");
    assert_string_equal(text(files, "node", "network"), "alpha.example.test");
    assert_string_equal(text(files, "node", "log-level"), "info");
    assert_string_equal(text(files, "router", "socket-directory"), "/run/kontalk");
    assert_string_equal(text(files, "c2s", "router"), "unix:/run/kontalk/c2s.sock");
    assert_int_equal(config_number(files->config, "c2s", NULL, "idle-timeout"), 300000);
    assert_int_equal(config_number(files->config, "c2s", NULL, "stanza-size"), 262144);
    assert_int_equal(config_number(files->config, "c2s", NULL, "sasl-tries"), 3);
    assert_true(config_bool(files->config, "sm", NULL, "shortcut"));
    assert_int_equal(config_list_size(files->config, "c2s", NULL, "listen"), 1);
    assert_string_equal(config_list_item(files->config, "c2s", NULL, "listen", 0), "[::]:5222");
    assert_int_equal(config_list_size(files->config, "router", NULL, "listen"), 0);
    assert_null(config_list_item(files->config, "router", NULL, "listen", 0));
    assert_null(text(files, "database", "conninfo"));
    assert_int_equal(config_instances(files->config, "domain"), 0);
    assert_null(config_instance(files->config, "domain", 0));
    /* Of what is not configured. */
    assert_true(config_bool(files->config, "domain", "x.example", "channel-binding"));
    assert_int_equal(config_list_size(files->config, "domain", "x.example", "sasl-mechanism"), 8);
    assert_string_equal(config_list_item(files->config, "domain", "x.example", "sasl-mechanism", 7),
                        "PLAIN");
}

static void test_directory_of_sockets(void **state)
{
    struct files *files = *state;

    files_write(files, "main.conf", 0644, NODE "run-directory = r\n");
    char *all = files_path(files, "r"), *own = files_path(files, "r/c2s");
    assert_int_equal(mkdir(all, 0700) | mkdir(own, 0700), 0);
    assert_int_equal(files_load(files), 0);
    static const struct {
        const char *daemon, *directory;
    } cases[] = {{"router", "r"}, {"c2s", "r/c2s"}, {"c2s@1", "r/c2s"}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char *expected = files_path(files, cases[i].directory);
        char *directory = config_run_directory(files->config, cases[i].daemon);
        assert_string_equal(directory, expected);
        free(directory);
        free(expected);
    }
    assert_int_equal(rmdir(own) | rmdir(all), 0);
    free(own);
    free(all);
}

static void test_derived_defaults_follow(void **state)
{
    struct files *files = *state;

    files_write(files, "main.conf", 0644, NODE "network = Example.Test\nrun-directory = r\n");
    assert_int_equal(files_load(files), 0);
    char *path = files_path(files, "r");
    char *router = xasprintf("unix:%s/c2s.sock", path);
    assert_string_equal(text(files, "node", "network"), "example.test");
    assert_string_equal(text(files, "router", "socket-directory"), path);
    assert_string_equal(text(files, "c2s", "router"), router);
    free(router);
    free(path);
}

static void test_a_derived_default_can_be_wrong(void **state)
{
    struct files *files = *state;
    char *config = xasprintf("%srun-directory = /%0100d\n[c2s]\n", NODE, 0);

    files_write(files, "main.conf", 0644, config);
    assert_int_equal(files_load(files), ERR_INVALID);
    static const char start[] = "main.conf:4:2: the default of \"router\" in [c2s]: ";
    assert_memory_equal(files->errors, start, sizeof(start) - 1);
    free(config);
}

static void test_sections_lists_and_instances(void **state)
{
    struct files *files = *state;

    files_write(files, "s", 0640, "x");
    files_write(files, "main.conf", 0644,
                "\xef\xbb\xbf[node] # the byte order mark of some editors\r\n"
                "host = alpha.example.test\r\n"
                "[component \"B.example\"]\n"
                "secret-file = s\n"
                "allow = log\n"
                "allow = default\n"
                "[component \"a.example\"]\n"
                "secret-file = s\n"
                "[c2s]\n"
                "listen = 127.0.0.1:1\n"
                "listen-tls =\n"
                "worker = \" c;2 \"\n"
                "[component \"b.example\"]\n"
                "allow = shared");
    assert_int_equal(files_load(files), 0);
    struct config *config = files->config;
    assert_int_equal(config_instances(config, "component"), 2);
    assert_string_equal(config_instance(config, "component", 0), "b.example");
    assert_string_equal(config_instance(config, "component", 1), "a.example");
    assert_null(config_instance(config, "component", 2));
    assert_int_equal(config_list_size(config, "component", "b.example", "allow"), 3);
    assert_string_equal(config_list_item(config, "component", "b.example", "allow", 0), "log");
    assert_string_equal(config_list_item(config, "component", "b.example", "allow", 2), "shared");
    assert_null(config_list_item(config, "component", "b.example", "allow", 3));
    assert_true(config_list_has(config, "component", "b.example", "allow", "shared"));
    assert_false(config_list_has(config, "component", "b.example", "allow", "share"));
    assert_false(config_list_has(config, "component", "a.example", "allow", "log"));
    assert_int_equal(config_list_size(config, "component", "a.example", "allow"), 0);
    assert_int_equal(config_list_size(config, "c2s", NULL, "listen"), 1);
    assert_string_equal(config_list_item(config, "c2s", NULL, "listen", 0), "127.0.0.1:1");
    assert_int_equal(config_list_size(config, "c2s", NULL, "listen-tls"), 0);
    assert_string_equal(config_text(config, "c2s", NULL, "worker"), " c;2 ");
    char *secret = files_path(files, "s");
    assert_string_equal(config_text(config, "component", "a.example", "secret-file"), secret);
    free(secret);
}

/* In the order of their names; what a later one says replaces what was said. */
static void test_conf_d(void **state)
{
    struct files *files = *state;

    files_write(files, "main.conf", 0644,
                NODE "[c2s]\nworker = main\nlisten = 127.0.0.1:1\nlisten = 127.0.0.1:2\n");
    files_write(files, "conf.d/20.conf", 0644, "[c2s]\nworker = twenty\n");
    files_write(files, "conf.d/10.conf", 0644,
                "[c2s]\nworker = ten\nlisten = 127.0.0.1:3\n[sm]\nroster-size = 7\n");
    files_write(files, "conf.d/.30.conf", 0644, "broken");
    files_write(files, "conf.d/30.conf~", 0644, "broken");
    files_write(files, "conf.d/README", 0644, "broken");
    assert_int_equal(files_load(files), 0);
    assert_string_equal(text(files, "c2s", "worker"), "twenty");
    assert_int_equal(config_list_size(files->config, "c2s", NULL, "listen"), 1);
    assert_string_equal(config_list_item(files->config, "c2s", NULL, "listen", 0), "127.0.0.1:3");
    assert_int_equal(config_number(files->config, "sm", NULL, "roster-size"), 7);
}

static void test_long_lines(void **state)
{
    struct files *files = *state;
    char *config = xasprintf(NODE "[c2s]\nworker = %04087d\n[sm]\nx = 1\n", 0);

    files_write(files, "main.conf", 0644, config);
    assert_int_equal(files_load(files), ERR_INVALID);
    assert_errors(files, "6:1: unknown key \"x\" in [sm]\n");
    free(config);
    config = xasprintf(NODE "[c2s]\nworker = %04088d\n[sm]\nx = 1\n", 0);
    files_write(files, "main.conf", 0644, config);
    assert_int_equal(files_load(files), ERR_INVALID);
    assert_errors(files, "4:4097: the line is longer than 4096 bytes\n"
                         "6:1: unknown key \"x\" in [sm]\n");
    free(config);
}

static void test_bytes_that_are_no_text(void **state)
{
    struct files *files = *state;
    static const char bytes[] = NODE "[sm]\nx\0y = 1\n\xff\n";

    files_write_bytes(files, "main.conf", 0644, bytes, sizeof(bytes) - 1);
    assert_int_equal(files_load(files), ERR_INVALID);
    assert_errors(files, "4:2: control characters are not allowed\n5:1: this is not UTF-8\n");
}

#define FILES(test) cmocka_unit_test_setup_teardown(test, files_begin, files_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FILES(test_each_mistake_has_its_place),
        FILES(test_all_mistakes_at_once),
        FILES(test_an_empty_file_lacks_the_host),
        FILES(test_files_that_cannot_be_read),
        FILES(test_defaults),
        FILES(test_directory_of_sockets),
        FILES(test_derived_defaults_follow),
        FILES(test_a_derived_default_can_be_wrong),
        FILES(test_sections_lists_and_instances),
        FILES(test_conf_d),
        FILES(test_long_lines),
        FILES(test_bytes_that_are_no_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
