/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * A session: one connected resource of an account (RFC 6121 §1.4). It is *connected* from the bind
 * on, *available* from its initial presence on (§4.2.1), and *interested* in the roster once it has
 * asked for it (§2.1.6).
 *
 * A session belongs to its account. Its client may go away at any moment: from then on `client` is
 * NULL and what is sent to the session is dropped; the session itself ends in the order of the
 * account's queue, so that everything its client said before is still done.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "c2s/plugin.h"
#include "common/xmpp/stanza.h"

struct account;
struct sm;
struct asked;
struct caps;
struct directed;
struct page;
struct sm_request;

struct session {
    struct account *account;
    struct client *client; /* NULL: the stream is gone */
    struct jid *jid;       /* full */
    bool ended;            /* no longer among the account's sessions */

    /* Presence (presence.c). */
    struct stanza *presence; /* the last one without 'to'; NULL: not available */
    int priority;            /* of it, -128 to 127 */
    struct directed *directed;

    /* One field a feature; only its own file looks inside. */
    bool roster_interested;
    bool blocking_interested;
    bool carbons; /* wants copies */
    struct caps *caps;
    struct asked *asked;          /* forged.c */
    struct page *pages;           /* archive_page.c */
    int64_t shown_from, shown_to; /* of the archive: above the first, up to the second */

    /* Private to session.c and dispatch.c. */
    unsigned queued; /* jobs of it */
    bool paused;
    char *resource; /* asked for; NULL: the server chooses */
    struct sm_request *requests;
    struct session *prev, *next; /* account->sessions, before that sm->binding */
};

/* Whether stanzas can be written to it. */
static inline bool session_connected(const struct session *session)
{
    return session->client && !session->ended;
}

static inline bool session_available(const struct session *session)
{
    return session->presence && session_connected(session);
}

/* Writes to the client, as it is. Borrowed. Nothing happens if the client is gone. */
void session_send(struct session *session, struct stanza *stanza);
void session_send_take(struct session *session, struct stanza *stanza);
/* Whether as much waits for its client as may: who has much to send stops. */
bool session_is_full(const struct session *session);
/* Asks its client something that it must answer, to hear whether it is still there. */
void session_ask(struct session *session);
/* Answers a stanza of its client with an error, unless it must not be answered with one. */
void session_refuse(struct session *session, const struct stanza *stanza,
                    enum stanza_condition condition);
/* Ends the stream with a stream error and the session with it, now. */
void session_kick(struct session *session, enum stream_condition condition, const char *text);
/* The session ends now: contacts and features hear of it. The memory goes with the client and the
 * last job. */
void session_end(struct session *session);

/* What c2s tells (plugin.c). */
void session_bind(struct sm *sm, struct client *client, const struct jid *account,
                  const char *resource);
void session_bind_cancelled(struct sm *sm, struct client *client);
void session_closed(struct session *session);
/* For account.c: a job of the session was queued, or is done (it may be freed then). */
void session_job_queued(struct session *session);
void session_job_done(struct session *session);
