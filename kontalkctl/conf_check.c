/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What is wrong in the configuration, also of the files that it names.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <jansson.h>

#include "common/base/error.h"
#include "common/base/memory.h"
#include "kontalkctl/ctl.h"

struct findings {
    size_t count;
    json_t *list; /* NULL: they are printed */
};

/* The line without its end; free(). NULL: there is none. */
static char *line_of(const char *path, size_t number)
{
    FILE *file = fopen(path, "re");
    char *text = NULL;
    size_t capacity = 0;
    ssize_t length = -1;

    for (size_t i = 0; file && i < number; i++)
        length = getline(&text, &capacity, file);
    if (file)
        fclose(file);
    if (length < 0) {
        free(text);
        return NULL;
    }
    text[strcspn(text, "\r\n")] = '\0';
    return text;
}

/* The line, and a mark below the column; tabs stay, so that it stands below. */
static void print_place(const char *text, size_t column)
{
    printf("    %s\n    ", text);
    for (size_t i = 0; i + 1 < column && text[i]; i++)
        if (((unsigned char)text[i] & 0xc0) != 0x80)
            putchar(text[i] == '\t' ? '\t' : ' ');
    puts("^");
}

static void add_finding(void *user, const struct config_finding *finding)
{
    struct findings *findings = user;
    char *text = line_of(finding->file, finding->line);

    findings->count++;
    if (findings->list) {
        json_array_append_new(findings->list, json_pack("{sssIsIssss*}", "file", finding->file,
                                                        "line", (json_int_t)finding->line, "column",
                                                        (json_int_t)finding->column, "problem",
                                                        finding->text, "text", text));
    } else {
        printf("%s:%zu:%zu: %s\n", finding->file, finding->line, finding->column, finding->text);
        if (text && *text)
            print_place(text, finding->column);
    }
    free(text);
}

/* What is wrong with a file that the configuration names; static. Whether others can reach a secret
 * has been looked at; directories come to be by themselves. */
static const char *problem_of(const struct config_item *item, const char *path)
{
    struct stat status;
    size_t length = strlen(item->key);
    const bool is_directory = length >= 9 && strcmp(item->key + length - 9, "directory") == 0;

    if (item->type != CONFIG_FILE && item->type != CONFIG_FILE_SECRET)
        return NULL;
    return stat(path, &status) != 0 && !is_directory ? "there is no such file" : NULL;
}

/* Who is told of what is wrong. */
struct report {
    void (*each)(void *user, const struct config_finding *finding);
    void *user;
};

static void check_file(void *user, const struct config_said *said)
{
    const struct report *report = user;
    const char *problem = problem_of(said->item, said->text);

    if (problem) {
        char *text = xasprintf("%s: %s", said->text, problem);
        const struct config_finding finding = {said->file, said->line, said->column, text};
        report->each(report->user, &finding);
        free(text);
    }
}

void ctl_check_config(const char *path,
                      void (*each)(void *user, const struct config_finding *finding), void *user)
{
    struct report report = {each, user};
    struct config *config = NULL;

    if (config_load_reporting(path, each, user, &config) == 0)
        config_each_said(config, check_file, &report);
    config_free(config);
}

static int check(const struct ctl *ctl, size_t argc, const char *const *argv)
{
    struct findings findings = {0};
    bool json;

    if (ctl_is_json(argc, argv, &json))
        return EXIT_FAILURE;
    findings.list = json ? json_array() : NULL;
    ctl_check_config(ctl->path, add_finding, &findings);
    if (json) {
        ctl_print_json(findings.list);
    } else if (findings.count == 0) {
        printf("%s: nothing is wrong\n", ctl->path);
    } else {
        printf("%zu mistake%s\n", findings.count, findings.count == 1 ? "" : "s");
    }
    return findings.count == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

const struct ctl_verb conf_check_verbs[] = {
    {"conf check", 0, 1, check, "[--json]  every mistake in the configuration, and its place"},
    {0},
};
