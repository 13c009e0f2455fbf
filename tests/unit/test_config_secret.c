/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Unit tests of secret files: their rights, and reading them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/error.h"
#include "common/config/config.h"
#include "tests/unit/config_files.h"

#define CONFIG "[node]\nhost = a.example\nsecret-file = secret\n"

static const struct {
    mode_t mode;
    bool safe;
} modes[] = {
    {0600, true},  {0400, true},  {0640, true},  {0660, true},
    {0644, false}, {0602, false}, {0601, false}, {0666, false},
};

static void test_others_must_not_reach_it(void **state)
{
    struct files *files = *state;

    files_write(files, "main.conf", 0644, CONFIG);
    for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
        char *path = files_path(files, "secret"), *secret = NULL;
        size_t length;
        unlink(path);
        files_write(files, "secret", modes[i].mode, "x");
        assert_int_equal(files_load(files), modes[i].safe ? 0 : ERR_INVALID);
        assert_string_equal(files->errors,
                            modes[i].safe ? ""
                                          : "main.conf:3:15: the file can be reached by others: "
                                            "take their rights away (chmod o= FILE)\n");
        assert_int_equal(config_read_secret(path, &secret, &length),
                         modes[i].safe ? 0 : ERR_DENIED);
        free(secret);
        free(path);
    }
}

static const struct {
    const char *content;
    size_t size;
    int error;
    const char *secret;
    size_t length;
} contents[] = {
    {"hunter2", 7, 0, "hunter2", 7},
    {"hunter2\n", 8, 0, "hunter2", 7},
    {"hunter2\n\n", 9, 0, "hunter2\n", 8},
    {" a b \n", 6, 0, " a b ", 5},
    {"a\0b", 3, 0, "a\0b", 3},
    {"", 0, ERR_INVALID, NULL, 0},
    {"\n", 1, ERR_INVALID, NULL, 0},
};

static void test_content(void **state)
{
    struct files *files = *state;
    char *path = files_path(files, "secret");

    for (size_t i = 0; i < ARRAY_SIZE(contents); i++) {
        char *secret = NULL;
        size_t length = 0;
        files_write_bytes(files, "secret", 0600, contents[i].content, contents[i].size);
        assert_int_equal(config_read_secret(path, &secret, &length), contents[i].error);
        assert_int_equal(length, contents[i].length);
        if (contents[i].secret) {
            assert_memory_equal(secret, contents[i].secret, length + 1);
        }
        free(secret);
    }
    free(path);
}

static void test_largest(void **state)
{
    struct files *files = *state;
    char *path = files_path(files, "secret"), *secret = NULL;
    char *content = xasprintf("%04097d", 0);
    size_t length;

    files_write_bytes(files, "secret", 0600, content, 4096);
    assert_int_equal(config_read_secret(path, &secret, &length), 0);
    assert_int_equal(length, 4096);
    free(secret);
    files_write_bytes(files, "secret", 0600, content, 4097);
    assert_int_equal(config_read_secret(path, &secret, &length), ERR_TOO_BIG);
    free(content);
    free(path);
}

static void test_no_file(void **state)
{
    struct files *files = *state;
    char *path = files_path(files, "secret"), *secret = NULL;
    size_t length;

    assert_int_equal(config_read_secret(path, &secret, &length), ERR_NOT_FOUND);
    assert_int_equal(config_read_secret(files->directory, &secret, &length), ERR_INVALID);
    /* Reading from a pipe would wait. */
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(config_read_secret(path, &secret, &length), ERR_INVALID);
    unlink(path);
    free(path);
}

/* A credential that is named as directory and file are is read instead of the file. */
static void test_credential(void **state)
{
    struct files *files = *state;
    char *path = files_path(files, "c2s/decoy"), *secret = NULL;
    char *given = files_path(files, "given"), *c2s = files_path(files, "c2s");
    size_t length;

    assert_int_equal(mkdir(given, 0700) | mkdir(c2s, 0700), 0);
    files_write(files, "c2s/decoy", 0600, "from the file");
    files_write(files, "given/c2s_other", 0600, "of another one");
    setenv("CREDENTIALS_DIRECTORY", given, 1);
    assert_int_equal(config_read_secret(path, &secret, &length), 0);
    assert_string_equal(secret, "from the file");
    free(secret);
    files_write(files, "given/c2s_decoy", 0400, "a credential\n");
    assert_int_equal(config_read_secret(path, &secret, &length), 0);
    assert_string_equal(secret, "a credential");
    free(secret);
    unsetenv("CREDENTIALS_DIRECTORY");
    files_remove(files);
    assert_int_equal(rmdir(given) | rmdir(c2s), 0);
    free(given);
    free(c2s);
    free(path);
}

#define FILES(test) cmocka_unit_test_setup_teardown(test, files_begin, files_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FILES(test_others_must_not_reach_it),
        FILES(test_content),
        FILES(test_largest),
        FILES(test_no_file),
        FILES(test_credential),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
