/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Presence subscriptions: what clients and contacts send goes through the table of
 * subscription_table.c; the change is committed, then the contact or the user hears of it. The
 * rules S1 to S16 and P1 to P6 are those of docs/rules/subscription.md.
 */
#include "c2s/sm/subscription.h"

#include <stdlib.h>
#include <string.h>

#include "c2s/sm/letters.h"
#include "c2s/sm/preauth.h"
#include "c2s/sm/presence.h"
#include "common/base/error.h"
#include "common/base/limit.h"
#include "common/base/log.h"
#include "common/base/macros.h"

/* One subscription stanza on its way through the database. The account is held meanwhile, so the
 * session stays in memory too. */
struct transition {
    struct account *account;
    struct session *session; /* outbound: who sent it; NULL: the account itself (invited.c) */
    struct stanza *original;
    struct stanza *stamped; /* between the bare JIDs */
    struct jid *contact;
    enum subscription_event event;
    enum subscription old, next;
    bool pass;
    bool reply;
    bool welcome;            /* inbound: by a token; it is asked in return, too */
    char *invitation;        /* the id of that token; NULL: none */
    struct letters *letters; /* what the contact is told; NULL: the change has them */
};

static bool is_subscription(const struct stanza *stanza)
{
    return stanza->type >= PRESENCE_SUBSCRIBE && stanza->type <= PRESENCE_UNSUBSCRIBED;
}

static enum subscription_event event_of(const struct stanza *stanza, bool outbound)
{
    static const enum subscription_event outbound_events[] = {
        [PRESENCE_SUBSCRIBE] = SUBSCRIPTION_OUT_SUBSCRIBE,
        [PRESENCE_UNSUBSCRIBE] = SUBSCRIPTION_OUT_UNSUBSCRIBE,
        [PRESENCE_SUBSCRIBED] = SUBSCRIPTION_OUT_SUBSCRIBED,
        [PRESENCE_UNSUBSCRIBED] = SUBSCRIPTION_OUT_UNSUBSCRIBED,
    };
    enum subscription_event event = outbound_events[stanza->type];

    return outbound ? event : event + SUBSCRIPTION_IN_SUBSCRIBE - SUBSCRIPTION_OUT_SUBSCRIBE;
}

static struct transition *transition_new(struct account *account, struct session *session,
                                         struct stanza *stanza, bool outbound)
{
    struct transition *transition = xcalloc(1, sizeof(*transition));

    transition->account = account;
    transition->session = session;
    transition->original = stanza_ref(stanza);
    transition->contact = jid_dup_with_resource(outbound ? &stanza->to : &stanza->from, NULL);
    transition->event = event_of(stanza, outbound);
    transition->stamped = stanza_copy(stanza); /* S1 */
    stanza_set_from(transition->stamped, outbound ? account->jid : transition->contact);
    stanza_set_to(transition->stamped, outbound ? transition->contact : account->jid);
    return transition;
}

static void transition_free(struct transition *transition)
{
    stanza_unref(transition->original);
    stanza_unref(transition->stamped);
    letters_free(transition->letters);
    free(transition->contact);
    free(transition->invitation);
    free(transition);
}

/* S3: who may see the account's presence from now on gets it, who no longer may gets to know that
 * it is not available. An automatic answer repeats it for a contact whose server has lost it. */
static void show_or_hide(struct account *account, const struct transition *transition)
{
    bool before = subscription_from(transition->old);
    bool now = subscription_from(transition->next);

    if (now && (!before || transition->reply)) {
        presence_show(account, transition->contact);
    } else if (before && !now) {
        presence_hide(account, transition->contact);
    }
}

static bool interested(const struct session *session)
{
    return session->roster_interested;
}

/* S9: a request goes to those who can answer it, what changes the roster to those who show it. */
static void deliver(struct account *account, struct transition *transition)
{
    bool (*wanted)(const struct session *) =
        transition->event == SUBSCRIPTION_IN_SUBSCRIBE ? session_available : interested;
    struct session *session;

    ACCOUNT_SESSIONS (session, account) {
        if (wanted(session)) {
            session_send(session, transition->stamped);
        }
    }
}

static bool is_outbound(const struct transition *transition)
{
    return transition->event < SUBSCRIPTION_IN_SUBSCRIBE;
}

static void write_letters(struct account *account, struct transition *transition)
{
    transition->letters = letters_new(account);
    if (transition->reply) {
        letters_add_presence(transition->letters, PRESENCE_SUBSCRIBED, transition->contact);
    }
    if (transition->pass && is_outbound(transition)) {
        letters_add(transition->letters, transition->stamped);
    }
    if (transition->welcome) { /* P3 */
        letters_add_presence(transition->letters, PRESENCE_SUBSCRIBE, transition->contact);
    }
}

static void pass_on(struct account *account, struct transition *transition)
{
    if (transition->pass && !is_outbound(transition)) {
        deliver(account, transition);
    }
}

static void refuse(struct account *account, struct transition *transition,
                   enum stanza_condition condition)
{
    if (is_outbound(transition) && transition->session) {
        session_refuse(transition->session, transition->original, condition);
    } else if (!is_outbound(transition)) {
        sm_refuse(account->sm, transition->stamped, condition, NULL);
    }
}

/* S2: first the stanza, then the roster push (roster_change.c), then presence. */
static void committed(struct account *account, int status, void *user)
{
    if (status == 0) {
        pass_on(account, user);
    } else {
        refuse(account, user, sm_condition(status));
    }
}

static bool is_of_account_itself(const struct transition *transition)
{
    return is_outbound(transition) && !transition->session;
}

/* What is written with the change: who invited whom is known in one moment with the contact. */
static void write_invitation(struct sm_unit *unit, void *user)
{
    const struct transition *transition = user;

    if (transition->invitation) {
        preauth_use(unit, transition->invitation, transition->contact);
    }
    if (is_of_account_itself(transition)) {
        invited_forget(unit, transition->account);
    }
}

static void forget_invitation(const struct transition *transition)
{
    struct account *account = transition->account;

    if (is_of_account_itself(transition)) {
        free(account->invitation);
        account->invitation = NULL;
    }
}

static void pushed(struct account *account, int status, void *user)
{
    struct transition *transition = user;

    if (status == 0) {
        forget_invitation(transition);
        show_or_hide(account, transition);
    }
    transition_free(transition);
}

static void told(struct account *account, int status, const struct db_result *results UNUSED,
                 void *user)
{
    struct transition *transition = user;

    if (status == 0) {
        letters_send(transition->letters);
        forget_invitation(transition);
        show_or_hide(account, transition);
    } else {
        refuse(account, transition, sm_condition(status));
    }
    transition_free(transition);
}

/* The contact is told all the same: it may have lost what it was told before. */
static void unchanged(struct account *account, struct transition *transition)
{
    if (letters_empty(transition->letters)) {
        pass_on(account, transition);
        show_or_hide(account, transition);
        transition_free(transition);
    } else {
        struct sm_unit *unit = sm_unit_new(account, SM_WRITE);

        letters_write(transition->letters, unit);
        write_invitation(unit, transition);
        sm_submit(unit, told, transition);
    }
}

static void set_pending(struct roster_item *item, const struct transition *transition)
{
    if (!subscription_pending_in(item->subscription)) {
        free(item->pending);
        item->pending = NULL;
    } else if (transition->event == SUBSCRIPTION_IN_SUBSCRIBE) {
        free(item->pending);
        item->pending = subscription_pending_text(transition->stamped);
    }
}

static void submit(struct account *account, struct transition *transition, bool approved,
                   bool shown)
{
    struct roster_change *change = roster_change_begin(account, transition->contact);

    change->item->subscription = transition->next;
    change->item->approved = approved;
    set_pending(change->item, transition);
    if (shown && roster_change_show(change) < 0) {
        roster_change_cancel(change);
        refuse(account, transition, STANZA_RESOURCE_CONSTRAINT);
        transition_free(transition);
        return;
    }
    change->also = write_invitation;
    change->letters = transition->letters;
    transition->letters = NULL;
    roster_change_submit(change, committed, pushed, transition);
}

/* S10: approving somebody who has not asked is remembered, and not routed; 'unsubscribed' takes it
 * back (§3.4). */
static bool approval_after(const struct transition *transition, bool approved)
{
    if (transition->event == SUBSCRIPTION_OUT_UNSUBSCRIBED) {
        return false;
    }
    if (transition->event == SUBSCRIPTION_OUT_SUBSCRIBED && !transition->pass &&
        !subscription_from(transition->old)) {
        return true;
    }
    if (transition->event == SUBSCRIPTION_OUT_SUBSCRIBE && preauth_token(transition->stamped) &&
        !subscription_from(transition->old)) { /* P2 */
        return true;
    }
    return approved;
}

/* S5: what is more than a request of the contact belongs to the roster. */
static bool belongs_to_roster(enum subscription state, bool approved)
{
    return approved || subscription_to(state) || subscription_from(state) ||
           subscription_pending_out(state);
}

static void apply_rule(struct account *account, struct transition *transition)
{
    const struct roster_item *item = roster_find(account, transition->contact->full);
    bool was_approved = item && item->approved;
    bool approved;

    transition->old = item ? item->subscription : SUBSCRIPTION_NONE;
    if (transition->invitation && !subscription_from(transition->old)) { /* P3 */
        bool to = subscription_to(transition->old);

        transition->next = subscription_make(to, true, !to, false);
        transition->reply = true;
        transition->welcome = !to;
    } else if (transition->event == SUBSCRIPTION_IN_SUBSCRIBE && was_approved &&
               !subscription_from(transition->old)) { /* S11 */
        transition->next = subscription_make(subscription_to(transition->old), true,
                                             subscription_pending_out(transition->old), false);
        transition->reply = true;
    } else {
        const struct subscription_rule *rule =
            subscription_rule(transition->old, transition->event);

        transition->next = rule->next;
        transition->pass = rule->pass;
        transition->reply = rule->reply;
    }
    approved = approval_after(transition, was_approved);
    write_letters(account, transition);
    if (!letters_fit(transition->letters)) {
        refuse(account, transition, STANZA_RESOURCE_CONSTRAINT);
        transition_free(transition);
        return;
    }
    if (transition->next == transition->old && approved == was_approved) {
        unchanged(account, transition);
        return;
    }
    submit(account, transition, approved,
           (item && !item->removed) || belongs_to_roster(transition->next, approved));
}

void subscription_ask_inviter(struct account *account, const struct jid *inviter)
{
    struct stanza *request = stanza_new(STANZA_PRESENCE, PRESENCE_SUBSCRIBE);

    stanza_set_from(request, account->jid);
    stanza_set_to(request, inviter);
    preauth_add(request, account->invitation);
    apply_rule(account, transition_new(account, NULL, request, true));
    stanza_unref(request);
}

static enum sm_verdict subscription_outgoing(struct session *session, struct stanza *stanza)
{
    struct account *account = session->account;

    if (!is_subscription(stanza)) {
        return SM_PASS;
    }
    if (!stanza->has_to) {
        session_refuse(session, stanza, STANZA_BAD_REQUEST);
    } else if (jid_bare_equal(&stanza->to, account->jid)) { /* S12 */
        session_refuse(session, stanza, STANZA_NOT_ALLOWED);
    } else {
        apply_rule(account, transition_new(account, session, stanza, true));
    }
    return SM_HANDLED;
}

/* P3, P4: a token that is not good for this contact is none. */
static void checked(struct account *account, int status, const struct db_result *results,
                    void *user)
{
    struct transition *transition = user;

    if (status < 0) {
        refuse(account, transition, sm_condition(status));
        transition_free(transition);
        return;
    }
    if (db_rows(&results[0]) > 0) {
        transition->invitation = xstrdup(db_get_text(&results[0], 0, 0));
    }
    apply_rule(account, transition);
}

static void apply_inbound(struct account *account, struct transition *transition)
{
    const char *token =
        transition->event == SUBSCRIPTION_IN_SUBSCRIBE ? preauth_token(transition->stamped) : NULL;

    if (token) {
        preauth_check(account, token, transition->contact, checked, transition);
    } else {
        apply_rule(account, transition);
    }
}

/* S8: requests of strangers are limited as the roster is. */
static bool too_many_requests(const struct account *account, const struct stanza *stanza)
{
    return stanza->type == PRESENCE_SUBSCRIBE && !roster_find(account, stanza->from.bare) &&
           account->roster->removed >= account->sm->limits.roster_items;
}

static enum sm_verdict subscription_incoming(struct account *account, struct stanza *stanza)
{
    if (!is_subscription(stanza)) {
        return SM_PASS;
    }
    if (jid_bare_equal(&stanza->from, account->jid)) {
        return SM_HANDLED;
    }
    if (too_many_requests(account, stanza)) {
        limit_reached("roster-size");
        log_info("subscription_limit", LOG_TEXT("account", account->jid->bare));
        sm_refuse(account->sm, stanza, STANZA_RESOURCE_CONSTRAINT,
                  "too many requests wait for this user");
        return SM_HANDLED;
    }
    apply_inbound(account, transition_new(account, NULL, stanza, false));
    return SM_HANDLED;
}

static void subscription_stream_features(struct sm *sm, struct element *features)
{
    (void)sm;
    element_add(features, "urn:xmpp:features:pre-approval", "sub");
}

const struct sm_module subscription_module = {
    .name = "subscription",
    .stream_features = subscription_stream_features,
    .outgoing = subscription_outgoing,
    .incoming = subscription_incoming,
    .session_ready = subscription_show_pending,
};
