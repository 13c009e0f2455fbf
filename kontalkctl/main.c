/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * kontalkctl: finds the verb and runs it.
 */
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/error.h"
#include "kontalkctl/ctl.h"

#define DEFAULT_CONFIG "/etc/kontalk/kontalk.conf"

static const struct ctl_verb *const tables[] = {user_verbs,   directory_verbs, database_verbs,
                                                daemon_verbs, s2s_verbs,       network_verbs,
                                                check_verbs};

int ctl_fail(const char *format, ...)
{
    va_list arguments;

    fputs("kontalkctl: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    return EXIT_FAILURE;
}

static void print_help(FILE *out)
{
    fprintf(out, "usage: kontalkctl [-c FILE] VERB …   (FILE: %s)\n\n", DEFAULT_CONFIG);
    for (size_t t = 0; t < ARRAY_SIZE(tables); t++)
        for (const struct ctl_verb *verb = tables[t]; verb->words; verb++)
            fprintf(out, "  %s %s\n", verb->words, verb->help);
}

/* How many of the given words the verb takes up; 0 if it is another one. */
static size_t matched(const char *words, size_t argc, char *const *argv)
{
    const char *at = words;

    for (size_t i = 0; i < argc; i++) {
        size_t length = strlen(argv[i]);
        if (strncmp(at, argv[i], length) != 0 || (at[length] != ' ' && at[length] != '\0'))
            return 0;
        if (at[length] == '\0')
            return i + 1;
        at += length + 1;
    }
    return 0;
}

static const struct ctl_verb *find_verb(size_t argc, char *const *argv, size_t *words)
{
    for (size_t t = 0; t < ARRAY_SIZE(tables); t++)
        for (const struct ctl_verb *verb = tables[t]; verb->words; verb++)
            if ((*words = matched(verb->words, argc, argv)) > 0)
                return verb;
    return NULL;
}

static const char *read_options(int argc, char **argv)
{
    static const struct option known[] = {
        {"config", required_argument, NULL, 'c'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    const char *path = DEFAULT_CONFIG;
    int option;

    /* '+': options end at the verb, so that its arguments may look like options. */
    while ((option = getopt_long(argc, argv, "+c:h", known, NULL)) != -1) {
        if (option == 'c') {
            path = optarg;
            continue;
        }
        print_help(option == 'h' ? stdout : stderr);
        exit(option == 'h' ? EXIT_SUCCESS : 2);
    }
    return path;
}

int main(int argc, char **argv)
{
    const char *path = read_options(argc, argv);
    size_t count = (size_t)(argc - optind), words = 0;
    const struct ctl_verb *verb = find_verb(count, argv + optind, &words);
    struct config *config;

    if (verb == NULL || count - words < verb->arguments_min ||
        count - words > verb->arguments_max) {
        print_help(stderr);
        return 2;
    }
    if (config_load(path, stderr, &config) != 0)
        return EXIT_FAILURE;
    const struct ctl ctl = {.config = config};
    int status = verb->run(&ctl, count - words, (const char *const *)argv + optind + words);
    config_free(config);
    return status;
}
