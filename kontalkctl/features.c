/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Which levels of the compliance suite the running daemons meet: each tells what it serves
 * (common/service/features.h).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "common/base/buffer.h"
#include "common/base/error.h"
#include "common/base/memory.h"
#include "common/service/suite.h"
#include "kontalkctl/ctl.h"

static const char *const LEVEL_NAMES[SUITE_LEVELS] = {"server", "advanced"};

struct served {
    char **specs;
    size_t count;
};

/* "XEP-0030; 2.5.0; disco; -" */
static void add_spec(void *user, const char *line)
{
    struct served *served = user;

    served->specs = xrealloc(served->specs, (served->count + 1) * sizeof(*served->specs));
    served->specs[served->count++] = xasprintf("%.*s", (int)strcspn(line, ";"), line);
}

static bool is_served(void *user, const char *spec)
{
    const struct served *served = user;

    for (size_t i = 0; i < served->count; i++)
        if (strcmp(served->specs[i], spec) == 0)
            return true;
    return false;
}

static void free_served(struct served *served)
{
    for (size_t i = 0; i < served->count; i++)
        free(served->specs[i]);
    free(served->specs);
}

/* Not all daemons are part of every node, but without these two there is no server. */
static int ask_daemons(const struct ctl *ctl, struct served *served)
{
    static const char *const words[] = {"features"};

    for (size_t i = 0; ctl_daemons[i]; i++) {
        int error = ctl_follow(ctl, ctl_daemons[i], ARRAY_SIZE(words), words, add_spec, served);
        if (error == ERR_UNAVAILABLE && i < 2)
            return ctl_fail("kontalk-%s is not running", ctl_daemons[i]);
        if (error && error != ERR_UNAVAILABLE)
            return ctl_fail("kontalk-%s does not tell what it serves", ctl_daemons[i]);
    }
    return EXIT_SUCCESS;
}

/* Calls each() for every row of the category that is not met at the level. */
static void each_missing(const char *category, enum suite_level level, struct served *served,
                         void (*each)(void *user, const struct suite_row *row), void *user)
{
    for (const struct suite_row *row = suite_rows; row->category; row++)
        if (row->level <= level && strcmp(row->category, category) == 0 &&
            !suite_row_is_met(row, is_served, served))
            each(user, row);
}

static void print_missing(void *user, const struct suite_row *row)
{
    printf("%s%s (%s)", *(bool *)user ? ": " : "; ", row->feature, row->specs);
    *(bool *)user = false;
}

static void print_table(struct served *served)
{
    for (const char *const *category = suite_categories; *category; category++)
        for (int level = 0; level < SUITE_LEVELS; level++) {
            bool met = suite_is_met(*category, (enum suite_level)level, is_served, served);
            bool first = true;

            printf("%-7s %-9s %s", *category, LEVEL_NAMES[level], met ? "met" : "not met");
            each_missing(*category, (enum suite_level)level, served, print_missing, &first);
            puts(!met && first ? ": Core is not" : "");
        }
}

/* --- for others --- */

static void append_missing(void *user, const struct suite_row *row)
{
    struct buffer *text = user;

    buffer_printf(text, "%s%s (%s)", text->length > 0 ? "; " : "", row->feature, row->specs);
}

static void tell_level(const char *category, int level, struct served *served,
                       void (*each)(void *user, const char *category, const char *level,
                                    const char *missing),
                       void *user)
{
    const bool met = suite_is_met(category, (enum suite_level)level, is_served, served);
    struct buffer missing = {0};

    buffer_append_text(&missing, "");
    each_missing(category, (enum suite_level)level, served, append_missing, &missing);
    each(user, category, LEVEL_NAMES[level], met ? NULL : missing.data);
    buffer_fini(&missing);
}

int ctl_check_suite(const struct ctl *ctl,
                    void (*each)(void *user, const char *category, const char *level,
                                 const char *missing),
                    void *user)
{
    static const char *const words[] = {"features"};
    struct served served = {0};
    int error = 0;

    for (size_t i = 0; ctl_daemons[i] && !error; i++) {
        char *problem = NULL;
        error = ctl_follow_quietly(ctl, ctl_daemons[i], ARRAY_SIZE(words), words, add_spec, &served,
                                   &problem);
        free(problem);
        error = i >= 2 && error == ERR_UNAVAILABLE ? 0 : error;
    }
    for (const char *const *category = suite_categories; *category && !error; category++)
        for (int level = 0; level < SUITE_LEVELS; level++)
            tell_level(*category, level, &served, each, user);
    free_served(&served);
    return error ? ERR_UNAVAILABLE : 0;
}

/* --- JSON --- */

static void add_missing(void *user, const struct suite_row *row)
{
    json_array_append_new(
        user, json_pack("{ssss}", "feature", row->feature, "specifications", row->specs));
}

static void print_json(struct served *served)
{
    json_t *list = json_array();

    for (const char *const *category = suite_categories; *category; category++)
        for (int level = 0; level < SUITE_LEVELS; level++) {
            json_t *missing = json_array();

            each_missing(*category, (enum suite_level)level, served, add_missing, missing);
            json_array_append_new(
                list,
                json_pack("{sssssbso}", "category", *category, "level", LEVEL_NAMES[level], "met",
                          suite_is_met(*category, (enum suite_level)level, is_served, served),
                          "missing", missing));
        }
    ctl_print_json(list);
}

static int check_features(const struct ctl *ctl, size_t argc, const char *const *argv)
{
    struct served served = {0};
    bool json;

    if (ctl_is_json(argc, argv, &json))
        return EXIT_FAILURE;
    int status = ask_daemons(ctl, &served);
    if (status == EXIT_SUCCESS)
        (json ? print_json : print_table)(&served);
    free_served(&served);
    return status;
}

const struct ctl_verb features_verbs[] = {
    {"check features", 0, 1, check_features,
     "[--json]  which levels of XEP-0479 the running server meets"},
    {0},
};
