/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Clients without XEP-0198 say nothing about what they have got. A message waits until one of these
 * is known:
 *
 *   - a question that was sent behind it has been answered, whatever the answer;
 *   - the client's system has taken everything that was written up to it, and then the client has
 *     said something else.
 *
 * Questions are sent behind what had been stored for the session, and when messages have been
 * unconfirmed for a while.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "c2s/sm/offline.h"

#define NS_DISCO_INFO  "http://jabber.org/protocol/disco#info"
#define BARRIER_PREFIX "barrier-"

/* A question is out so long after a message at the latest, or behind so many; one at a time, so
 * that a client that is slow to answer is asked less. */
#define ASK_MS    1000
#define ASK_COUNT 8
/* Beyond so many the older ones are not looked after any more: they wait for the next session. */
#define UNCONFIRMED_MAX 1000

struct confirm {
    struct session *session;
    int64_t *seqs; /* sent, not confirmed, in the order of sending */
    size_t count;
    size_t asked;   /* of them: a question stands behind so many; 0: none is open */
    size_t drained; /* of them: the client's system has so many */
    unsigned question;
    struct confirm *prev, *next; /* sm->confirm->unconfirmed */
};

struct confirm_state {
    struct timer *timer;
    struct confirm *unconfirmed;
};

static void schedule(struct sm *sm)
{
    if (sm->confirm->unconfirmed && !timer_active(sm->confirm->timer))
        timer_start(sm->confirm->timer, ASK_MS, 0);
}

static struct confirm *confirm_of(struct session *session)
{
    if (!session->confirm) {
        session->confirm = xcalloc(1, sizeof(*session->confirm));
        session->confirm->session = session;
        session->confirm->seqs = xcalloc(UNCONFIRMED_MAX, sizeof(*session->confirm->seqs));
    }
    return session->confirm;
}

static size_t less(size_t a, size_t b)
{
    return a - MIN(a, b);
}

static void drop_first(struct confirm *confirm, size_t count)
{
    confirm->count -= count;
    confirm->asked = less(confirm->asked, count);
    confirm->drained = less(confirm->drained, count);
    memmove(confirm->seqs, confirm->seqs + count, confirm->count * sizeof(*confirm->seqs));
}

int64_t confirm_first(const struct session *session)
{
    const struct confirm *confirm = session->confirm;
    int64_t first = confirm && confirm->count > 0 ? confirm->seqs[0] : 0;

    for (size_t i = 1; confirm && i < confirm->count; i++)
        first = MIN(first, confirm->seqs[i]);
    return first;
}

static void confirmed(struct confirm *confirm, size_t count)
{
    struct session *session = confirm->session;

    if (count == 0)
        return;
    offline_acknowledged(session, confirm->seqs, count);
    drop_first(confirm, count);
    if (confirm->count == 0)
        DL_DELETE(session->account->sm->confirm->unconfirmed, confirm);
}

/* Its answer, whatever it says, proves that everything before it has arrived. Not a ping: at an iq
 * without a <query/> go-sendxmpp 0.5.6 answers and ends, often without having shown the message. */
static void ask(struct confirm *confirm)
{
    struct session *session = confirm->session;
    struct stanza *question = stanza_new(STANZA_IQ, IQ_GET);
    struct jid server;

    confirm->asked = confirm->count;
    element_set(question->root, "id",
                arena_printf(question->arena, BARRIER_PREFIX "%u", ++confirm->question));
    if (jid_make(question->arena, NULL, session->account->jid->domain, NULL, &server) == 0)
        stanza_set_from(question, &server);
    stanza_set_to(question, session->jid);
    element_add(question->root, NS_DISCO_INFO, "query");
    session_send_take(session, question);
}

void confirm_sent(struct session *session, int64_t seq)
{
    struct confirm *confirm = confirm_of(session);
    struct sm *sm = session->account->sm;

    if (confirm->count == UNCONFIRMED_MAX)
        drop_first(confirm, UNCONFIRMED_MAX / 2);
    confirm->seqs[confirm->count++] = seq;
    if (confirm->count == 1) {
        DL_APPEND(sm->confirm->unconfirmed, confirm);
        schedule(sm);
    }
    if (confirm->count >= ASK_COUNT && confirm->asked == 0 && session->client)
        ask(confirm);
}

void confirm_ask(struct session *session)
{
    struct confirm *confirm = session->confirm;

    if (confirm && confirm->count > 0 && session->client)
        ask(confirm);
}

static void on_timer(void *user)
{
    struct sm *sm = user;
    struct confirm *confirm;

    DL_FOREACH (sm->confirm->unconfirmed, confirm) {
        if (confirm->asked == 0 && confirm->session->client)
            ask(confirm);
    }
    schedule(sm);
}

static bool answers(const struct confirm *confirm, const struct stanza *stanza)
{
    static const char prefix[] = BARRIER_PREFIX;
    const char *id = stanza_id(stanza);

    return stanza->kind == STANZA_IQ && stanza_is_reply(stanza) && id &&
           strncmp(id, prefix, sizeof(prefix) - 1) == 0 &&
           strtoul(id + sizeof(prefix) - 1, NULL, 10) == confirm->question;
}

static void said_something(struct confirm *confirm)
{
    confirmed(confirm, confirm->drained);
    if (client_has_drained(confirm->session->client))
        confirm->drained = confirm->count;
}

static bool is_answer(const struct stanza *stanza)
{
    const char *id = stanza_id(stanza);

    return stanza->kind == STANZA_IQ && stanza_is_reply(stanza) && id &&
           strncmp(id, BARRIER_PREFIX, sizeof(BARRIER_PREFIX) - 1) == 0;
}

static enum sm_verdict outgoing(struct session *session, struct stanza *stanza)
{
    struct confirm *confirm = session->confirm;

    if (!confirm)
        return SM_PASS;
    if (answers(confirm, stanza)) {
        confirmed(confirm, confirm->asked);
        offline_flush(session->account);
    } else if (confirm->count > 0 && session->client)
        said_something(confirm);
    return is_answer(stanza) && !stanza->to.local ? SM_HANDLED : SM_PASS;
}

static void leave(struct session *session)
{
    struct confirm *confirm = session->confirm;

    if (!confirm)
        return;
    if (confirm->count > 0)
        DL_DELETE(session->account->sm->confirm->unconfirmed, confirm);
    session->confirm = NULL;
    free(confirm->seqs);
    free(confirm);
}

static void start(struct sm *sm)
{
    sm->confirm = xcalloc(1, sizeof(*sm->confirm));
    sm->confirm->timer = timer_new(sm->loop, on_timer, sm);
}

static void stop(struct sm *sm)
{
    timer_close(sm->confirm->timer);
    free(sm->confirm);
}

const struct sm_module confirm_module = {
    .name = "confirm",
    .start = start,
    .stop = stop,
    .outgoing = outgoing,
    .session_closed = leave,
};
