/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * An account out of a file: what it is known by, and who takes what else there is.
 */
#include <stdlib.h>
#include <string.h>

#include "c2s/accounts.h"
#include "c2s/pie/read.h"
#include "c2s/sm/sm.h"
#include "common/base/clock.h"
#include "common/base/encode.h"
#include "common/base/error.h"
#include "common/base/memory.h"
#include "common/component/slots.h"
#include "common/sasl/verifier.h"
#include "common/xmpp/datetime.h"
#include "common/xmpp/namespaces.h"

#define NS_SCRAM NS_PIE "#scram"

static const struct db_statement add_account = {
    .name = "pie_add",
    .sql = "WITH next AS (UPDATE home SET last_account = last_account + 1 WHERE home_id = 1"
           " AND NOT EXISTS (SELECT 1 FROM account WHERE domain = $1 AND local = $2)"
           " RETURNING last_account, epoch)"
           " INSERT INTO account (owner, domain, local, slot, created, granted)"
           " SELECT last_account, $1, $2, $3::bigint, $4::timestamptz, 0 FROM next"
           " RETURNING owner, (SELECT epoch FROM next)",
    .parameters = 4,
};

static const struct db_statement add_verifier = {
    .name = "pie_add_verifier",
    .sql = "INSERT INTO verifier (owner, mechanism, value) VALUES ($1::bigint, $2, $3)"
           " ON CONFLICT DO NOTHING",
    .parameters = 3,
};

static const struct db_statement end_account = {
    .name = "pie_end",
    .sql = "UPDATE account SET seq = $2::bigint, home_epoch = $3::bigint,"
           " roster_version = $4::bigint, blocklist_version = $5::bigint"
           " WHERE owner = $1::bigint",
    .parameters = 5,
};

void pie_run(struct pie_import *import, const struct db_statement *statement,
             const struct db_value *values)
{
    struct db_result *result = NULL;

    if (import->error)
        return;
    import->error = db_session_run(import->session, statement, values, &result, import->problem);
    db_result_free(result);
}

void pie_tell(struct pie_import *import, const char *text)
{
    if (import->note)
        import->note(import->note_user, text);
}

void pie_hash(const char *text, uint8_t hash[CRYPTO_HASH_MAX])
{
    crypto_digest(CRYPTO_SHA256, text, strlen(text), hash);
}

/* --- credentials --- */

static void store_verifier(struct pie_import *import, const char *text, size_t *count)
{
    char *mechanism = xstrndup(text, strcspn(text, "$"));

    PIE_RUN(import, &add_verifier, DB_INT(import->owner), DB_TEXT(mechanism), DB_TEXT(text));
    ++*count;
    free(mechanism);
}

/* ejabberd 23 has these encoded twice: what comes out of the first decoding is the text. */
static char *part(const struct element *credentials, const char *name, bool twice)
{
    const char *text = element_child_text(credentials, NS_SCRAM, name);
    struct buffer once = {0};

    if (!text || !twice)
        return xstrdup(text ? text : "");
    if (base64_decode(&once, text, strlen(text)) < 0)
        buffer_clear(&once);
    buffer_append_char(&once, '\0');
    return buffer_take(&once);
}

/* As verifier_parse() reads it. */
static char *verifier_text(const struct element *credentials, bool twice)
{
    static const char *const names[] = {"salt", "stored-key", "server-key"};
    const char *mechanism = element_get(credentials, "mechanism");
    char *parts[ARRAY_SIZE(names)], *count = part(credentials, "iter-count", false), *text;

    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        parts[i] = part(credentials, names[i], twice);
    text = xasprintf("%s$%s:%s$%s:%s", mechanism ? mechanism : "", count, parts[0], parts[1],
                     parts[2]);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        free(parts[i]);
    free(count);
    return text;
}

static int read_verifier(const struct element *credentials, bool twice, struct verifier *verifier)
{
    char *text = verifier_text(credentials, twice);
    int error = verifier_parse(text, verifier);

    explicit_bzero(text, strlen(text));
    free(text);
    return error;
}

/* One that is written as ours are; what we do not know, or is wrong, is told. */
static void take_verifier(struct pie_import *import, const struct element *credentials,
                          size_t *count)
{
    struct verifier verifier;

    if (read_verifier(credentials, false, &verifier) == 0 ||
        read_verifier(credentials, true, &verifier) == 0) {
        char *ours = verifier_format(&verifier);
        store_verifier(import, ours, count);
        free(ours);
    } else {
        pie_tell(import, "credentials of a mechanism that is not known, or that are not right");
    }
    crypto_wipe(&verifier, sizeof(verifier));
}

static void take_password(struct pie_import *import, const char *password, size_t *count)
{
    struct account_verifiers verifiers;

    if (account_verifiers_make(password, &verifiers) != 0) {
        pie_tell(import, "a password that is empty or has forbidden characters");
        return;
    }
    for (size_t i = 0; i < ACCOUNT_VERIFIERS; i++)
        store_verifier(import, verifiers.values[i], count);
    account_verifiers_free(&verifiers);
}

static void take_credentials(struct pie_import *import, const struct element *user)
{
    const char *password = element_get(user, "password");
    size_t count = 0;

    ELEMENT_FOREACH (child, user) {
        if (element_is(child, NS_SCRAM, "scram-credentials"))
            take_verifier(import, child, &count);
    }
    if (count == 0 && password)
        take_password(import, password, &count);
    if (count == 0 && import->error == 0)
        import->error = ERR_INVALID;
}

/* --- the rest --- */

static const struct {
    const char *ns, *name;
    void (*take)(struct pie_import *import, const struct element *child);
} rows[] = {
    {"jabber:iq:roster", "query", pie_read_roster},
    {NS_CLIENT, "presence", pie_read_request},
    {NS_PIE, "presence", pie_read_request}, /* Prosody 0.12 */
    {"jabber:iq:private", "query", pie_read_private},
    {"vcard-temp", "vCard", pie_read_vcard},
    {"jabber:iq:privacy", "query", pie_read_privacy},
    {"urn:xmpp:blocking", "blocklist", pie_read_blocklist},
    /* Taken together with what they belong to. */
    {NS_SCRAM, "scram-credentials", NULL},
    {"http://jabber.org/protocol/pubsub", "pubsub", NULL},
    {"http://jabber.org/protocol/pubsub#owner", "pubsub", NULL},
    {NS_PIE "#mam", "archive", NULL},
    {NS_PIE, "offline-messages", NULL},
};

static void take_child(struct pie_import *import, const struct element *child)
{
    char *text;

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        if (!element_is(child, rows[i].ns, rows[i].name))
            continue;
        if (rows[i].take)
            rows[i].take(import, child);
        return;
    }
    text = xasprintf("<%s/> in %s", child->name, child->ns);
    pie_tell(import, text);
    free(text);
}

static int begin(struct pie_import *import, int64_t *epoch)
{
    char now[DATETIME_SIZE];
    struct db_result *result = NULL;
    const struct jid *account = import->account;

    datetime_format(clock_wall_us(), now);
    import->error =
        db_session_run(import->session, &add_account,
                       (const struct db_value[]){DB_TEXT(account->domain), DB_TEXT(account->local),
                                                 DB_INT(slot_of(account->bare)), DB_TEXT(now)},
                       &result, import->problem);
    if (import->error == 0 && db_rows(result) == 0)
        import->error = ERR_EXISTS;
    if (import->error == 0) {
        import->owner = db_get_int(result, 0, 0);
        *epoch = db_get_int(result, 0, 1);
        import->seq = *epoch << SM_EPOCH_BITS;
    }
    db_result_free(result);
    return import->error;
}

int pie_import(struct db_session *session, const struct jid *account, const struct element *user,
               pie_note *note, void *note_user, const char **problem)
{
    struct pie_import import = {.session = session,
                                .account = account,
                                .arena = user->arena,
                                .note = note,
                                .note_user = note_user,
                                .problem = problem};
    int64_t epoch = 0;

    if (begin(&import, &epoch) != 0)
        return import.error;
    take_credentials(&import, user);
    ELEMENT_FOREACH (child, user) {
        take_child(&import, child);
    }
    pie_read_pubsub(&import, user);
    pie_read_messages(&import, user);
    PIE_RUN(&import, &end_account, DB_INT(import.owner), DB_INT(import.seq), DB_INT(epoch),
            DB_INT(import.roster_version), DB_INT(import.blocklist_version));
    return import.error;
}
