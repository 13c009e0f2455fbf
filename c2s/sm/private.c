/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Private XML Storage (XEP-0049): elements by name and namespace, for the account alone.
 */
#include <stdlib.h>
#include <string.h>

#include "c2s/sm/bookmarks.h"
#include "c2s/sm/private.h"
#include "c2s/sm/sm.h"
#include "common/base/limit.h"
#include "common/tls/crypto.h"

#define NS_PRIVATE "jabber:iq:private"

/* What one request may name at most. */
#define ELEMENTS_MAX 32

static const struct db_statement read_statement = {
    .name = "private_read",
    .sql = "SELECT xml FROM private_xml WHERE owner = $1::bigint AND name_hash = $2::bytea",
    .parameters = 2,
};

static const struct db_statement write_statement = {
    .name = "private_write",
    .sql = "INSERT INTO private_xml (owner, name_hash, name, xml)"
           " SELECT $1::bigint, $2::bytea, $3, $4"
           " WHERE (SELECT count(*) FROM private_xml WHERE owner = $1::bigint"
           " AND name_hash <> $2::bytea) < $5::bigint"
           " ON CONFLICT (owner, name_hash) DO UPDATE SET xml = EXCLUDED.xml",
    .parameters = 5,
};

/* Namespaces may be longer than an index entry: the key is a hash. Blanks divide, as no namespace
 * and no name has any. */
static char *make_key(const struct element *element, uint8_t hash[CRYPTO_HASH_MAX])
{
    struct buffer name = {0};

    buffer_printf(&name, "%s %s", element->name, element->ns);
    crypto_digest(CRYPTO_SHA256, name.data, name.length, hash);
    return buffer_take(&name);
}

#define KEY(hash) DB_BYTES(hash, crypto_hash_size(CRYPTO_SHA256))

static bool has_namespace(const struct element *element)
{
    return element->ns[0] != '\0' && strcmp(element->ns, NS_CLIENT) != 0 &&
           strcmp(element->ns, NS_PRIVATE) != 0;
}

static void answer(struct sm_request *request, const struct element *stored)
{
    const struct element *wanted = element_first(request->payload);
    struct stanza *result;

    if (bookmarks_are(wanted) && bookmarks_are_items(request->account)) {
        bookmarks_answer(request, stored);
        return;
    }
    result = stanza_result(request->iq);
    element_add_copy(element_add(result->root, NS_PRIVATE, "query"), stored ? stored : wanted);
    sm_reply_take(request, result);
}

/* What is not stored is answered with the empty element that was asked for (§3). */
static void on_read(struct account *account, int status, const struct db_result *results,
                    void *user)
{
    struct sm_request *request = user;
    struct element *stored = NULL;

    if (status != 0) {
        sm_fail(request, status);
        return;
    }
    if (db_rows(&results[0]) > 0)
        stored = sm_parse(account->sm, db_get_text(&results[0], 0, 0));
    answer(request, stored);
    if (stored)
        arena_free(stored->arena);
}

static void get(struct sm_request *request)
{
    const struct element *wanted = element_first(request->payload);
    uint8_t hash[CRYPTO_HASH_MAX];

    if (wanted == NULL || element_next(wanted)) {
        sm_error(request, STANZA_BAD_REQUEST, "exactly one element can be asked for");
        return;
    }
    if (!has_namespace(wanted)) {
        sm_error(request, STANZA_NOT_ACCEPTABLE, NULL);
        return;
    }
    free(make_key(wanted, hash));
    const struct db_value values[] = {DB_INT(request->account->owner), KEY(hash)};
    sm_query(request->account, SM_READ_HELD, &read_statement, values, on_read, request);
}

/* -1: all can be stored. */
static int check(struct sm_request *request, const char **text)
{
    size_t count = 0;

    ELEMENT_FOREACH (element, request->payload) {
        if (!has_namespace(element))
            return STANZA_NOT_ACCEPTABLE;
        if (++count > ELEMENTS_MAX) {
            *text = "too many elements at once";
            return STANZA_POLICY_VIOLATION;
        }
        char *xml = sm_format(element);
        bool too_big = strlen(xml) > request->sm->limits.private_bytes;
        free(xml);
        if (too_big) {
            limit_reached("private-size");
            *text = "the element is too big";
            return STANZA_POLICY_VIOLATION;
        }
    }
    return count > 0 ? -1 : STANZA_NOT_ACCEPTABLE;
}

static void on_written(struct account *account UNUSED, int status, const struct db_result *results,
                       void *user)
{
    struct sm_request *request = user;
    size_t at = 0;

    if (status != 0) {
        sm_fail(request, status);
        return;
    }
    ELEMENT_FOREACH (element, request->payload) {
        if (db_affected(&results[at++]) == 0) {
            limit_reached("private-elements");
            sm_error(request, STANZA_RESOURCE_CONSTRAINT, "too many elements are stored");
            return;
        }
    }
    sm_result(request);
}

/* Rooms are items by now (XEP-0402 §5.2), and there only: who takes the node away takes them. */
static char *format(const struct element *element)
{
    struct arena *arena = arena_new();
    char *xml =
        sm_format(bookmarks_are(element) ? bookmarks_without_rooms(arena, element) : element);

    arena_free(arena);
    return xml;
}

static void add_element(struct sm_unit *unit, struct account *account,
                        const struct element *element)
{
    uint8_t hash[CRYPTO_HASH_MAX];
    char *name = make_key(element, hash), *xml = format(element);

    sm_add_values(unit, &write_statement, DB_INT(account->owner), KEY(hash), DB_TEXT(name),
                  DB_TEXT(xml), DB_INT((int64_t)account->sm->limits.private_elements));
    free(name);
    free(xml);
}

static void write(struct account *account, int status, void *user)
{
    struct sm_request *request = user;
    struct sm_unit *unit;

    if (status < 0) {
        sm_fail(request, status);
        return;
    }
    unit = sm_unit_new(account, SM_WRITE);
    ELEMENT_FOREACH (element, request->payload)
        add_element(unit, account, element);
    sm_submit(unit, on_written, request);
}

static const struct element *find_bookmarks(const struct sm_request *request)
{
    ELEMENT_FOREACH (element, request->payload) {
        if (bookmarks_are(element))
            return element;
    }
    return NULL;
}

static void set(struct sm_request *request)
{
    const char *text = NULL;
    int problem = check(request, &text);
    const struct element *bookmarks = problem < 0 ? find_bookmarks(request) : NULL;

    if (problem >= 0)
        sm_error(request, (enum stanza_condition)problem, text);
    else if (bookmarks)
        bookmarks_store(request->account, bookmarks, write, request);
    else
        write(request->account, 0, request);
}

/* --- for bookmarks --- */

void private_read_bookmarks(struct account *account, sm_done *done, void *user)
{
    struct arena *arena = arena_new();
    uint8_t hash[CRYPTO_HASH_MAX];

    free(make_key(element_new(arena, "storage:bookmarks", "storage"), hash));
    arena_free(arena);
    sm_query(account, SM_READ_HELD, &read_statement,
             (const struct db_value[]){DB_INT(account->owner), KEY(hash)}, done, user);
}

void private_write_bookmarks(struct account *account, const struct element *storage, sm_done *done,
                             void *user)
{
    struct sm_unit *unit = sm_unit_new(account, SM_WRITE);

    add_element(unit, account, storage);
    sm_submit(unit, done, user);
}

/* §2.3. Also where there is no account: nobody learns from it whether there is one. */
static void refuse(struct sm_request *request)
{
    sm_error(request, STANZA_FORBIDDEN, NULL);
}

static const struct sm_iq iqs[] = {
    {NS_PRIVATE, "query", SM_GET, SM_TO_SELF, get},
    {NS_PRIVATE, "query", SM_SET, SM_TO_SELF, set},
    {NS_PRIVATE, "query", SM_GET | SM_SET, SM_TO_ACCOUNT | SM_TO_NOBODY, refuse},
    {0},
};

static const char *const features[] = {NS_PRIVATE, NULL};
static const struct spec specs[] = {{"XEP-0049", "1.2", NULL}, {0}};

const struct sm_module private_module = {
    .name = "private",
    .specs = specs,
    .server_features = features,
    .account_features = features,
    .iqs = iqs,
};
