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

static struct element *metadata_new(void)
{
    return element_new(arena_new(), NS_METADATA, "metadata");
}

static void publish_metadata_take(struct account *account, const char *id, struct element *metadata)
{
    pubsub_publish(account, NS_METADATA, id, metadata, open_to_all, NULL, NULL);
    arena_free(metadata->arena);
}

/* The metadata follow the data (XEP-0398 §3.2), and are as they were if those cannot be stored. */
static void on_data(struct account *account, int status, void *user)
{
    struct element *metadata = user;
    const char *id = element_get(element_first(metadata), "id");

    if (status == 0)
        publish_metadata_take(account, id, metadata);
    else
        arena_free(metadata->arena);
}

void avatar_publish(struct account *account, const struct element *photo, const char *hash,
                    size_t bytes)
{
    struct element *metadata, *data, *info;
    char size[24];

    if (!photo) {
        if (pubsub_has_node(account, NS_METADATA))
            publish_metadata_take(account, NULL, metadata_new());
        return;
    }
    metadata = metadata_new();
    info = element_add(metadata, NS_METADATA, "info");
    snprintf(size, sizeof(size), "%zu", bytes);
    element_set(info, "bytes", size);
    element_set(info, "id", hash);
    element_set(info, "type", element_child_text(photo, NS_VCARD, "TYPE"));
    data = element_new(arena_new(), NS_DATA, "data");
    element_add_text(data, element_child_text(photo, NS_VCARD, "BINVAL"));
    pubsub_publish(account, NS_DATA, hash, data, open_to_all, on_data, metadata);
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

/* Until it is in the vCard nothing else of the account is done. `user` is the type. */
static void on_image(struct account *account, int status, const struct pubsub_item *item,
                     void *user)
{
    const struct element *data = status == 0 && item ? item->payload : NULL;
    char hash[PHOTO_HASH_SIZE], *type = user;
    size_t bytes;

    if (data && element_is(data, NS_DATA, "data") &&
        photo_decode(element_text(data), hash, &bytes) && strcasecmp(hash, item->id) == 0)
        vcard_set_photo(account, type, element_text(data), hash);
    free(type);
    account_release(account);
}

static void published(struct account *account, const struct pubsub_item *item)
{
    const struct element *metadata = item->payload, *info;
    const char *type;

    if (item->from_hook || !metadata || !element_is(metadata, NS_METADATA, "metadata") ||
        !is_public(account))
        return;
    info = find_info(metadata);
    if (info) {
        type = element_get(info, "type");
        account_hold(account);
        pubsub_read(account, NS_DATA, element_get(info, "id"), on_image,
                    xstrdup(type ? type : "image/png"));
    } else if (!element_first(metadata)) {
        vcard_set_photo(account, NULL, NULL, NULL);
    }
}

const struct pubsub_hook avatar_hook = {.node = NS_METADATA, .published = published};

static const char *const features[] = {"urn:xmpp:pep-vcard-conversion:0", NULL};
static const struct spec specs[] = {{"XEP-0084", "1.1.4", NULL}, {"XEP-0398", "1.0.0", NULL}, {0}};

const struct sm_module avatar_module = {
    .name = "avatar",
    .specs = specs,
    .account_features = features,
};
