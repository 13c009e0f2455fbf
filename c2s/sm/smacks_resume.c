/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Resumption (XEP-0198 §5): a session whose stream is gone waits for its client; for everybody else
 * it goes on as it was. A client that comes back with the SM-ID takes it, from an older stream too.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "c2s/sm/begin.h"
#include "c2s/sm/csi.h"
#include "c2s/sm/push.h"
#include "c2s/sm/smacks.h"
#include "c2s/sm/smacks_row.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/stream/ack.h"
#include "common/tls/crypto.h"
#include "common/xmpp/datetime.h"

/* How far the client may be ahead of what the row of a session says that it acknowledged: the row
 * is written behind. */
#define RESTORED_WINDOW 65536

/* A request to resume: a session of its own in sm->binding that never gets a resource. */
struct resumption {
    char *previd;
    uint32_t h;
};

static void expire_job(struct account *account, struct session *session,
                       struct stanza *stanza UNUSED, int problem UNUSED)
{
    if (session->ended || !session->waiting)
        return;
    log_info("session_expired", LOG_TEXT("jid", session->jid->full),
             LOG_INT("unacknowledged", session->smacks->out.count));
    session->smacks->expired = true;
    if (account->state == ACCOUNT_READY)
        smacks_row_expire(session);
    session_end(session);
}

static void on_expired(void *user)
{
    struct smacks *smacks = user;

    session_queue(smacks->session, expire_job, NULL, -1);
}

/* Never longer than it may wait, wherever the clock has been set meanwhile. */
void smacks_start_expiry(struct smacks *smacks)
{
    int64_t left_us = MIN(smacks->expires_us - clock_wall_us(), (int64_t)smacks->resume_ms * 1000);

    if (!smacks->expiry)
        smacks->expiry = timer_new(smacks->session->account->sm->loop, on_expired, smacks);
    timer_start(smacks->expiry, left_us > 0 ? (uint64_t)left_us / 1000 + 1 : 1, 0);
}

static void stop_expiry(struct smacks *smacks)
{
    smacks->expires_us = 0;
    if (smacks->expiry)
        timer_close(smacks->expiry);
    smacks->expiry = NULL;
}

bool smacks_wait(struct session *session)
{
    struct smacks *smacks = session->smacks;

    if (!smacks || !smacks->resumable || session->ended || session->left)
        return false;
    session->waiting = true;
    smacks->asking = false;
    smacks->expires_us = clock_wall_us() + (int64_t)smacks->resume_ms * 1000;
    smacks_start_expiry(smacks);
    smacks_row_touch(session);
    log_info("session_waits", LOG_TEXT("jid", session->jid->full),
             LOG_INT("unacknowledged", smacks->out.count));
    push_session_waits(session);
    return true;
}

void smacks_leave(struct session *session)
{
    struct smacks *smacks = session->smacks;

    session->leaving = false; /* nobody has been told */
    if (smacks->expires_us == 0)
        smacks->expires_us = clock_wall_us() + (int64_t)smacks->resume_ms * 1000;
    smacks_row_write(session);
}

static struct session *find(const struct account *account, const char *previd)
{
    uint8_t hash[SMACKS_HASH_SIZE];
    struct session *session;

    smacks_row_hash(previd, hash);
    ACCOUNT_SESSIONS (session, account) {
        if (session_connected(session) && session->smacks && session->smacks->resumable &&
            crypto_equal(session->smacks->hash, hash, sizeof(hash)))
            return session;
    }
    return NULL;
}

/* A stream that was there already when the session was last resumed does not take it away: of
 * several that try at once one has it. */
static bool is_late(const struct session *session, const struct client *client)
{
    return session->client && client_since(client) < session->smacks->taken_us;
}

static bool knows(const struct smacks *smacks, uint32_t h)
{
    uint32_t most = smacks->restored ? RESTORED_WINDOW : smacks->out.count;

    return h - smacks->out.acknowledged <= most;
}

/* What the old stream still says is not the session's any more. */
static void take_from_client(struct session *session)
{
    struct client *old = session->client;

    if (!old)
        return;
    session->client = NULL;
    session->waiting = true;
    session_unpause(session);
    client_detach(old);
    client_close(old, STREAM_CONFLICT, "resumed on another stream");
}

/* What is settled and not known to the row yet is said again, too (A3). */
static void fill_resumed(struct element *resumed, struct session *session, const char *previd)
{
    session->smacks->told = smacks_h(session->smacks);
    settle_reset(&session->smacks->in, session->smacks->told);
    element_set(resumed, "h", arena_printf(resumed->arena, "%" PRIu32, session->smacks->told));
    element_set(resumed, "previd", previd);
}

/* The client hears of it by itself, or as a part of the success of its login. */
static void tell_resumed(struct session *session, struct session *request)
{
    struct client *client = session->client;
    const char *previd = request->resumption->previd;
    struct arena *arena;
    struct element *resumed;

    if (request->begin) {
        fill_resumed(element_add(begin_results(request), NS_SM, "resumed"), session, previd);
        begin_resumed(request, session);
        return;
    }
    arena = arena_new();
    resumed = element_new(arena, NS_SM, "resumed");
    client_resumed(client, session->jid, session);
    fill_resumed(resumed, session, previd);
    client_send_element(client, resumed);
    arena_free(arena);
}

static void add_delay(const struct session *session, struct stanza *message, int64_t sent_us)
{
    struct element *delay;
    char stamp[DATETIME_SIZE];

    if (element_find(message->root, NS_DELAY, "delay"))
        return;
    datetime_format(sent_us, stamp);
    delay = element_add(message->root, NS_DELAY, "delay");
    element_set(delay, "from", session->account->jid->domain);
    element_set(delay, "stamp", stamp);
}

static void send_again(struct session *session)
{
    const struct unacked_stanza *sent = session->smacks->out.first;

    for (; sent; sent = sent->next) {
        struct stanza *stanza = sm_parse_stanza(session->account->sm, sent->text);

        if (stanza == NULL)
            continue;
        if (stanza->kind == STANZA_MESSAGE)
            add_delay(session, stanza, sent->sent_us);
        client_send(session->client, stanza);
        stanza_unref(stanza);
    }
}

/* What it was sent and is in no table is lost, or a part of it. */
static void tell_anew(struct session *session)
{
    SM_MODULES (module)
        if (module->tell_anew)
            module->tell_anew(session);
}

static void attach(struct session *session, struct session *request)
{
    struct client *client = request->client;
    struct smacks *smacks = session->smacks;
    bool anew = unacked_resume(&smacks->out) || smacks->restored;

    stop_expiry(smacks);
    smacks->restored = false;
    session->client = client;
    session->waiting = false;
    smacks->taken_us = clock_monotonic_us();
    smacks->owes_a = smacks->owes_rest = smacks->full = false;
    tell_resumed(session, request);
    send_again(session);
    csi_activate(session); /* XEP-0352 §5.2 */
    if (anew)
        tell_anew(session);
    smacks->worth = true;
    smacks_wake(smacks);
    session_tell_writable(session);
    client_release(client);
}

struct resuming {
    struct session *request;
    struct session *session; /* NULL: there is none any more */
};

static void forget_wish(struct session *request)
{
    free(request->resumption->previd);
    free(request->resumption);
    request->resumption = NULL;
}

static void finish(struct session *request)
{
    forget_wish(request);
    begin_free(request);
    request->client = NULL;
    request->ended = true;
}

/* A login goes on: there may be a new session in its place (XEP-0198 §9.2.1). */
static void refuse(struct session *request, enum stanza_condition condition, const uint32_t *h)
{
    if (request->client && request->begin) {
        forget_wish(request);
        begin_not_resumed(request, condition, h);
        return;
    }
    if (request->client) {
        smacks_fail(request->client, condition, h);
        client_release(request->client);
    }
    finish(request);
}

static bool is_behind(const struct smacks *smacks)
{
    return smacks_h(smacks) != settle_h(&smacks->in);
}

/* Its row says that it does not wait any more, or cannot be asked: the client has it all the same,
 * since what it says is in memory. Messages may have been settled meanwhile. */
static void on_row(struct account *account, int status, const struct db_result *results UNUSED,
                   void *user)
{
    struct resuming *resuming = user;
    struct session *request = resuming->request, *session = resuming->session;

    if (status == 0 && request->client && !session->ended && is_behind(session->smacks)) {
        smacks_row_save(session, on_row, resuming);
        return;
    }
    DL_DELETE(account->sm->binding, request);
    if (session->ended) {
        refuse(request, STANZA_ITEM_NOT_FOUND, NULL);
    } else if (request->client) {
        attach(session, request);
        finish(request);
    } else {
        smacks_wait(session); /* it has gone again */
        finish(request);
    }
    session_unref(session);
    session_unref(request);
    free(resuming);
}

static void take_over(struct session *session, struct session *request)
{
    struct smacks *smacks = session->smacks;
    struct resuming *resuming = xcalloc(1, sizeof(*resuming));

    take_from_client(session);
    if (smacks->restored)
        unacked_restart(&smacks->out, request->resumption->h);
    else if (smacks_acknowledged(session, request->resumption->h) < 0)
        log_error("session_counter_lost", LOG_TEXT("jid", session->jid->full));
    smacks->expires_us = 0;
    *resuming = (struct resuming){request, session};
    session_ref(session);
    session_ref(request);
    smacks_row_save(session, on_row, resuming);
}

static void on_past(struct account *account, int status, const struct db_result *results,
                    void *user)
{
    struct session *request = user;
    uint32_t h;

    DL_DELETE(account->sm->binding, request);
    if (status < 0) {
        refuse(request, STANZA_RESOURCE_CONSTRAINT, NULL);
    } else if (db_rows(&results[0]) == 0) {
        refuse(request, STANZA_ITEM_NOT_FOUND, NULL);
    } else {
        h = (uint32_t)db_get_int(&results[0], 0, 0);
        refuse(request, STANZA_ITEM_NOT_FOUND, &h);
    }
    session_unref(request);
}

void smacks_resume_go(struct session *request)
{
    struct account *account = request->account;
    struct resumption *resumption = request->resumption;
    struct session *session = find(account, resumption->previd);

    if (request->client && account->state == ACCOUNT_READY && !session) {
        session_ref(request);
        smacks_row_find_past(account, resumption->previd, on_past, request);
    } else if (request->client && account->state == ACCOUNT_READY &&
               !is_late(session, request->client) && knows(session->smacks, resumption->h)) {
        take_over(session, request);
    } else {
        DL_DELETE(account->sm->binding, request);
        if (!request->client) {
            finish(request);
        } else if (account->state != ACCOUNT_READY) {
            refuse(request,
                   account->state == ACCOUNT_ABSENT ? STANZA_ITEM_NOT_FOUND
                                                    : STANZA_RESOURCE_CONSTRAINT,
                   NULL);
        } else if (is_late(session, request->client)) {
            refuse(request, STANZA_CONFLICT, NULL);
        } else {
            smacks_too_high(request->client, session->smacks, resumption->h);
            finish(request);
        }
    }
}

/* What the old stream has said until now stands in the queue before the job; the rest is not
 * taken any more, because the client will say it again. */
static void cut_old_stream(struct account *account, struct client *client, const char *previd,
                           uint32_t h)
{
    struct session *session = find(account, previd);

    if (session && session->client && !is_late(session, client) && knows(session->smacks, h)) {
        take_from_client(session);
        smacks_wait(session);
    }
}

static void resume_job(struct account *account UNUSED, struct session *request,
                       struct stanza *stanza UNUSED, int problem UNUSED)
{
    smacks_resume_go(request);
}

bool smacks_resume_prepare(struct session *request, const struct element *resume)
{
    const char *previd = element_get(resume, "previd");
    uint32_t h;

    if (!previd || ack_read_h(resume, &h) < 0)
        return false;
    cut_old_stream(request->account, request->client, previd, h);
    request->resumption = xcalloc(1, sizeof(*request->resumption));
    request->resumption->previd = xstrdup(previd);
    request->resumption->h = h;
    return true;
}

void smacks_on_resume(void *state, struct client *client, void *user UNUSED,
                      struct element *element)
{
    struct session *request;
    uint32_t h;

    if (!element_get(element, "previd") || ack_read_h(element, &h) < 0) {
        smacks_fail(client, STANZA_BAD_REQUEST, NULL);
        return;
    }
    client_hold(client);
    request = session_request(state, client, client_account(client));
    if (smacks_resume_prepare(request, element))
        session_queue(request, resume_job, NULL, -1);
}
