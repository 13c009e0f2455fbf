/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The way of a message into the tables, and what happens once it is committed.
 */
#include "c2s/sm/store.h"

#include <inttypes.h>
#include <stdlib.h>

#include "c2s/slots.h"
#include "c2s/sm/carbons.h"
#include "c2s/sm/core.h"
#include "c2s/sm/delivery.h"
#include "c2s/sm/offline.h"
#include "c2s/sm/outbox.h"
#include "c2s/sm/route.h"
#include "c2s/sm/smacks_row.h"
#include "c2s/sm/store_rows.h"
#include "c2s/sm/taker.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/service/follow.h"

/* What was asked of the database and not answered for so long is no moment any more. */
#define STANDS_MS 30000
/* --- the life of a post --- */

static struct post *post_new(struct sm *sm, struct stanza *message)
{
    struct post *post = xcalloc(1, sizeof(*post));

    post->sm = sm;
    post->stanza = stanza_ref(message);
    post->refusal = -1;
    return post;
}

static void post_end(struct post *post)
{
    settle_release(post->ticket);
    if (post->session)
        session_job_done(post->session);
    if (post->offer)
        taker_ended(post->sm, post->offer, post->again);
    free(post->offer);
    stanza_unref(post->stanza);
    free(post);
}

static void committed(const struct post *post, const struct db_result *results)
{
    if (post->tells_h)
        smacks_row_has_h(post->session, post->ticket, &results[post->h_at]);
}

/* To a client of ours the error takes the straight way, so that it stands in its stream before the
 * stanza is acknowledged. */
static void tell(struct post *post, enum stanza_condition condition, const char *text)
{
    struct stanza *error = stanza_error(post->stanza, condition, text);

    if (!post->session)
        sm_refuse(post->sm, post->stanza, condition, text);
    else if (error)
        session_send(post->session, error);
    stanza_unref(error);
}

static const char *text_of(enum stanza_condition condition)
{
    return condition == STANZA_RESOURCE_CONSTRAINT ? "messages cannot be stored now" : NULL;
}

static void fail_as(struct post *post, enum stanza_condition condition, const char *text)
{
    post->again = post->offer && condition == STANZA_RESOURCE_CONSTRAINT;
    FOLLOW(post->stanza->root, "not stored: %s%s%s", stanza_condition_name(condition),
           text ? ", " : "", text ? text : "");
    if (!post->again)
        tell(post, condition, text);
    post_end(post);
}

void store_failed(struct post *post, enum stanza_condition condition)
{
    fail_as(post, condition, text_of(condition));
}

static bool is_known(const struct post *post, const struct db_result *results)
{
    if (db_rows(&results[0]) == 0)
        return false;
    FOLLOW(post->stanza->root, "known already: stored before");
    log_debug("message_known", LOG_TEXT("from", post->stanza->from.full));
    return true;
}

static void copy_to_others(struct post *post)
{
    if (post->session && post->session->jid && !post->session->ended)
        carbons_sent(post->session, post->stanza, post->sent_seq);
}

/* --- nobody knows whether it was stored --- */

static void on_found(void *user, int status, const struct db_result *results, size_t count UNUSED)
{
    struct post *post = user;
    struct sm *sm = post->sm;

    if (status == 0 && db_rows(&results[0]) > 0) {
        log_info("message_was_stored", LOG_TEXT("from", post->stanza->from.full));
        copy_to_others(post);
        post_end(post);
    } else {
        store_failed(post, STANZA_RESOURCE_CONSTRAINT);
    }
    sm->checks--;
    sm_stop_if_done(sm);
}

/* A slot was lost between two attempts. Its accounts are dropped, and whoever has it now reads what
 * there is; the client of the other one may be told that its message failed only if it has. */
static void not_stored(struct post *post, int status)
{
    if (status != ERR_DOUBTFUL || !post->session) {
        store_failed(post, sm_condition(status));
        return;
    }
    post->sm->checks++;
    store_rows_find(post, on_found);
}

/* --- the sender's row alone --- */

static void on_sent(struct account *account, int status, const struct db_result *results,
                    void *user)
{
    struct post *post = user;

    if (post->outboxed)
        account->outboxing--;
    if (status < 0) {
        not_stored(post, status);
        return;
    }
    committed(post, results);
    if (!is_known(post, results)) {
        const struct outbox_row row = {account->owner, post->sent_seq, account->slot};
        FOLLOW(post->stanza->root, "stored in the archive of %s as #%" PRId64, account->jid->bare,
               post->sent_seq);
        copy_to_others(post);
        if (post->outboxed)
            outbox_put(post->sm, &row, post->stanza, 0, false);
        else
            sm_route(post->sm, post->stanza);
    }
    post_end(post);
}

static void end_job(struct account *account, struct post *post)
{
    (void)account;
    post_end(post);
}

static void on_refused(struct account *account, int status, const struct db_result *results,
                       void *user)
{
    struct post *post = user;

    if (status == 0)
        committed(post, results);
    else if (post->refusal >= 0)
        post->refusal = (int)sm_condition(status);
    if (post->refusal >= 0)
        tell(post, (enum stanza_condition)post->refusal, NULL);
    /* Behind the answer of a hook, which is in the sender's queue. */
    post->run = end_job;
    account_queue_post_last(account, post);
}

/* Units of one connection are answered in their order. */
static unsigned lane_of(const struct account *account)
{
    return db_shares_connection(account->sm->db, account->slot, 0) ? 1 : account->slot + 1;
}

static void add_h(struct sm_unit *unit, const struct account *first, struct post *post)
{
    post->h_at = sm_unit_count(unit);
    post->tells_h = smacks_row_add_h(unit, post->session, post->ticket, lane_of(first));
}

/* covered: then it is settled. Behind a refusal there is still the error, which the row of the
 * session has to have before h covers the message (A3c). */
static void write_sent(struct post *post, bool covered, sm_done *done)
{
    struct account *sender = post->session->account;
    struct sm_unit *unit = sm_unit_new(sender, SM_APPEND);

    store_rows_sent(unit, post, sender);
    if (covered)
        add_h(unit, sender, post);
    sm_submit(unit, done, post);
}

static void end_here(struct post *post, int refusal, bool covered)
{
    post->refusal = refusal;
    if (post->session) {
        write_sent(post, covered, on_refused);
        return;
    }
    if (refusal >= 0)
        tell(post, (enum stanza_condition)refusal, NULL);
    post_end(post);
}

static const char *outcome(int refusal)
{
    return refusal < 0 ? "ends here" : stanza_condition_name((enum stanza_condition)refusal);
}

void store_refused(struct post *post, int refusal)
{
    FOLLOW(post->stanza->root, "not stored: %s", outcome(refusal));
    end_here(post, refusal, refusal < 0);
}

/* The answer is in the sender's queue. */
void store_answered(struct post *post)
{
    end_here(post, -1, false);
}

/* --- sending --- */

bool store_stands(const struct sm *sm, const char *bare)
{
    return db_waiting_ms(sm->db, slot_of(bare)) >= STANDS_MS;
}

/* One transaction for both needs one connection. */
static bool can_store_both(const struct account *sender, const struct jid *to)
{
    struct sm *sm = sender->sm;

    return to->local && route_is_short(sm, to) &&
           db_shares_connection(sm->db, sender->slot, slot_of(to->bare));
}

/* Accounts of ours that are served elsewhere, or not by the short cut, are reached by the router.
 */
static void send_by_outbox(struct post *post)
{
    struct sm *sm = post->sm;
    const struct stanza *message = post->stanza;

    post->outboxed = !sm_is_server(sm, &message->to);
    if (post->outboxed && !outbox_has_room(sm, message)) {
        fail_as(post, STANZA_RESOURCE_CONSTRAINT, "too many messages wait to go out");
        return;
    }
    if (post->outboxed)
        post->session->account->outboxing++;
    write_sent(post, true, on_sent);
}

void store_sent(struct session *session, struct stanza *message)
{
    struct account *account = session->account;
    struct sm *sm = account->sm;
    struct post *post = post_new(sm, message);

    post->session = session;
    post->ticket = settle_take(session);
    session_job_queued(session);
    post->run = delivery_post;
    if (!can_store_both(account, &message->to) || outbox_may_have(sm, account, message))
        send_by_outbox(post);
    else if (account_queue_post(account_get(sm, &message->to), post) < 0)
        store_failed(post, STANZA_RESOURCE_CONSTRAINT);
}

/* --- receiving --- */

static void on_received(struct account *account, int status, const struct db_result *results,
                        void *user)
{
    struct post *post = user;

    if (status < 0) {
        offline_not_stored(account, post->size);
        if (status == ERR_DOUBTFUL)
            catch_up_missed(account);
        not_stored(post, status);
        return;
    }
    committed(post, results);
    if (is_known(post, results)) {
        offline_not_stored(account, post->size);
    } else {
        FOLLOW(post->stanza->root, "stored in the archive of %s as #%" PRId64, account->jid->bare,
               post->seq);
        if (post->sent_seq > 0)
            copy_to_others(post);
        delivery_stored(account, post);
    }
    post_end(post);
}

/* What a user writes to its own account is one message. */
static bool has_two_rows(const struct account *account, const struct post *post)
{
    return post->session && post->session->account != account;
}

void store_received(struct account *account, struct stanza *message, struct post *post,
                    const char *resource)
{
    struct sm_unit *unit = sm_unit_new(account, SM_APPEND);

    if (!post)
        post = post_new(account->sm, message);
    post->resource = resource;
    if (has_two_rows(account, post))
        store_rows_both(unit, post, account, post->session->account);
    else
        store_rows_received(unit, post, account);
    if (post->session)
        add_h(unit, account, post);
    offline_stored(account, post->size);
    sm_submit(unit, on_received, post);
}

void store_offered(struct account *account, struct stanza *message, const char *offer)
{
    struct post *post = post_new(account->sm, message);

    post->offer = xstrdup(offer);
    delivery_post(account, post);
}
