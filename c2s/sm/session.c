/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Sessions: binding a resource (RFC 6120 §7), the end of a session, and slowing down clients that
 * send faster than their account is served.
 */
#include "c2s/sm/session.h"

#include <stdlib.h>
#include <string.h>

#include "c2s/sm/csi.h"
#include "c2s/sm/dispatch.h"
#include "c2s/sm/presence.h"
#include "c2s/sm/sm.h"
#include "c2s/sm/smacks_row.h"
#include "common/base/limit.h"
#include "common/service/follow.h"
#include "common/tls/crypto.h"

/* Stanzas of one client that wait for its account: it is read no further above the first and read
 * again below the second. */
#define QUEUED_HIGH 64
#define QUEUED_LOW  16

/* A resource the server chooses (RFC 6120 §7.6): not to be guessed, since whoever knows a full JID
 * can tell whether it is online by trying. */
#define RESOURCE_RANDOM_BYTES 9

static void session_free(struct session *session)
{
    account_unref(session->account);
    free(session->jid);
    free(session->resource);
    free(session->device);
    free(session);
}

/* A session is needed by its client (until closed), by its account (until ended) and by jobs. */
static void free_if_done(struct session *session)
{
    if (!session->client && session->ended && session->queued == 0 && session->references == 0) {
        session_free(session);
    }
}

void session_ref(struct session *session)
{
    session->references++;
}

void session_unref(struct session *session)
{
    session->references--;
    free_if_done(session);
}

struct settle_ticket *settle_take(struct session *session)
{
    return settle_ref(session->account->ticket);
}

bool session_acknowledges(const struct session *session)
{
    return session->smacks && session->smacks->enabled;
}

struct settle_ticket *session_count(struct session *session)
{
    return session->smacks ? settle_arrived(&session->smacks->in) : NULL;
}

void session_job_queued(struct session *session)
{
    session->queued++;
    if (session->queued > QUEUED_HIGH && !session->paused && session->client) {
        session->paused = true;
        client_pause(session->client);
    }
}

void session_job_done(struct session *session)
{
    session->queued--;
    if (session->paused && session->queued < QUEUED_LOW && session->client) {
        session->paused = false;
        client_resume(session->client);
    }
    free_if_done(session);
}

void session_unpause(struct session *session)
{
    if (session->paused && session->client) {
        client_resume(session->client);
    }
    session->paused = false;
}

void session_write(struct session *session, struct stanza *stanza, int64_t seq)
{
    if (seq > 0) {
        session->sent_seq = MAX(session->sent_seq, seq);
    }
    FOLLOW(stanza->root, "to the client %s%s", session->jid->full,
           session->client ? "" : ", which is away: waits for it to resume");
    if (session_acknowledges(session)) {
        smacks_send(session, stanza, seq);
    } else if (session->client) {
        client_send(session->client, stanza);
    }
}

void session_send_stored(struct session *session, struct stanza *message, int64_t seq)
{
    if (session_connected(session) && !csi_hold(session, message)) {
        session_write(session, message, seq);
    }
}

void session_send(struct session *session, struct stanza *stanza)
{
    session_send_stored(session, stanza, 0);
}

bool session_is_full(const struct session *session)
{
    if (session->ended || smacks_is_full(session)) {
        return !session->ended;
    }
    return session->client && client_is_full(session->client);
}

static void writable_job(struct account *account, struct session *session, struct stanza *stanza,
                         int problem)
{
    (void)account;
    (void)stanza;
    (void)problem;
    SM_MODULES (module)
        if (module->session_writable && session_connected(session)) {
            module->session_writable(session);
        }
}

void session_tell_writable(struct session *session)
{
    session_queue(session, writable_job, NULL, -1);
}

void session_send_take(struct session *session, struct stanza *stanza)
{
    session_send(session, stanza);
    stanza_unref(stanza);
}

void session_ask(struct session *session)
{
    struct stanza *ping;

    if (session->smacks && session->smacks->enabled) {
        smacks_ask(session->smacks);
        return;
    }
    ping = stanza_new(STANZA_IQ, IQ_GET);
    element_set(ping->root, "id", "ping");
    element_set(ping->root, "from", session->jid->domain);
    element_set(ping->root, "to", session->jid->full);
    element_add(ping->root, "urn:xmpp:ping", "ping");
    session_send_take(session, ping);
}

void session_refuse(struct session *session, const struct stanza *stanza,
                    enum stanza_condition condition)
{
    session_refuse_with(session, stanza, condition, NULL);
}

void session_refuse_with(struct session *session, const struct stanza *stanza,
                         enum stanza_condition condition, const char *text)
{
    struct stanza *error = stanza_error(stanza, condition, text);
    FOLLOW(stanza->root, "refused: %s", stanza_condition_name(condition));

    if (error) {
        session_send_take(session, error);
    }
}

static void remove_session(struct session *session)
{
    SM_MODULES (module)
        if (module->session_closed) {
            module->session_closed(session);
        }
    dispatch_forget(session);
    session->ended = true;
    session->waiting = false;
    session->account->sessions_count--;
    DL_DELETE(session->account->sessions, session);
}

void session_end(struct session *session)
{
    if (session->ended) {
        return;
    }
    session_ref(session);
    presence_end(session, NULL);
    remove_session(session);
    session_unref(session);
}

bool session_leave(struct session *session, enum stream_condition condition)
{
    if (session->ended || !session->smacks || !session->smacks->resumable) {
        return false;
    }
    smacks_leave(session);
    session->left = true;
    if (session->client) {
        client_close(session->client, (int)condition, NULL);
    }
    presence_forget(session);
    session_ref(session);
    remove_session(session);
    session_unref(session);
    return true;
}

void session_kick(struct session *session, enum stream_condition condition, const char *text)
{
    if (session->client) {
        client_close(session->client, condition, text);
    }
    session_end(session);
}

static void refuse(struct session *session, enum stanza_condition condition, const char *type,
                   const char *app_name)
{
    if (session->client) {
        client_bind_refused(session->client, condition, type, app_name);
    }
    session->client = NULL;
    session->ended = true;
}

static char *random_resource(void)
{
    char *text = xmalloc(2 * RESOURCE_RANDOM_BYTES + 1);

    crypto_random_hex(text, RESOURCE_RANDOM_BYTES);
    return text;
}

static void add_to_account(struct session *session)
{
    struct account *account = session->account;

    DL_APPEND(account->sessions, session);
    account->sessions_count++;
    SM_MODULES (module)
        if (module->session_opened) {
            module->session_opened(session);
        }
}

void session_open(struct session *session)
{
    add_to_account(session);
}

static void open_session(struct session *session)
{
    struct account *account = session->account;

    session->jid = jid_dup_with_resource(account->jid, session->resource);
    add_to_account(session);
    client_bound(session->client, session->jid, session);
}

/* Who is connected is worth more than who may come back. */
static struct session *longest_waiting(const struct account *account)
{
    struct session *session, *longest = NULL;

    ACCOUNT_SESSIONS (session, account) {
        if (session->waiting &&
            (!longest || session->smacks->expires_us < longest->smacks->expires_us)) {
            longest = session;
        }
    }
    return longest;
}

bool session_make_room(struct session *session)
{
    struct account *account = session->account;
    struct session *older = session->resource ? account_session(account, session->resource) : NULL;

    if (!older && account->sessions_count >= account->sm->limits.resources) {
        older = longest_waiting(account);
    }
    if (!older && account->sessions_count >= account->sm->limits.resources) {
        return false;
    }
    if (older) {
        session_kick(older, STREAM_CONFLICT, NULL);
    }
    return true;
}

/* The newer session wins a conflict (RFC 6120 §7.7.2.2, third way): the older one is most often a
 * dead connection of the same client. */
static void bind_job(struct account *account, struct session *session, struct stanza *stanza,
                     int problem)
{
    (void)stanza;
    (void)problem;
    DL_DELETE(account->sm->binding, session);
    if (!session->client) {
        session->ended = true;
        return;
    }
    if (account->state != ACCOUNT_READY) {
        refuse(session,
               account->state == ACCOUNT_ABSENT ? STANZA_NOT_AUTHORIZED
                                                : STANZA_RESOURCE_CONSTRAINT,
               NULL, NULL);
        return;
    }
    if (!session_make_room(session)) {
        /* To wait does not help: another client has to go (XEP-0205 §4.4). */
        limit_reached("resources-per-user");
        refuse(session, STANZA_RESOURCE_CONSTRAINT, "cancel", "resource-limit-exceeded");
        return;
    }
    if (client_device(session->client) || session->resource) {
        session->device = xstrdup(client_device(session->client) ? client_device(session->client)
                                                                 : session->resource);
    }
    if (!session->resource) {
        session->resource = random_resource();
    }
    open_session(session);
}

static struct session *session_new(struct account *account, struct client *client)
{
    struct session *session = xcalloc(1, sizeof(*session));

    session->account = account;
    session->client = client;
    account_ref(account);
    return session;
}

struct session *session_request(struct sm *sm, struct client *client, const struct jid *account)
{
    struct session *session = session_new(account_get(sm, account), client);

    DL_APPEND(sm->binding, session);
    return session;
}

struct session *session_restore(struct account *account, const char *resource)
{
    struct session *session = session_new(account, NULL);

    session->jid = jid_dup_with_resource(account->jid, resource);
    session->waiting = true;
    add_to_account(session);
    return session;
}

void session_bind(struct sm *sm, struct client *client, const struct jid *account,
                  const char *resource)
{
    struct session *session = session_request(sm, client, account);

    session->resource = xstrdup_or_null(resource);
    session_queue(session, bind_job, NULL, -1);
}

void session_bind_cancelled(struct sm *sm, struct client *client)
{
    struct session *session;

    DL_FOREACH (sm->binding, session) {
        if (session->client == client) {
            session->client = NULL;
            return;
        }
    }
}

static void row_deleted(struct account *account, int status, const struct db_result *results,
                        void *user)
{
    struct session *session = user;

    (void)account;
    (void)results;
    if (status == 0 && session->smacks) {
        session->smacks->resumable = false;
    }
    session_end(session);
    session_unref(session);
}

static void end_job(struct account *account, struct session *session, struct stanza *stanza,
                    int problem)
{
    (void)account;
    (void)stanza;
    (void)problem;
    session_ref(session);
    smacks_row_delete_first(session, row_deleted, session);
}

/* The end stands behind what the client said before, in the queue of its account. */
void session_closed(struct session *session, enum client_end how)
{
    session->client = NULL;
    session->paused = false;
    if (how == CLIENT_LOST && smacks_wait(session)) {
        return;
    }
    session_queue(session, end_job, NULL, -1);
}
