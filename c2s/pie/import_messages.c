/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Messages. One that waits and is in the archive too is one message, in the order of the archive.
 */
#include <stdlib.h>
#include <string.h>

#include "c2s/pie/read.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/memory.h"
#include "common/base/table.h"
#include "common/xmpp/datetime.h"
#include "common/xmpp/forward.h"
#include "common/xmpp/namespaces.h"

#define NS_MAM NS_PIE "#mam"

static const struct db_statement add_message = {
    .name = "pie_add_message",
    .sql = "INSERT INTO message (owner, seq, peer, peer_hash, outgoing, stanza, received, size,"
           " archived) VALUES ($1::bigint, $2::bigint, $3, $4::bytea, $5::boolean, $6,"
           " $7::timestamptz, $8::bigint, $9::boolean)",
    .parameters = 9,
};

static const struct db_statement add_pending = {
    .name = "pie_add_pending",
    .sql = "INSERT INTO pending (owner, seq, size) VALUES ($1::bigint, $2::bigint, $3::bigint)"
           " ON CONFLICT DO NOTHING",
    .parameters = 3,
};

/* An incoming message of the archive, by its text. */
struct archived {
    char *xml;
    int64_t seq;
    UT_hash_handle hh;
};

struct letters {
    struct pie_import *import;
    struct archived *archived;
};

/* What a message is, without what a server has put on it; NULL: it is none we could show. */
static char *text_of(struct pie_import *import, const struct element *message, struct jid *from,
                     struct jid *to)
{
    struct element *copy = element_copy(import->arena, message), *child;
    const char *own = import->account->bare;
    struct buffer out = {0};
    struct jid by;

    if (jid_parse(import->arena, element_get(copy, "from") ? element_get(copy, "from") : own,
                  from) < 0 ||
        jid_parse(import->arena, element_get(copy, "to") ? element_get(copy, "to") : own, to) < 0)
        return NULL;
    child = element_first(copy);
    while (child) {
        struct element *next = element_next(child);
        const char *text = element_get(child, "by");

        if ((element_is(child, "urn:xmpp:sid:0", "stanza-id") ||
             element_is(child, "urn:xmpp:mam:tmp", "archived")) &&
            text && jid_parse(import->arena, text, &by) == 0 && strcmp(by.full, own) == 0)
            element_remove(copy, child);
        child = next;
    }
    element_set(copy, "from", from->full);
    element_set(copy, "to", to->full);
    element_write(&out, copy, NS_CLIENT);
    return buffer_take(&out);
}

static const char *stamp_of(struct pie_import *import, const struct element *delay)
{
    char *stamp = arena_alloc(import->arena, DATETIME_SIZE);
    const char *text = delay ? element_get(delay, "stamp") : NULL;
    int64_t time_us;

    if (!text || datetime_parse(text, &time_us) < 0)
        time_us = clock_wall_us();
    datetime_format(time_us, stamp);
    return stamp;
}

static int64_t store(struct pie_import *import, const char *xml, const struct jid *from,
                     const struct jid *to, const char *stamp, bool archived)
{
    bool outgoing = jid_bare_equal(from, import->account);
    const char *peer = outgoing ? to->bare : from->bare;
    uint8_t hash[CRYPTO_HASH_MAX];

    pie_hash(peer, hash);
    PIE_RUN(import, &add_message, DB_INT(import->owner), DB_INT(++import->seq), DB_TEXT(peer),
            PIE_HASH(hash), DB_BOOL(outgoing), DB_TEXT(xml), DB_TEXT(stamp),
            DB_INT((int64_t)strlen(xml)), DB_BOOL(archived));
    return import->seq;
}

/* --- the archive --- */

static void take_result(struct letters *letters, const struct element *result)
{
    struct pie_import *import = letters->import;
    const struct element *forwarded = element_find(result, NS_FORWARD, "forwarded");
    const struct element *message =
        forwarded ? element_find(forwarded, NS_CLIENT, "message") : NULL;
    struct archived *archived;
    struct jid from, to;
    char *xml = message ? text_of(import, message, &from, &to) : NULL;

    if (!xml) {
        pie_tell(import, "something in the archive that is no message");
        return;
    }
    archived = xcalloc(1, sizeof(*archived));
    archived->xml = xml;
    archived->seq = store(import, xml, &from, &to,
                          stamp_of(import, element_find(forwarded, NS_DELAY, "delay")), true);
    HASH_ADD_KEYPTR(hh, letters->archived, archived->xml, strlen(archived->xml), archived);
}

/* --- what waits --- */

static bool is_of_server(const struct pie_import *import, const struct element *delay)
{
    const char *from = element_get(delay, "from");

    return !from || strcmp(from, import->account->bare) == 0 ||
           strcmp(from, import->account->domain) == 0;
}

static void take_offline(struct letters *letters, const struct element *message)
{
    struct pie_import *import = letters->import;
    struct element *copy = element_copy(import->arena, message);
    struct element *delay = element_find(copy, NS_DELAY, "delay");
    const char *stamp = stamp_of(import, delay);
    struct archived *archived = NULL;
    struct jid from, to;
    char *xml;

    if (delay && is_of_server(import, delay))
        element_remove(copy, delay);
    xml = text_of(import, copy, &from, &to);
    if (!xml) {
        pie_tell(import, "an offline message without a sender");
        return;
    }
    HASH_FIND_STR(letters->archived, xml, archived);
    PIE_RUN(import, &add_pending, DB_INT(import->owner),
            DB_INT(archived ? archived->seq : store(import, xml, &from, &to, stamp, false)),
            DB_INT((int64_t)strlen(xml)));
    free(xml);
}

static void take_all(struct letters *letters, const struct element *user, const char *ns,
                     const char *name, void (*take)(struct letters *, const struct element *))
{
    ELEMENT_FOREACH (list, user) {
        if (!element_is(list, ns, name))
            continue;
        ELEMENT_FOREACH (one, list) {
            take(letters, one);
        }
    }
}

void pie_read_messages(struct pie_import *import, const struct element *user)
{
    struct letters letters = {.import = import};
    struct archived *archived, *next;

    take_all(&letters, user, NS_MAM, "archive", take_result);
    take_all(&letters, user, NS_PIE, "offline-messages", take_offline);
    HASH_ITER (hh, letters.archived, archived, next) {
        HASH_DEL(letters.archived, archived);
        free(archived->xml);
        free(archived);
    }
}
