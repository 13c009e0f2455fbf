/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Ids of offers, each under the bare address of who offered it: nobody forgets for another.
 */
#include "router/taken.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "common/base/table.h"

struct id {
    UT_hash_handle hh; /* by text */
    struct id *prev, *next;
    size_t length;
    char text[];
};

struct taken {
    struct id *by_text;
    struct id *oldest;
    size_t count, bytes;
};

struct taken *taken_new(void)
{
    return xcalloc(1, sizeof(struct taken));
}

static void drop(struct taken *taken, struct id *id)
{
    HASH_DEL(taken->by_text, id);
    DL_DELETE(taken->oldest, id);
    taken->count--;
    taken->bytes -= sizeof(*id) + id->length;
    free(id);
}

void taken_free(struct taken *taken)
{
    while (taken->oldest)
        drop(taken, taken->oldest);
    free(taken);
}

/* A space is in no address. */
static char *text_of(const struct durable *offer, const char *id)
{
    return xjoin(offer->from.bare, " ", id);
}

static struct id *find(const struct taken *taken, const struct durable *offer, const char *id)
{
    char *text = text_of(offer, id);
    struct id *found;

    HASH_FIND_STR(taken->by_text, text, found);
    free(text);
    return found;
}

bool taken_has(const struct taken *taken, const struct durable *offer)
{
    return find(taken, offer, offer->id) != NULL;
}

bool taken_has_predecessor(const struct taken *taken, const struct durable *offer)
{
    return !offer->after || find(taken, offer, offer->after) != NULL;
}

void taken_add(struct taken *taken, const struct durable *offer)
{
    char *text = text_of(offer, offer->id);
    size_t length = strlen(text);
    struct id *id = xcalloc(1, sizeof(*id) + length + 1);

    memcpy(id->text, text, length + 1);
    free(text);
    id->length = length;
    HASH_ADD_KEYPTR(hh, taken->by_text, id->text, length, id);
    DL_APPEND(taken->oldest, id);
    taken->count++;
    taken->bytes += sizeof(*id) + length;
    while (taken->count > TAKEN_MAX || taken->bytes > TAKEN_BYTES_MAX)
        drop(taken, taken->oldest);
}

void taken_forget(struct taken *taken, const struct durable *words)
{
    struct id *id = find(taken, words, words->id);

    if (id)
        drop(taken, id);
}

size_t taken_count(const struct taken *taken)
{
    return taken->count;
}
