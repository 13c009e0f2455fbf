/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Configuration files in a directory of their own, for the tests of the configuration.
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/buffer.h"
#include "common/base/memory.h"
#include "common/config/config.h"
#include "tests/unit/unit.h"

struct files {
    char *directory;
    char *names[16];
    size_t count;
    char *errors; /* of the last load, without the directory */
    struct config *config;
};

static int files_begin(void **state)
{
    struct files *files = xcalloc(1, sizeof(*files));
    char directory[] = "/tmp/test_config.XXXXXX";

    files->directory = realpath(mkdtemp(directory), NULL);
    *state = files;
    return 0;
}

static inline char *files_path(const struct files *files, const char *name)
{
    return xasprintf("%s/%s", files->directory, name);
}

static inline void files_remove(struct files *files)
{
    for (size_t i = 0; i < files->count; i++) {
        unlink(files->names[i]);
        free(files->names[i]);
    }
    files->count = 0;
}

static int files_end(void **state)
{
    struct files *files = *state;
    char *parts = files_path(files, "conf.d");

    files_remove(files);
    rmdir(parts);
    free(parts);
    rmdir(files->directory);
    free(files->directory);
    free(files->errors);
    config_free(files->config);
    free(files);
    return 0;
}

/* To be removed at the end; takes the path. */
static inline void files_remember(struct files *files, char *path)
{
    for (size_t i = 0; i < files->count; i++) {
        if (strcmp(files->names[i], path) == 0) {
            free(path);
            return;
        }
    }
    assert_true(files->count < ARRAY_SIZE(files->names));
    files->names[files->count++] = path;
}

/* Names may begin with "conf.d/". */
static inline void files_write_bytes(struct files *files, const char *name, mode_t mode,
                                     const char *bytes, size_t length)
{
    char *path = files_path(files, name);
    char *parts = files_path(files, "conf.d");

    if (strncmp(name, "conf.d/", 7) == 0) {
        mkdir(parts, 0700);
    }
    free(parts);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    fclose(file);
    chmod(path, mode);
    files_remember(files, path);
}

static inline void files_write(struct files *files, const char *name, mode_t mode, const char *text)
{
    files_write_bytes(files, name, mode, text, strlen(text));
}

/* Takes the directory out of the errors, so that they read "main.conf:1:2: …". */
static inline char *files_relative(const struct files *files, const char *text)
{
    struct buffer out = {0};
    size_t length = strlen(files->directory);

    buffer_append(&out, NULL, 0);
    while (*text) {
        if (strncmp(text, files->directory, length) == 0 && text[length] == '/') {
            text += length + 1;
            continue;
        }
        buffer_append_char(&out, *text++);
    }
    return buffer_take(&out);
}

/* Loads main.conf; files->errors and, if it succeeds, files->config are of this load. */
static inline int files_load(struct files *files)
{
    char *path = files_path(files, "main.conf");
    char *text = NULL;
    size_t size;
    FILE *errors = open_memstream(&text, &size);

    config_free(files->config);
    files->config = NULL;
    int error = config_load(path, errors, &files->config);
    fclose(errors);
    free(files->errors);
    files->errors = files_relative(files, text);
    free(text);
    free(path);
    return error;
}
