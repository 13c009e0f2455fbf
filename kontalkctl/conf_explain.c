/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What a key of the configuration means, what it may be, and what it is here.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/arena.h"
#include "common/base/memory.h"
#include "common/config/number.h"
#include "common/config/schema.h"
#include "common/config/value.h"
#include "kontalkctl/ctl.h"

static void print_bounds(const struct config_item *item)
{
    struct arena *arena = arena_new();

    if (item->minimum != 0 || item->maximum != 0)
        printf("  from %s to %s\n", config_number_text(arena, item->type, item->minimum),
               config_number_text(arena, item->type, item->maximum));
    arena_free(arena);
}

static void print_choices(const struct config_item *item)
{
    for (const char *const *choice = item->choices; choice && *choice; choice++)
        printf("%s%s%s", choice == item->choices ? "  one of " : ", ", *choice,
               choice[1] ? "" : "\n");
}

/* "a duration, such as 30s; list; restart" */
static void print_kind(const struct config_item *item)
{
    printf("  %s%s%s\n", config_type_text(item->type),
           item->flags & CONFIG_LIST ? "; may be repeated" : "",
           item->flags & CONFIG_REQUIRED ? "; required" : "");
    printf("  in force %s\n",
           item->flags & CONFIG_RESTART ? "after a restart of the daemon" : "after a reload");
    print_bounds(item);
    print_choices(item);
    printf("  default: %s\n", item->fallback ? item->fallback : "none");
}

/* What the files come to, with the place of each. */
struct here {
    const struct config_item *item;
    bool said;
};

static void print_said(void *user, const struct config_said *said)
{
    struct here *here = user;

    if (said->item == here->item) {
        here->said = true;
        printf("  here%s%s: %s (%s:%zu)\n", said->instance ? " for " : "",
               said->instance ? said->instance : "", said->text, said->file, said->line);
    }
}

static void explain_item(const struct config *config, const struct config_item *item)
{
    struct here here = {.item = item};

    printf("[%s] %s\n  %s\n", item->section, item->key, item->help);
    print_kind(item);
    if (config)
        config_each_said(config, print_said, &here);
}

static void explain_section(const struct config_section *section)
{
    printf("[%s%s]\n  %s\n", section->name, section->named ? " \"name\"" : "", section->help);
    for (const struct config_item *item = section->items; item->key; item++)
        printf("  %s\n", item->key);
}

/* "listen", in all sections that have it. */
static bool explain_key(const struct config *config, const char *key)
{
    bool found = false;

    for (size_t i = 0; i < config_sections_count; i++) {
        const struct config_item *item = config_item_find(config_sections[i].name, key);
        if (item)
            explain_item(config, item);
        found = found || item;
    }
    return found;
}

static int say_unknown(const char *word)
{
    struct suggestion suggestion = suggestion_for(word);

    for (size_t i = 0; i < config_sections_count; i++) {
        suggestion_consider(&suggestion, config_sections[i].name);
        for (const struct config_item *item = config_sections[i].items; item->key; item++)
            suggestion_consider(&suggestion, item->key);
    }
    return suggestion.best
               ? ctl_fail("no key is called '%s'; did you mean '%s'?", word, suggestion.best)
               : ctl_fail("no key is called '%s'", word);
}

/* "c2s.listen" */
static const struct config_item *item_of(const char *word)
{
    char *section = xstrdup(word);
    char *dot = strchr(section, '.');
    const struct config_item *item = NULL;

    if (dot) {
        *dot = '\0';
        item = config_item_find(section, dot + 1);
    }
    free(section);
    return item;
}

static void ignore(void *user UNUSED, const struct config_finding *finding UNUSED)
{
}

static int explain(const struct ctl *ctl, size_t argc UNUSED, const char *const *argv)
{
    const struct config_section *section = config_section_find(argv[0]);
    const struct config_item *item = item_of(argv[0]);
    struct config *config = NULL;
    int status = EXIT_SUCCESS;

    if (config_load_reporting(ctl->path, ignore, NULL, &config) != 0)
        config = NULL; /* it is explained without */
    if (item)
        explain_item(config, item);
    else if (section)
        explain_section(section);
    else if (!explain_key(config, argv[0]))
        status = say_unknown(argv[0]);
    config_free(config);
    return status;
}

const struct ctl_verb conf_explain_verbs[] = {
    {"conf explain", 1, 1, explain,
     "NAME  a section or a key: what it means, what it may be, what it is here"},
    {0},
};
