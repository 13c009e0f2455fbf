/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The hash of the photo in presence. Clients send theirs with it or without; it is added when
 * presence goes out, so that what is kept of a client is what it has said.
 */
#include "c2s/sm/photo.h"

#include <stdlib.h>
#include <string.h>

#include "c2s/sm/presence.h"

#define NS_UPDATE "vcard-temp:x:update"

static const struct db_statement load_statement = {
    .name = "photo_load",
    .sql = "SELECT photo FROM vcard WHERE owner = $1::bigint",
    .parameters = 1,
};

const struct element *photo_find(const struct element *vcard, char hash[PHOTO_HASH_SIZE],
                                 size_t *bytes)
{
    const struct element *photo = element_find(vcard, NS_VCARD, "PHOTO");
    const char *type = photo ? element_child_text(photo, NS_VCARD, "TYPE") : NULL;
    const char *image = photo ? element_child_text(photo, NS_VCARD, "BINVAL") : NULL;

    return type && *type && image && photo_decode(image, hash, bytes) ? photo : NULL;
}

const char *photo_of(const struct account *account)
{
    return account->photo;
}

const char *photo_column(const struct account *account, const char *hash)
{
    return hash || !account->photo ? hash : "";
}

bool photo_is_other(const struct account *account, const char *column)
{
    return column && (!account->photo || strcmp(account->photo, column) != 0);
}

void photo_set(struct account *account, const char *column)
{
    if (!photo_is_other(account, column))
        return;
    free(account->photo);
    account->photo = xstrdup(column);
    presence_again(account);
}

/* --- presence --- */

/* Where the hash is missing, or another. A client that says that it has none is not contradicted;
 * nor is one that names a photo if there is none here. */
static bool is_missing(const struct account *account, const struct stanza *presence)
{
    const struct element *update;
    const char *said;

    if (presence->type != PRESENCE_AVAILABLE || !account->photo)
        return false;
    update = element_find(presence->root, NS_UPDATE, "x");
    said = update ? element_child_text(update, NS_UPDATE, "photo") : NULL;
    return !said || (*said && *account->photo && strcmp(said, account->photo) != 0);
}

void photo_add(const struct account *account, struct stanza *presence)
{
    struct element *update, *photo;

    if (!is_missing(account, presence))
        return;
    update = element_find(presence->root, NS_UPDATE, "x");
    if (!update)
        update = element_add(presence->root, NS_UPDATE, "x");
    photo = element_find(update, NS_UPDATE, "photo");
    if (photo)
        element_remove(update, photo);
    photo = element_add(update, NS_UPDATE, "photo");
    if (*account->photo)
        element_add_text(photo, account->photo);
}

struct stanza *photo_shown(const struct account *account, struct stanza *presence)
{
    struct stanza *copy;

    if (!is_missing(account, presence))
        return stanza_ref(presence);
    copy = stanza_copy(presence);
    photo_add(account, copy);
    return copy;
}

/* --- the account --- */

static void unload(struct account *account)
{
    free(account->photo);
    account->photo = NULL;
}

static void loaded(struct account *account, const struct db_result *rows)
{
    unload(account);
    if (db_rows(rows) > 0 && !db_is_null(rows, 0, 0))
        account->photo = xstrdup(db_get_text(rows, 0, 0));
}

static const struct spec specs[] = {
    {"XEP-0153", "1.1.1", "the hash in presence"},
    {0},
};

const struct sm_module photo_module = {
    .name = "photo",
    .specs = specs,
    .load = &load_statement,
    .loaded = loaded,
    .unload = unload,
};
