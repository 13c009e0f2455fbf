/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Offline messages (XEP-0160): what no resource can take is stored, and delivered to the first
 * resource that becomes available with a priority of 0 or more. A message is deleted only after
 * that client has answered a question which was sent behind it: what its connection lost on the way
 * waits for the next one.
 *
 * The account is held while everything is read and written at once, so that what arrives meanwhile
 * comes behind it. If the client is too slow for that, what arrives for it is stored too, until it
 * has taken the rest (D23).
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "c2s/sm/sm.h"
#include "common/base/clock.h"
#include "common/tls/crypto.h"
#include "common/xmpp/datetime.h"

#define NS_DELAY       "urn:xmpp:delay"
#define NS_DISCO_INFO  "http://jabber.org/protocol/disco#info"
#define NS_CHAT_STATES "http://jabber.org/protocol/chatstates"

#define BARRIER_PREFIX "offline-"
#define BATCH          100

/* Nothing is stored beyond the quota: the statement then changes no row. */
static const struct db_statement store_statement = {
    .name = "offline_store",
    .sql = "WITH account_row AS (UPDATE account SET"
           " offline_count = offline_count + 1, offline_size = offline_size + $7::bigint"
           " WHERE owner = $1::bigint AND offline_count < $8::bigint"
           " AND offline_size + $7::bigint <= $9::bigint RETURNING owner),"
           " waiting AS (INSERT INTO pending (owner, seq, size)"
           " SELECT owner, $2::bigint, $7::bigint FROM account_row)"
           " INSERT INTO message (owner, seq, peer, peer_hash, outgoing, stanza, received, size,"
           " archived)"
           " SELECT owner, $2::bigint, $3, $4::bytea, false, $5, $6::timestamptz, $7::bigint, true"
           " FROM account_row",
    .parameters = 9,
};

static const struct db_statement read_statement = {
    .name = "offline_read",
    .sql = "SELECT seq, stanza, (extract(epoch FROM received) * 1000000)::bigint"
           " FROM pending JOIN message USING (owner, seq)"
           " WHERE owner = $1::bigint AND seq > $2::bigint ORDER BY seq LIMIT $3::bigint",
    .parameters = 3,
};

static const struct db_statement delete_statement = {
    .name = "offline_delete",
    .sql = "WITH gone AS (DELETE FROM pending WHERE owner = $1::bigint AND seq <= $2::bigint"
           " RETURNING size)"
           " UPDATE account SET offline_count = offline_count - (SELECT count(*) FROM gone),"
           " offline_size = offline_size - (SELECT coalesce(sum(size), 0) FROM gone)"
           " WHERE owner = $1::bigint",
    .parameters = 2,
};

/* One delivery: from the first batch to the last answer. */
struct offline {
    struct session *session; /* who gets them */
    int64_t sent;            /* the last seq that was written to it */
    int64_t asked;           /* the last one with a question behind it */
    bool answered;           /* that question */
    bool more;               /* there is more, but the client is full */
};

/* Only chat states: nothing that anybody wants later (§3). */
static bool is_worth_storing(const struct stanza *message)
{
    ELEMENT_FOREACH (child, message->root) {
        if (strcmp(child->ns, NS_CHAT_STATES) != 0 && !element_is(child, NS_CLIENT, "thread"))
            return true;
    }
    return false;
}

static void on_stored(struct account *account, int status, const struct db_result *results,
                      void *user)
{
    struct stanza *message = user;

    if (status != 0)
        sm_refuse(account->sm, message, sm_condition(status), NULL);
    else if (db_affected(&results[0]) == 0)
        sm_refuse(account->sm, message, STANZA_SERVICE_UNAVAILABLE,
                  "no more messages are stored for this account");
    stanza_unref(message);
}

static void store(struct account *account, struct stanza *message)
{
    const struct sm_limits *limits = &account->sm->limits;
    char *xml = sm_format(message->root);
    struct sm_unit *unit = sm_unit_new(account, SM_WRITE);
    int64_t seq = sm_next_seq(unit);
    const char *peer = message->from.bare;
    uint8_t hash[CRYPTO_HASH_MAX];
    char now[DATETIME_SIZE];

    crypto_digest(CRYPTO_SHA256, peer, strlen(peer), hash);
    datetime_format(clock_wall_us(), now);
    sm_add_values(unit, &store_statement, DB_INT(account->owner), DB_INT(seq), DB_TEXT(peer),
                  DB_BYTES(hash, crypto_hash_size(CRYPTO_SHA256)), DB_TEXT(xml), DB_TEXT(now),
                  DB_INT((int64_t)strlen(xml)), DB_INT((int64_t)limits->offline_messages),
                  DB_INT((int64_t)limits->offline_bytes));
    sm_submit(unit, on_stored, stanza_ref(message));
    free(xml);
}

static enum sm_verdict on_offline(struct account *account, struct stanza *message)
{
    if (is_worth_storing(message))
        store(account, message);
    return SM_HANDLED;
}

static void send_one(struct session *session, const struct db_result *rows, size_t row)
{
    struct sm *sm = session->account->sm;
    struct stanza *message = sm_parse_stanza(sm, db_get_text(rows, row, 1));
    char stamp[DATETIME_SIZE];

    if (message == NULL) /* a row that cannot be read harms only itself */
        return;
    datetime_format(db_get_int(rows, row, 2), stamp);
    struct element *delay =
        element_add_with_text(message->root, NS_DELAY, "delay", "Offline Storage");
    element_set(delay, "from", session->account->jid->domain);
    element_set(delay, "stamp", stamp);
    session_send_take(session, message);
}

/* Its answer, whatever it says, proves that everything before it has arrived. Not a ping: at an iq
 * without a <query/> go-sendxmpp 0.5.6 answers and ends, often without having shown the message. */
static void send_barrier(struct session *session, int64_t seq)
{
    struct stanza *question = stanza_new(STANZA_IQ, IQ_GET);
    struct jid server;

    element_set(question->root, "id",
                arena_printf(question->arena, BARRIER_PREFIX "%" PRId64, seq));
    if (jid_make(question->arena, NULL, session->account->jid->domain, NULL, &server) == 0)
        stanza_set_from(question, &server);
    stanza_set_to(question, session->jid);
    element_add(question->root, NS_DISCO_INFO, "query");
    session_send_take(session, question);
}

static void end(struct account *account)
{
    free(account->offline);
    account->offline = NULL;
}

static void read_batch(struct account *account);

/* Writes as much as the client can take. Returns the number of rows it got. */
static size_t send_rows(struct offline *offline, const struct db_result *rows)
{
    size_t row;

    for (row = 0; row < db_rows(rows); row++) {
        if (row > 0 && session_is_full(offline->session))
            break;
        send_one(offline->session, rows, row);
        offline->sent = db_get_int(rows, row, 0);
    }
    return row;
}

static void on_read(struct account *account, int status, const struct db_result *results,
                    void *user UNUSED)
{
    struct offline *offline = account->offline;

    if (offline == NULL)
        return;
    if (status != 0) {
        end(account);
        return;
    }
    size_t sent = send_rows(offline, &results[0]);
    offline->more = sent < db_rows(&results[0]) || sent == BATCH;
    if (offline->more && !session_is_full(offline->session)) {
        read_batch(account);
    } else if (offline->sent != offline->asked) {
        offline->asked = offline->sent;
        offline->answered = false;
        send_barrier(offline->session, offline->sent);
    } else if (offline->answered) {
        end(account);
    }
}

static void read_batch(struct account *account)
{
    const struct db_value values[] = {DB_INT(account->owner), DB_INT(account->offline->sent),
                                      DB_INT(BATCH)};

    sm_query(account, SM_READ_HELD, &read_statement, values, on_read, NULL);
}

static void session_ready(struct session *session, bool initial UNUSED)
{
    struct account *account = session->account;

    if (session->priority < 0 || (account->offline && account->offline->session != session))
        return;
    if (account->offline == NULL) {
        account->offline = xcalloc(1, sizeof(*account->offline));
        account->offline->session = session;
        account->offline->answered = true;
    }
    read_batch(account);
}

static void session_writable(struct session *session)
{
    struct offline *offline = session->account->offline;

    if (offline && offline->session == session && offline->more)
        read_batch(session->account);
}

/* Nothing overtakes what is still stored. */
static enum sm_verdict delivering(struct session *session, struct stanza *message)
{
    struct offline *offline = session->account->offline;

    if (offline == NULL || offline->session != session || !offline->more ||
        (message->type != MESSAGE_NORMAL && message->type != MESSAGE_CHAT) ||
        !is_worth_storing(message))
        return SM_PASS;
    store(session->account, message);
    return SM_HANDLED;
}

/* The answer: delete what it covers, and see whether there is more. */
static enum sm_verdict outgoing(struct session *session, struct stanza *stanza)
{
    static const char prefix[] = BARRIER_PREFIX;
    struct account *account = session->account;
    struct offline *offline = account->offline;
    const char *id = stanza_id(stanza);

    if (offline == NULL || offline->session != session || stanza->kind != STANZA_IQ ||
        !stanza_is_reply(stanza) || id == NULL || strncmp(id, prefix, sizeof(prefix) - 1) != 0)
        return SM_PASS;
    if (offline->answered || strtoll(id + sizeof(prefix) - 1, NULL, 10) != offline->asked)
        return SM_HANDLED;
    offline->answered = true;
    struct sm_unit *unit = sm_unit_new(account, SM_WRITE);
    sm_add_values(unit, &delete_statement, DB_INT(account->owner), DB_INT(offline->asked));
    sm_submit(unit, NULL, NULL);
    read_batch(account);
    return SM_HANDLED;
}

static void leave(struct session *session)
{
    if (session->account->offline && session->account->offline->session == session)
        end(session->account);
}

static const char *const features[] = {"msgoffline", NULL};
static const struct sm_spec specs[] = {
    {"XEP-0160", "1.0.1", NULL}, {"XEP-0203", "2.0", "for offline messages"}, {0}};

const struct sm_module offline_module = {
    .name = "offline",
    .specs = specs,
    .server_features = features,
    .unload = end,
    .session_closed = leave,
    .session_ready = session_ready,
    .session_writable = session_writable,
    .delivering = delivering,
    .outgoing = outgoing,
    .offline = on_offline,
};
