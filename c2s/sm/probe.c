/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Presence probes (RFC 6121 §4.3.2): rules P5 and P6 of docs/rules/presence.md.
 */
#include "c2s/sm/presence.h"
#include "c2s/sm/roster.h"

static void answer(struct account *account, const struct stanza *probe, enum stanza_type type,
                   const struct jid *from)
{
    struct stanza *reply = stanza_new(STANZA_PRESENCE, type);

    stanza_set_from(reply, from);
    stanza_set_to(reply, &probe->from);
    sm_route_take(account->sm, reply);
}

static bool anybody_available(const struct account *account)
{
    const struct session *session;

    ACCOUNT_SESSIONS (session, account) {
        if (session_available(session)) {
            return true;
        }
    }
    return false;
}

/* P5: one resource if the probe names it, else all of them. */
static void show(struct account *account, const struct stanza *probe)
{
    struct session *session;

    if (!probe->to.resource) {
        if (anybody_available(account)) {
            presence_show(account, &probe->from);
        } else {
            answer(account, probe, PRESENCE_UNAVAILABLE, account->jid);
        }
        return;
    }
    session = account_session(account, probe->to.resource);
    if (session && session_available(session)) {
        presence_send(session, session->presence, &probe->from);
    } else {
        answer(account, probe, PRESENCE_UNAVAILABLE, &probe->to);
    }
}

static enum sm_verdict probe_incoming(struct account *account, struct stanza *stanza)
{
    const struct jid *from = &stanza->from;

    if (stanza->type != PRESENCE_PROBE || !stanza->has_from) {
        return SM_PASS;
    }
    if (jid_bare_equal(from, account->jid) ||
        subscription_from(roster_subscription(account, from->bare))) {
        show(account, stanza);
    } else if (!sm_shares_presence(account, from)) {
        /* P6: as if there were no account (delivery.c, D3). */
        answer(account, stanza, PRESENCE_UNSUBSCRIBED, account->jid);
    }
    return SM_HANDLED;
}

const struct sm_module probe_module = {
    .name = "probe",
    .incoming = probe_incoming,
};
