/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Tombstones. Messages that can be retracted have a hash of their id in an index, so that a
 * retraction finds its message in an archive of any size.
 */
#include "c2s/sm/retraction.h"

#include <stdlib.h>
#include <string.h>

#include "c2s/sm/content.h"
#include "c2s/sm/peer_hash.h"
#include "common/tls/crypto.h"

/* $3 peer, $4 who wrote it, $5 this row, $6 whether that is archived, $7 the tombstone. Ids need
 * not be unique (XEP-0424, Security Considerations): the last one before the retraction is meant,
 * and if that is a tombstone already nothing is. What an occupant of a room said is left alone:
 * the bare JID does not tell who that was. All start tags and tombstones have been written by us.
 */
static const struct db_statement retract_statement = {
    .name = "retraction_write",
    .sql = "UPDATE message SET stanza = split_part(stanza, '>', 1) || '>' || $7::text,"
           " size = octet_length(split_part(stanza, '>', 1)) + 1 + octet_length($7::text)"
           " WHERE owner = $1::bigint AND seq = (SELECT seq FROM message WHERE"
           " owner = $1::bigint AND id_hash = $2::bigint AND peer_hash = $3::bytea"
           " AND outgoing = $4::boolean AND seq < $5::bigint ORDER BY seq DESC LIMIT 1)"
           " AND (NOT archived OR $6::boolean)"
           " AND (outgoing OR position('<x xmlns=''http://jabber.org/protocol/muc#user'''"
           " in stanza) = 0)"
           " AND split_part(stanza, '>', 2) NOT LIKE '<retracted xmlns=''" NS_RETRACT "''%'",
    .parameters = 7,
};

static int64_t hash_of(const char *id)
{
    uint8_t digest[CRYPTO_HASH_MAX];
    uint64_t hash = 0;

    crypto_digest(CRYPTO_SHA256, id, strlen(id), digest);
    for (size_t i = 0; i < sizeof(hash); i++)
        hash = hash << 8 | digest[i];
    return (int64_t)hash;
}

static const char *given(const char *id)
{
    return id && *id ? id : NULL;
}

/* A retraction stays (§4: it MUST be stored), so it cannot be retracted. */
bool retraction_hash_of(const struct stanza *message, int64_t *hash)
{
    const char *id = given(element_get(message->root, "id"));

    if (!id || !content_is_text(message) || content_retracts(message))
        return false;
    *hash = hash_of(id);
    return true;
}

static char *tombstone_text(const char *id, const char *stamp)
{
    struct arena *arena = arena_new();
    struct element *tombstone = element_new(arena, NS_RETRACT, "retracted");
    struct buffer text = {0};

    element_set(tombstone, "id", id);
    element_set(tombstone, "stamp", stamp);
    element_write(&text, tombstone, NS_CLIENT);
    buffer_append_text(&text, "</message>");
    arena_free(arena);
    return buffer_take(&text);
}

/* The tombstone names the retraction by its id (§4), so there has to be one. */
void retraction_add(struct sm_unit *unit, struct sm *sm, const struct stanza *message,
                    const struct retraction *row)
{
    const struct element *retract = element_find(message->root, NS_RETRACT, "retract");
    const char *what = retract ? given(element_get(retract, "id")) : NULL;
    const char *id = given(element_get(message->root, "id"));

    if (!what || !id || !content_retracts(message) ||
        (!row->outgoing && content_is_of_room(message)))
        return;
    char *text = tombstone_text(id, row->now);
    sm_add_values(unit, &retract_statement, DB_INT(row->owner), DB_INT(hash_of(what)),
                  DB_BYTES(peer_hash(sm, row->peer->bare), PEER_HASH_SIZE), DB_BOOL(row->outgoing),
                  DB_INT(row->seq), DB_BOOL(row->archived), DB_TEXT(text));
    free(text);
}

/* §2, §4: of the server, and of the account whose archive it is. */
static const char *const features[] = {NS_RETRACT, NS_RETRACT "#tombstone", NULL};
static const struct spec specs[] = {{"XEP-0424", "0.4.2", "in archives of accounts"}, {0}};

const struct sm_module retraction_module = {
    .name = "retraction",
    .specs = specs,
    .server_features = features,
    .account_features = features,
};
