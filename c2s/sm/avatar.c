/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Avatars (XEP-0084), and their conversion from and to the photo of the vCard (XEP-0398). What is
 * published by one conversion is not converted again: the hooks see who has published it.
 */
#include "c2s/sm/avatar.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "c2s/pubsub/node.h"
#include "c2s/pubsub/pubsub.h"
#include "c2s/sm/photo.h"
#include "c2s/sm/vcard.h"

#define NS_DATA     "urn:xmpp:avatar:data"
#define NS_METADATA "urn:xmpp:avatar:metadata"

/* --- from the vCard --- */

/* A vCard is public, and so is what is made of it. */
static const struct pubsub_setting open_to_all[] = {{"pubsub#access_model", "open"}, {0}};

struct avatar {
    struct element *metadata; /* in an arena of its own, and this in it */
    pubsub_done *done;
    void *user;
};

static struct avatar *avatar_new(pubsub_done *done, void *user)
{
    struct arena *arena = arena_new();
    struct avatar *avatar = arena_alloc(arena, sizeof(*avatar));

    *avatar = (struct avatar){element_new(arena, NS_METADATA, "metadata"), done, user};
    return avatar;
}

static void on_metadata(struct account *account, int status, void *user)
{
    struct avatar *avatar = user;

    avatar->done(account, status, avatar->user);
    arena_free(avatar->metadata->arena);
}

static void publish_metadata(struct account *account, const char *id, struct avatar *avatar)
{
    pubsub_publish(account, NS_METADATA, id, avatar->metadata, open_to_all, on_metadata, avatar);
}

/* The metadata follow the data (XEP-0398 §3.2), and are as they were if those cannot be stored. */
static void on_data(struct account *account, int status, void *user)
{
    struct avatar *avatar = user;

    if (status == 0)
        publish_metadata(account, element_get(element_first(avatar->metadata), "id"), avatar);
    else
        on_metadata(account, status, avatar);
}

static void add_info(struct element *metadata, const struct element *photo, const char *hash,
                     size_t bytes)
{
    struct element *info = element_add(metadata, NS_METADATA, "info");
    char size[24];

    snprintf(size, sizeof(size), "%zu", bytes);
    element_set(info, "bytes", size);
    element_set(info, "id", hash);
    element_set(info, "type", element_child_text(photo, NS_VCARD, "TYPE"));
}

void avatar_publish(struct account *account, const struct element *photo, const char *hash,
                    size_t bytes, pubsub_done *done, void *user)
{
    struct avatar *avatar;
    struct element *data;

    if (!photo && !pubsub_has_node(account, NS_METADATA)) {
        done(account, 0, user);
        return;
    }
    avatar = avatar_new(done, user);
    if (!photo) {
        publish_metadata(account, NULL, avatar);
        return;
    }
    add_info(avatar->metadata, photo, hash, bytes);
    data = element_new(arena_new(), NS_DATA, "data");
    element_add_text(data, element_child_text(photo, NS_VCARD, "BINVAL"));
    pubsub_publish(account, NS_DATA, hash, data, open_to_all, on_data, avatar);
    arena_free(data->arena);
}

/* --- to the vCard --- */

/* Only what everybody may see is shown to everybody (§8). */
static bool is_public(const struct account *account)
{
    const struct pubsub_node *node = node_find(account, NS_DATA);

    return node && options_is(&node->options, OPTION_ACCESS_MODEL, "open");
}

/* The image that is no reference to elsewhere (§3.1). */
static const struct element *find_info(const struct element *metadata)
{
    ELEMENT_FOREACH (info, metadata) {
        if (element_is(info, NS_METADATA, "info") && element_get(info, "id") &&
            !element_get(info, "url"))
            return info;
    }
    return NULL;
}

struct conversion {
    char *type;
    pubsub_done *done;
    void *user;
};

/* Until it is in the vCard nothing else of the account is done. */
static void on_image(struct account *account, int status, const struct pubsub_item *item,
                     void *user)
{
    const struct element *data = status == 0 && item ? item->payload : NULL;
    struct conversion *conversion = user;
    char hash[PHOTO_HASH_SIZE];
    size_t bytes;

    if (data && element_is(data, NS_DATA, "data") &&
        photo_decode(element_text(data), hash, &bytes) && strcasecmp(hash, item->id) == 0)
        vcard_set_photo(account, conversion->type, element_text(data), hash, conversion->done,
                        conversion->user);
    else
        conversion->done(account, status, conversion->user);
    free(conversion->type);
    free(conversion);
    account_release(account);
}

static void convert(struct account *account, const struct element *info, pubsub_done *done,
                    void *user)
{
    struct conversion *conversion = xcalloc(1, sizeof(*conversion));
    const char *type = element_get(info, "type");

    *conversion = (struct conversion){xstrdup(type ? type : "image/png"), done, user};
    account_hold(account);
    pubsub_read(account, NS_DATA, element_get(info, "id"), on_image, conversion);
}

static void published(struct account *account, const struct pubsub_item *item, pubsub_done *done,
                      void *user)
{
    const struct element *metadata = item->payload, *info;

    if (item->from_hook || !metadata || !element_is(metadata, NS_METADATA, "metadata") ||
        !is_public(account))
        done(account, 0, user);
    else if ((info = find_info(metadata)))
        convert(account, info, done, user);
    else if (!element_first(metadata))
        vcard_set_photo(account, NULL, NULL, NULL, done, user);
    else
        done(account, 0, user);
}

const struct pubsub_hook avatar_hook = {.node = NS_METADATA, .published = published};

static const char *const features[] = {"urn:xmpp:pep-vcard-conversion:0", NULL};
static const struct spec specs[] = {{"XEP-0084", "1.1.4", NULL}, {"XEP-0398", "1.0.0", NULL}, {0}};

const struct sm_module avatar_module = {
    .name = "avatar",
    .specs = specs,
    .account_features = features,
};
