/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What a client of ours sends: from the queue of its account through the outgoing hooks to
 * sm_route(), or to the account itself (RFC 6120 §10.3).
 */
#include "c2s/sm/outgoing.h"

#include <string.h>

#include "c2s/sm/dispatch.h"

#define NS_DELAY "urn:xmpp:delay"

static bool to_own_account(const struct account *account, const struct stanza *stanza)
{
    return !stanza->has_to || (!stanza->to.resource && jid_bare_equal(&stanza->to, account->jid));
}

/* RFC 6120 §10.3.3: without 'to', or to its own bare JID, an iq is for the server to handle on
 * behalf of the account. Answers of the client to the server itself end here. */
static bool handle_own_iq(struct session *session, struct stanza *stanza)
{
    struct account *account = session->account;

    if (stanza->kind != STANZA_IQ || !to_own_account(account, stanza)) {
        return false;
    }
    if (!stanza_is_reply(stanza)) {
        dispatch_request(account->sm, SM_TO_SELF, account, session, stanza);
    }
    return true;
}

/* Only the server says when something was delayed by the server (XEP-0203 §4). */
static void strip_forged_delays(const struct sm *sm, struct stanza *stanza)
{
    struct element *child = element_first(stanza->root);

    while (child) {
        struct element *next = element_next(child);
        const char *from = element_get(child, "from");

        if (element_is(child, NS_DELAY, "delay") && from && worker_serves(sm->worker, from)) {
            element_remove(stanza->root, child);
        }
        child = next;
    }
}

static enum sm_verdict run_hooks(struct session *session, struct stanza *stanza)
{
    SM_MODULES (module)
        if (module->outgoing && module->outgoing(session, stanza) == SM_HANDLED) {
            return SM_HANDLED;
        }
    return SM_PASS;
}

static void outgoing_job(struct account *account, struct session *session, struct stanza *stanza,
                         int problem)
{
    if (session->ended) {
        return;
    }
    if (account->state != ACCOUNT_READY) {
        session_refuse(session, stanza, STANZA_RESOURCE_CONSTRAINT);
        return;
    }
    if (problem >= 0) {
        session_refuse(session, stanza, (enum stanza_condition)problem);
        return;
    }
    if (handle_own_iq(session, stanza)) {
        return;
    }
    strip_forged_delays(account->sm, stanza);
    if (run_hooks(session, stanza) == SM_HANDLED) {
        return;
    }
    /* RFC 6120 §10.3.1: a message without 'to' is for the account itself. */
    if (!stanza->has_to && stanza->kind == STANZA_MESSAGE) {
        stanza_set_to(stanza, account->jid);
    }
    sm_route(account->sm, stanza);
}

void outgoing_stanza(struct session *session, struct stanza *stanza, int problem)
{
    session_queue(session, outgoing_job, stanza, problem);
}
