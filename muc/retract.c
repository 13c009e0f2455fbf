/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Retraction and moderation.
 */
#include "muc/retract.h"

#include <string.h>

#include "common/base/clock.h"
#include "common/tls/crypto.h"
#include "common/xmpp/datetime.h"
#include "common/xmpp/namespaces.h"
#include "muc/message.h"
#include "muc/modules.h"

#define NS_RETRACT  "urn:xmpp:message-retract:1"
#define NS_MODERATE "urn:xmpp:message-moderate:1"

#define ID_BYTES 12

/* --- tombstones --- */

static void add_id(struct element *parent, const char *ns, const char *name, const char *id,
                   const char *by)
{
    struct element *element = element_add(parent, ns, name);

    element_set(element, "id", id);
    element_set(element, "by", by);
}

struct stanza *retract_tombstone(struct room *room, const struct db_result *result, size_t row,
                                 int first)
{
    struct stanza *retracted = muc_parse_stanza(room->muc, db_get_text(result, row, first + 7));
    struct stanza *stanza;
    struct jid *from;
    char id[SEALED_ID_SIZE];

    if (retracted == NULL)
        return NULL;
    stanza = stanza_new(STANZA_MESSAGE, MESSAGE_GROUPCHAT);
    from = db_is_null(result, row, first + 2)
               ? jid_dup(room->jid)
               : jid_dup_with_resource(room->jid, db_get_text(result, row, first + 2));
    stanza_set_from(stanza, from);
    free(from);
    if (!db_is_null(result, row, first + 5))
        element_set(stanza->root, "id", db_get_text(result, row, first + 5));
    if (!db_is_null(result, row, first + 4))
        add_id(stanza->root, NS_OCCUPANT_ID, "occupant-id", db_get_text(result, row, first + 4),
               NULL);
    archive_id(room, db_get_int(result, row, first), id);
    add_id(stanza->root, NS_SID, "stanza-id", id, room->jid->bare);
    ELEMENT_FOREACH (child, retracted->root)
        element_add_copy(stanza->root, child);
    stanza_unref(retracted);
    return stanza;
}

/* A message with the <retracted/> in it, as it is stored. */
static char *retracted_text(const char *id, const struct element *moderated, const char *reason)
{
    struct stanza *stanza = stanza_new(STANZA_MESSAGE, MESSAGE_NORMAL);
    struct element *retracted = element_add(stanza->root, NS_RETRACT, "retracted");
    struct buffer text = {0};
    char stamp[DATETIME_SIZE];

    datetime_format(clock_wall_us(), stamp);
    element_set(retracted, "stamp", stamp);
    element_set(retracted, "id", id);
    if (moderated)
        element_add_copy(retracted, moderated);
    if (reason)
        element_add_with_text(retracted, NS_RETRACT, "reason", reason);
    stanza_write(&text, stanza, NS_CLIENT);
    stanza_unref(stanza);
    return buffer_take(&text);
}

/* Of this author only, unless occupant_id is NULL. */
static const struct db_statement bury = {
    "muc_bury",
    "UPDATE message SET content = '', retracted = $3, pending = false"
    " WHERE room = $1::bigint AND seq = $2::bigint"
    " AND ($4::text IS NULL OR occupant_id = $4::text) AND retracted IS NULL",
    4};

static struct message *remembered(const struct room *room, int64_t seq)
{
    struct message *message;

    DL_FOREACH (room->history, message) {
        if (message->seq == seq)
            return message;
    }
    return NULL;
}

/* Committed: newcomers are not told any more. */
static void forget(struct turn *turn, const struct db_result *results UNUSED, size_t count UNUSED)
{
    const int64_t *seq = turn->user;
    struct message *message = remembered(turn->room, *seq);

    if (message == NULL)
        return;
    DL_DELETE(turn->room->history, message);
    turn->room->history_count--;
    message_free(message);
}

static void bury_message(struct turn *turn, int64_t seq, const char *text, const char *occupant_id)
{
    int64_t *kept = arena_alloc(turn->request->arena, sizeof(*kept));

    *kept = seq;
    turn_write(turn, &bury, DB_INT(turn->room->id), DB_INT(seq), DB_TEXT(text),
               DB_TEXT(occupant_id));
    turn->committed = forget;
    turn->user = kept;
}

/* --- XEP-0424: by who said it --- */

/* Someone else's message, as far as it is known here; clients compare the occupant ids, too. */
static bool is_foreign(const struct room *room, int64_t seq, const struct occupant *occupant)
{
    const struct message *message = remembered(room, seq);

    return message && (!message->occupant_id || strcmp(message->occupant_id, occupant->id) != 0);
}

static bool message(struct turn *turn, struct session *session, struct stanza *stanza)
{
    const struct element *retract = element_find(stanza->root, NS_RETRACT, "retract");
    const char *id = retract ? element_get(retract, "id") : NULL;
    char *text;
    int64_t seq;

    if (session == NULL || stanza->type != MESSAGE_GROUPCHAT || retract == NULL)
        return false;
    if (element_find(retract, NS_MODERATE, "moderated")) { /* 0425 §5: only the room says that */
        turn_refuse(turn, SITUATION_RETRACT_FOREIGN);
        return true;
    }
    if (id == NULL || archive_seq(turn->room, id, &seq) < 0)
        return false; /* of another archive: clients know */
    if (is_foreign(turn->room, seq, session->occupant)) {
        turn_refuse(turn, SITUATION_RETRACT_FOREIGN);
        return true;
    }
    if (!message_may_take(turn, session, stanza))
        return true;
    if (stanza_id(stanza)) { /* 0424 §4: a tombstone names what it comes from */
        text = retracted_text(stanza_id(stanza), NULL, NULL);
        bury_message(turn, seq, text, session->occupant->id);
        free(text);
    }
    message_keep(turn, session, stanza);
    return true;
}

/* --- XEP-0425: by a moderator --- */

static const struct db_statement find = {
    "muc_moderated",
    "SELECT seq FROM message WHERE room = $1::bigint AND seq = $2::bigint AND retracted IS NULL"
    " AND content <> ''",
    2};

static struct element *add_moderated(struct element *parent, const struct occupant *moderator)
{
    struct element *moderated = element_add(parent, NS_MODERATE, "moderated");

    element_set(moderated, "by", moderator->jid->full);
    add_id(moderated, NS_OCCUPANT_ID, "occupant-id", moderator->id, NULL);
    return moderated;
}

static void announce(struct turn *turn, const struct occupant *moderator, int64_t seq)
{
    struct room *room = turn->room;
    const struct element *payload = stanza_payload(turn->request);
    const char *reason = element_child_text(payload, NS_MODERATE, "reason");
    struct stanza *stanza = stanza_new(STANZA_MESSAGE, MESSAGE_GROUPCHAT);
    struct element *retract = element_add(stanza->root, NS_RETRACT, "retract");
    struct element *moderated = add_moderated(retract, moderator);
    char id[2 * ID_BYTES + 1], *text;

    crypto_random_hex(id, ID_BYTES);
    stanza_set_from(stanza, room->jid);
    element_set(stanza->root, "id", id);
    element_set(retract, "id", element_get(payload, "id"));
    if (reason)
        element_add_with_text(retract, NS_RETRACT, "reason", reason);
    text = retracted_text(id, moderated, reason);
    bury_message(turn, seq, text, NULL);
    free(text);
    room_accept_take(turn, NULL, stanza, true);
}

static void on_found(struct turn *turn, const struct db_result *result)
{
    const struct session *session = room_session(turn->room, &turn->request->from);

    if (db_rows(result) == 0) {
        turn_refuse(turn, SITUATION_ARCHIVE_NO_ID);
    } else if (session == NULL || session->occupant->role < ROLE_MODERATOR) {
        turn_refuse(turn, SITUATION_MODERATE_FORBIDDEN);
    } else {
        announce(turn, session->occupant, db_get_int(result, 0, 0));
        turn_result(turn);
    }
}

static void moderate(struct turn *turn, struct stanza *request, struct element *payload)
{
    const struct session *session = room_session(turn->room, &request->from);
    const char *id = element_get(payload, "id");
    int64_t seq;

    if (session == NULL || session->occupant->role < ROLE_MODERATOR) {
        turn_refuse(turn, SITUATION_MODERATE_FORBIDDEN);
    } else if (id == NULL || !element_find(payload, NS_RETRACT, "retract")) {
        turn_refuse(turn, SITUATION_BAD);
    } else if (archive_seq(turn->room, id, &seq) < 0) {
        turn_refuse(turn, SITUATION_ARCHIVE_NO_ID);
    } else {
        const struct db_value values[] = {DB_INT(turn->room->id), DB_INT(seq)};

        turn_query(turn, &find, values, on_found, NULL);
    }
}

static const struct iq_row rows[] = {
    {NS_MODERATE, "moderate", IQ_SET, PLACE_ROOM, true, moderate},
    {0},
};
static const char *const features[] = {NS_RETRACT, NS_RETRACT "#tombstone", NS_MODERATE, NULL};

const struct muc_module retract_module = {
    .name = "retract",
    .rows = rows,
    .room_features = features,
    .message = message,
};
