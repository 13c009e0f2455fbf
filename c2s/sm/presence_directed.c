/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Directed presence: RFC 6121 §4.6, rules P7 to P10 of docs/rules/presence.md.
 */
#include <stdlib.h>
#include <string.h>

#include "c2s/sm/presence.h"
#include "c2s/sm/roster.h"
#include "c2s/sm/smacks_row.h"
#include "common/base/error.h"
#include "common/base/limit.h"

struct directed {
    struct jid *jid;
    UT_hash_handle hh; /* session->directed, by jid->full */
};

static struct directed *find(const struct session *session, const char *jid)
{
    struct directed *directed;

    HASH_FIND_STR(session->directed, jid, directed);
    return directed;
}

static void forget(struct session *session, struct directed *directed)
{
    HASH_DEL(session->directed, directed);
    free(directed->jid);
    free(directed);
}

static void note(struct session *session, const struct jid *to)
{
    struct directed *directed = xcalloc(1, sizeof(*directed));

    directed->jid = jid_dup(to);
    HASH_ADD_KEYPTR(hh, session->directed, directed->jid->full, strlen(directed->jid->full),
                    directed);
}

int directed_note(struct session *session, const struct stanza *presence)
{
    struct directed *known = find(session, presence->to.full);

    if (presence->type == PRESENCE_UNAVAILABLE) {
        if (known) {
            forget(session, known);
            smacks_row_touch(session);
        }
        return 0;
    }
    if (known) {
        return 0;
    }
    if (HASH_COUNT(session->directed) >= session->account->sm->limits.directed) {
        limit_reached("directed-presence");
        return ERR_LIMIT;
    }
    note(session, &presence->to);
    return 1;
}

bool directed_has(const struct session *session, const struct jid *jid)
{
    for (const struct directed *at = session->directed; at; at = at->hh.next) {
        if (jid_bare_equal(at->jid, jid)) {
            return true;
        }
    }
    return false;
}

void directed_forget(struct session *session)
{
    struct directed *directed, *next;

    HASH_ITER (hh, session->directed, directed, next) {
        forget(session, directed);
    }
}

char *directed_format(const struct session *session)
{
    struct buffer text = {0};

    for (const struct directed *at = session->directed; at; at = at->hh.next) {
        buffer_printf(&text, "%s\n", at->jid->full);
    }
    return text.length > 0 ? buffer_take(&text) : NULL;
}

/* No JID has a line feed in it. */
void directed_restore(struct session *session, const char *text)
{
    struct arena *arena = arena_new();
    struct jid jid;

    for (const char *end; (end = strchr(text, '\n')) != NULL; text = end + 1) {
        char *line = xstrndup(text, (size_t)(end - text));

        if (jid_parse(arena, line, &jid) == 0) {
            note(session, &jid);
        }
        free(line);
    }
    arena_free(arena);
}

/* The forms of XEP-0191 §5: what an address leaves out, every value of it is covered. */
static bool covers(const struct jid *whole, const struct jid *jid)
{
    return strcmp(whole->domain, jid->domain) == 0 &&
           (!whole->local || (jid->local && strcmp(whole->local, jid->local) == 0)) &&
           (!whole->resource || (jid->resource && strcmp(whole->resource, jid->resource) == 0));
}

static void end_within(struct session *session, const struct jid *whole,
                       const struct stanza *unavailable)
{
    struct directed *directed, *next;

    HASH_ITER (hh, session->directed, directed, next) {
        if (!covers(whole, directed->jid) || jid_bare_equal(directed->jid, session->account->jid)) {
            continue;
        }
        if (!subscription_from(roster_subscription(session->account, directed->jid->bare))) {
            presence_send(session, unavailable, directed->jid);
        }
        forget(session, directed);
        smacks_row_touch(session);
    }
}

void directed_end_within(struct account *account, const struct jid *whole)
{
    struct stanza *unavailable = stanza_new(STANZA_PRESENCE, PRESENCE_UNAVAILABLE);
    struct session *session;

    ACCOUNT_SESSIONS (session, account) {
        end_within(session, whole, unavailable);
    }
    stanza_unref(unavailable);
}

/* P9: who sees the account as a contact has got the broadcast already. */
void directed_end(struct session *session, const struct stanza *unavailable)
{
    struct directed *directed, *next;

    HASH_ITER (hh, session->directed, directed, next) {
        if (!subscription_from(roster_subscription(session->account, directed->jid->bare))) {
            presence_send(session, unavailable, directed->jid);
        }
        forget(session, directed);
    }
}
