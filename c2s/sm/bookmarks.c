/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Bookmarks are items of a node (XEP-0402); clients that know private storage only (XEP-0048,
 * XEP-0049) read them and write them there (§5.2). Rooms are kept once, as items, as soon as there
 * is the node; what private storage has beside them (addresses of pages) stays where it is.
 */
#include "c2s/sm/bookmarks.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/table.h"

#define NS_STORAGE "storage:bookmarks"
#define NS_PRIVATE "jabber:iq:private"

bool bookmarks_are(const struct element *element)
{
    return element_is(element, NS_STORAGE, "storage");
}

bool bookmarks_are_items(const struct account *account)
{
    return pubsub_has_node(account, NS_BOOKMARKS);
}

static bool is_room(const struct element *element)
{
    return element_is(element, NS_STORAGE, "conference");
}

bool bookmarks_have_rooms(const struct element *storage)
{
    ELEMENT_FOREACH (child, storage) {
        if (is_room(child))
            return true;
    }
    return false;
}

struct element *bookmarks_without_rooms(struct arena *arena, const struct element *storage)
{
    struct element *rest = element_copy(arena, storage), *child = element_first(rest);

    while (child) {
        struct element *next = element_next(child);

        if (is_room(child))
            element_remove(rest, child);
        child = next;
    }
    return rest;
}

/* --- one bookmark in both forms --- */

static const char *const texts[] = {"nick", "password"};

static void copy_fields(struct element *to, const struct element *from)
{
    element_set(to, "name", element_get(from, "name"));
    element_set(to, "autojoin", element_get(from, "autojoin"));
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        const char *text = element_child_text(from, from->ns, texts[i]);

        if (text)
            element_add_with_text(to, to->ns, texts[i], text);
    }
}

static bool same_text(const char *one, const char *other)
{
    return one && other ? strcmp(one, other) == 0 : one == other;
}

static bool same_fields(const struct element *one, const struct element *other)
{
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        if (!same_text(element_child_text(one, one->ns, texts[i]),
                       element_child_text(other, other->ns, texts[i])))
            return false;
    }
    return same_text(element_get(one, "name"), element_get(other, "name")) &&
           xml_is_true(element_get(one, "autojoin")) == xml_is_true(element_get(other, "autojoin"));
}

/* --- read --- */

struct answer {
    struct sm_request *request;
    struct stanza *result;
    struct element *storage;
};

static void add_room(struct account *account, int status, const struct pubsub_item *item,
                     void *user)
{
    struct answer *answer = user;
    struct element *room;

    (void)account;
    if (item) {
        if (!item->payload || !element_is(item->payload, NS_BOOKMARKS, "conference"))
            return;
        room = element_add(answer->storage, NS_STORAGE, "conference");
        element_set(room, "jid", item->id);
        copy_fields(room, item->payload);
        return;
    }
    if (status == 0) {
        sm_reply_take(answer->request, answer->result);
    } else {
        stanza_unref(answer->result);
        sm_fail(answer->request, status);
    }
    free(answer);
}

void bookmarks_answer(struct sm_request *request, const struct element *stored)
{
    struct answer *answer = xcalloc(1, sizeof(*answer));
    struct element *query;

    answer->request = request;
    answer->result = stanza_result(request->iq);
    query = element_add(answer->result->root, NS_PRIVATE, "query");
    answer->storage = element_add(query, NS_STORAGE, "storage");
    if (stored) {
        ELEMENT_FOREACH (child, stored) {
            if (!is_room(child))
                element_add_copy(answer->storage, child);
        }
    }
    pubsub_read_all(request->account, NS_BOOKMARKS, add_room, answer);
}

/* --- written --- */

/* What is to be done with one room. */
struct step {
    const char *room;
    struct element *item; /* NULL: it goes */
    bool is_done;
    struct step *next;
};

struct storing {
    struct arena *arena;
    struct account *account;
    pubsub_done *done;
    void *user;
    struct step *steps;
    int status;
};

static struct step *find_step(struct storing *storing, const char *room)
{
    struct step *step;

    LL_FOREACH (storing->steps, step) {
        if (strcmp(step->room, room) == 0)
            return step;
    }
    return NULL;
}

static struct step *add_step(struct storing *storing, const char *room)
{
    struct step *step = arena_alloc(storing->arena, sizeof(*step));

    *step = (struct step){.room = arena_strdup(storing->arena, room)};
    LL_APPEND(storing->steps, step);
    return step;
}

/* Rooms without an address are none; of two with the same the first counts. */
static void plan(struct storing *storing, const struct element *storage)
{
    struct jid jid;

    ELEMENT_FOREACH (child, storage) {
        const char *address = is_room(child) ? element_get(child, "jid") : NULL;

        if (!address || jid_parse(storing->arena, address, &jid) < 0 ||
            find_step(storing, jid.full))
            continue;
        struct step *step = add_step(storing, jid.full);
        step->item = element_new(storing->arena, NS_BOOKMARKS, "conference");
        copy_fields(step->item, child);
    }
}

static void end(struct storing *storing)
{
    struct account *account = storing->account;

    storing->done(account, storing->status, storing->user);
    arena_free(storing->arena);
    free(storing);
    account_release(account);
}

static void go_on(struct account *account, int status, void *user)
{
    struct storing *storing = user;
    struct step *step = storing->steps;

    storing->status = status;
    while (step && step->is_done)
        step = step->next;
    if (status < 0 || !step) {
        end(storing);
        return;
    }
    storing->steps = step->next;
    if (step->item)
        pubsub_publish(account, NS_BOOKMARKS, step->room, step->item, NULL, go_on, storing);
    else
        pubsub_retract(account, NS_BOOKMARKS, step->room, true, go_on, storing);
}

/* Other clients hear nothing of what is the same (§5.2.2), and what old ones do not know stays
 * (§2). */
static void compare(struct storing *storing, const struct pubsub_item *item)
{
    struct step *step = find_step(storing, item->id);
    const struct element *extensions;

    if (!item->payload)
        return;
    if (!step) {
        add_step(storing, item->id);
        return;
    }
    step->is_done = same_fields(step->item, item->payload);
    extensions = element_find(item->payload, NS_BOOKMARKS, "extensions");
    if (extensions && !step->is_done)
        element_add_copy(step->item, extensions);
}

static void on_item(struct account *account, int status, const struct pubsub_item *item, void *user)
{
    if (item)
        compare(user, item);
    else
        go_on(account, status, user);
}

void bookmarks_store(struct account *account, const struct element *storage, pubsub_done *done,
                     void *user)
{
    struct storing *storing = xcalloc(1, sizeof(*storing));

    storing->arena = arena_new();
    storing->account = account;
    storing->done = done;
    storing->user = user;
    plan(storing, storage);
    account_hold(account); /* nobody sees half of it */
    pubsub_read_all(account, NS_BOOKMARKS, on_item, storing);
}

static const char *const features[] = {NS_BOOKMARKS "#compat", NULL};
static const struct spec specs[] = {
    {"XEP-0048", "1.2", "in private storage"}, {"XEP-0402", "1.2.0", NULL}, {0}};

const struct sm_module bookmarks_module = {
    .name = "bookmarks",
    .specs = specs,
    .account_features = features,
};
