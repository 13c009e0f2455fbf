/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Presence probes (RFC 6121 §4.3.2): rules P5 and P6 of docs/rules/presence.md.
 */
#include "c2s/sm/presence.h"
#include "c2s/sm/roster.h"

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
            sm_route_presence(account->sm, PRESENCE_UNAVAILABLE, account->jid, &probe->from);
        }
        return;
    }
    session = account_session(account, probe->to.resource);
    if (session && session_available(session)) {
        presence_send(session, session->presence, &probe->from);
    } else {
        sm_route_presence(account->sm, PRESENCE_UNAVAILABLE, &probe->to, &probe->from);
    }
}

static enum sm_verdict probe_incoming(struct account *account, struct stanza *stanza)
{
    const struct jid *from = &stanza->from;

    if (stanza->type != PRESENCE_PROBE) {
        return SM_PASS;
    }
    if (jid_bare_equal(from, account->jid) ||
        subscription_from(roster_subscription(account, from->bare))) {
        show(account, stanza);
    } else if (!sm_shares_presence(account, from)) {
        /* P6: as if there were no account (delivery.c, D3). */
        sm_route_presence(account->sm, PRESENCE_UNSUBSCRIBED, account->jid, &stanza->from);
    }
    return SM_HANDLED;
}

const struct sm_module probe_module = {
    .name = "probe",
    .incoming = probe_incoming,
};
