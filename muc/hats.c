/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The hats of a room.
 */
#include "muc/hats.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/encode.h"
#include "common/xmpp/form.h"
#include "muc/modules.h"
#include "muc/presence.h"
#include "muc/store.h"

/* A row without a JID is a hat itself, one with a JID says who wears it. */
static const struct db_statement write_statement = {
    "muc_hat",
    "INSERT INTO hat (room, jid_hash, uri_hash, jid, uri, title, hue)"
    " VALUES ($1::bigint, $2, $3, $4, $5, $6, $7) ON CONFLICT (room, uri_hash, jid_hash)"
    " DO UPDATE SET title = $6, hue = $7",
    7};
static const struct db_statement remove_statement = {
    "muc_hat_gone", "DELETE FROM hat WHERE room = $1::bigint AND uri_hash = $2", 2};
static const struct db_statement take_off_statement = {
    "muc_hat_off", "DELETE FROM hat WHERE room = $1::bigint AND uri_hash = $2 AND jid_hash = $3",
    3};
static const struct db_statement load_statement = {
    "muc_load_hats",
    "SELECT jid, uri, title, hue FROM hat WHERE room = (SELECT room FROM room WHERE local = $1)"
    " ORDER BY jid, uri",
    1};
static const struct db_statement erase_statements[] = {
    {"muc_destroy_hats", "DELETE FROM hat WHERE room = $1::bigint", 1},
    {0},
};

/* --- memory --- */

struct hat *hat_find(const struct room *room, const char *uri)
{
    struct hat *hat;

    DL_FOREACH (room->hats, hat) {
        if (strcmp(hat->uri, uri) == 0)
            return hat;
    }
    return NULL;
}

struct wearer *hat_wearer(const struct hat *hat, const char *bare)
{
    struct wearer *wearer;

    DL_FOREACH (hat->wearers, wearer) {
        if (strcmp(wearer->jid, bare) == 0)
            return wearer;
    }
    return NULL;
}

static void add_wearer(struct hat *hat, const char *bare)
{
    struct wearer *wearer = xcalloc(1, sizeof(*wearer));

    wearer->jid = xstrdup(bare);
    DL_APPEND(hat->wearers, wearer);
}

static void remove_wearer(struct hat *hat, struct wearer *wearer)
{
    DL_DELETE(hat->wearers, wearer);
    free(wearer->jid);
    free(wearer);
}

static struct hat *add_hat(struct room *room, const char *uri)
{
    struct hat *hat = xcalloc(1, sizeof(*hat));

    hat->uri = xstrdup(uri);
    DL_APPEND(room->hats, hat);
    return hat;
}

static void describe_hat(struct hat *hat, const char *title, const char *hue)
{
    free(hat->title);
    free(hat->hue);
    hat->title = xstrdup(title);
    hat->hue = xstrdup_or_null(hue);
}

static void remove_hat(struct room *room, struct hat *hat)
{
    while (hat->wearers)
        remove_wearer(hat, hat->wearers);
    DL_DELETE(room->hats, hat);
    free(hat->uri);
    free(hat->title);
    free(hat->hue);
    free(hat);
}

static void forget(struct room *room)
{
    while (room->hats)
        remove_hat(room, room->hats);
}

static void read_row(struct room *room, const struct db_result *result, size_t row)
{
    const char *jid = db_get_text(result, row, 0), *uri = db_get_text(result, row, 1);
    struct hat *hat = hat_find(room, uri);

    if (hat) {
        add_wearer(hat, jid);
    } else if (*jid == '\0') {
        hat = add_hat(room, uri);
        describe_hat(hat, db_get_text(result, row, 2),
                     db_is_null(result, row, 3) ? NULL : db_get_text(result, row, 3));
    }
}

static void loaded(struct room *room, const struct db_result *result)
{
    for (size_t row = 0; row < db_rows(result); row++)
        read_row(room, result, row);
}

/* --- changes --- */

static void write(struct turn *turn, const struct hat *hat, const char *jid)
{
    uint8_t jid_hash[STORE_HASH_SIZE], uri_hash[STORE_HASH_SIZE];

    turn_write(turn, &write_statement, DB_INT(turn->room->id), store_hash(jid, jid_hash),
               store_hash(hat->uri, uri_hash), DB_TEXT(jid), DB_TEXT(hat->uri),
               DB_TEXT(*jid ? NULL : hat->title), DB_TEXT(*jid ? NULL : hat->hue));
}

static void show(struct turn *turn, const char *bare)
{
    const struct occupant *occupant;

    for (occupant = turn->room->occupants; occupant; occupant = occupant->hh.next) {
        const struct news news = {.presence = occupant->sessions->presence};

        if (strcmp(occupant->bare->bare, bare) == 0)
            presence_tell(turn, occupant, &news, NULL);
    }
}

void hat_create(struct turn *turn, const char *uri, const char *title, const char *hue)
{
    struct hat *hat = hat_find(turn->room, uri);
    const struct wearer *wearer;

    if (hat == NULL)
        hat = add_hat(turn->room, uri);
    describe_hat(hat, title, hue);
    write(turn, hat, "");
    DL_FOREACH (hat->wearers, wearer) {
        show(turn, wearer->jid);
    }
}

void hat_destroy(struct turn *turn, struct hat *hat)
{
    uint8_t hash[STORE_HASH_SIZE];
    struct wearer *wearers = hat->wearers, *wearer, *next;

    turn_write(turn, &remove_statement, DB_INT(turn->room->id), store_hash(hat->uri, hash));
    hat->wearers = NULL;
    remove_hat(turn->room, hat);
    DL_FOREACH_SAFE (wearers, wearer, next) {
        show(turn, wearer->jid);
        free(wearer->jid);
        free(wearer);
    }
}

void hat_assign(struct turn *turn, struct hat *hat, const struct jid *bare)
{
    if (hat_wearer(hat, bare->bare) == NULL)
        add_wearer(hat, bare->bare);
    write(turn, hat, bare->bare);
    show(turn, bare->bare);
}

void hat_unassign(struct turn *turn, struct hat *hat, struct wearer *wearer)
{
    uint8_t jid_hash[STORE_HASH_SIZE], uri_hash[STORE_HASH_SIZE];
    char *jid = xstrdup(wearer->jid);

    turn_write(turn, &take_off_statement, DB_INT(turn->room->id), store_hash(hat->uri, uri_hash),
               store_hash(jid, jid_hash));
    remove_wearer(hat, wearer);
    show(turn, jid);
    free(jid);
}

/* --- what others see --- */

static void decorate(const struct room *room, const struct occupant *occupant,
                     struct stanza *stanza)
{
    struct element *hats = NULL;
    const struct hat *hat;

    if (stanza->type != PRESENCE_AVAILABLE)
        return;
    DL_FOREACH (room->hats, hat) {
        if (hat_wearer(hat, occupant->bare->bare) == NULL)
            continue;
        if (hats == NULL)
            hats = element_add(stanza->root, NS_HATS, "hats");
        struct element *shown = element_add(hats, NS_HATS, "hat");
        element_set(shown, "uri", hat->uri);
        element_set(shown, "title", hat->title);
        element_set(shown, "hue", hat->hue);
    }
}

/* §3: changes with the list. */
static void describe(const struct room *room, struct element *query UNUSED, struct element *form)
{
    struct buffer text = {0}, hex = {0};
    uint8_t digest[CRYPTO_HASH_MAX];
    const struct hat *hat;

    if (room->hats == NULL)
        return;
    DL_FOREACH (room->hats, hat) {
        buffer_printf(&text, "%s\n%s\n%s\n", hat->uri, hat->title, hat->hue ? hat->hue : "");
    }
    crypto_digest(CRYPTO_SHA1, text.data, text.length, digest);
    hex_encode(&hex, digest, crypto_hash_size(CRYPTO_SHA1));
    form_add_field(form, "hats#hash", "text-single", hex.data);
    buffer_fini(&text);
    buffer_fini(&hex);
}

static const struct iq_row rows[] = {
    {"http://jabber.org/protocol/commands", "command", IQ_SET, PLACE_ROOM, true, hats_command},
    {0},
};
static const char *const features[] = {NS_HATS, "http://jabber.org/protocol/commands", NULL};

const struct muc_module hats_module = {
    .name = "hats",
    .rows = rows,
    .room_features = features,
    .describe = describe,
    .decorate = decorate,
    .load = &load_statement,
    .loaded = loaded,
    .forget = forget,
    .erase = erase_statements,
};
