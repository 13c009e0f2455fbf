/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The presence of the account's resources and who is told of it: RFC 6121 §4.2, §4.4, §4.5. The
 * rules P1 to P14 are those of docs/rules/presence.md.
 */
#include "c2s/sm/presence.h"

#include <stdlib.h>
#include <string.h>

#include "c2s/sm/photo.h"
#include "c2s/sm/roster.h"
#include "c2s/sm/smacks_row.h"
#include "common/base/error.h"

#define PRIORITY_MIN (-128)
#define PRIORITY_MAX 127

bool sm_blocks(const struct account *account, const struct jid *jid)
{
    SM_MODULES (module)
        if (module->blocks && module->blocks(account, jid)) {
            return true;
        }
    return false;
}

bool sm_shares_presence(const struct account *account, const struct jid *with)
{
    const struct session *session;

    if (jid_bare_equal(account->jid, with) || sm_is_server(account->sm, with) ||
        subscription_from(roster_subscription(account, with->bare))) {
        return true;
    }
    ACCOUNT_SESSIONS (session, account) {
        if (directed_has(session, with)) {
            return true;
        }
    }
    return false;
}

void presence_say(struct account *account, const struct jid *from, const struct stanza *presence,
                  const struct jid *to, bool says_all)
{
    struct stanza *copy;

    if (sm_blocks(account, to)) { /* P14 */
        return;
    }
    copy = stanza_copy(presence);
    stanza_set_from(copy, from);
    stanza_set_to(copy, to);
    copy->says_all = says_all;
    photo_add(account, copy);
    sm_route_take(account->sm, copy);
}

void presence_send(struct session *session, const struct stanza *presence, const struct jid *to)
{
    presence_say(session->account, session->jid, presence, to, false);
}

void presence_show(struct account *account, const struct jid *to)
{
    struct session *session;

    ACCOUNT_SESSIONS (session, account) {
        if (session_available(session)) {
            presence_send(session, session->presence, to);
        }
    }
}

void presence_hide(struct account *account, const struct jid *to)
{
    struct stanza *unavailable = stanza_new(STANZA_PRESENCE, PRESENCE_UNAVAILABLE);
    struct session *session;

    ACCOUNT_SESSIONS (session, account) {
        if (session_available(session)) {
            presence_send(session, unavailable, to);
        }
    }
    stanza_unref(unavailable);
}

static void send_own(struct session *to, const struct session *from, const struct stanza *presence)
{
    struct stanza *copy = stanza_copy(presence);

    stanza_set_from(copy, from->jid);
    stanza_set_to(copy, to->jid);
    photo_add(from->account, copy);
    session_send_take(to, copy);
}

/* P3: to contacts that may see the account, and to all of its own available resources. */
static void broadcast(struct session *session, const struct stanza *presence)
{
    struct account *account = session->account;
    struct session *other;

    ROSTER_ITEMS (item, account) {
        if (subscription_from(item->subscription)) {
            presence_say(account, session->jid, presence, item->jid, true);
        }
    }
    ACCOUNT_SESSIONS (other, account) {
        if (session_available(other)) {
            send_own(other, session, presence);
        }
    }
}

void presence_again(struct account *account)
{
    struct session *session;

    ACCOUNT_SESSIONS (session, account) {
        if (session_available(session) && !session->leaving)
            broadcast(session, session->presence);
    }
}

/* P4 */
static void probe_contacts(struct session *session)
{
    struct stanza *probe = stanza_new(STANZA_PRESENCE, PRESENCE_PROBE);

    ROSTER_ITEMS (item, session->account) {
        if (subscription_to(item->subscription)) {
            presence_send(session, probe, item->jid);
        }
    }
    stanza_unref(probe);
}

/* P4: a resource knows of the others of its account without asking. */
static void show_others_to(struct session *session)
{
    struct session *other;

    ACCOUNT_SESSIONS (other, session->account) {
        if (other != session && session_available(other)) {
            send_own(session, other, other->presence);
        }
    }
}

/* P1: a whole number from -128 to 127 (§4.7.2.3); 0 if there is none. */
static int read_priority(const struct stanza *presence, int *priority)
{
    const char *text = element_child_text(presence->root, NS_CLIENT, "priority");
    char *end;
    long value;

    *priority = 0;
    if (!text) {
        return 0;
    }
    value = strtol(text, &end, 10);
    if (end == text || end[strspn(end, " \t\r\n")] != '\0' || value < PRIORITY_MIN ||
        value > PRIORITY_MAX) {
        return ERR_INVALID;
    }
    *priority = (int)value;
    return 0;
}

static void set_presence(struct session *session, struct stanza *presence, int priority)
{
    stanza_unref(session->presence);
    session->presence = stanza_ref(presence);
    session->priority = priority;
}

/* P13 */
static void tell_ready(struct session *session, bool initial)
{
    SM_MODULES (module)
        if (module->session_ready) {
            module->session_ready(session, initial);
        }
}

/* Something that a stanza of the client says, until the row of the session has it. */
struct saying {
    struct session *session;
    struct stanza *presence;
    bool initial;
    bool ready; /* to take messages, which it was not before */
};

static struct saying *saying_new(struct session *session, struct stanza *presence)
{
    struct saying *saying = xcalloc(1, sizeof(*saying));

    saying->session = session;
    saying->presence = stanza_ref(presence);
    return saying;
}

static void saying_free(struct saying *saying)
{
    stanza_unref(saying->presence);
    free(saying);
}

static void tell_available(struct account *account UNUSED, int status UNUSED,
                           const struct db_result *results UNUSED, void *user)
{
    struct saying *saying = user;
    struct session *session = saying->session;

    if (session->presence == saying->presence) { /* it has not ended meanwhile */
        broadcast(session, saying->presence);
        if (saying->initial) {
            show_others_to(session);
            probe_contacts(session);
        }
        SM_MODULES (module)
            if (module->session_presence) {
                module->session_presence(session, saying->initial);
            }
        if (saying->ready) {
            tell_ready(session, saying->initial);
        }
    }
    saying_free(saying);
}

static void become_available(struct session *session, struct stanza *presence)
{
    bool initial = !session->presence;
    bool took_messages = !initial && session->priority >= 0;
    struct saying *saying;
    int priority;

    if (read_priority(presence, &priority) < 0) {
        session_refuse(session, presence, STANZA_BAD_REQUEST);
        return;
    }
    set_presence(session, presence, priority);
    saying = saying_new(session, presence);
    saying->initial = initial;
    saying->ready = initial || (priority >= 0 && !took_messages);
    smacks_row_first(session, tell_available, saying);
}

static void tell_unavailable(struct session *session, struct stanza *presence)
{
    SM_MODULES (module)
        if (module->session_unavailable) {
            module->session_unavailable(session, presence);
        }
}

/* P9, P11. Directed presence may have gone out without an initial one. */
void presence_end(struct session *session, struct stanza *presence)
{
    struct stanza *sent =
        presence ? stanza_ref(presence) : stanza_new(STANZA_PRESENCE, PRESENCE_UNAVAILABLE);
    struct stanza *last = session->presence;

    if (last) {
        tell_unavailable(session, presence);
        session->presence = NULL;
        broadcast(session, sent);
        stanza_unref(last);
    }
    directed_end(session, sent);
    stanza_unref(sent);
}

static void end_said(struct account *account UNUSED, int status UNUSED,
                     const struct db_result *results UNUSED, void *user)
{
    struct saying *saying = user;

    saying->session->leaving = false;
    if (!saying->session->ended) {
        presence_end(saying->session, saying->presence);
    }
    saying_free(saying);
}

static void become_unavailable(struct session *session, struct stanza *presence)
{
    if (!session->presence && !session->directed) {
        return;
    }
    session->leaving = true;
    smacks_row_first(session, end_said, saying_new(session, presence));
}

void presence_forget(struct session *session)
{
    stanza_unref(session->presence);
    session->presence = NULL;
    directed_forget(session);
}

/* The client may have missed presence: as behind its initial one. */
static void tell_anew(struct session *session)
{
    if (session->presence) {
        show_others_to(session);
        probe_contacts(session);
    }
}

static enum sm_verdict undirected(struct session *session, struct stanza *presence)
{
    if (presence->type == PRESENCE_AVAILABLE) {
        become_available(session, presence);
    } else if (presence->type == PRESENCE_UNAVAILABLE) {
        become_unavailable(session, presence);
    }
    return SM_HANDLED; /* P12: errors and probes to nobody */
}

static void send_directed(struct account *account, int status UNUSED,
                          const struct db_result *results UNUSED, void *user)
{
    struct saying *saying = user;

    if (!saying->session->ended) {
        sm_route(account->sm, saying->presence);
    }
    saying_free(saying);
}

/* A new address: it has to hear of the end. */
static enum sm_verdict direct_first(struct session *session, struct stanza *presence)
{
    smacks_row_first(session, send_directed, saying_new(session, presence));
    return SM_HANDLED;
}

/* Others see the photo too (XEP-0398 §4). */
static enum sm_verdict direct(struct session *session, struct stanza *presence, bool is_new)
{
    struct stanza *shown = photo_shown(session->account, presence);
    enum sm_verdict verdict = SM_PASS;

    if (is_new)
        verdict = direct_first(session, shown);
    else if (shown != presence) {
        sm_route(session->account->sm, shown);
        verdict = SM_HANDLED;
    }
    stanza_unref(shown);
    return verdict;
}

static enum sm_verdict directed(struct session *session, struct stanza *presence)
{
    int priority, noted;

    if (presence->type != PRESENCE_AVAILABLE && presence->type != PRESENCE_UNAVAILABLE) {
        return SM_PASS;
    }
    if (read_priority(presence, &priority) < 0) {
        session_refuse(session, presence, STANZA_BAD_REQUEST);
        return SM_HANDLED;
    }
    noted = directed_note(session, presence);
    if (noted < 0) {
        session_refuse_with(session, presence, STANZA_POLICY_VIOLATION,
                            "presence was sent to too many addresses");
        return SM_HANDLED;
    }
    return direct(session, presence, noted > 0);
}

static enum sm_verdict presence_outgoing(struct session *session, struct stanza *stanza)
{
    if (stanza->kind != STANZA_PRESENCE) {
        return SM_PASS;
    }
    return stanza->has_to ? directed(session, stanza) : undirected(session, stanza);
}

const struct sm_module presence_module = {
    .name = "presence",
    .outgoing = presence_outgoing,
    .tell_anew = tell_anew,
};
