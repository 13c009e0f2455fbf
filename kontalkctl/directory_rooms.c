/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The rooms of this node, as kontalk-muc has them, beside their names in the directory, which c2s
 * has: nobody else may read both.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/error.h"
#include "common/base/memory.h"
#include "kontalkctl/ctl.h"

struct names {
    char **all;
    size_t count;
};

static void add(void *user, const char *text)
{
    struct names *names = user;

    if ((names->count & (names->count - 1)) == 0) /* doubles */
        names->all = xrealloc(names->all, (2 * names->count + 1) * sizeof(*names->all));
    names->all[names->count++] = xstrndup(text, strcspn(text, " "));
}

static void forget(struct names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->all[i]);
    free(names->all);
}

static int order(const void *one, const void *other)
{
    return strcmp(*(char *const *)one, *(char *const *)other);
}

static int read_names(const struct ctl *ctl, const char *daemon, const char *word,
                      struct names *names)
{
    const char *const words[] = {word, strcmp(daemon, "muc") == 0 ? "list" : "rooms"};
    int error = ctl_follow(ctl, daemon, ARRAY_SIZE(words), words, add, names);

    if (names->count > 0)
        qsort(names->all, names->count, sizeof(*names->all), order);
    return error;
}

/* A name without a room costs nothing, and is given back when somebody asks for it. */
static size_t compare(const struct names *rooms, const struct names *entries)
{
    size_t i = 0, j = 0, lost = 0;

    while (i < rooms->count || j < entries->count) {
        int which = i == rooms->count     ? 1
                    : j == entries->count ? -1
                                          : strcmp(rooms->all[i], entries->all[j]);
        if (which < 0) {
            printf("room %s: it is here, and not of this home in the directory\n", rooms->all[i]);
            lost++;
        } else if (which > 0) {
            printf("room %s: of this home in the directory, and not here\n", entries->all[j]);
        }
        i += which <= 0;
        j += which >= 0;
    }
    printf("%zu rooms, %zu of them not of this home\n", rooms->count, lost);
    return lost;
}

int directory_compare_rooms(const struct ctl *ctl)
{
    struct names rooms = {0}, entries = {0};
    int error = read_names(ctl, "muc", "room", &rooms);
    size_t lost = 0;

    if (error == ERR_UNAVAILABLE)
        puts("rooms: not compared, kontalk-muc is not running");
    if (!error)
        error = read_names(ctl, "c2s", "directory", &entries);
    if (!error)
        lost = compare(&rooms, &entries);
    forget(&rooms);
    forget(&entries);
    return error || lost > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
