/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What a client of ours sends: from the queue of its account through the outgoing hooks to
 * sm_route(), or to the account itself (RFC 6120 §10.3).
 */
#include "c2s/sm/outgoing.h"

#include <stdlib.h>
#include <string.h>

#include "c2s/node_message.h"
#include "c2s/pubsub/features.h"
#include "c2s/sm/carbons.h"
#include "c2s/sm/dispatch.h"
#include "c2s/sm/forged.h"
#include "c2s/sm/places.h"
#include "c2s/sm/services.h"
#include "c2s/sm/store.h"
#include "common/service/follow.h"

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
    if (stanza_is_reply(stanza)) {
        features_answered(account->sm, stanza);
    } else {
        dispatch_request(account->sm, SM_TO_SELF, account, session, stanza);
    }
    return true;
}

static enum sm_verdict run_hooks(struct session *session, struct stanza *stanza)
{
    SM_MODULES (module)
        if (module->outgoing && module->outgoing(session, stanza) == SM_HANDLED) {
            FOLLOW(stanza->root, "dealt with by %s", module->name);
            return SM_HANDLED;
        }
    return SM_PASS;
}

/* What is for the server itself is answered at once. */
static bool is_stored(const struct sm *sm, const struct stanza *stanza)
{
    return services_keep(sm, stanza) && !sm_is_server(sm, &stanza->to);
}

/* Nodes of the network speak with each other; for users there are no such names. */
static bool is_to_node(const struct sm *sm, const struct stanza *stanza)
{
    return stanza->has_to && strcmp(stanza->to.domain, worker_host(sm->worker)) != 0 &&
           node_is_host(sm->worker, stanza->to.domain);
}

static void go_on(struct account *account, struct session *session, struct stanza *stanza)
{
    forged_strip_sent(session, stanza);
    if (run_hooks(session, stanza) == SM_HANDLED) {
        return;
    }
    /* RFC 6120 §10.3.1: a message without 'to' is for the account itself. */
    if (!stanza->has_to && stanza->kind == STANZA_MESSAGE) {
        stanza_set_to(stanza, account->jid);
    }
    if (is_stored(account->sm, stanza)) {
        store_sent(session, stanza);
        return;
    }
    carbons_sent(session, stanza, 0);
    sm_route(account->sm, stanza);
}

/* Its place is being looked up. */
struct waiting {
    struct session *session;
    struct stanza *stanza;
    struct settle_ticket *ticket;
};

static void on_place(struct sm *sm, const struct directory_place *place, void *user)
{
    struct waiting *waiting = user;
    struct session *session = waiting->session;
    struct account *account = session->account;
    struct settle_ticket *running = account->ticket;

    (void)sm;
    account->ticket = waiting->ticket;
    if (place->answer == DIRECTORY_UNKNOWN) {
        session_refuse(session, waiting->stanza, STANZA_REMOTE_SERVER_TIMEOUT);
    } else if (!session->ended && account->state == ACCOUNT_READY) {
        go_on(account, session, waiting->stanza);
    }
    account->ticket = running;
    settle_release(waiting->ticket);
    stanza_unref(waiting->stanza);
    session_unref(session);
    account_release(account);
    free(waiting);
}

/* Until it is known where that is, nothing else of the account is done: so what its clients send
 * stays in order, whoever it is for. */
static void look_up(struct account *account, struct session *session, struct stanza *stanza)
{
    struct waiting *waiting = xcalloc(1, sizeof(*waiting));

    waiting->session = session;
    waiting->stanza = stanza_ref(stanza);
    waiting->ticket = settle_take(session);
    session_ref(session);
    account_hold(account);
    places_ask(account->sm, &stanza->to, on_place, waiting);
}

static void outgoing_job(struct account *account, struct session *session, struct stanza *stanza,
                         int problem)
{
    struct directory_place place;

    if (session->ended) {
        return;
    }
    if (account->state != ACCOUNT_READY) {
        session_refuse(session, stanza, STANZA_RESOURCE_CONSTRAINT);
    } else if (problem >= 0) {
        session_refuse(session, stanza, (enum stanza_condition)problem);
    } else if (handle_own_iq(session, stanza)) {
        return;
    } else if (is_to_node(account->sm, stanza)) {
        session_refuse(session, stanza, STANZA_REMOTE_SERVER_NOT_FOUND);
    } else if (stanza->has_to && !places_look(account->sm, &stanza->to, &place)) {
        look_up(account, session, stanza);
    } else {
        go_on(account, session, stanza);
    }
}

/* No answer of the database for so long: the sender is told rather than left waiting (P6 in
 * docs/DURABILITY.md). Before the queue, which may stand. */
static bool is_refused_at_once(const struct session *session, const struct stanza *stanza)
{
    const struct account *account = session->account;

    return services_keep(account->sm, stanza) && store_stands(account->sm, account->jid->bare);
}

void outgoing_stanza(struct session *session, struct stanza *stanza, int problem)
{
    if (is_refused_at_once(session, stanza)) {
        struct settle_ticket *ticket = session_count(session);

        FOLLOW(stanza->root, "refused: the database does not answer");
        session_refuse(session, stanza, STANZA_RESOURCE_CONSTRAINT);
        settle_release(ticket);
        return;
    }
    FOLLOW(stanza->root, "from the client");
    session_queue_counted(session, outgoing_job, stanza, problem);
}
