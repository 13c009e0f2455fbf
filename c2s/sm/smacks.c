/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Stream management (XEP-0198): enabling it, and what becomes of it when the session ends.
 */
#include "c2s/sm/smacks.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "c2s/sm/smacks_row.h"
#include "common/base/encode.h"
#include "common/stream/ack.h"
#include "common/tls/crypto.h"

#define MS_PER_SECOND 1000

void smacks_fail(struct client *client, enum stanza_condition condition, const uint32_t *h)
{
    struct arena *arena = arena_new();
    struct element *failed = element_new(arena, NS_SM, "failed");

    if (h)
        element_set(failed, "h", arena_printf(arena, "%" PRIu32, *h));
    element_add(failed, NS_STANZA_ERRORS, stanza_condition_name(condition));
    client_send_element(client, failed);
    arena_free(arena);
}

/* Out of order (§3): before authentication, before binding, a resumption behind it. */
void smacks_refuse(void *state UNUSED, struct client *client, struct element *element UNUSED)
{
    smacks_fail(client, STANZA_UNEXPECTED_REQUEST, NULL);
}

static void on_settled(void *user)
{
    struct smacks *smacks = user;

    if (smacks->owes_a || smacks->owes_rest)
        smacks_wake(smacks);
}

struct smacks *smacks_new(struct session *session)
{
    const struct sm_limits *limits = &session->account->sm->limits;
    struct smacks *smacks = xcalloc(1, sizeof(*smacks));

    smacks->session = session;
    settle_init(&smacks->in, on_settled, smacks);
    unacked_init(&smacks->out, limits->unacked_stanzas, limits->unacked_bytes);
    session->smacks = smacks;
    return smacks;
}

/* The client's `max`, if it wants less than we allow; 0 if it wants nothing. */
static uint64_t resume_time(const struct sm *sm, const struct element *enable)
{
    const char *text = element_get(enable, "max");
    uint64_t allowed = sm->limits.resume_ms;
    uint64_t seconds = 0;

    if (!text || text[0] == '\0' || text[strspn(text, "0123456789")] != '\0')
        return allowed;
    for (; *text && seconds < allowed; text++)
        seconds = seconds * 10 + (uint64_t)(*text - '0');
    return MIN(allowed, seconds * MS_PER_SECOND);
}

/* The SM-ID names the row and has a secret behind it, of which the row knows only the hash. */
static char *make_id(struct smacks *smacks)
{
    char secret[2 * SMACKS_SECRET_BYTES + 1];
    char *id;

    crypto_random_hex(smacks->row_id, SMACKS_ID_BYTES);
    crypto_random_hex(secret, SMACKS_SECRET_BYTES);
    id = xasprintf("%s%s", smacks->row_id, secret);
    smacks_row_hash(id, smacks->hash);
    crypto_wipe(secret, sizeof(secret));
    return id;
}

static void fill_enabled(struct element *enabled, struct session *session, const char *id)
{
    const struct sm *sm = session->account->sm;
    const char *location = config_text(worker_config(sm->worker), "sm", NULL, "resume-location");

    session->smacks->enabled = true;
    if (!id)
        return;
    element_set(enabled, "id", id);
    element_set(enabled, "resume", "true");
    element_set(
        enabled, "max",
        arena_printf(enabled->arena, "%" PRIu64, session->smacks->resume_ms / MS_PER_SECOND));
    if (location)
        element_set(enabled, "location", location);
}

void smacks_add_enabled(struct element *parent, struct session *session, const char *id)
{
    session->smacks->resumable = id != NULL;
    fill_enabled(element_add(parent, NS_SM, "enabled"), session, id);
}

static void send_enabled(struct session *session, const char *id)
{
    struct arena *arena = arena_new();
    struct element *enabled = element_new(arena, NS_SM, "enabled");

    fill_enabled(enabled, session, id);
    client_send_element(session->client, enabled);
    arena_free(arena);
}

struct enabling {
    struct session *session;
    char *id;
};

/* A session that could not be written down is acknowledged, but cannot be resumed. */
static void on_row(struct account *account UNUSED, int status,
                   const struct db_result *results UNUSED, void *user)
{
    struct enabling *enabling = user;
    struct session *session = enabling->session;

    if (session->smacks)
        session->smacks->resumable = status == 0;
    if (session->client && session->smacks)
        send_enabled(session, status == 0 ? enabling->id : NULL);
    session_unref(session);
    crypto_wipe(enabling->id, strlen(enabling->id));
    free(enabling->id);
    free(enabling);
}

/* Behind everything that was sent before. */
static void enable_job(struct account *account, struct session *session,
                       struct stanza *stanza UNUSED, int problem UNUSED)
{
    struct enabling *enabling;

    if (session->ended || !session->client)
        return;
    if (!session->smacks->wanted || account->state != ACCOUNT_READY) {
        send_enabled(session, NULL);
        return;
    }
    enabling = xcalloc(1, sizeof(*enabling));
    enabling->session = session;
    enabling->id = make_id(session->smacks);
    session_ref(session);
    smacks_row_insert(session, on_row, enabling);
}

static struct smacks *wish(struct session *session, const struct element *enable)
{
    struct smacks *smacks = smacks_new(session);

    smacks->resume_ms = resume_time(session->account->sm, enable);
    smacks->wanted = xml_is_true(element_get(enable, "resume")) && smacks->resume_ms > 0;
    return smacks;
}

char *smacks_prepare(struct session *session, const struct element *enable)
{
    struct smacks *smacks = wish(session, enable);

    return smacks->wanted ? make_id(smacks) : NULL;
}

/* What comes behind it counts (§4, note), though the answer comes later. */
void smacks_on_enable(void *state UNUSED, struct client *client, void *user,
                      struct element *element)
{
    struct session *session = user;

    if (session->smacks) {
        smacks_fail(client, STANZA_UNEXPECTED_REQUEST, NULL);
        return;
    }
    wish(session, element);
    session_queue(session, enable_job, NULL, -1);
}

/* Requests that it never acknowledged get an answer; what is stored goes to whoever comes. */
struct leftover {
    struct session *session;
    int64_t *seqs;
    size_t count;
};

static void give_back(void *user, const struct unacked_stanza *sent)
{
    struct leftover *leftover = user;
    struct sm *sm = leftover->session->account->sm;
    struct stanza *stanza;

    if (sent->seq > 0) {
        leftover->seqs[leftover->count++] = sent->seq;
        return;
    }
    if (strncmp(sent->text, "<iq", 3) != 0)
        return;
    stanza = sm_parse_stanza(sm, sent->text);
    if (stanza && (stanza->type == IQ_GET || stanza->type == IQ_SET))
        sm_refuse(sm, stanza, STANZA_RECIPIENT_UNAVAILABLE, NULL);
    stanza_unref(stanza);
}

static void tell_unacknowledged(struct session *session, const int64_t *seqs, size_t count)
{
    if (count == 0)
        return;
    SM_MODULES (module)
        if (module->unacknowledged)
            module->unacknowledged(session, seqs, count);
}

static void give_everything_back(struct session *session)
{
    struct unacked *out = &session->smacks->out;
    struct leftover leftover = {.session = session};

    leftover.seqs = xcalloc((size_t)out->count + 1, sizeof(*leftover.seqs));
    if (unacked_acknowledge(out, unacked_sent(out), give_back, &leftover) == 0)
        tell_unacknowledged(session, leftover.seqs, leftover.count);
    free(leftover.seqs);
}

/* It goes on elsewhere, and gets there what is behind its cursor; its device has no more than that
 * if it comes back as a new session. */
static void leave_open(struct session *session)
{
    int64_t first = smacks_first_stored(session);

    tell_unacknowledged(session, &first, first > 0 ? 1 : 0);
}

static void free_smacks(struct smacks *smacks)
{
    if (smacks->turn)
        loop_defer_cancel(smacks->turn);
    if (smacks->timer)
        timer_close(smacks->timer);
    if (smacks->expiry)
        timer_close(smacks->expiry);
    smacks_row_forget(smacks);
    settle_fini(&smacks->in);
    unacked_fini(&smacks->out);
    free(smacks);
}

static void session_closed_hook(struct session *session)
{
    struct smacks *smacks = session->smacks;

    if (!smacks)
        return;
    if (session->left) {
        leave_open(session);
    } else {
        give_everything_back(session);
        if (!smacks->expired)
            smacks_row_delete(session);
    }
    session->smacks = NULL;
    free_smacks(smacks);
}

void smacks_discard(struct session *session)
{
    session_closed_hook(session);
}

static void start(struct sm *sm)
{
    smacks_rows_start(sm);
    smacks_wake_start(sm);
}

static void stop(struct sm *sm)
{
    smacks_wake_stop(sm);
    smacks_rows_stop(sm);
}

static void stream_features(struct sm *sm UNUSED, struct element *features)
{
    element_add(features, NS_SM, "sm");
}

static const struct spec specs[] = {{"XEP-0198", "1.6.3", NULL}, {0}};

const struct sm_module smacks_module = {
    .name = "smacks",
    .specs = specs,
    .start = start,
    .stop = stop,
    .stream_features = stream_features,
    .load = &smacks_rows_load,
    .loaded = smacks_rows_loaded,
    .session_closed = session_closed_hook,
};
