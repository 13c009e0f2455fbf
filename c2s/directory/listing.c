/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The public rooms of all homes: each node is asked for its own, and asks its component. Which of
 * them are public, and how they are called, the home alone knows; that they are its own is checked
 * by our copy of the directory.
 */
#include <stdlib.h>
#include <string.h>

#include "c2s/directory/core.h"
#include "c2s/directory/rows.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/memory.h"

/* For so long a node is waited for, and by it its component: somebody looks at an empty window. */
#define NODE_MS      4000
#define COMPONENT_MS 3000
/* Nodes that ask us at a time. */
#define SERVED_MAX 50

/* --- who asks --- */

struct source {
    struct listing *listing;
    char *host;
    struct element *page;                 /* NULL: it has not answered, or badly */
    struct element *rooms[ROOM_PAGE_MAX]; /* in it, that are looked up */
};

struct listing {
    struct directory *directory; /* counted */
    struct arena *arena;
    const char *service;
    struct rsm wish;
    struct source **sources;
    size_t count, open;
    directory_rooms_listed *done;
    void *user;
};

static const struct db_statement read_home = {
    .name = "directory_read_home",
    .sql = "SELECT home FROM directory WHERE jid_hash = $1::bytea AND NOT deleted",
    .parameters = 1,
};

static void end(struct listing *listing)
{
    const struct element **pages = xcalloc(listing->count + 1, sizeof(*pages));
    struct element *page = element_new(listing->arena, NS_DIRECTORY, "rooms");

    for (size_t i = 0; i < listing->count; i++)
        pages[i] = listing->sources[i]->page;
    room_page_merge(page, pages, listing->count, &listing->wish);
    listing->done(listing->user, page);
    for (size_t i = 0; i < listing->count; i++) {
        free(listing->sources[i]->host);
        free(listing->sources[i]);
    }
    free(pages);
    free(listing->sources);
    arena_free(listing->arena);
    directory_free(listing->directory);
    free(listing);
}

static void settled(struct source *source)
{
    if (--source->listing->open == 0)
        end(source->listing);
}

static bool serves(const struct source *source, const char *home)
{
    const struct network *network = source->listing->directory->network;
    const struct network_home *found = network ? network_home_by_name(network, home) : NULL;

    return found && strcmp(found->member->host, source->host) == 0;
}

/* A new room may not be in our copy yet, and a released one may be elsewhere by now: such are left
 * out. */
static void on_homes(void *user, int status, const struct db_result *results, size_t count)
{
    struct source *source = user;
    const char *refused = NULL;

    for (size_t i = 0; i < count && status == 0; i++) {
        bool is_known = db_rows(&results[i]) > 0;

        if (is_known && serves(source, db_get_text(&results[i], 0, 0)))
            continue;
        if (is_known)
            refused = element_get(source->rooms[i], "local");
        element_remove(source->page, source->rooms[i]);
    }
    if (refused)
        log_warn("directory_rooms_refused", LOG_TEXT("host", source->host),
                 LOG_TEXT("room", refused));
    if (status != 0)
        source->page = NULL;
    settled(source);
}

static void look_up(struct source *source)
{
    const struct listing *listing = source->listing;
    struct db_unit *unit = db_unit_new_reading(listing->directory->settings.db);
    uint8_t hash[GRANT_HASH_SIZE];
    size_t count = 0;

    ELEMENT_FOREACH (room, source->page) {
        source->rooms[count++] = room;
        grant_hash(
            arena_printf(listing->arena, "%s@%s", element_get(room, "local"), listing->service),
            hash);
        db_unit_add_values(unit, &read_home, DB_BYTES(hash, sizeof(hash)));
    }
    db_submit(unit, on_homes, source);
}

static void on_answer(void *user, int status, struct element *answer)
{
    struct source *source = user;
    struct listing *listing = source->listing;

    if (status != 0 || strcmp(answer->name, "listed") != 0 || listing->directory->ended ||
        !room_page_is_good(answer, &listing->wish)) {
        settled(source);
        return;
    }
    source->page = element_copy(listing->arena, answer);
    if (element_first(source->page))
        look_up(source);
    else
        settled(source);
}

static bool is_asked(const struct listing *listing, const char *host)
{
    for (size_t i = 0; i < listing->count; i++)
        if (strcmp(listing->sources[i]->host, host) == 0)
            return true;
    return false;
}

static void ask(struct listing *listing, const char *host)
{
    struct source *source = xcalloc(1, sizeof(*source));
    struct element *payload;
    struct stanza *message = words_message(host, "rooms", &payload);

    source->listing = listing;
    source->host = xstrdup(host);
    listing->sources[listing->count++] = source;
    listing->open++;
    element_set(payload, "service", listing->service);
    room_page_ask(payload, &listing->wish);
    request_hurry(request_send_take(listing->directory, host, message, payload, on_answer, source),
                  NODE_MS);
}

static struct listing *listing_new(struct directory *directory, const char *service,
                                   const struct rsm *wish)
{
    struct listing *listing = xcalloc(1, sizeof(*listing));
    struct arena *arena = arena_new();

    listing->directory = directory_ref(directory);
    listing->arena = arena;
    listing->service = arena_strdup(arena, service);
    listing->wish = *wish;
    listing->wish.after = wish->after ? arena_strdup(arena, wish->after) : NULL;
    listing->wish.before = wish->before ? arena_strdup(arena, wish->before) : NULL;
    return listing;
}

void listing_ask(struct directory *directory, const char *service, const struct rsm *wish,
                 directory_rooms_listed *done, void *user)
{
    struct listing *listing = listing_new(directory, service, wish);
    const struct network *network = directory->ended ? NULL : directory->network;
    size_t homes = network && directory_shares(directory, service) ? network->homes_count : 0;

    listing->done = done;
    listing->user = user;
    listing->sources = xcalloc(homes + 1, sizeof(struct source *));
    for (size_t i = 0; i < homes; i++) {
        const char *host = network->homes[i].member->host;

        if (strcmp(host, directory->host) != 0 && !is_asked(listing, host))
            ask(listing, host);
    }
    if (listing->open == 0)
        end(listing);
}

/* --- who is asked --- */

struct serving {
    struct directory *directory; /* counted */
    struct stanza *message;
    struct element *payload;
};

static void on_component(void *user, int status, struct element *answer)
{
    struct serving *serving = user;
    struct directory *directory = serving->directory;
    struct element *listed;

    directory->listings--;
    if (status != 0 || !element_is(answer, NS_DIRECTORY, "rooms") || directory->ended) {
        directory_reply_wait(directory, serving->message, serving->payload, "component");
    } else {
        struct stanza *reply =
            directory_reply(serving->message, serving->payload, "listed", &listed);

        ELEMENT_FOREACH (room, answer)
            element_add_copy(listed, room);
        room_page_set(listed, room_page_count(answer), room_page_has_more(answer));
        directory_send_take(directory, reply);
    }
    stanza_unref(serving->message);
    free(serving);
    directory_free(directory);
}

static void ask_component(struct serving *serving, const char *service, const struct rsm *wish)
{
    struct stanza *iq = stanza_new(STANZA_IQ, IQ_GET);
    struct element *rooms = element_add(iq->root, NS_DIRECTORY, "rooms");
    struct jid to;

    if (jid_make(iq->arena, NULL, service, NULL, &to) == 0)
        stanza_set_to(iq, &to);
    room_page_ask(rooms, wish);
    serving->directory->listings++;
    request_hurry(request_send_take(serving->directory, service, iq, rooms, on_component, serving),
                  COMPONENT_MS);
}

static const char *obstacle(const struct directory *directory, const char *host,
                            const char *service)
{
    if (!network_member_by_host(directory->network, host))
        return "not-a-member";
    if (service == NULL || !directory_shares(directory, service))
        return "not-shared";
    if (!directory_home(directory))
        return "not-my-home";
    return directory->listings < SERVED_MAX ? NULL : "busy";
}

static void on_rooms(struct directory *directory, struct stanza *message, struct element *payload)
{
    const char *service = element_get(payload, "service");
    const char *reason = obstacle(directory, message->from.domain, service);
    struct serving *serving;
    struct rsm wish;

    if (!reason && room_page_read(payload, &wish) != 0)
        reason = "malformed";
    if (reason) {
        directory_reply_wait(directory, message, payload, reason);
        stanza_unref(message);
        return;
    }
    serving = xcalloc(1, sizeof(*serving));
    serving->directory = directory_ref(directory);
    serving->message = message;
    serving->payload = payload;
    ask_component(serving, service, &wish);
}

const struct directory_word listing_words[] = {
    {"rooms", on_rooms},
    {0},
};
