/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Acknowledgements (XEP-0198 §4): what the client sent, once it is settled; and asking it for what
 * it was sent. Both are looked at once in a turn of the loop, however often there was a reason to:
 * a flood of <r/> is answered with one <a/>.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "c2s/sm/smacks.h"
#include "c2s/sm/smacks_row.h"
#include "common/base/clock.h"
#include "common/base/fault_point.h"
#include "common/stream/ack.h"

/* An <r/> is answered this late at the latest, with what is settled by then. */
#define ANSWER_MS 250
/* Presence alone is not worth a question until there is so much of it. */
#define QUIET_MAX 8
/* A question that is not answered is repeated when so much more has been sent. */
#define ASK_AGAIN 16

static void send_element(struct session *session, const char *name, const uint32_t *h)
{
    struct arena *arena = arena_new();
    struct element *element = element_new(arena, NS_SM, name);

    if (h)
        element_set(element, "h", arena_printf(arena, "%" PRIu32, *h));
    client_send_element(session->client, element);
    arena_free(arena);
}

uint32_t smacks_h(const struct smacks *smacks)
{
    uint32_t h = settle_h(&smacks->in);

    return smacks->resumable && h - smacks->h_row <= INT32_MAX ? smacks->h_row : h;
}

uint32_t smacks_sent(const struct session *session)
{
    return session->smacks ? unacked_sent(&session->smacks->out) : 0;
}

static void on_overdue(void *user)
{
    struct smacks *smacks = user;

    smacks->overdue = true;
    smacks_wake(smacks);
}

static void wait_for_more(struct smacks *smacks)
{
    if (!smacks->timer)
        smacks->timer = timer_new(smacks->session->account->sm->loop, on_overdue, smacks);
    if (!timer_active(smacks->timer))
        timer_start(smacks->timer, ANSWER_MS, 0);
}

static void stop_waiting(struct smacks *smacks)
{
    if (smacks->timer)
        timer_close(smacks->timer);
    smacks->timer = NULL;
}

/* At once if everything is settled; else when it is, but after a moment with what is settled then,
 * and with the rest unasked when that is settled too. */
static void answer(struct smacks *smacks)
{
    struct session *session = smacks->session;
    uint32_t h;

    if (!smacks->owes_a && !smacks->owes_rest)
        return;
    smacks_row_store_h(session);
    h = smacks_h(smacks);
    if (h != smacks->in.arrived) {
        if (!smacks->overdue) {
            wait_for_more(smacks);
            return;
        }
        smacks->overdue = false;
        wait_for_more(smacks);
        if (!smacks->owes_a && h == smacks->told)
            return;
    }
    if (client_is_full(session->client)) /* writable() comes */
        return;
    send_element(session, "a", &h);
    FAULT_POINT_WRITTEN(ack_written);
    smacks->told = h;
    smacks->owes_a = false;
    smacks->owes_rest = h != smacks->in.arrived;
    if (!smacks->owes_rest)
        stop_waiting(smacks);
}

void smacks_ask(struct smacks *smacks)
{
    if (!smacks->session->client || !smacks->enabled)
        return;
    smacks->asking = true;
    smacks->asked = unacked_sent(&smacks->out);
    smacks->worth = false;
    smacks->quiet = 0;
    send_element(smacks->session, "r", NULL);
}

/* One question at a time: its answer says how far the client is, and what came meanwhile is asked
 * for then. A client that has missed one is not left unasked for ever. */
static bool may_ask(const struct smacks *smacks)
{
    return !smacks->asking || unacked_sent(&smacks->out) - smacks->asked >= ASK_AGAIN;
}

static void ask_if_worth(struct smacks *smacks)
{
    if (smacks->enabled && may_ask(smacks) && smacks->out.count > 0 &&
        (smacks->worth || smacks->quiet >= QUIET_MAX))
        smacks_ask(smacks);
}

static void take_turn(void *user)
{
    struct smacks *smacks = user;

    smacks->turn = NULL;
    if (!smacks->session->client)
        return;
    answer(smacks);
    ask_if_worth(smacks);
}

void smacks_wake(struct smacks *smacks)
{
    if (!smacks->turn)
        smacks->turn = loop_defer(smacks->session->account->sm->loop, take_turn, smacks);
}

void smacks_on_r(void *state UNUSED, struct client *client, void *user,
                 struct element *element UNUSED)
{
    struct session *session = user;

    if (!session->smacks) {
        smacks_fail(client, STANZA_UNEXPECTED_REQUEST, NULL);
        return;
    }
    session->smacks->owes_a = true;
    smacks_wake(session->smacks);
}

struct acknowledged {
    struct session *session;
    int64_t *seqs;
    size_t count;
};

static void collect(void *user, const struct unacked_stanza *stanza)
{
    struct acknowledged *acknowledged = user;

    if (stanza->seq == 0)
        return;
    acknowledged->seqs[acknowledged->count++] = stanza->seq;
    acknowledged->session->smacks->cursor = stanza->seq;
}

static void tell_acknowledged(const struct acknowledged *acknowledged)
{
    if (acknowledged->count == 0)
        return;
    SM_MODULES (module)
        if (module->acknowledged)
            module->acknowledged(acknowledged->session, acknowledged->seqs, acknowledged->count);
}

static bool has_pushes(struct session *session, uint32_t h)
{
    bool roster = pushed_acknowledged(&session->roster, h);

    return pushed_acknowledged(&session->blocklist, h) || roster;
}

int smacks_acknowledged(struct session *session, uint32_t h)
{
    struct smacks *smacks = session->smacks;
    struct acknowledged acknowledged = {session, NULL, 0};
    size_t errors = smacks->out.errors;
    int error;

    acknowledged.seqs = xcalloc((size_t)smacks->out.count + 1, sizeof(*acknowledged.seqs));
    error = unacked_acknowledge(&smacks->out, h, collect, &acknowledged);
    if (error == 0) {
        bool raised = has_pushes(session, h);

        tell_acknowledged(&acknowledged);
        if (acknowledged.count > 0 || raised || smacks->out.errors < errors)
            smacks_row_touch(session);
        if (h - smacks->held_until <= INT32_MAX)
            settle_unhold(&smacks->in);
    }
    free(acknowledged.seqs);
    return error;
}

int64_t smacks_first_stored(const struct session *session)
{
    const struct unacked_stanza *stanza = session->smacks ? session->smacks->out.first : NULL;
    int64_t first = 0;

    for (; stanza; stanza = stanza->next) {
        if (stanza->seq > 0 && (first == 0 || stanza->seq < first))
            first = stanza->seq;
    }
    return first;
}

void smacks_too_high(struct client *client, const struct smacks *smacks, uint32_t h)
{
    struct arena *arena = arena_new();
    struct element *app = element_new(arena, NS_SM, "handled-count-too-high");

    element_set(app, "h", arena_printf(arena, "%" PRIu32, h));
    element_set(app, "send-count", arena_printf(arena, "%" PRIu32, unacked_sent(&smacks->out)));
    client_fail(client, STREAM_UNDEFINED_CONDITION, "more was acknowledged than was sent", app);
    arena_free(arena);
}

/* Whoever stopped because too much was unacknowledged may go on. */
static void tell_room(struct session *session)
{
    struct smacks *smacks = session->smacks;

    if (!smacks->full || unacked_is_full(&smacks->out))
        return;
    smacks->full = false;
    session_tell_writable(session);
}

void smacks_on_a(void *state UNUSED, struct client *client, void *user, struct element *element)
{
    struct session *session = user;
    struct smacks *smacks = session->smacks;
    uint32_t h;

    if (!smacks || !smacks->enabled) {
        smacks_fail(client, STANZA_UNEXPECTED_REQUEST, NULL);
    } else if (ack_read_h(element, &h) < 0) {
        client_close(client, STREAM_INVALID_XML, "h is no number");
    } else if (smacks_acknowledged(session, h) < 0) {
        smacks_too_high(client, smacks, h);
    } else {
        smacks->asking = false;
        tell_room(session);
        smacks_wake(smacks);
    }
}

bool smacks_is_full(const struct session *session)
{
    struct smacks *smacks = session->smacks;

    if (!smacks || !smacks->enabled || !(session->waiting || unacked_is_full(&smacks->out)))
        return false;
    smacks->full = true; /* who asks stops, and wants to be told */
    return true;
}

void smacks_writable(struct session *session)
{
    if (session->smacks)
        smacks_wake(session->smacks);
}

static void note_sent(struct smacks *smacks, const struct stanza *stanza)
{
    if (stanza->kind == STANZA_PRESENCE)
        smacks->quiet++;
    else
        smacks->worth = true;
    smacks_wake(smacks);
}

/* What nobody will ever get an answer to is refused now. */
static void refuse_forgotten(struct session *session, struct stanza *stanza)
{
    if (!session->client && (stanza->type == IQ_GET || stanza->type == IQ_SET))
        sm_refuse(session->account->sm, stanza, STANZA_RESOURCE_CONSTRAINT, NULL);
}

/* The row has the error once its h covers the message (A3c); or the h waits for the client. */
static void keep_error(struct smacks *smacks, char *text, size_t size)
{
    if (!unacked_add_error(&smacks->out, text, size, clock_wall_us())) {
        settle_hold(&smacks->in);
        smacks->held_until = unacked_sent(&smacks->out);
    }
    smacks_row_touch(smacks->session);
}

void smacks_send(struct session *session, struct stanza *stanza, int64_t seq)
{
    struct smacks *smacks = session->smacks;
    struct buffer text = {0};
    size_t size;

    stanza_write(&text, stanza, NS_CLIENT);
    size = text.length;
    if (smacks->resumable && seq == 0 && stanza->kind == STANZA_MESSAGE && stanza_is_error(stanza))
        keep_error(smacks, buffer_take(&text), size);
    else if (!unacked_add(&smacks->out, buffer_take(&text), size, seq, clock_wall_us()))
        refuse_forgotten(session, stanza);
    if (session->client) {
        client_send(session->client, stanza);
        note_sent(smacks, stanza);
    }
}
