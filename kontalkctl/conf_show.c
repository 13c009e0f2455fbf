/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What the configuration comes to, and what a reload or a restart would change: what each running
 * daemon has in force against the files as they are now.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "common/base/error.h"
#include "common/base/memory.h"
#include "kontalkctl/ctl.h"

static int show(const struct ctl *ctl, size_t argc, const char *const *argv)
{
    static const struct {
        const char *option;
        unsigned set, cleared;
    } options[] = {{"--effective", 0, CONFIG_DUMP_SAID}, {"--origin", CONFIG_DUMP_ORIGIN, 0}};
    unsigned flags = CONFIG_DUMP_SAID;

    for (size_t i = 0; i < argc; i++) {
        size_t known = 0;
        while (known < ARRAY_SIZE(options) && strcmp(argv[i], options[known].option) != 0)
            known++;
        if (known == ARRAY_SIZE(options))
            return ctl_fail("no option is called '%s'", argv[i]);
        flags = (flags | options[known].set) & ~options[known].cleared;
    }
    config_dump(ctl->config, flags, stdout);
    return EXIT_SUCCESS;
}

/* Which sections a daemon reads; of the others only its copy would differ. */
static const struct {
    const char *section, *daemons;
} readers[] = {
    {"node", " router c2s net s2s files muc "},
    {"router", " router "},
    {"component", " router "},
    {"c2s", " c2s "},
    {"sm", " c2s "},
    {"external-service", " c2s "},
    {"database", " c2s "},
    {"domain", " c2s s2s "},
    {"net", " net "},
    {"s2s", " s2s "},
    {"peer", " net s2s "},
    {"files", " files "},
    {"muc", " muc "},
};

struct diff {
    const struct ctl *ctl;
    const char *daemon;
    char *process;    /* "kontalk-c2s@2": whose configuration is being received */
    FILE *file;       /* where it is kept meanwhile; NULL: none */
    json_t *list;     /* NULL: changes are printed */
    ctl_change *tell; /* NULL: they are printed, or listed */
    void *user;
    size_t count;
    bool failed;
};

/* A section that the list does not know concerns the daemon that is called so. */
static bool reads(const char *daemon, const char *section)
{
    char *word = xasprintf(" %s ", daemon);
    bool found = strcmp(daemon, section) == 0;

    for (size_t i = 0; i < ARRAY_SIZE(readers); i++)
        if (strcmp(readers[i].section, section) == 0)
            found = strstr(readers[i].daemons, word) != NULL;
    free(word);
    return found;
}

static const char *needs(const struct config_change *change)
{
    return change->item && (change->item->flags & CONFIG_RESTART) ? "restart" : "reload";
}

static void print_change(struct diff *diff, const struct config_change *change)
{
    printf("%s: [%s%s%s%s]", diff->process, change->section->name, change->instance ? " \"" : "",
           change->instance ? change->instance : "", change->instance ? "\"" : "");
    if (change->item)
        printf(" %s: %s -> %s (%s)\n", change->item->key, change->before ? change->before : "none",
               change->after ? change->after : "none", needs(change));
    else
        printf(" %s (%s)\n", change->before ? "is removed" : "is new", needs(change));
}

static void tell_change(void *user, const struct config_change *change)
{
    struct diff *diff = user;

    if (!reads(diff->daemon, change->section->name))
        return;
    diff->count++;
    if (diff->tell)
        diff->tell(diff->user, diff->process, change);
    else if (!diff->list)
        print_change(diff, change);
    else
        json_array_append_new(
            diff->list, json_pack("{ssssss?ss?ss?ss?ss}", "process", diff->process, "section",
                                  change->section->name, "name", change->instance, "key",
                                  change->item ? change->item->key : NULL, "running",
                                  change->before, "file", change->after, "needs", needs(change)));
}

/* The process has told its whole configuration. */
static void compare(struct diff *diff)
{
    struct config *running;

    if (!diff->file)
        return;
    fflush(diff->file);
    char *path = xasprintf("/proc/self/fd/%d", fileno(diff->file));
    if (config_load(path, stderr, &running) == 0) {
        config_compare(running, diff->ctl->config, tell_change, diff);
        config_free(running);
    } else {
        diff->failed = true;
    }
    free(path);
    fclose(diff->file);
    diff->file = NULL;
}

/* "# kontalk-c2s@2", then the lines of its configuration. */
static void take_line(void *user, const char *text)
{
    static const char header[] = "# kontalk-";
    struct diff *diff = user;

    if (strncmp(text, header, sizeof(header) - 1) == 0) {
        compare(diff);
        free(diff->process);
        diff->process = xstrdup(text + 2);
        diff->file = tmpfile();
        diff->failed = diff->failed || !diff->file;
    } else if (diff->file) {
        fprintf(diff->file, "%s\n", text);
    }
}

/* How many of the daemons run. */
static size_t ask_daemons(struct diff *diff)
{
    static const char *const words[] = {"config"};
    size_t asked = 0;

    for (size_t i = 0; ctl_daemons[i]; i++) {
        diff->daemon = ctl_daemons[i];
        int error = ctl_follow(diff->ctl, diff->daemon, ARRAY_SIZE(words), words, take_line, diff);
        compare(diff);
        diff->failed = diff->failed || error == ERR_INVALID;
        asked += error == 0;
    }
    return asked;
}

void ctl_diff_config(const struct ctl *ctl, ctl_change *tell, void *user)
{
    struct diff diff = {.ctl = ctl, .tell = tell, .user = user};

    ask_daemons(&diff);
    free(diff.process);
}

static int diff(const struct ctl *ctl, size_t argc, const char *const *argv)
{
    struct diff diff = {.ctl = ctl};
    bool json;

    if (ctl_is_json(argc, argv, &json))
        return EXIT_FAILURE;
    diff.list = json ? json_array() : NULL;
    size_t asked = ask_daemons(&diff);
    if (json) {
        ctl_print_json(diff.list);
    } else if (asked > 0 && diff.count == 0) {
        puts("nothing would change");
    }
    free(diff.process);
    if (asked == 0)
        return ctl_fail("no daemon is running");
    return diff.failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

const struct ctl_verb conf_show_verbs[] = {
    {"conf show", 0, 2, show,
     "[--effective] [--origin]  what the files say; with defaults; where each is from"},
    {"conf diff", 0, 1, diff, "[--json]  what a reload, or a restart, would change"},
    {0},
};
