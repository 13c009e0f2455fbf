/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Loading a room.
 */
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/xmpp/namespaces.h"
#include "muc/dispatch.h"
#include "muc/mail.h"
#include "muc/message.h"
#include "muc/note.h"
#include "muc/store.h"

#define OF_ROOM " WHERE room = (SELECT room FROM room WHERE local = $1)"

/* Messages that a room keeps in memory for newcomers. */
#define HISTORY_LOADED 200

enum result { ROOM, OPTIONS_OF, AFFILIATIONS_OF, SESSIONS_OF, LAST, HISTORY_OF, PENDING, RESULTS };

static const struct db_statement statements[RESULTS] = {
    [ROOM] = {"muc_load_room",
              "SELECT room, creator, salt, locked, subject FROM room WHERE local = $1", 1},
    [OPTIONS_OF] = {"muc_load_options", "SELECT name, value FROM room_option" OF_ROOM, 1},
    [AFFILIATIONS_OF] = {"muc_load_affiliations",
                         "SELECT jid, affiliation, nick, reason FROM affiliation" OF_ROOM, 1},
    [SESSIONS_OF] = {"muc_load_sessions",
                     "SELECT jid, nick, role, presence, joined FROM session" OF_ROOM
                     " ORDER BY joined, jid",
                     1},
    [LAST] = {"muc_load_last",
              "SELECT greatest(coalesce(max(seq), 0), (SELECT coalesce(max(last), 0) FROM room"
              " WHERE local = $1)) FROM message" OF_ROOM,
              1},
    [HISTORY_OF] = {"muc_load_history",
                    "SELECT seq, stanza_id, (extract(epoch FROM said) * 1000000)::bigint, nick,"
                    " sender, occupant_id, message_id, content FROM message" OF_ROOM
                    " AND retracted IS NULL"
                    " ORDER BY seq DESC LIMIT $2",
                    2},
    [PENDING] = {"muc_load_pending",
                 "SELECT seq, content, NULL, NULL FROM message" OF_ROOM
                 " AND pending AND content <> ''"
                 " UNION ALL SELECT seq, content, recipients, undelivered FROM note" OF_ROOM
                 " ORDER BY seq",
                 1},
};

static const char *text_or_null(const struct db_result *result, size_t row, int column)
{
    return db_is_null(result, row, column) ? NULL : db_get_text(result, row, column);
}

static void read_room(struct room *room, const struct db_result *result)
{
    room->exists = true;
    room->id = db_get_int(result, 0, 0);
    room->creator = xstrdup(db_get_text(result, 0, 1));
    room->salt = xstrdup(db_get_text(result, 0, 2));
    room->locked = db_get_bool(result, 0, 3);
    if (!db_is_null(result, 0, 4))
        room->subject = muc_parse_stanza(room->muc, db_get_text(result, 0, 4));
}

static void read_options(struct room *room, const struct db_result *result)
{
    for (size_t row = 0; row < db_rows(result); row++) {
        int option = option_of_stored(db_get_text(result, row, 0));

        if (option >= 0 && room->options[option] == NULL)
            room->options[option] = xstrdup(db_get_text(result, row, 1));
    }
}

static void read_affiliations(struct room *room, const struct db_result *result)
{
    for (size_t row = 0; row < db_rows(result); row++) {
        int affiliation = affiliation_parse(db_get_text(result, row, 1));

        if (affiliation >= 0)
            room_set_affiliated(room, db_get_text(result, row, 0), (enum affiliation)affiliation,
                                text_or_null(result, row, 2), text_or_null(result, row, 3));
    }
}

static void read_session(struct room *room, const struct db_result *result, size_t row)
{
    struct arena *arena = arena_new();
    struct stanza *presence = muc_parse_stanza(room->muc, db_get_text(result, row, 3));
    int role = role_parse(db_get_text(result, row, 2));
    struct jid jid;

    if (presence && role > ROLE_NONE && jid_parse(arena, db_get_text(result, row, 0), &jid) == 0)
        room_add_session(room, &jid, db_get_text(result, row, 1), (enum role)role, presence)
            ->joined = db_get_int(result, row, 4);
    stanza_unref(presence);
    arena_free(arena);
}

static void read_message(struct room *room, const struct db_result *result, size_t row)
{
    struct stanza *stanza = muc_parse_stanza(room->muc, db_get_text(result, row, 7));
    struct message *message;

    if (stanza == NULL)
        return;
    message = message_new_take(stanza);
    message->seq = db_get_int(result, row, 0);
    message->said_us = db_get_int(result, row, 2);
    message_name(message, db_get_text(result, row, 1), text_or_null(result, row, 3),
                 text_or_null(result, row, 4), text_or_null(result, row, 5));
    message_remember(room, message);
}

static void read_note(struct room *room, const struct db_result *result, size_t row,
                      struct stanza *stanza)
{
    struct stanza *undelivered = db_is_null(result, row, 3)
                                     ? NULL
                                     : muc_parse_stanza(room->muc, db_get_text(result, row, 3));

    note_repost(room, db_get_int(result, row, 0), stanza, db_get_text(result, row, 2), undelivered);
    stanza_unref(undelivered);
}

/* Said, and not all have it: so it was when a process before this one ended. */
static void read_pending(struct room *room, const struct db_result *result)
{
    for (size_t row = 0; row < db_rows(result); row++) {
        struct stanza *stanza = muc_parse_stanza(room->muc, db_get_text(result, row, 1));

        if (stanza && db_is_null(result, row, 2))
            mail_repost_message(room, db_get_int(result, row, 0), stanza);
        else if (stanza)
            read_note(room, result, row, stanza);
        stanza_unref(stanza);
    }
}

static void read_all(struct room *room, const struct db_result *results)
{
    if (db_rows(&results[ROOM]) == 0)
        return;
    read_room(room, &results[ROOM]);
    read_options(room, &results[OPTIONS_OF]);
    read_affiliations(room, &results[AFFILIATIONS_OF]);
    for (size_t row = 0; row < db_rows(&results[SESSIONS_OF]); row++)
        read_session(room, &results[SESSIONS_OF], row);
    for (size_t row = db_rows(&results[HISTORY_OF]); row-- > 0;)
        read_message(room, &results[HISTORY_OF], row);
    room->seq = db_get_int(&results[LAST], 0, 0);
    if (room->muc->mail)
        read_pending(room, &results[PENDING]);
    results += RESULTS;
    MUC_MODULES(module)
    if (module->load)
        module->loaded(room, results++);
}

static void on_loaded(void *user, int status, const struct db_result *results, size_t count UNUSED)
{
    struct room *room = user;

    room->loading = NULL;
    if (status == ERR_CANCELLED)
        return;
    if (status < 0)
        log_error("muc_not_loaded", LOG_TEXT("room", room->jid->bare), LOG_ERROR(status),
                  LOG_TEXT("text", db_problem(room->muc->db)));
    else
        read_all(room, results);
    room_loaded(room, status);
}

void store_load(struct room *room)
{
    struct db_unit *unit = db_unit_new(room->muc->db, 0);

    for (int i = 0; i < RESULTS; i++) {
        if (statements[i].parameters == 1)
            db_unit_add_values(unit, &statements[i], DB_TEXT(room->jid->local));
        else
            db_unit_add_values(unit, &statements[i], DB_TEXT(room->jid->local),
                               DB_INT(HISTORY_LOADED));
    }
    MUC_MODULES(module)
    if (module->load)
        db_unit_add_values(unit, module->load, DB_TEXT(room->jid->local));
    room->loading = db_submit(unit, on_loaded, room);
}
