/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Pages of the list of rooms.
 */
#include "common/xmpp/room_page.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/error.h"
#include "common/base/memory.h"
#include "common/xmpp/namespaces.h"

/* Addresses and names of one page: it has to fit into a stanza. The rest is on the next one. */
#define BYTES_MAX ((size_t)128 * 1024)
/* Of a name; longer ones are left out. */
#define NAME_MAX_BYTES 1023
/* More rooms than anybody has. */
#define COUNT_MAX 1000000000

static const char *local_of(const struct element *room)
{
    return element_get(room, "local");
}

size_t room_page_size(const struct rsm *wish)
{
    return wish->has_max ? MIN(wish->max, ROOM_PAGE_MAX) : ROOM_PAGE_MAX;
}

/* --- questions --- */

void room_page_ask(struct element *question, const struct rsm *wish)
{
    element_set(question, "max", arena_printf(question->arena, "%zu", room_page_size(wish)));
    element_set(question, "after", wish->after);
    element_set(question, "before", wish->before);
}

static int read_number(const struct element *element, const char *name, int64_t *number)
{
    const char *text = element_get(element, name);
    char *end;

    if (text == NULL || *text < '0' || *text > '9')
        return ERR_MALFORMED;
    *number = strtoll(text, &end, 10);
    return *end || *number > COUNT_MAX ? ERR_MALFORMED : 0;
}

int room_page_read(const struct element *question, struct rsm *wish)
{
    int64_t max;

    if (read_number(question, "max", &max) != 0)
        return ERR_MALFORMED;
    *wish = (struct rsm){
        .has_max = true,
        .max = (size_t)max,
        .after = element_get(question, "after"),
        .before = element_get(question, "before"),
    };
    return 0;
}

/* --- pages --- */

void room_page_add(struct element *page, const char *local, const char *name)
{
    struct element *room = element_add(page, NS_DIRECTORY, "room");

    element_set(room, "local", local);
    if (name && strlen(name) <= NAME_MAX_BYTES)
        element_set(room, "name", name);
}

void room_page_set(struct element *page, int64_t count, bool more)
{
    element_set(page, "count", arena_printf(page->arena, "%" PRId64, count));
    element_set(page, "more", more ? "true" : NULL);
}

int64_t room_page_count(const struct element *page)
{
    int64_t count;

    return read_number(page, "count", &count) == 0 ? count : 0;
}

bool room_page_has_more(const struct element *page)
{
    return xml_is_true(element_get(page, "more"));
}

/* Below 0: a comes first. */
static int order(const char *a, const char *b, const struct rsm *wish)
{
    return wish->before ? strcmp(b, a) : strcmp(a, b);
}

bool room_page_is_good(const struct element *page, const struct rsm *wish)
{
    const char *last = wish->before && *wish->before ? wish->before : wish->after;
    size_t count = 0;

    ELEMENT_FOREACH (room, page) {
        const char *local = local_of(room);

        if (!element_is(room, NS_DIRECTORY, "room") || local == NULL || *local == '\0' ||
            ++count > room_page_size(wish) || (last && order(last, local, wish) >= 0))
            return false;
        last = local;
    }
    return true;
}

/* --- merging --- */

struct merge {
    const struct rsm *wish;
    const struct element **next; /* of each page */
    size_t count;
    const char *horizon; /* nobody is passed over up to here; NULL: anywhere */
    int64_t rooms;
    bool more;
};

/* What a page has left out begins behind its last one. One without a last one could hide all that
 * others have. */
static void look_at(struct merge *merge, const struct element *page)
{
    const char *last = NULL;

    merge->rooms += room_page_count(page);
    ELEMENT_FOREACH (room, page)
        last = local_of(room);
    if (last == NULL || !room_page_has_more(page))
        return;
    merge->more = true;
    if (!merge->horizon || order(last, merge->horizon, merge->wish) < 0)
        merge->horizon = last;
}

static const struct element *first_of(const struct merge *merge)
{
    const struct element *first = NULL;

    for (size_t i = 0; i < merge->count; i++) {
        const struct element *room = merge->next[i];

        if (room && (!first || order(local_of(room), local_of(first), merge->wish) < 0))
            first = room;
    }
    return first;
}

static void skip(struct merge *merge, const char *local)
{
    for (size_t i = 0; i < merge->count; i++)
        if (merge->next[i] && strcmp(local_of(merge->next[i]), local) == 0)
            merge->next[i] = element_next(merge->next[i]);
}

static void take_all(struct merge *merge, struct element *page)
{
    const struct element *room;
    size_t taken = 0, bytes = 0;

    while ((room = first_of(merge)) && taken++ < room_page_size(merge->wish) && bytes < BYTES_MAX) {
        const char *local = local_of(room), *name = element_get(room, "name");

        if (merge->horizon && order(local, merge->horizon, merge->wish) > 0)
            break;
        room_page_add(page, local, name);
        bytes += strlen(local) + (name ? strlen(name) : 0);
        skip(merge, local);
    }
    merge->more = merge->more || room;
}

void room_page_merge(struct element *page, const struct element *const *pages, size_t count,
                     const struct rsm *wish)
{
    struct merge merge = {.wish = wish, .next = xcalloc(count + 1, sizeof(*merge.next))};

    for (size_t i = 0; i < count; i++) {
        if (pages[i] == NULL)
            continue;
        look_at(&merge, pages[i]);
        merge.next[merge.count++] = element_first(pages[i]);
    }
    take_all(&merge, page);
    room_page_set(page, merge.rooms, merge.more);
    free(merge.next);
}
