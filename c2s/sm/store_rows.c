/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The rows of a message in `message`, `pending` and `taken` (docs/SCHEMA.md).
 */
#include "c2s/sm/store_rows.h"

#include <stdlib.h>
#include <string.h>

#include "c2s/sm/archive_prefs.h"
#include "c2s/sm/content.h"
#include "c2s/sm/outbox.h"
#include "c2s/sm/peer_hash.h"
#include "c2s/sm/retraction.h"
#include "c2s/sm/stanza_id.h"
#include "c2s/sm/taker.h"
#include "common/base/clock.h"
#include "common/tls/crypto.h"
#include "common/xmpp/datetime.h"

/* For so long the same message is known when it is sent again (XEP-0359 §4). */
#define ORIGIN_US (INT64_C(7) * 24 * 3600 * 1000000)

/* --- statements ---
 *
 * $1 text, $2 time, $3 size; $4 to $8 the sender's row, or the recipient's with $9; $9 to $14 the
 * recipient's row beside the sender's; then the origin and since when it counts; at the end the
 * hash of its id (retraction.h). */

#define COLUMNS                                                                                    \
    "INSERT INTO message (owner, seq, peer, peer_hash, outgoing, resource, stanza, received, "     \
    "size,"                                                                                        \
    " archived, origin, id_hash) "
#define SENT_ROW                                                                                   \
    "($4::bigint, $5::bigint, $6::text, $7::bytea, true, '', $1::text, $2::timestamptz,"           \
    " $3::bigint, $8::boolean, "
#define GOT_ORIGIN(owner, seq, peer, hash, archived, resource, origin, id)                         \
    "(" owner "::bigint, " seq "::bigint, " peer "::text, " hash "::bytea, false, " resource       \
    "::text, $1::text, $2::timestamptz, $3::bigint, " archived "::boolean, " origin "::bytea, " id \
    "::bigint)"
#define GOT_ROW(owner, seq, peer, hash, archived, resource, id)                                    \
    GOT_ORIGIN(owner, seq, peer, hash, archived, resource, "NULL", id)
#define WAITS(owner, seq, resource)                                                                \
    "INSERT INTO pending (owner, seq, resource, size) SELECT " owner "::bigint, " seq              \
    "::bigint, " resource "::text, $3::bigint "
/* A row of this message that is not this one. */
#define KNOWN(origin, since)                                                                       \
    "known AS (SELECT seq FROM message WHERE owner = $4::bigint AND origin = " origin              \
    "::bytea AND seq <> $5::bigint AND received > " since "::timestamptz LIMIT 1)"
#define IF_NEW                  "WHERE NOT EXISTS (SELECT 1 FROM known) "
#define ONCE                    "ON CONFLICT DO NOTHING"
#define SENT_ORIGIN(origin, id) SENT_ROW origin "::bytea, " id "::bigint)"

static const struct db_statement sent = {
    .name = "store_sent",
    .sql = COLUMNS "VALUES " SENT_ORIGIN("NULL", "$9") " " ONCE,
    .parameters = 9,
};
static const struct db_statement sent_known = {
    .name = "store_sent_known",
    .sql = "WITH " KNOWN("$9", "$10") ", stored AS (" COLUMNS "SELECT * FROM (VALUES " SENT_ORIGIN(
        "$9", "$11") ") AS rows " IF_NEW ONCE ") SELECT seq FROM known",
    .parameters = 11,
};
static const struct db_statement received = {
    .name = "store_received",
    .sql = "WITH stored AS (" COLUMNS "VALUES " GOT_ROW(
        "$4", "$5", "$6", "$7", "$8", "$9", "$10") " " ONCE ") " WAITS("$4", "$5", "$9") ONCE,
    .parameters = 10,
};
/* What a user writes to its own account is one message, and this is its row. */
static const struct db_statement received_known = {
    .name = "store_received_known",
    .sql = "WITH " KNOWN("$10", "$11") ", stored AS (" COLUMNS "SELECT * FROM (VALUES " GOT_ORIGIN(
        "$4", "$5", "$6", "$7", "$8", "$9", "$10", "$12") ") AS rows " IF_NEW ONCE
                                                          "), waits AS (" WAITS("$4", "$5", "$9")
                                                              IF_NEW ONCE ") SELECT seq FROM known",
    .parameters = 12,
};
static const struct db_statement both = {
    .name = "store_both",
    .sql = "WITH stored AS (" COLUMNS "VALUES " SENT_ORIGIN("NULL", "$15") ", " GOT_ROW(
        "$9", "$10", "$11", "$12", "$13", "$14", "$15") " " ONCE ") " WAITS("$9", "$10", "$14")
        ONCE,
    .parameters = 15,
};
static const struct db_statement both_known = {
    .name = "store_both_known",
    .sql = "WITH " KNOWN("$15", "$16") ", stored AS (" COLUMNS "SELECT * FROM (VALUES " SENT_ORIGIN(
        "$15", "$17") ", " GOT_ROW("$9", "$10", "$11", "$12", "$13", "$14",
                                   "$17") ") AS rows " IF_NEW ONCE
                                          "), waits AS (" WAITS("$9", "$10", "$14") IF_NEW ONCE
    ") SELECT seq FROM known",
    .parameters = 17,
};

/* $10: the offer. Taken before, under another number: not again. */
#define TAKEN_BEFORE                                                                               \
    "SELECT seq FROM taken WHERE owner = $4::bigint AND id_hash = $10::bytea AND seq <> "          \
    "$5::bigint"
#define TAKES(known, origin, id)                                                                   \
    "WITH known AS (" known "), took AS (INSERT INTO taken (owner, id_hash, seq, taken)"           \
    " SELECT $4::bigint, $10::bytea, $5::bigint, $2::timestamptz " IF_NEW ONCE                     \
    "), stored AS (" COLUMNS "SELECT * FROM (VALUES " GOT_ORIGIN(                                  \
        "$4", "$5", "$6", "$7", "$8", "$9", origin, id) ") AS rows " IF_NEW ONCE                   \
                                                        "), waits AS (" WAITS("$4", "$5", "$9")    \
                                                            IF_NEW ONCE ") SELECT seq FROM known"

static const struct db_statement received_offered = {
    .name = "store_received_offered",
    .sql = TAKES(TAKEN_BEFORE, "NULL", "$11"),
    .parameters = 11,
};
/* … or stored from another offer: its server sent it again on a new stream. */
static const struct db_statement received_again = {
    .name = "store_received_again",
    .sql = TAKES(TAKEN_BEFORE
                 " UNION ALL (SELECT seq FROM message WHERE owner = $4::bigint AND"
                 " origin = $11::bytea AND seq <> $5::bigint AND received > $12::timestamptz"
                 " LIMIT 1)",
                 "$11", "$13"),
    .parameters = 13,
};

static const struct db_statement find = {
    .name = "store_find",
    .sql = "SELECT seq FROM message WHERE owner = $1::bigint AND (seq = $2::bigint OR"
           " origin = $3::bytea AND received > $4::timestamptz) LIMIT 1",
    .parameters = 4,
};

#define VALUES_MAX 17

struct row {
    struct db_value values[VALUES_MAX];
    size_t count;
    char *text;
    int64_t now_us;
    char now[DATETIME_SIZE], since[DATETIME_SIZE];
    uint8_t offer[CRYPTO_HASH_MAX];
    uint8_t hash[2][PEER_HASH_SIZE];
    uint8_t origin[CRYPTO_HASH_MAX];
    bool has_origin;
    bool archivable;
};

static void put(struct row *row, struct db_value value)
{
    row->values[row->count++] = value;
}

static void begin_row(struct row *row, struct post *post)
{
    row->text = sm_format(post->stanza->root);
    post->size = strlen(row->text);
    row->archivable = content_is_archived(post->stanza);
    row->now_us = clock_wall_us();
    datetime_format(row->now_us, row->now);
    put(row, (struct db_value){.type = DB_VALUE_TEXT, .bytes = row->text, .length = post->size});
    put(row, DB_TEXT(row->now));
    put(row, DB_INT((int64_t)post->size));
}

static const char *origin_id(const struct element *root)
{
    const struct element *id = element_find(root, NS_SID, "origin-id");

    return id ? element_get(id, "id") : NULL;
}

/* A room knows itself what is said again, and who says it wants to hear it from the room. */
static bool is_known_here(const struct post *post)
{
    return post->stanza->type != MESSAGE_GROUPCHAT;
}

/* Clients promise to choose origin-ids that do not come twice (XEP-0359 §3.2); the body is part of
 * it for those that do not keep the promise. */
static void read_origin(struct row *row, const struct post *post)
{
    const struct element *root = post->stanza->root;
    const char *text = origin_id(root);
    const char *body = element_child_text(root, NS_CLIENT, "body");
    struct buffer key = {0};

    if (!is_known_here(post))
        return;
    if (!text)
        return;
    buffer_printf(&key, "%s\n%s\n%s", post->stanza->to.bare, text, body ? body : "");
    crypto_digest(CRYPTO_SHA256, key.data, key.length, row->origin);
    buffer_fini(&key);
    row->has_origin = true;
}

/* Without the delay that its server has added because it sends it again (XEP-0203 §4). */
static char *first_text(const struct row *row, const struct stanza *stanza)
{
    const struct element *delay = element_find(stanza->root, NS_DELAY, "delay");
    const char *by = delay ? element_get(delay, "from") : NULL;
    struct element *copy;
    struct arena *arena;
    char *text;

    if (!by || strcmp(by, stanza->from.domain) != 0)
        return xstrdup(row->text);
    arena = arena_new();
    copy = element_copy(arena, stanza->root);
    element_remove(copy, element_find(copy, NS_DELAY, "delay"));
    text = sm_format(copy);
    arena_free(arena);
    return text;
}

/* A server whose stream has ended sends again what was not acknowledged on it (XEP-0198 §5), as it
 * was. Every byte counts: nothing is known of how strangers choose their ids. */
static void read_repeat(struct row *row, const struct post *post)
{
    const struct element *root = post->stanza->root;
    struct buffer key = {0};
    char *text;

    if (sm_is_ours(post->sm, &post->stanza->from) || (!origin_id(root) && !element_get(root, "id")))
        return;
    text = first_text(row, post->stanza);
    buffer_printf(&key, "from %s\n%s", post->stanza->from.full, text);
    free(text);
    crypto_digest(CRYPTO_SHA256, key.data, key.length, row->origin);
    buffer_fini(&key);
    row->has_origin = true;
}

static bool archives(const struct row *row, const struct account *account, const struct jid *peer)
{
    return row->archivable && archive_wants(account, peer);
}

static void put_peer(struct row *row, struct sm *sm, const struct jid *peer, uint8_t *hash)
{
    memcpy(hash, peer_hash(sm, peer->bare), PEER_HASH_SIZE);
    put(row, DB_TEXT(peer->bare));
    put(row, DB_BYTES(hash, PEER_HASH_SIZE));
}

static void put_sent(struct row *row, struct post *post, struct account *sender)
{
    const struct stanza *message = post->stanza;

    read_origin(row, post);
    put(row, DB_INT(sender->owner));
    put(row, DB_INT(post->sent_seq));
    put_peer(row, sender->sm, &message->to, row->hash[0]);
    put(row, DB_BOOL(archives(row, sender, &message->to)));
}

static void put_received(struct row *row, struct post *post, struct account *account)
{
    const struct stanza *message = post->stanza;

    put(row, DB_INT(account->owner));
    put(row, DB_INT(post->seq));
    put_peer(row, account->sm, &message->from, row->hash[1]);
    put(row, DB_BOOL(archives(row, account, &message->from)));
    put(row, DB_TEXT(post->resource ? post->resource : ""));
}

static void put_origin(struct row *row)
{
    if (row->has_origin) {
        datetime_format(row->now_us - ORIGIN_US, row->since);
        put(row, DB_BYTES(row->origin, PEER_HASH_SIZE));
        put(row, DB_TEXT(row->since));
    }
}

static void put_id(struct row *row, const struct post *post)
{
    int64_t hash;

    put(row, retraction_hash_of(post->stanza, &hash) ? DB_INT(hash) : DB_NULL);
}

static void retract_sent(struct sm_unit *unit, const struct row *row, const struct post *post,
                         const struct account *sender)
{
    const struct retraction retraction = {sender->owner,
                                          post->sent_seq,
                                          &post->stanza->to,
                                          true,
                                          archives(row, sender, &post->stanza->to),
                                          row->now};

    retraction_add(unit, sender->sm, post->stanza, &retraction);
}

static void retract_received(struct sm_unit *unit, const struct row *row, const struct post *post,
                             const struct account *account)
{
    const struct retraction retraction = {account->owner,
                                          post->seq,
                                          &post->stanza->from,
                                          false,
                                          archives(row, account, &post->stanza->from),
                                          row->now};

    retraction_add(unit, account->sm, post->stanza, &retraction);
}

static void put_offer(struct row *row, const struct post *post)
{
    put(row, DB_BYTES(taker_hash(post->sm, post->offer, row->offer), PEER_HASH_SIZE));
    read_repeat(row, post);
    put_origin(row);
}

void store_rows_sent(struct sm_unit *unit, struct post *post, struct account *sender)
{
    struct row row = {0};

    post->sent_seq = sm_next_seq(unit);
    begin_row(&row, post);
    put_sent(&row, post, sender);
    put_origin(&row);
    put_id(&row, post);
    sm_add(unit, row.has_origin ? &sent_known : &sent, row.values);
    if (post->outboxed)
        outbox_rows_add(unit, sender, post->sent_seq, post->stanza, row.text);
    retract_sent(unit, &row, post, sender);
    free(row.text);
}

static const struct db_statement *received_as(const struct post *post, const struct row *row)
{
    if (post->offer)
        return row->has_origin ? &received_again : &received_offered;
    return row->has_origin ? &received_known : &received;
}

void store_rows_received(struct sm_unit *unit, struct post *post, struct account *account)
{
    struct row row = {0};

    post->seq = sm_next_seq(unit);
    begin_row(&row, post);
    put_received(&row, post, account);
    if (post->offer) {
        put_offer(&row, post);
    } else if (post->session) {
        read_origin(&row, post);
        put_origin(&row);
    }
    put_id(&row, post);
    sm_add(unit, received_as(post, &row), row.values);
    retract_received(unit, &row, post, account);
    free(row.text);
}

void store_rows_both(struct sm_unit *unit, struct post *post, struct account *account,
                     struct account *sender)
{
    struct row row = {0};

    sm_unit_join(unit, sender);
    post->seq = sm_next_seq(unit);
    post->sent_seq = sm_next_seq_joined(unit);
    begin_row(&row, post);
    put_sent(&row, post, sender);
    put_received(&row, post, account);
    put_origin(&row);
    put_id(&row, post);
    sm_add(unit, row.has_origin ? &both_known : &both, row.values);
    retract_sent(unit, &row, post, sender);
    retract_received(unit, &row, post, account);
    free(row.text);
}

void store_rows_find(struct post *post, db_callback *found)
{
    const struct account *sender = post->session->account;
    struct db_unit *unit = db_unit_new(post->sm->db, sender->slot);
    struct row row = {.now_us = clock_wall_us()};

    put(&row, DB_INT(sender->owner));
    put(&row, DB_INT(post->sent_seq ? post->sent_seq : post->seq));
    read_origin(&row, post);
    put_origin(&row); /* else NULL */
    db_unit_repeat(unit);
    db_unit_add(unit, &find, row.values);
    db_submit(unit, found, post);
}
