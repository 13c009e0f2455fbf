/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * vcard-temp (XEP-0054). A vCard is public. Whether there is none, or no such account, is answered
 * alike, against harvesting (§3.3).
 */
#include <stdlib.h>
#include <string.h>

#include "c2s/sm/avatar.h"
#include "c2s/sm/photo.h"
#include "c2s/sm/sm.h"
#include "c2s/sm/vcard.h"
#include "common/base/error.h"
#include "common/base/limit.h"

static const struct db_statement read_statement = {
    .name = "vcard_read",
    .sql = "SELECT xml FROM vcard WHERE owner = $1::bigint",
    .parameters = 1,
};

static const struct db_statement write_statement = {
    .name = "vcard_write",
    .sql = "INSERT INTO vcard (owner, xml, photo) VALUES ($1::bigint, $2, $3)"
           " ON CONFLICT (owner) DO UPDATE SET xml = EXCLUDED.xml, photo = EXCLUDED.photo",
    .parameters = 3,
};

static void none(struct sm_request *request)
{
    if (request->addressed == SM_TO_SELF)
        sm_error(request, STANZA_ITEM_NOT_FOUND, NULL);
    else
        sm_error(request, STANZA_SERVICE_UNAVAILABLE, NULL);
}

static void on_read(struct account *account, int status, const struct db_result *results,
                    void *user)
{
    struct sm_request *request = user;

    if (status != 0) {
        sm_fail(request, status);
        return;
    }
    if (db_rows(&results[0]) == 0) {
        none(request);
        return;
    }
    struct element *vcard = sm_parse(account->sm, db_get_text(&results[0], 0, 0));
    if (vcard == NULL) {
        sm_error(request, STANZA_INTERNAL_SERVER_ERROR, NULL);
        return;
    }
    struct stanza *result = stanza_result(request->iq);
    element_add_copy(result->root, vcard);
    arena_free(vcard->arena);
    sm_reply_take(request, result);
}

static void get(struct sm_request *request)
{
    const struct db_value owner = DB_INT(request->account->owner);

    sm_query(request->account, sm_access_of(request), &read_statement, &owner, on_read, request);
}

/* The statement that writes a vCard, with what its column says of the photo. */
static void submit(struct account *account, const char *xml, const char *column, sm_done *done,
                   void *user)
{
    struct sm_unit *unit = sm_unit_new(account, SM_WRITE);

    sm_add_values(unit, &write_statement, DB_INT(account->owner), DB_TEXT(xml), DB_TEXT(column));
    sm_submit(unit, done, user);
}

/* --- of a client --- */

struct setting {
    struct sm_request *request;
    char *xml, *column;
};

static void setting_free(struct setting *setting)
{
    free(setting->xml);
    free(setting->column);
    free(setting);
}

static void on_set(struct account *account, int status, const struct db_result *results UNUSED,
                   void *user)
{
    struct setting *setting = user;

    if (status == 0) {
        photo_set(account, setting->column);
        sm_result(setting->request);
    } else {
        sm_fail(setting->request, status);
    }
    setting_free(setting);
}

/* Behind the avatar: a client that hears of no result sets both again. */
static void on_avatar(struct account *account, int status, void *user)
{
    struct setting *setting = user;

    if (status == 0 || status == ERR_DENIED) {
        submit(account, setting->xml, setting->column, on_set, setting);
    } else {
        sm_fail(setting->request, status);
        setting_free(setting);
    }
}

/* Another photo is published as the avatar too (XEP-0398 §3.2), if it is not too big for one. */
static void set_take(struct sm_request *request, char *xml)
{
    struct account *account = request->account;
    struct setting *setting = xcalloc(1, sizeof(*setting));
    char hash[PHOTO_HASH_SIZE];
    size_t bytes;
    const struct element *photo = photo_find(request->payload, hash, &bytes);
    const char *column = photo_column(account, photo ? hash : NULL);

    *setting = (struct setting){request, xml, xstrdup_or_null(column)};
    if (photo_is_other(account, column))
        avatar_publish(account, photo, hash, bytes, on_avatar, setting);
    else
        on_avatar(account, 0, setting);
}

static void set(struct sm_request *request)
{
    char *xml = sm_format(request->payload);

    if (strlen(xml) <= request->sm->limits.vcard_bytes) {
        set_take(request, xml);
        return;
    }
    free(xml);
    limit_reached("vcard-size");
    sm_error(request, STANZA_POLICY_VIOLATION, "the vCard is too big");
}

/* --- of an avatar --- */

struct change {
    char *type;
    char *image; /* base64; NULL: none */
    char *column;
    pubsub_done *done;
    void *user;
};

static void change_free(struct change *change)
{
    free(change->type);
    free(change->image);
    free(change->column);
    free(change);
}

static void on_changed(struct account *account, int status, const struct db_result *results UNUSED,
                       void *user)
{
    struct change *change = user;

    if (status == 0)
        photo_set(account, change->column);
    change->done(account, status, change->user);
    change_free(change);
}

static void replace_photo(struct element *vcard, const struct change *change)
{
    struct element *photo;

    while ((photo = element_find(vcard, NS_VCARD, "PHOTO")) != NULL)
        element_remove(vcard, photo);
    if (change->image) {
        photo = element_add(vcard, NS_VCARD, "PHOTO");
        element_add_with_text(photo, NS_VCARD, "TYPE", change->type);
        element_add_with_text(photo, NS_VCARD, "BINVAL", change->image);
    }
}

/* What is too big for a vCard leaves it without a photo, rather than with another. */
static void write_photo(struct account *account, struct element *vcard, struct change *change)
{
    char *xml;

    replace_photo(vcard, change);
    xml = sm_format(vcard);
    if (change->image && strlen(xml) > account->sm->limits.vcard_bytes) {
        free(change->image);
        free(change->column);
        change->image = NULL;
        change->column = xstrdup_or_null(photo_column(account, NULL));
        write_photo(account, vcard, change);
    } else {
        submit(account, xml, change->column, on_changed, change);
    }
    free(xml);
}

static void on_old(struct account *account, int status, const struct db_result *results, void *user)
{
    struct change *change = user;
    struct element *vcard = NULL;

    if (status == 0)
        vcard = db_rows(&results[0]) > 0 ? sm_parse(account->sm, db_get_text(&results[0], 0, 0))
                                         : element_new(arena_new(), NS_VCARD, "vCard");
    if (!vcard) {
        change->done(account, status, change->user);
        change_free(change);
        return;
    }
    write_photo(account, vcard, change);
    arena_free(vcard->arena);
}

void vcard_set_photo(struct account *account, const char *type, const char *image, const char *hash,
                     pubsub_done *done, void *user)
{
    const struct db_value owner = DB_INT(account->owner);
    struct change *change = xcalloc(1, sizeof(*change));

    change->type = xstrdup_or_null(type);
    change->image = xstrdup_or_null(image);
    change->column = xstrdup_or_null(photo_column(account, hash));
    change->done = done;
    change->user = user;
    sm_query(account, SM_READ_HELD, &read_statement, &owner, on_old, change);
}

static void set_other(struct sm_request *request)
{
    sm_error(request, STANZA_FORBIDDEN, NULL);
}

static const struct sm_iq iqs[] = {
    {NS_VCARD, "vCard", SM_GET, SM_TO_SELF | SM_TO_ACCOUNT, get},
    {NS_VCARD, "vCard", SM_SET, SM_TO_SELF, set},
    {NS_VCARD, "vCard", SM_SET, SM_TO_ACCOUNT, set_other},
    {0},
};

static const char *const features[] = {NS_VCARD, NULL};
static const struct spec specs[] = {{"XEP-0054", "1.3.0", NULL}, {0}};

const struct sm_module vcard_module = {
    .name = "vcard",
    .specs = specs,
    .server_features = features,
    .account_features = features,
    .iqs = iqs,
};
