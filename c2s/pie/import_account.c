/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Contacts, requests, private storage, vCard, whom it blocks.
 */
#include <stdlib.h>
#include <string.h>

#include "c2s/pie/read.h"
#include "c2s/sm/photo.h"
#include "common/base/memory.h"
#include "common/xmpp/namespaces.h"

#define NS_ROSTER  "jabber:iq:roster"
#define NS_PRIVACY "jabber:iq:privacy"

static const struct db_statement add_contact = {
    .name = "pie_add_contact",
    .sql = "INSERT INTO roster_item (owner, jid_hash, jid, name, subscription, ask, approved,"
           " pending_in, group_names, version) VALUES ($1::bigint, $2::bytea, $3, $4, $5,"
           " $6::boolean, $7::boolean, false, $8, $9::bigint) ON CONFLICT (owner, jid_hash)"
           " DO UPDATE SET name = EXCLUDED.name, subscription = EXCLUDED.subscription,"
           " ask = EXCLUDED.ask, approved = EXCLUDED.approved,"
           " group_names = EXCLUDED.group_names, version = EXCLUDED.version, removed = false",
    .parameters = 9,
};

/* Not a contact yet, if it is none: such a row is not seen (docs/SCHEMA.md). */
static const struct db_statement add_request = {
    .name = "pie_add_request",
    .sql = "INSERT INTO roster_item (owner, jid_hash, jid, pending_in, pending_in_stanza, version,"
           " removed) VALUES ($1::bigint, $2::bytea, $3, true, $4, $5::bigint, true)"
           " ON CONFLICT (owner, jid_hash) DO UPDATE SET pending_in = true,"
           " pending_in_stanza = EXCLUDED.pending_in_stanza",
    .parameters = 5,
};

static const struct db_statement add_private = {
    .name = "pie_add_private",
    .sql = "INSERT INTO private_xml (owner, name_hash, name, xml)"
           " VALUES ($1::bigint, $2::bytea, $3, $4) ON CONFLICT DO NOTHING",
    .parameters = 4,
};

static const struct db_statement add_vcard = {
    .name = "pie_add_vcard",
    .sql = "INSERT INTO vcard (owner, xml, photo) VALUES ($1::bigint, $2, $3)"
           " ON CONFLICT DO NOTHING",
    .parameters = 3,
};

static const struct db_statement add_blocked = {
    .name = "pie_add_blocked",
    .sql = "INSERT INTO block_item (owner, jid_hash, jid) VALUES ($1::bigint, $2::bytea, $3)"
           " ON CONFLICT DO NOTHING",
    .parameters = 3,
};

static char *format(const struct element *element)
{
    struct buffer out = {0};

    element_write(&out, element, NS_CLIENT);
    return buffer_take(&out);
}

/* --- contacts --- */

static char *groups_of(const struct element *item)
{
    struct buffer out = {0};

    ELEMENT_FOREACH (group, item) {
        if (!element_is(group, NS_ROSTER, "group") || !*element_text(group))
            continue;
        if (out.length > 0)
            buffer_append_char(&out, '\x1f');
        buffer_append_text(&out, element_text(group));
    }
    return out.length > 0 ? buffer_take(&out) : xstrdup("");
}

static const char *subscription_of(const struct element *item)
{
    static const char *const names[] = {"none", "to", "from", "both"};
    const char *value = element_get(item, "subscription");

    for (size_t i = 0; value && i < ARRAY_SIZE(names); i++) {
        if (strcmp(names[i], value) == 0)
            return names[i];
    }
    return names[0];
}

static void take_contact(struct pie_import *import, const struct element *item)
{
    const char *text = element_get(item, "jid"), *ask = element_get(item, "ask");
    uint8_t hash[CRYPTO_HASH_MAX];
    struct jid jid;
    char *groups;

    if (!text || jid_parse(import->arena, text, &jid) < 0) {
        pie_tell(import, "a contact without an address");
        return;
    }
    pie_hash(jid.full, hash);
    groups = groups_of(item);
    PIE_RUN(import, &add_contact, DB_INT(import->owner), PIE_HASH(hash), DB_TEXT(jid.full),
            DB_TEXT(element_get(item, "name")), DB_TEXT(subscription_of(item)),
            DB_BOOL(ask && strcmp(ask, "subscribe") == 0),
            DB_BOOL(xml_is_true(element_get(item, "approved"))), DB_TEXT(groups),
            DB_INT(++import->roster_version));
    free(groups);
}

void pie_read_roster(struct pie_import *import, const struct element *query)
{
    ELEMENT_FOREACH (item, query) {
        if (element_is(item, NS_ROSTER, "item"))
            take_contact(import, item);
    }
}

void pie_read_request(struct pie_import *import, const struct element *presence)
{
    const char *type = element_get(presence, "type"), *from = element_get(presence, "from");
    uint8_t hash[CRYPTO_HASH_MAX];
    struct element *copy;
    struct jid jid;
    char *xml;

    if (!type || strcmp(type, "subscribe") != 0 || !from ||
        jid_parse(import->arena, from, &jid) < 0) {
        pie_tell(import, "presence that is no request");
        return;
    }
    pie_hash(jid.bare, hash);
    copy = element_new(import->arena, NS_CLIENT, "presence");
    element_set(copy, "type", "subscribe");
    element_set(copy, "id", element_get(presence, "id"));
    ELEMENT_FOREACH (child, presence) {
        element_add_copy(copy, child);
    }
    element_set(copy, "from", jid.bare);
    element_set(copy, "to", import->account->bare);
    xml = format(copy);
    PIE_RUN(import, &add_request, DB_INT(import->owner), PIE_HASH(hash), DB_TEXT(jid.bare),
            DB_TEXT(xml), DB_INT(++import->roster_version));
    free(xml);
}

/* --- as it is --- */

void pie_read_private(struct pie_import *import, const struct element *query)
{
    ELEMENT_FOREACH (element, query) {
        char *name = xasprintf("%s %s", element->name, element->ns), *xml = format(element);
        uint8_t hash[CRYPTO_HASH_MAX];

        pie_hash(name, hash);
        PIE_RUN(import, &add_private, DB_INT(import->owner), PIE_HASH(hash), DB_TEXT(name),
                DB_TEXT(xml));
        free(name);
        free(xml);
    }
}

void pie_read_vcard(struct pie_import *import, const struct element *vcard)
{
    char *xml = format(vcard), hash[PHOTO_HASH_SIZE];
    size_t bytes;

    PIE_RUN(import, &add_vcard, DB_INT(import->owner), DB_TEXT(xml),
            DB_TEXT(photo_find(vcard, hash, &bytes) ? hash : NULL));
    free(xml);
}

/* --- whom it blocks --- */

static void block(struct pie_import *import, const char *text)
{
    uint8_t hash[CRYPTO_HASH_MAX];
    struct jid jid;

    if (!text || jid_parse(import->arena, text, &jid) < 0) {
        pie_tell(import, "somebody who is blocked, without an address");
        return;
    }
    pie_hash(jid.full, hash);
    import->blocklist_version = 1;
    PIE_RUN(import, &add_blocked, DB_INT(import->owner), PIE_HASH(hash), DB_TEXT(jid.full));
}

static bool is_block(const struct element *item)
{
    const char *type = element_get(item, "type"), *action = element_get(item, "action");

    return type && strcmp(type, "jid") == 0 && action && strcmp(action, "deny") == 0;
}

/* Whom the default list denies; what else such a list can say we do not have (XEP-0016). */
void pie_read_privacy(struct pie_import *import, const struct element *query)
{
    const struct element *chosen = element_find(query, NS_PRIVACY, "default");
    const char *name = chosen ? element_get(chosen, "name") : NULL;

    ELEMENT_FOREACH (list, query) {
        const char *called = element_get(list, "name");

        if (!element_is(list, NS_PRIVACY, "list") || !called)
            continue;
        if (!name || strcmp(name, called) != 0) {
            pie_tell(import, "a privacy list that is not the default one");
            continue;
        }
        ELEMENT_FOREACH (item, list) {
            if (is_block(item))
                block(import, element_get(item, "value"));
            else
                pie_tell(import, "a rule of a privacy list that blocks no address");
        }
    }
}

void pie_read_blocklist(struct pie_import *import, const struct element *blocklist)
{
    ELEMENT_FOREACH (item, blocklist) {
        block(import, element_get(item, "jid"));
    }
}
