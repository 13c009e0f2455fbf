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
#include "c2s/sm/pushed.h"
#include "c2s/sm/settle.h"
#include "common/xmpp/stanza.h"

struct account;
struct sm;
struct asked;
struct begin;
struct caps;
struct csi;
struct features;
struct command_session;
struct confirm;
struct directed;
struct page;
struct sm_request;
struct smacks;
struct resumption;

struct session {
    struct account *account;
    struct client *client; /* NULL: the stream is gone */
    bool waiting;    /* … but may be resumed (XEP-0198 §5): for others nothing has changed */
    struct jid *jid; /* full */
    bool ended;      /* no longer among the account's sessions … */
    bool left;       /* … but goes on elsewhere: nobody is told */

    /* Presence (presence.c). */
    struct stanza *presence; /* the last one without 'to'; NULL: not available */
    int priority;            /* of it, -128 to 127 */
    struct directed *directed;
    bool leaving; /* it is not available any more once its row says so, if it has one */

    /* One field a feature; only its own file looks inside. */
    bool roster_interested;
    bool blocking_interested;
    struct pushed roster, blocklist; /* versions of them */
    bool carbons;                    /* wants copies (XEP-0280) */
    struct caps *caps;
    struct features *features;
    struct asked *asked; /* forged.c */
    struct csi *csi;     /* NULL: active */
    struct command_session *commands;
    struct page *pages;           /* archive_page.c */
    int64_t shown_from, shown_to; /* of the archive: above the first, up to the second */
    struct smacks *smacks;        /* NULL: the client has not enabled stream management */

    /* Stored messages (offline.h). */
    int64_t sent_seq;        /* the last one that was sent to it */
    int64_t caught_up;       /* see catch_up.c */
    int64_t missed;          /* its client has not acknowledged this one, nor what came behind it */
    bool behind;             /* there are some that it has not been sent: nothing newer is */
    bool reading;            /* they are being read */
    bool was_ready;          /* it has taken messages */
    bool has_own;            /* some are for it alone */
    char *device;            /* which device it is (the id of its user agent, or what it asked for
                                as resource), or NULL */
    struct confirm *confirm; /* of a client without XEP-0198 */

    /* Private to session.c and dispatch.c. */
    unsigned references;
    unsigned queued; /* jobs of it */
    bool paused;
    char *resource;                /* asked for; NULL: the server chooses */
    struct resumption *resumption; /* this is no session but wants to resume one */
    struct begin *begin;           /* it is asked for together with a login (begin.h) */
    struct sm_request *requests;
    struct session *prev, *next; /* account->sessions, before that sm->binding */
};

/* Whether it can take stanzas: its client is there, or may come back for them. */
static inline bool session_connected(const struct session *session)
{
    return (session->client || session->waiting) && !session->ended;
}

static inline bool session_available(const struct session *session)
{
    return session->presence && session_connected(session);
}

/* Writes to the client, as it is. Borrowed. Nothing happens if the client is gone. */
void session_send(struct session *session, struct stanza *stanza);
/* A stored message, the row `seq` of the account. */
void session_send_stored(struct session *session, struct stanza *message, int64_t seq);
void session_send_take(struct session *session, struct stanza *stanza);
/* The last step of both, past csi.c. The session is connected. */
void session_write(struct session *session, struct stanza *stanza, int64_t seq);
/* Whether as much waits for its client, or for its acknowledgement, as may: who has much to send
 * stops. Stored messages are not sent then but left where they are stored; session_writable()
 * follows. */
bool session_is_full(const struct session *session);
/* Asks its client something that it must answer, to hear whether it is still there. */
void session_ask(struct session *session);
/* Answers a stanza of its client with an error, unless it must not be answered with one. */
void session_refuse(struct session *session, const struct stanza *stanza,
                    enum stanza_condition condition);
/* text: NULL, or for a reader. */
void session_refuse_with(struct session *session, const struct stanza *stanza,
                         enum stanza_condition condition, const char *text);
/* Ends the stream with a stream error and the session with it, now. */
void session_kick(struct session *session, enum stream_condition condition, const char *text);
/* Keeps the memory. */
void session_ref(struct session *session);
void session_unref(struct session *session);
/* Inside the job of a stanza of the client, or sm_done of a unit that follows from it: the stanza
 * is not settled (settle.h) until the ticket is released. NULL: it is not counted. */
struct settle_ticket *settle_take(struct session *session);
/* Whether its client says what it has got (XEP-0198). */
bool session_acknowledges(const struct session *session);
/* The session ends now: contacts and features hear of it. The memory goes with the client and the
 * last job. */
void session_end(struct session *session);

/* Ends it here only, because the worker stops or the slot was lost: it waits in its row for its
 * client. False: it is none that can wait. */
bool session_leave(struct session *session, enum stream_condition condition);
/* Queues session_writable() of the modules. */
void session_tell_writable(struct session *session);
/* Its client is not paused any more, because it leaves. */
void session_unpause(struct session *session);

/* What c2s tells (plugin.c). */
/* A session without resource, in sm->binding; its job takes it from there. */
struct session *session_request(struct sm *sm, struct client *client, const struct jid *account);
/* For the sessions that a row tells of. */
struct session *session_restore(struct account *account, const char *resource);
void session_bind(struct sm *sm, struct client *client, const struct jid *account,
                  const char *resource);
/* A request that has its resource becomes a session of the account. False: there are as many as may
 * be, and all are connected. Sessions of the same resource, and of the same user agent, end. */
bool session_make_room(struct session *session);
void session_open(struct session *session);
void session_bind_cancelled(struct sm *sm, struct client *client);
void session_closed(struct session *session, enum client_end how);
/* For account.c: the ticket of a stanza that has arrived; NULL. */
struct settle_ticket *session_count(struct session *session);
/* For account.c: a job of the session was queued, or is done (it may be freed then). */
void session_job_queued(struct session *session);
void session_job_done(struct session *session);
