/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Putting a directory together, what the document says to it, and who handles which word.
 */
#include "c2s/directory/core.h"

#include <stdlib.h>
#include <string.h>

#include "c2s/directory/claims.h"
#include "c2s/directory/registrar.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/base/table.h"

struct directory *directory_new(const struct directory_settings *settings)
{
    struct directory *directory = xcalloc(1, sizeof(*directory));

    directory->references = 1;
    directory->settings = *settings;
    directory->host = xstrdup(settings->host);
    directory->address = xstrdup(settings->address);
    directory->domain = xstrdup(settings->domain);
    directory->home = xstrdup(settings->home);
    directory->cache = cache_new(settings->cache_size);
    directory->requests = requests_new(directory);
    directory->registrar = registrar_new(directory);
    directory->claims = claims_new(directory);
    directory->pulls = pulls_new(directory);
    directory->publisher = publisher_new(directory);
    directory->handover = handover_new(directory);
    directory->recovery = recovery_new(directory);
    return directory;
}

void directory_stop(struct directory *directory)
{
    directory->ended = true;
    requests_fail(directory->requests);
}

struct directory *directory_ref(struct directory *directory)
{
    directory->references++;
    return directory;
}

void directory_free(struct directory *directory)
{
    if (directory == NULL || --directory->references > 0)
        return;
    directory->ended = true;
    requests_free(directory->requests);
    registrar_free(directory->registrar);
    claims_free(directory->claims);
    pulls_free(directory->pulls);
    publisher_free(directory->publisher);
    handover_free(directory->handover);
    recovery_free(directory->recovery);
    cache_free(directory->cache);
    network_unref(directory->network);
    free(directory->host);
    free(directory->address);
    free(directory->domain);
    free(directory->home);
    free(directory);
}

void directory_set_network(struct directory *directory, const struct network *network)
{
    const struct network *old = directory->network;

    directory->network = network ? network_ref(network) : NULL;
    if (!old != !network)
        cache_clear(directory->cache);
    network_unref(old);
    pulls_update(directory->pulls);
    recovery_update(directory->recovery);
    handover_update(directory->handover);
    claims_kick(directory->claims);
}

void directory_set_home(struct directory *directory, bool is_served)
{
    directory->without_home = !is_served;
    cache_clear(directory->cache);
}

void directory_reachable(struct directory *directory, const char *host)
{
    const char *registrar = directory_registrar_host(directory);

    if (directory->network == NULL)
        return;
    pulls_reachable(directory->pulls, host);
    recovery_update(directory->recovery);
    if (registrar && strcmp(registrar, host) == 0)
        claims_kick(directory->claims);
    if (directory_is_registrar(directory) && !registrar_is_open(directory->registrar))
        handover_update(directory->handover);
}

const struct network_home *directory_home(const struct directory *directory)
{
    const struct network_home *home =
        directory->network ? network_home_by_name(directory->network, directory->home) : NULL;

    return home && !directory->without_home && strcmp(home->member->host, directory->host) == 0
               ? home
               : NULL;
}

const char *directory_registrar_host(const struct directory *directory)
{
    return directory->network && directory->network->registrar
               ? directory->network->registrar->member->host
               : NULL;
}

bool directory_is_registrar(const struct directory *directory)
{
    uint8_t public[SIGNING_KEY_SIZE];
    const struct network_home *home = directory_home(directory);

    if (home == NULL || directory->settings.key == NULL || directory->network->registrar != home)
        return false;
    signing_key_public(directory->settings.key, public);
    return memcmp(public, home->member->signing_key, sizeof(public)) == 0;
}

bool directory_is_current(const struct directory *directory, const uint8_t *key_id)
{
    uint8_t id[GRANT_KEY_ID_SIZE];

    if (directory->network == NULL)
        return false;
    grant_key_id(directory->network->registrar->member->signing_key, id);
    return memcmp(id, key_id, sizeof(id)) == 0;
}

bool directory_speaks_for(const struct directory *directory, const char *host, const char *home,
                          int64_t epoch)
{
    return directory->network && network_serves(directory->network, host, home, (uint64_t)epoch);
}

bool directory_is_keeper(const struct directory *directory)
{
    return directory->settings.is_keeper == NULL ||
           directory->settings.is_keeper(directory->settings.user);
}

static const struct directory_word *find_word(const char *name)
{
    static const struct directory_word *const tables[] = {
        registrar_words, pull_words,   publish_words, handover_words,
        compare_words,   fellow_words, listing_words};

    for (size_t t = 0; t < ARRAY_SIZE(tables); t++)
        for (const struct directory_word *word = tables[t]; word->name; word++)
            if (strcmp(word->name, name) == 0)
                return word;
    return NULL;
}

/* What a later release adds stands in a namespace of its own, and is passed over. */
static void drop_unknown(struct element *payload)
{
    for (struct element *child = element_first(payload), *next; child; child = next) {
        next = element_next(child);
        if (strcmp(child->ns, NS_DIRECTORY) != 0)
            element_remove(payload, child);
    }
}

void directory_take(struct directory *directory, struct stanza *message, struct element *payload)
{
    const struct directory_word *word = find_word(payload->name);

    drop_unknown(payload);
    if (requests_take(directory->requests, message, payload) || stanza_is_error(message) ||
        word == NULL || directory->network == NULL || directory->ended)
        stanza_unref(message);
    else
        word->handle(directory, message, payload);
}
