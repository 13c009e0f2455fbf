/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * kontalkctl: finds the verb and runs it.
 */
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/error.h"
#include "common/base/memory.h"
#include "common/base/utf8.h"
#include "kontalkctl/json.h"

#define DEFAULT_CONFIG "/etc/kontalk/kontalk.conf"

const struct ctl_table ctl_tables[] = {
    {user_verbs, false},        {invite_verbs, false},
    {session_verbs, false},     {directory_verbs, false},
    {room_verbs, false},        {database_verbs, false},
    {daemon_verbs, false},      {show_verbs, false},
    {conf_check_verbs, true},   {conf_show_verbs, false},
    {conf_explain_verbs, true}, {s2s_verbs, false},
    {network_verbs, false},     {features_verbs, false},
    {check_verbs, true},        {trace_verbs, false},
    {completion_verbs, true},   {setup_verbs, true},
    {backup_verbs, false},      {restore_verbs, true},
    {drain_verbs, false},       {0},
};

/* PostgreSQL says several lines. */
int ctl_fail(const char *format, ...)
{
    va_list arguments;
    const char *before = "kontalkctl: ";

    va_start(arguments, format);
    char *text = xvasprintf(format, arguments), *rest = text, *line;
    va_end(arguments);
    while ((line = strsep(&rest, "\n")) != NULL) {
        utf8_hide_controls(line);
        fprintf(stderr, "%s%s\n", before, line);
        before = "";
    }
    free(text);
    return EXIT_FAILURE;
}

int ctl_is_json(size_t argc, const char *const *argv, bool *json)
{
    *json = argc > 0 && strcmp(argv[0], "--json") == 0;
    if (argc > 0 && !*json) {
        ctl_fail("no option is called '%s'", argv[0]);
        return ERR_INVALID;
    }
    return 0;
}

void ctl_print_json(json_t *value)
{
    json_dumpf(value, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(value);
}

static bool begins_with(const struct ctl_verb *verb, const char *word)
{
    size_t length = strlen(word);

    return strncmp(verb->words, word, length) == 0 &&
           (verb->words[length] == ' ' || verb->words[length] == '\0');
}

/* Those that begin with this word, all with NULL; how many. */
static size_t print_verbs(FILE *out, const char *word)
{
    size_t count = 0;

    for (const struct ctl_table *table = ctl_tables; table->verbs; table++)
        for (const struct ctl_verb *verb = table->verbs; verb->words; verb++)
            if (word == NULL || begins_with(verb, word)) {
                fprintf(out, "  %s %s\n", verb->words, verb->help);
                count++;
            }
    return count;
}

static void print_help(FILE *out)
{
    fprintf(out,
            "usage: kontalkctl [-c FILE] VERB … [--json]   (FILE: %s)\n\n"
            "Each verb takes --json and then says the same for programs.\n\n",
            DEFAULT_CONFIG);
    print_verbs(out, NULL);
}

/* Of the verb, or of those that begin as what was written, not of all sixty. */
static void print_usage(const struct ctl_verb *verb, const char *word)
{
    if (verb)
        fprintf(stderr, "usage: kontalkctl %s %s\n", verb->words, verb->help);
    else if (word == NULL)
        print_help(stderr);
    else if (print_verbs(stderr, word) > 0)
        ctl_fail("this is how '%s' goes on; --help lists everything", word);
    else
        ctl_fail("there is no '%s'; --help lists what there is", word);
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

/* NULL: there is none. */
static const struct ctl_verb *find_verb(size_t argc, char *const *argv, size_t *words,
                                        bool *without_config)
{
    for (const struct ctl_table *table = ctl_tables; table->verbs; table++)
        for (const struct ctl_verb *verb = table->verbs; verb->words; verb++)
            if ((*words = matched(verb->words, argc, argv)) > 0) {
                *without_config = table->without_config;
                return verb;
            }
    return NULL;
}

int ctl_run(const struct ctl *ctl, const char *words, size_t argc, const char *const *argv)
{
    for (const struct ctl_table *table = ctl_tables; table->verbs; table++)
        for (const struct ctl_verb *verb = table->verbs; verb->words; verb++)
            if (strcmp(verb->words, words) == 0)
                return verb->run(ctl, argc, argv);
    abort();
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

/* Takes it out of the words, wherever it stands among them. */
static bool take_json(char **argv, size_t *count)
{
    size_t kept = 0;

    for (size_t i = 0; i < *count; i++)
        if (strcmp(argv[i], "--json") != 0)
            argv[kept++] = argv[i];
    bool found = kept < *count;
    *count = kept;
    return found;
}

/* What did not get out was not said, whatever else has gone well. */
static bool all_was_written(void)
{
    bool failed = ferror(stdout) != 0;

    if (fflush(stdout) == 0 && !failed)
        return true;
    ctl_fail("standard output: %s", errno ? strerror(errno) : "not all was written");
    return false;
}

int main(int argc, char **argv)
{
    const char *path = read_options(argc, argv);
    size_t count = (size_t)(argc - optind), words = 0;
    bool without_config = false;
    const struct ctl_verb *verb = find_verb(count, argv + optind, &words, &without_config);
    const struct json_shape *shape = verb ? json_shape_find(verb->words) : NULL;
    bool json = shape && take_json(argv + optind, &count);
    struct config *config = NULL;

    if (verb == NULL || count - words < verb->arguments_min ||
        count - words > verb->arguments_max) {
        print_usage(verb, count > 0 ? argv[optind] : NULL);
        return 2;
    }
    if (!without_config && config_load(path, stderr, &config) != 0)
        return EXIT_FAILURE;
    const struct ctl ctl = {.path = path, .config = config, .json = json};
    const char *const *rest = (const char *const *)argv + optind + words;
    int status = json ? json_shape_run(shape, verb, &ctl, count - words, rest)
                      : verb->run(&ctl, count - words, rest);
    config_free(config);
    return all_was_written() ? status : EXIT_FAILURE;
}
