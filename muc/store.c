/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Writing rooms.
 */
#include "muc/store.h"

#include "common/base/clock.h"
#include "common/tls/crypto.h"
#include "common/xmpp/namespaces.h"
#include "muc/dispatch.h"
#include "muc/message.h"
#include "muc/taker.h"

static const struct db_statement room_statement = {
    "muc_room",
    "INSERT INTO room (room, local, created, creator, salt, locked, subject)"
    " VALUES ($1, $2, to_timestamp($3::bigint / 1e6), $4, $5, $6, NULL)"
    " ON CONFLICT (room) DO UPDATE SET locked = $6",
    6};
static const struct db_statement destroy_statements[] = {
    {"muc_destroy_options", "DELETE FROM room_option WHERE room = $1", 1},
    {"muc_destroy_affiliations", "DELETE FROM affiliation WHERE room = $1", 1},
    {"muc_destroy_sessions", "DELETE FROM session WHERE room = $1", 1},
    {"muc_destroy_messages", "DELETE FROM message WHERE room = $1", 1},
    {"muc_destroy_notes", "DELETE FROM note WHERE room = $1", 1},
    {"muc_destroy_room", "DELETE FROM room WHERE room = $1", 1},
};
static const struct db_statement option_statement = {
    "muc_option",
    "INSERT INTO room_option (room, name, value) VALUES ($1, $2, $3)"
    " ON CONFLICT (room, name) DO UPDATE SET value = $3",
    3};
static const struct db_statement option_gone_statement = {
    "muc_option_gone", "DELETE FROM room_option WHERE room = $1 AND name = $2", 2};
static const struct db_statement affiliation_statement = {
    "muc_affiliation",
    "INSERT INTO affiliation (room, jid_hash, jid, affiliation, nick, reason)"
    " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (room, jid_hash)"
    " DO UPDATE SET affiliation = $4, nick = $5, reason = $6",
    6};
static const struct db_statement affiliation_gone_statement = {
    "muc_affiliation_gone", "DELETE FROM affiliation WHERE room = $1 AND jid_hash = $2", 2};
static const struct db_statement session_statement = {
    "muc_session",
    "INSERT INTO session (room, jid_hash, jid, nick, role, presence, joined)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (room, jid_hash)"
    " DO UPDATE SET nick = $4, role = $5, presence = $6",
    7};
static const struct db_statement session_gone_statement = {
    "muc_session_gone", "DELETE FROM session WHERE room = $1 AND jid_hash = $2", 2};
/* $12: what it was offered by; NULL: nothing. */
static const struct db_statement message_statement = {
    "muc_message",
    "INSERT INTO message (room, seq, stanza_id, said, nick, sender, occupant_id, message_id,"
    " content, archived, pending)"
    " SELECT $1::bigint, $2::bigint, $3::text, to_timestamp($4::bigint / 1e6), $5::text, $6::text,"
    " $7::text, $8::text, $9::text, $10::boolean, $11::boolean WHERE $12::bytea IS NULL OR EXISTS"
    " (SELECT 1 FROM taken WHERE id_hash = $12 AND room = $1 AND seq = $2)"
    " ON CONFLICT DO NOTHING",
    12};
/* $6: what it was offered by; $7: under which number that is stored, if it is so for the first
 * time. */
static const struct db_statement note_statement = {
    "muc_note",
    "INSERT INTO note (room, seq, recipients, content, undelivered)"
    " SELECT $1::bigint, $2::bigint, $3::text, $4::text, $5::text WHERE $6::bytea IS NULL OR EXISTS"
    " (SELECT 1 FROM taken WHERE id_hash = $6 AND room = $1 AND seq = $7::bigint)"
    " ON CONFLICT DO NOTHING",
    7};
/* Rows of notes go, and numbers are never used again. */
static const struct db_statement last_statement = {
    "muc_last", "UPDATE room SET last = greatest(last, $2) WHERE room = $1", 2};
static const struct db_statement take_statement = {
    "muc_take",
    "INSERT INTO taken (id_hash, room, seq, taken) VALUES ($1, $2, $3, now())"
    " ON CONFLICT DO NOTHING",
    3};
static const struct db_statement taken_statement = {
    "muc_taken", "SELECT room, seq FROM taken WHERE id_hash = $1", 1};
static const struct db_statement subject_statement = {
    "muc_subject", "UPDATE room SET subject = $2 WHERE room = $1", 2};

struct db_value store_hash(const char *jid, uint8_t place[STORE_HASH_SIZE])
{
    crypto_digest(CRYPTO_SHA256, jid, strlen(jid), place);
    return DB_BYTES(place, STORE_HASH_SIZE);
}

void store_room(struct turn *turn)
{
    const struct room *room = turn->room;

    turn_write(turn, &room_statement, DB_INT(room->id), DB_TEXT(room->jid->local),
               DB_INT(clock_wall_us()), DB_TEXT(room->creator), DB_TEXT(room->salt),
               DB_BOOL(room->locked));
}

void store_destroy(struct turn *turn)
{
    for (size_t i = 0; i < ARRAY_SIZE(destroy_statements); i++)
        turn_write(turn, &destroy_statements[i], DB_INT(turn->room->id));
    MUC_MODULES(module)
    for (const struct db_statement *erase = module->erase; erase && erase->name; erase++)
        turn_write(turn, erase, DB_INT(turn->room->id));
}

void store_option(struct turn *turn, enum option option)
{
    const struct room *room = turn->room;
    const char *name = option_rows[option].stored;

    if (room->options[option])
        turn_write(turn, &option_statement, DB_INT(room->id), DB_TEXT(name),
                   DB_TEXT(room->options[option]));
    else
        turn_write(turn, &option_gone_statement, DB_INT(room->id), DB_TEXT(name));
}

void store_affiliated(struct turn *turn, const char *bare)
{
    const struct room *room = turn->room;
    const struct affiliated *known = room_affiliated(room, bare);
    uint8_t place[STORE_HASH_SIZE];
    struct db_value hash = store_hash(bare, place);

    if (known)
        turn_write(turn, &affiliation_statement, DB_INT(room->id), hash, DB_TEXT(bare),
                   DB_TEXT(affiliation_name(known->affiliation)), DB_TEXT(known->nick),
                   DB_TEXT(known->reason));
    else
        turn_write(turn, &affiliation_gone_statement, DB_INT(room->id), hash);
}

void store_session(struct turn *turn, const struct session *session)
{
    const struct room *room = turn->room;
    const struct occupant *occupant = session->occupant;
    uint8_t place[STORE_HASH_SIZE];
    struct buffer presence = {0};

    stanza_write(&presence, session->presence, NS_CLIENT);
    turn_write(turn, &session_statement, DB_INT(room->id), store_hash(session->jid->full, place),
               DB_TEXT(session->jid->full), DB_TEXT(occupant->nick),
               DB_TEXT(role_name(occupant->role)), DB_TEXT(presence.data), DB_INT(session->joined));
    buffer_fini(&presence);
}

void store_session_gone(struct turn *turn, const char *full)
{
    uint8_t place[STORE_HASH_SIZE];

    turn_write(turn, &session_gone_statement, DB_INT(turn->room->id), store_hash(full, place));
}

static struct db_value take(struct turn *turn, int64_t seq, uint8_t place[STORE_HASH_SIZE])
{
    struct db_value hash;

    if (turn->taking == NULL)
        return DB_NULL;
    hash = store_hash(turn->taking->id, place);
    if (turn->taken_at)
        return hash;
    turn->taken_seq = seq;
    turn_write(turn, &take_statement, hash, DB_INT(turn->room->id), DB_INT(seq));
    turn_write(turn, &taken_statement, hash);
    turn->taken_at = turn->statements - 1;
    return hash;
}

bool store_was_first(const struct turn *turn, const struct db_result *result, size_t count UNUSED)
{
    return db_rows(result) > 0 && db_get_int(result, 0, 0) == turn->about &&
           db_get_int(result, 0, 1) == turn->taken_seq;
}

void store_message(struct turn *turn, const struct message *message)
{
    uint8_t place[STORE_HASH_SIZE];
    struct db_value hash = take(turn, message->seq, place);
    struct buffer content = {0};

    stanza_write(&content, message->stanza, NS_CLIENT);
    turn_write(turn, &message_statement, DB_INT(turn->room->id), DB_INT(message->seq),
               DB_TEXT(message->stanza_id), DB_INT(message->said_us), DB_TEXT(message->nick),
               DB_TEXT(message->sender), DB_TEXT(message->occupant_id), DB_TEXT(message->id),
               DB_TEXT(content.data), DB_BOOL(room_is(turn->room, OPTION_LOGGING)),
               DB_BOOL(turn->muc->mail != NULL), hash);
    buffer_fini(&content);
}

void store_note(struct turn *turn, const struct posting *note, const char *recipients)
{
    uint8_t place[STORE_HASH_SIZE];
    struct db_value hash = take(turn, note->seq, place);
    struct buffer content = {0}, undelivered = {0};

    stanza_write(&content, note->stanza, NS_CLIENT);
    if (note->undelivered)
        stanza_write(&undelivered, note->undelivered, NS_CLIENT);
    turn_write(turn, &note_statement, DB_INT(turn->room->id), DB_INT(note->seq),
               DB_TEXT(recipients), DB_TEXT(content.data), DB_TEXT(undelivered.data), hash,
               DB_INT(turn->taken_seq));
    turn_write(turn, &last_statement, DB_INT(turn->room->id), DB_INT(note->seq));
    buffer_fini(&content);
    buffer_fini(&undelivered);
}

void store_subject(struct turn *turn)
{
    const struct room *room = turn->room;
    struct buffer subject = {0};

    if (room->subject)
        stanza_write(&subject, room->subject, NS_CLIENT);
    turn_write(turn, &subject_statement, DB_INT(room->id), DB_TEXT(subject.data));
    buffer_fini(&subject);
}
