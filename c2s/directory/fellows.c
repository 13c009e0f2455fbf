/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The other workers of this node remember places too, and read nothing of what this one stores.
 */
#include <stdlib.h>
#include <string.h>

#include "c2s/directory/core.h"
#include "c2s/directory/resolver.h"
#include "common/base/memory.h"

static void tell(struct directory *directory, const char *id, const char *const *jids, size_t count)
{
    char *address = xasprintf("%s/%s", directory->host, id);
    struct element *payload;
    struct stanza *message = words_message(address, "forget", &payload);

    for (size_t i = 0; i < count; i++)
        element_set(element_add(payload, NS_DIRECTORY, "name"), "jid", jids[i]);
    if (strcmp(address, directory->address) == 0)
        stanza_unref(message);
    else
        directory_send_take(directory, message);
    free(address);
}

/* Accounts do not move, so nobody needs to hear of them. */
void fellows_forget(struct directory *directory, const char *const *jids, size_t count)
{
    const char *rooms[DIRECTORY_BATCH], *const *ids;
    size_t found = 0, workers = 0;

    if (directory->settings.workers)
        workers = directory->settings.workers(directory->settings.user, &ids);
    for (size_t i = 0; workers > 1 && i < count && found < DIRECTORY_BATCH; i++)
        if (directory_is_room(directory, jids[i]))
            rooms[found++] = jids[i];
    for (size_t i = 0; found > 0 && i < workers; i++)
        tell(directory, ids[i], rooms, found);
}

static void on_forget(struct directory *directory, struct stanza *message, struct element *payload)
{
    bool ours = strcmp(message->from.domain, directory->host) == 0;

    ELEMENT_FOREACH (name, payload) {
        if (ours && element_get(name, "jid"))
            resolver_forget(directory, element_get(name, "jid"));
    }
    stanza_unref(message);
}

const struct directory_word fellow_words[] = {
    {"forget", on_forget},
    {0},
};
