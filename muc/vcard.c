/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The vCard of a room (XEP-0054), and by it its avatar (XEP-0486): owners set it, everybody may
 * have it, and disco#info tells the hash of its photos.
 */
#include <stdlib.h>
#include <string.h>

#include "common/service/photo.h"
#include "common/xmpp/form.h"
#include "common/xmpp/namespaces.h"
#include "muc/modules.h"
#include "muc/owner.h"
#include "muc/presence.h"

#define NS_VCARD "vcard-temp"

/* Bytes of a vCard as text. */
#define SIZE_MAX_VCARD ((size_t)128 * 1024)

static const struct db_statement write_statement = {
    "muc_vcard",
    "INSERT INTO vcard (room, content, photos) VALUES ($1::bigint, $2, $3)"
    " ON CONFLICT (room) DO UPDATE SET content = $2, photos = $3",
    3};
static const struct db_statement read_statement = {
    "muc_vcard_read", "SELECT content FROM vcard WHERE room = $1::bigint", 1};
static const struct db_statement load_statement = {
    "muc_load_vcard",
    "SELECT photos FROM vcard WHERE room = (SELECT room FROM room WHERE local = $1)", 1};
static const struct db_statement erase_statements[] = {
    {"muc_destroy_vcard", "DELETE FROM vcard WHERE room = $1::bigint", 1},
    {0},
};

/* --- photos --- */

static bool add_hash(struct buffer *hashes, const char *base64)
{
    char hash[PHOTO_HASH_SIZE];
    size_t bytes;

    if (!photo_decode(base64, hash, &bytes))
        return false;
    if (hashes->length > 0)
        buffer_append_char(hashes, '\n');
    buffer_append_text(hashes, hash);
    return true;
}

static bool read_photos(const struct element *vcard, struct buffer *hashes)
{
    ELEMENT_FOREACH (photo, vcard) {
        const char *image = element_child_text(photo, NS_VCARD, "BINVAL");

        if (element_is(photo, NS_VCARD, "PHOTO") && image && !add_hash(hashes, image))
            return false;
    }
    return true;
}

/* --- requests --- */

static void tell_change(struct turn *turn, const char *photos)
{
    static const int codes[] = {STATUS_CONFIGURED};
    struct room *room = turn->room;

    free(room->photos);
    room->photos = xstrdup_or_null(photos);
    configure_tell(turn, codes, ARRAY_SIZE(codes));
}

static void store(struct turn *turn, const struct element *vcard)
{
    struct buffer content = {0}, photos = {0};

    element_write(&content, vcard, NS_CLIENT);
    if (content.length > SIZE_MAX_VCARD) {
        turn_refuse(turn, SITUATION_VCARD_TOO_LARGE);
    } else if (!read_photos(vcard, &photos)) {
        turn_refuse(turn, SITUATION_VCARD_BAD);
    } else {
        turn_write(turn, &write_statement, DB_INT(turn->room->id), DB_TEXT(content.data),
                   DB_TEXT(photos.length > 0 ? photos.data : ""));
        tell_change(turn, photos.length > 0 ? photos.data : NULL);
        turn_result(turn);
    }
    buffer_fini(&content);
    buffer_fini(&photos);
}

static void set(struct turn *turn, struct stanza *request, struct element *payload)
{
    if (room_affiliation(turn->room, &request->from) == AFFILIATION_OWNER)
        store(turn, payload);
    else
        turn_refuse(turn, SITUATION_OWNER_FORBIDDEN);
}

static void tell(struct turn *turn, const struct db_result *result)
{
    struct stanza *answer = turn_result(turn), *kept = NULL;
    struct buffer text = {0};

    if (db_rows(result) > 0) { /* stanzas are what can be read: it is put into one */
        buffer_printf(&text, "<message xmlns='" NS_CLIENT "'>%s</message>",
                      db_get_text(result, 0, 0));
        kept = muc_parse_stanza(turn->muc, text.data);
        buffer_fini(&text);
    }
    if (kept && element_first(kept->root))
        element_add_copy(answer->root, element_first(kept->root));
    else
        element_add(answer->root, NS_VCARD, "vCard");
    stanza_unref(kept);
}

static void get(struct turn *turn, struct stanza *request, struct element *payload UNUSED)
{
    const struct db_value room = DB_INT(turn->room->id);

    if (room_affiliation(turn->room, &request->from) == AFFILIATION_OUTCAST)
        turn_refuse(turn, SITUATION_ENTER_BANNED);
    else
        turn_query(turn, &read_statement, &room, tell, NULL);
}

/* --- what a room has --- */

static void loaded(struct room *room, const struct db_result *result)
{
    if (db_rows(result) > 0 && *db_get_text(result, 0, 0))
        room->photos = xstrdup(db_get_text(result, 0, 0));
}

static void forget(struct room *room)
{
    free(room->photos);
    room->photos = NULL;
}

static void describe(const struct room *room, struct element *query UNUSED, struct element *form)
{
    if (room->photos)
        form_add_field(form, "muc#roominfo_avatarhash", "text-multi", room->photos);
}

static const struct iq_row rows[] = {
    {NS_VCARD, "vCard", IQ_GET, PLACE_ROOM, true, get},
    {NS_VCARD, "vCard", IQ_SET, PLACE_ROOM, true, set},
    {0},
};
static const char *const features[] = {NS_VCARD, NULL};

const struct muc_module vcard_module = {
    .name = "vcard",
    .rows = rows,
    .service_features = features,
    .room_features = features,
    .describe = describe,
    .load = &load_statement,
    .loaded = loaded,
    .forget = forget,
    .erase = erase_statements,
};
