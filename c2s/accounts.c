/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Account statements, for the daemon (asynchronous) and for kontalkctl (blocking).
 */
#include "c2s/accounts.h"

#include <stdlib.h>
#include <string.h>

#include "c2s/directory/rows.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/memory.h"
#include "common/component/slots.h"
#include "common/xmpp/datetime.h"

/* From the weakest to the strongest. */
static const struct {
    enum crypto_hash hash;
    const char *mechanism;
} kinds[ACCOUNT_VERIFIERS] = {
    {CRYPTO_SHA1, "SCRAM-SHA-1"},
    {CRYPTO_SHA256, "SCRAM-SHA-256"},
    {CRYPTO_SHA512, "SCRAM-SHA-512"},
};

bool account_registrable(const char *text, const struct jid *jid)
{
    size_t length = strlen(jid->local);

    return strncmp(text, jid->local, length) == 0 && text[length] == '@' &&
           jid_local_registrable(jid->local);
}

int account_verifiers_make(const char *password, struct account_verifiers *verifiers)
{
    *verifiers = (struct account_verifiers){0};
    for (size_t i = 0; i < ACCOUNT_VERIFIERS; i++) {
        struct verifier verifier;
        int error = verifier_make(kinds[i].hash, password, &verifier);
        if (error) {
            account_verifiers_free(verifiers);
            return error;
        }
        verifiers->values[i] = verifier_format(&verifier);
        crypto_wipe(&verifier, sizeof(verifier));
    }
    return 0;
}

void account_verifiers_free(struct account_verifiers *verifiers)
{
    for (size_t i = 0; i < ACCOUNT_VERIFIERS; i++)
        free(verifiers->values[i]);
    *verifiers = (struct account_verifiers){0};
}

static const struct db_statement fetch_statement = {
    .name = "account_fetch",
    .sql = "SELECT a.disabled, v.mechanism, v.value FROM account a"
           " LEFT JOIN verifier v ON v.owner = a.owner WHERE a.domain = $1 AND a.local = $2",
    .parameters = 2,
};

struct account_fetch {
    struct db_unit *unit;
    int wanted_hash;
    account_fetched *fetched;
    void *user;
};

/* The index into kinds; -1 for a mechanism we do not know. */
static int find_kind(const char *mechanism)
{
    for (int i = 0; i < ACCOUNT_VERIFIERS; i++)
        if (strcmp(kinds[i].mechanism, mechanism) == 0)
            return i;
    return -1;
}

static void read_credentials(const struct db_result *result, int wanted_hash,
                             struct account_credentials *credentials)
{
    int best = -1;

    credentials->exists = db_rows(result) > 0;
    for (size_t row = 0; row < db_rows(result); row++) {
        struct verifier verifier;
        int kind = find_kind(db_get_text(result, row, 1));
        credentials->disabled = db_get_bool(result, row, 0);
        if (kind <= best || (wanted_hash >= 0 && (int)kinds[kind].hash != wanted_hash) ||
            verifier_parse(db_get_text(result, row, 2), &verifier) != 0)
            continue;
        best = kind;
        credentials->verifier = verifier;
        credentials->has_verifier = true;
    }
}

static void on_fetched(void *user, int status, const struct db_result *results, size_t count)
{
    struct account_fetch *fetch = user;
    struct account_credentials credentials = {0};

    (void)count;
    if (status == 0)
        read_credentials(&results[0], fetch->wanted_hash, &credentials);
    fetch->fetched(fetch->user, status, &credentials);
    crypto_wipe(&credentials, sizeof(credentials));
    free(fetch);
}

struct account_fetch *account_fetch(struct db *db, const struct jid *account, int wanted_hash,
                                    account_fetched *fetched, void *user)
{
    struct account_fetch *fetch = xcalloc(1, sizeof(*fetch));
    const struct db_value values[] = {DB_TEXT(account->domain), DB_TEXT(account->local)};

    fetch->wanted_hash = wanted_hash;
    fetch->fetched = fetched;
    fetch->user = user;
    fetch->unit = db_read(db, &fetch_statement, values, on_fetched, fetch);
    return fetch;
}

void account_fetch_cancel(struct account_fetch *fetch)
{
    if (fetch == NULL)
        return;
    db_cancel(fetch->unit);
    free(fetch);
}

/* $1 domain, $2 local part in all of them; $3 to $8 mechanisms and values in the first two. */
#define VERIFIER_ROWS "(VALUES ($3, $4), ($5, $6), ($7, $8)) AS v (mechanism, value)"

static const struct db_statement add_statement = {
    .name = "account_add",
    .sql = "WITH next AS (UPDATE home SET last_account = last_account + 1 WHERE home_id = 1"
           " AND NOT EXISTS (SELECT 1 FROM account WHERE domain = $1 AND local = $2)"
           " RETURNING last_account),"
           " added AS (INSERT INTO account (owner, domain, local, slot, created, granted)"
           " SELECT last_account, $1, $2, $9::bigint, $10::timestamptz, $11::bigint FROM next"
           " RETURNING owner)"
           " INSERT INTO verifier (owner, mechanism, value)"
           " SELECT added.owner, v.mechanism, v.value FROM added, " VERIFIER_ROWS,
    .parameters = 11,
};

/* Who knew only the old password does not come back to a session either, nor with a token that it
 * was given for it. */
static const struct db_statement password_statements[] = {
    {
        .name = "account_password_sessions",
        .sql = "DELETE FROM session"
               " WHERE owner = (SELECT owner FROM account WHERE domain = $1 AND local = $2)",
        .parameters = 2,
    },
    {
        .name = "account_password_tokens",
        .sql = "WITH ended AS (DELETE FROM token"
               " WHERE owner = (SELECT owner FROM account WHERE domain = $1 AND local = $2)"
               " RETURNING owner, device)"
               " SELECT DISTINCT e.device, coalesce(c.software, '?'), coalesce(c.name, '?')"
               " FROM ended e LEFT JOIN client c ON c.owner = e.owner AND c.device = e.device",
        .parameters = 2,
    },
    {
        .name = "account_password_clients",
        .sql = "UPDATE client SET password = false"
               " WHERE owner = (SELECT owner FROM account WHERE domain = $1 AND local = $2)",
        .parameters = 2,
    },
    {
        .name = "account_password",
        .sql = "INSERT INTO verifier (owner, mechanism, value)"
               " SELECT a.owner, v.mechanism, v.value FROM account a, " VERIFIER_ROWS
               " WHERE a.domain = $1 AND a.local = $2"
               " ON CONFLICT (owner, mechanism) DO UPDATE SET value = EXCLUDED.value",
        .parameters = 8,
    },
};

#define DELETE_FROM(table)                                                                         \
    {                                                                                              \
        .name = "account_delete_" #table,                                                          \
        .sql = "DELETE FROM " #table                                                               \
               " WHERE owner = (SELECT owner FROM account WHERE domain = $1 AND local = $2)",      \
        .parameters = 2,                                                                           \
    }

/* The account itself last: the others find their owner by it. */
static const struct db_statement delete_statements[] = {
    {
        .name = "account_delete_invitations",
        .sql = "DELETE FROM invitation WHERE inviter = $2 || '@' || $1",
        .parameters = 2,
    },
    DELETE_FROM(verifier),
    DELETE_FROM(roster_item),
    DELETE_FROM(block_item),
    DELETE_FROM(vcard),
    DELETE_FROM(private_xml),
    DELETE_FROM(message),
    DELETE_FROM(pending),
    DELETE_FROM(device),
    DELETE_FROM(session),
    DELETE_FROM(archive_prefs),
    DELETE_FROM(taken),
    DELETE_FROM(pubsub_node),
    DELETE_FROM(pubsub_affiliation),
    DELETE_FROM(pubsub_subscription),
    DELETE_FROM(pubsub_item),
    DELETE_FROM(push),
    DELETE_FROM(client),
    DELETE_FROM(token),
    DELETE_FROM(account),
};

/* Sessions that could be resumed end as well. */
static const struct db_statement disable_statements[] = {
    {
        .name = "account_disable_sessions",
        .sql = "DELETE FROM session"
               " WHERE owner = (SELECT owner FROM account WHERE domain = $1 AND local = $2)",
        .parameters = 2,
    },
    {
        .name = "account_disable",
        .sql = "UPDATE account SET disabled = true WHERE domain = $1 AND local = $2",
        .parameters = 2,
    },
};

static const struct db_statement enable_statement = {
    .name = "account_enable",
    .sql = "UPDATE account SET disabled = false WHERE domain = $1 AND local = $2",
    .parameters = 2,
};

static const struct {
    const struct db_statement *statements;
    size_t count;
    int nothing_changed; /* what it means that the last one changed no row */
} changes[ACCOUNT_CHANGES] = {
    [ACCOUNT_ADD] = {&add_statement, 1, ERR_EXISTS},
    [ACCOUNT_PASSWORD] = {password_statements, ARRAY_SIZE(password_statements), ERR_NOT_FOUND},
    [ACCOUNT_DISABLE] = {disable_statements, ARRAY_SIZE(disable_statements), ERR_NOT_FOUND},
    [ACCOUNT_ENABLE] = {&enable_statement, 1, ERR_NOT_FOUND},
    [ACCOUNT_DELETE] = {delete_statements, ARRAY_SIZE(delete_statements), ERR_NOT_FOUND},
};

const struct db_statement account_list = {
    .name = "account_list",
    .sql = "SELECT local, disabled, admin, created FROM account WHERE domain = $1 AND local > $2"
           " ORDER BY local LIMIT $3::bigint",
    .parameters = 3,
};

const struct db_statement account_set_admin = {
    .name = "account_set_admin",
    .sql = "UPDATE account SET admin = $3::boolean WHERE domain = $1 AND local = $2",
    .parameters = 3,
};

#define CHANGE_VALUES 11

static void fill_values(struct db_value values[CHANGE_VALUES], const struct jid *account,
                        const struct account_verifiers *verifiers, const struct grant *grant,
                        const char *now)
{
    size_t at = 0;

    values[at++] = DB_TEXT(account->domain);
    values[at++] = DB_TEXT(account->local);
    for (size_t i = 0; i < ACCOUNT_VERIFIERS; i++) {
        values[at++] = DB_TEXT(kinds[i].mechanism);
        values[at++] = DB_TEXT(verifiers ? verifiers->values[i] : NULL);
    }
    values[at++] = DB_INT(slot_of(account->bare));
    values[at++] = DB_TEXT(now);
    values[at++] = DB_INT(grant ? grant->version : 0);
}

/* The registrar has to be told that the name has no account any more. */
static const struct db_statement release_statement = {
    .name = "account_release",
    .sql = "UPDATE directory SET releasing = true WHERE jid_hash = $1::bytea AND NOT deleted",
    .parameters = 1,
};

/* The statement among those of a new password that ends tokens. */
#define TOKENS_STATEMENT 1

size_t account_revoked_count(const struct account_revoked *revoked)
{
    return revoked->rows ? db_rows(revoked->rows) : 0;
}

char *account_revoked_name(const struct account_revoked *revoked, size_t which)
{
    return xasprintf("%s, %s (%s)", db_get_text(revoked->rows, which, 1),
                     db_get_text(revoked->rows, which, 2), db_get_text(revoked->rows, which, 0));
}

struct pending_change {
    enum account_change change;
    account_changed *changed;
    void *user;
};

static int judge(enum account_change change, int status, const struct db_result *last)
{
    if (status == ERR_CONFLICT && change == ACCOUNT_ADD)
        return ERR_EXISTS; /* somebody else added it at the same moment */
    if (status == 0 && db_affected(last) == 0)
        return changes[change].nothing_changed;
    return status;
}

static void on_changed(void *user, int status, const struct db_result *results, size_t count)
{
    struct pending_change *pending = user;
    size_t before = count - changes[pending->change].count; /* the fence and the like */
    struct account_revoked revoked = {0};

    if (status == 0 && pending->change == ACCOUNT_PASSWORD)
        revoked.rows = &results[before + TOKENS_STATEMENT];
    pending->changed(pending->user,
                     judge(pending->change, status, status == 0 ? &results[count - 1] : NULL),
                     &revoked);
    free(pending);
}

int account_change(struct db *db, struct slots *slots, enum account_change change,
                   const struct jid *account, const struct account_verifiers *verifiers,
                   const struct grant *grant, account_changed *changed, void *user)
{
    unsigned slot = slot_of(account->bare);
    struct db_unit *unit = db_unit_new(db, slot);
    struct db_value values[CHANGE_VALUES];
    uint8_t hash[GRANT_HASH_SIZE];
    char now[DATETIME_SIZE];

    if (slots_fence(slots, slot, unit) != 0) {
        db_cancel(unit);
        return ERR_FENCED;
    }
    datetime_format(clock_wall_us(), now);
    fill_values(values, account, verifiers, grant, now);
    if (grant)
        rows_add_own(unit, grant);
    if (change == ACCOUNT_DELETE) {
        grant_hash(account->bare, hash);
        db_unit_add_values(unit, &release_statement, DB_BYTES(hash, sizeof(hash)));
    }
    for (size_t i = 0; i < changes[change].count; i++)
        db_unit_add(unit, &changes[change].statements[i], values);

    struct pending_change *pending = xcalloc(1, sizeof(*pending));
    pending->change = change;
    pending->changed = changed;
    pending->user = user;
    db_submit(unit, on_changed, pending);
    return 0;
}

int account_change_run(struct db_session *session, enum account_change change,
                       const struct jid *account, const struct account_verifiers *verifiers,
                       const char **problem)
{
    struct db_value values[CHANGE_VALUES];
    uint8_t hash[GRANT_HASH_SIZE];
    char now[DATETIME_SIZE];
    int error = 0;

    datetime_format(clock_wall_us(), now);
    fill_values(values, account, verifiers, NULL, now);
    if (change == ACCOUNT_DELETE) {
        struct db_result *released = NULL;
        grant_hash(account->bare, hash);
        const struct db_value name[] = {DB_BYTES(hash, sizeof(hash))};
        error = db_session_run(session, &release_statement, name, &released, problem);
        db_result_free(released);
    }
    for (size_t i = 0; i < changes[change].count && error == 0; i++) {
        struct db_result *result = NULL;
        bool last = i + 1 == changes[change].count;
        error = db_session_run(session, &changes[change].statements[i], values, &result, problem);
        if (last)
            error = judge(change, error, result);
        db_result_free(result);
    }
    return error;
}
