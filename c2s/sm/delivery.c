/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Delivery: the rules of docs/rules/delivery.md as a table, and doing what it says.
 */
#include "c2s/sm/delivery.h"

#include <string.h>

#include "c2s/sm/carbons.h"
#include "c2s/sm/content.h"
#include "c2s/sm/dispatch.h"
#include "c2s/sm/offline.h"
#include "c2s/sm/push.h"
#include "c2s/sm/stanza_id.h"
#include "common/base/fault_point.h"
#include "common/base/limit.h"
#include "common/service/follow.h"

#define RULES                                                                                      \
    X(IGNORE) X(REFUSE) X(RESOURCE) X(NON_NEGATIVE) X(AVAILABLE) X(OFFLINE) X(SERVE) X(UNSUBSCRIBED)
#define X(name) name = DELIVER_##name,
enum { RULES };
#undef X

/* One row a stanza type, one column a case. What comes here has passed the incoming hooks:
 * subscriptions (RFC 6121 §3) and probes (§4.3) of accounts that exist have been handled there. */
/* clang-format off */
static const unsigned char rules[][DELIVERY_CASES] = {
    /*                        no account    bare          bare, nobody  full      full, gone    full, nobody */
    [MESSAGE_NORMAL]        = {REFUSE,       NON_NEGATIVE, OFFLINE,      RESOURCE, REFUSE,       REFUSE},  /* D1 D4 D8 */
    [MESSAGE_CHAT]          = {REFUSE,       NON_NEGATIVE, OFFLINE,      RESOURCE, NON_NEGATIVE, OFFLINE}, /* D1 D4 D9 */
    [MESSAGE_GROUPCHAT]     = {REFUSE,       REFUSE,       REFUSE,       RESOURCE, REFUSE,       REFUSE},  /* D1 D5 D8 */
    [MESSAGE_HEADLINE]      = {IGNORE,       NON_NEGATIVE, IGNORE,       RESOURCE, IGNORE,       IGNORE},  /* D6 */
    [MESSAGE_ERROR]         = {IGNORE,       IGNORE,       IGNORE,       RESOURCE, IGNORE,       IGNORE},  /* D7 */
    [PRESENCE_AVAILABLE]    = {IGNORE,       AVAILABLE,    AVAILABLE,    RESOURCE, IGNORE,       IGNORE},  /* D2 D10 */
    [PRESENCE_UNAVAILABLE]  = {IGNORE,       AVAILABLE,    AVAILABLE,    RESOURCE, IGNORE,       IGNORE},
    [PRESENCE_SUBSCRIBE]    = {IGNORE,       IGNORE,       IGNORE,       IGNORE,   IGNORE,       IGNORE},  /* D2 */
    [PRESENCE_SUBSCRIBED]   = {IGNORE,       IGNORE,       IGNORE,       IGNORE,   IGNORE,       IGNORE},
    [PRESENCE_UNSUBSCRIBE]  = {IGNORE,       IGNORE,       IGNORE,       IGNORE,   IGNORE,       IGNORE},
    [PRESENCE_UNSUBSCRIBED] = {IGNORE,       IGNORE,       IGNORE,       IGNORE,   IGNORE,       IGNORE},
    [PRESENCE_PROBE]        = {UNSUBSCRIBED, IGNORE,       IGNORE,       IGNORE,   IGNORE,       IGNORE},  /* D3 */
    [PRESENCE_ERROR]        = {IGNORE,       AVAILABLE,    AVAILABLE,    RESOURCE, IGNORE,       IGNORE},  /* D10 */
    [IQ_GET]                = {REFUSE,       SERVE,        SERVE,        RESOURCE, REFUSE,       REFUSE},  /* D1 D11 D12 */
    [IQ_SET]                = {REFUSE,       SERVE,        SERVE,        RESOURCE, REFUSE,       REFUSE},
    [IQ_RESULT]             = {IGNORE,       IGNORE,       IGNORE,       RESOURCE, IGNORE,       IGNORE},  /* D13 */
    [IQ_ERROR]              = {IGNORE,       IGNORE,       IGNORE,       RESOURCE, IGNORE,       IGNORE},
};

/* D14: a sender who must not see the account's presence gets the same answer, or none, whether the
 * resource is there or not (RFC 6120 §13.10.2). */
static const struct {
    enum stanza_type type;
    enum delivery_case situation;
    enum delivery_action action;
} strangers[] = {
    {IQ_GET,            DELIVERY_FULL,        DELIVER_REFUSE},
    {IQ_SET,            DELIVERY_FULL,        DELIVER_REFUSE},
    {MESSAGE_GROUPCHAT, DELIVERY_FULL,        DELIVER_REFUSE},
    {MESSAGE_NORMAL,    DELIVERY_FULL_GONE,   DELIVER_IGNORE},
    {MESSAGE_NORMAL,    DELIVERY_FULL_NOBODY, DELIVER_IGNORE},
};
/* clang-format on */

enum delivery_action delivery_rule(enum stanza_type type, enum delivery_case situation,
                                   bool trusted)
{
    for (size_t i = 0; !trusted && i < ARRAY_SIZE(strangers); i++) {
        if (strangers[i].type == type && strangers[i].situation == situation) {
            return strangers[i].action;
        }
    }
    return (enum delivery_action)rules[type][situation];
}

bool delivery_takes_messages(const struct session *session)
{
    return session_available(session) && session->priority >= 0;
}

static bool anybody_takes_messages(const struct account *account)
{
    struct session *session;

    ACCOUNT_SESSIONS (session, account) {
        if (delivery_takes_messages(session)) {
            return true;
        }
    }
    return false;
}

static enum delivery_case situation_of(const struct account *account, const struct jid *to)
{
    bool anybody = anybody_takes_messages(account);

    if (account->state == ACCOUNT_ABSENT) {
        return DELIVERY_NO_ACCOUNT;
    }
    if (!to->resource) {
        return anybody ? DELIVERY_BARE : DELIVERY_BARE_NOBODY;
    }
    if (account_session(account, to->resource)) {
        return DELIVERY_FULL;
    }
    return anybody ? DELIVERY_FULL_GONE : DELIVERY_FULL_NOBODY;
}

/* --- for who follows --- */

static const char *situation_name(enum delivery_case situation)
{
    static const char *const names[DELIVERY_CASES] = {
        [DELIVERY_NO_ACCOUNT] = "no such account",
        [DELIVERY_BARE] = "online",
        [DELIVERY_BARE_NOBODY] = "offline",
        [DELIVERY_FULL] = "the resource is online",
        [DELIVERY_FULL_GONE] = "the resource is not there, others are",
        [DELIVERY_FULL_NOBODY] = "offline",
    };

    return names[situation];
}

static const char *action_name(enum delivery_action action, bool kept)
{
    static const char *const names[] = {
        [DELIVER_IGNORE] = "ignored",
        [DELIVER_REFUSE] = "refused",
        [DELIVER_RESOURCE] = "to that resource",
        [DELIVER_NON_NEGATIVE] = "to all clients that take messages",
        [DELIVER_AVAILABLE] = "to all clients",
        [DELIVER_OFFLINE] = "ends here, it is not to be kept",
        [DELIVER_SERVE] = "answered by the server",
        [DELIVER_UNSUBSCRIBED] = "answered: unsubscribed",
    };

    return action == DELIVER_OFFLINE && kept ? "kept for later" : names[action];
}

static size_t count_takers(const struct account *account, const struct session *addressee)
{
    const struct session *session;
    size_t count = 0;

    ACCOUNT_SESSIONS (session, account) {
        count += addressee ? session == addressee : delivery_takes_messages(session);
    }
    return count;
}

static void send_to(struct account *account, struct stanza *stanza,
                    bool (*wanted)(const struct session *session))
{
    struct session *session;

    ACCOUNT_SESSIONS (session, account) {
        if (wanted(session)) {
            session_send(session, stanza);
        }
    }
}

/* Who needs no copy of a message (XEP-0280 §7), by what was done with it. */
static bool is_addressed(const struct session *session, const struct stanza *stanza)
{
    return session_connected(session) && strcmp(session->jid->resource, stanza->to.resource) == 0;
}

static bool got_it(const struct session *session, const struct stanza *stanza)
{
    (void)stanza;
    return delivery_takes_messages(session);
}

static struct session *addressed(const struct account *account, const struct post *post)
{
    return post->resource ? account_session(account, post->resource) : NULL;
}

void delivery_stored(struct account *account, struct post *post)
{
    struct session *session = addressed(account, post);
    struct stanza *message = post->stanza;

    FAULT_POINT(before_deliver);
    stanza_id_add(account, message->root, post->seq);
    FOLLOW(message->root, "goes to %zu clients, the others get it later",
           count_takers(account, session));
    push_message(account, message, post->seq);
    if (session) {
        session->has_own = true;
        offline_deliver(session, message, post->seq);
        carbons_received(account, message, is_addressed);
        return;
    }
    ACCOUNT_SESSIONS (session, account) {
        if (delivery_takes_messages(session)) {
            offline_deliver(session, message, post->seq);
        }
    }
    carbons_received(account, message, got_it);
}

static void refuse(struct account *account, struct stanza *stanza, struct post *post)
{
    if (post) {
        store_refused(post, STANZA_SERVICE_UNAVAILABLE);
    } else {
        sm_refuse(account->sm, stanza, STANZA_SERVICE_UNAVAILABLE, NULL);
    }
}

static void keep(struct account *account, struct stanza *message, struct post *post,
                 enum delivery_action action)
{
    if (action == DELIVER_OFFLINE && offline_is_full(account)) {
        limit_reached("offline-messages");
        refuse(account, message, post);
    } else {
        store_received(account, message, post,
                       action == DELIVER_RESOURCE ? message->to.resource : NULL);
    }
}

static bool is_for_sessions(enum delivery_action action)
{
    return action == DELIVER_RESOURCE || action == DELIVER_NON_NEGATIVE ||
           action == DELIVER_OFFLINE;
}

/* A headline that is to be kept (XEP-0334) waits as well. */
static enum delivery_action action_for(struct account *account, const struct stanza *stanza,
                                       bool kept)
{
    enum delivery_action action = delivery_rule(stanza->type, situation_of(account, &stanza->to),
                                                sm_shares_presence(account, &stanza->from));

    if (kept && stanza->type == MESSAGE_HEADLINE && action == DELIVER_IGNORE &&
        account->state == ACCOUNT_READY) {
        return DELIVER_OFFLINE;
    }
    return action;
}

static void deliver(struct account *account, struct stanza *stanza, struct post *post)
{
    bool kept = stanza->kind == STANZA_MESSAGE && content_is_kept(stanza);
    enum delivery_action action = action_for(account, stanza, kept);

    FOLLOW(stanza->root, "%s: %s", situation_name(situation_of(account, &stanza->to)),
           action_name(action, kept));
    if (kept && is_for_sessions(action)) {
        keep(account, stanza, post, action);
        return;
    }
    switch (action) {
    case DELIVER_IGNORE:
    case DELIVER_OFFLINE:
        if (post) {
            store_refused(post, -1);
        }
        break;
    case DELIVER_REFUSE:
        refuse(account, stanza, post);
        break;
    case DELIVER_RESOURCE:
        session_send(account_session(account, stanza->to.resource), stanza);
        carbons_received(account, stanza, is_addressed);
        push_message(account, stanza, 0);
        break;
    case DELIVER_NON_NEGATIVE:
        send_to(account, stanza, delivery_takes_messages);
        carbons_received(account, stanza, got_it);
        push_message(account, stanza, 0);
        break;
    case DELIVER_AVAILABLE:
        send_to(account, stanza, session_available);
        break;
    case DELIVER_SERVE:
        dispatch_request(account->sm, SM_TO_ACCOUNT, account, NULL, stanza);
        break;
    case DELIVER_UNSUBSCRIBED:
        sm_route_presence(account->sm, PRESENCE_UNSUBSCRIBED, account->jid, &stanza->from);
        break;
    }
}

/* D15: while the account cannot be read nobody is told that something does not exist, and presence,
 * which nobody waits for, is dropped. */
static void refuse_for_now(struct account *account, struct stanza *stanza, struct post *post)
{
    if (post) {
        store_failed(post, STANZA_RESOURCE_CONSTRAINT);
    } else if (stanza->kind != STANZA_PRESENCE) {
        sm_refuse(account->sm, stanza, STANZA_RESOURCE_CONSTRAINT, NULL);
    }
}

/* A request to the bare JID of no account; what it is answered is the dispatch table's. */
static bool asks_nobody(const struct account *account, const struct stanza *stanza)
{
    return account->state == ACCOUNT_ABSENT && !stanza->to.resource &&
           (stanza->type == IQ_GET || stanza->type == IQ_SET);
}

static enum sm_verdict run_hooks(struct account *account, struct stanza *stanza)
{
    SM_MODULES (module)
        if (module->incoming && module->incoming(account, stanza) == SM_HANDLED) {
            FOLLOW(stanza->root, "dealt with by %s", module->name);
            return SM_HANDLED;
        }
    return SM_PASS;
}

static void arrive(struct account *account, struct stanza *stanza, struct post *post)
{
    if (account->state == ACCOUNT_FAILED || account->state == ACCOUNT_DROPPED) {
        refuse_for_now(account, stanza, post);
        return;
    }
    if (account->state == ACCOUNT_READY && run_hooks(account, stanza) == SM_HANDLED) {
        if (post) {
            store_answered(post);
        }
        return;
    }
    if (asks_nobody(account, stanza)) {
        dispatch_request(account->sm, SM_TO_NOBODY, NULL, NULL, stanza);
        return;
    }
    deliver(account, stanza, post);
}

void delivery_job(struct account *account, struct session *session, struct stanza *stanza,
                  int problem)
{
    (void)session;
    (void)problem;
    arrive(account, stanza, NULL);
}

void delivery_post(struct account *account, struct post *post)
{
    arrive(account, post->stanza, post);
}
