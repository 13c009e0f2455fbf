/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Who may ask the archive of a room (XEP-0313 §6.1.2), the form, what is first and last in it.
 */
#include "muc/archive.h"

#include <string.h>

#include "common/xmpp/datetime.h"
#include "common/xmpp/rsm.h"
#include "muc/modules.h"

/* Queries of a room that the database answers at a time. */
#define QUERIES_MAX 50

/* The right to enter, without a look at its occupants: a password is not shown again, so behind one
 * it takes to be in the room, or an affiliation. */
bool archive_may_read(const struct room *room, const struct jid *asks)
{
    enum affiliation affiliation = room_affiliation(room, asks);

    if (affiliation == AFFILIATION_OUTCAST || room->locked)
        return false;
    if (affiliation >= AFFILIATION_MEMBER)
        return true;
    if (room_is(room, OPTION_MEMBERS_ONLY))
        return false;
    return !room_is(room, OPTION_PASSWORD_PROTECTED) || room_session(room, asks);
}

bool archive_shows_jids(const struct room *room, const struct jid *asks)
{
    const struct session *session = room_session(room, asks);

    if (session)
        return room_shows_jids_to(room, session->occupant);
    return room_affiliation(room, asks) >= AFFILIATION_ADMIN ||
           strcmp(room_text(room, OPTION_WHOIS), "anyone") == 0;
}

/* True: the request has been refused. */
static bool refused(struct turn *turn, const struct stanza *request)
{
    const struct room *room = turn->room;

    if (!archive_may_read(room, &request->from))
        turn_refuse(turn, SITUATION_ARCHIVE_FORBIDDEN);
    else if (!room_is(room, OPTION_LOGGING))
        turn_refuse(turn, SITUATION_UNKNOWN);
    else if (room->aside >= QUERIES_MAX)
        turn_refuse(turn, SITUATION_ARCHIVE_BUSY);
    else
        return false;
    return true;
}

static int decode(void *user, const char *text, int64_t *seq)
{
    return archive_seq(user, text, seq);
}

/* `with` is the address of an occupant, or a real one, which only those may ask for who may see it.
 * False: not this one. */
static bool compare_with(const struct room *room, const struct jid *asks,
                         const struct archive_query *query, struct archive_with *with)
{
    *with = (struct archive_with){0};
    if (!query->has_with)
        return true;
    if (strcmp(query->with.bare, room->jid->bare) == 0) {
        with->nick = query->with.resource;
        return true;
    }
    with->sender = query->with.bare;
    return archive_shows_jids(room, asks);
}

static void query(struct turn *turn, struct stanza *request, struct element *payload)
{
    const struct archive_ids ids = {decode, turn->room};
    struct archive_query query;
    struct archive_with with;
    int problem;

    if (refused(turn, request))
        return;
    problem = archive_query_read(request->arena, payload, &ids, &query);
    if (problem >= 0) {
        archive_query_fini(&query);
        turn_send_take(turn, stanza_error(request, (enum stanza_condition)problem, NULL));
    } else if (!compare_with(turn->room, &request->from, &query, &with)) {
        archive_query_fini(&query);
        turn_refuse(turn, SITUATION_ARCHIVE_WITH);
    } else {
        archive_page(turn, &query, with);
    }
}

static void form(struct turn *turn, struct stanza *request, struct element *payload UNUSED)
{
    if (!refused(turn, request))
        archive_query_add_form(element_add(turn_result(turn)->root, NS_MAM, "query"));
}

/* --- metadata --- */

static const struct db_statement ends = {
    "muc_archive_ends",
    "(SELECT seq, (extract(epoch FROM said) * 1000000)::bigint FROM message"
    " WHERE room = $1::bigint AND archived ORDER BY seq LIMIT 1)"
    " UNION ALL"
    " (SELECT seq, (extract(epoch FROM said) * 1000000)::bigint FROM message"
    " WHERE room = $1::bigint AND archived ORDER BY seq DESC LIMIT 1)",
    1};

static void tell_ends(struct turn *turn, const struct db_result *result)
{
    static const char *const names[] = {"start", "end"};
    struct element *metadata = element_add(turn_result(turn)->root, NS_MAM, "metadata");

    for (size_t i = 0; i < ARRAY_SIZE(names) && i < db_rows(result); i++) {
        char id[SEALED_ID_SIZE];

        archive_id(turn->room, db_get_int(result, i, 0), id);
        archive_add_end(metadata, names[i], id, db_get_int(result, i, 1));
    }
}

static void metadata(struct turn *turn, struct stanza *request, struct element *payload UNUSED)
{
    const struct db_value room = DB_INT(turn->room->id);

    if (!refused(turn, request))
        turn_query(turn, &ends, &room, tell_ends, NULL);
}

/* Rooms that are not logged have no archive. */
static void describe(const struct room *room, struct element *query, struct element *form UNUSED)
{
    static const char *const features[] = {NS_MAM, NS_MAM "#extended"};

    for (size_t i = 0; i < ARRAY_SIZE(features) && room_is(room, OPTION_LOGGING); i++)
        element_set(element_add(query, query->ns, "feature"), "var", features[i]);
}

static const struct iq_row rows[] = {
    {NS_MAM, "query", IQ_SET, PLACE_ROOM, true, query},
    {NS_MAM, "query", IQ_GET, PLACE_ROOM, true, form},
    {NS_MAM, "metadata", IQ_GET, PLACE_ROOM, true, metadata},
    {0},
};
static const char *const features[] = {NS_SID, NULL};

const struct muc_module archive_module = {
    .name = "archive",
    .rows = rows,
    .room_features = features,
    .describe = describe,
};
