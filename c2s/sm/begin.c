/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Sessions that are begun together with a login.
 */
#include "c2s/sm/begin.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "c2s/home.h"
#include "c2s/sm/archive.h"
#include "c2s/sm/clients.h"
#include "c2s/sm/csi.h"
#include "c2s/sm/smacks.h"
#include "c2s/sm/smacks_row.h"
#include "common/base/encode.h"
#include "common/base/fault_point.h"
#include "common/stream/ack.h"
#include "common/tls/crypto.h"
#include "common/xmpp/jid.h"

#define NS_CARBONS "urn:xmpp:carbons:2"
/* Of what the server adds to a resource. */
#define IDENTIFIER_BYTES 9

struct begin {
    struct arena *arena;
    struct element *request, *results;
    const char *device; /* in the arena, like the request; NULL */
    int mechanism;
    int64_t token;
    char *sm_id; /* of the session that is being begun */
};

/* --- what is understood --- */

void begin_inline_features(void *state, struct element *inline_list)
{
    static const char *const features[] = {NS_CARBONS, NS_CSI, NS_SM};
    struct element *bind = element_add(inline_list, NS_BIND2, "bind");
    struct element *list = element_add(bind, NS_BIND2, "inline");

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(features); i++)
        element_set(element_add(list, NS_BIND2, "feature"), "var", features[i]);
    element_add(inline_list, NS_SM, "sm");
}

const struct element *begin_request(const struct session *request)
{
    return request->begin->request;
}

struct element *begin_results(struct session *request)
{
    return request->begin->results;
}

const char *begin_device(const struct session *request)
{
    return request->begin->device;
}

int begin_mechanism(const struct session *request)
{
    return request->begin->mechanism;
}

int64_t begin_token(const struct session *request)
{
    return request->begin->token;
}

void begin_free(struct session *request)
{
    struct begin *begin = request->begin;

    if (!begin)
        return;
    request->begin = NULL;
    if (begin->sm_id)
        crypto_wipe(begin->sm_id, strlen(begin->sm_id));
    free(begin->sm_id);
    arena_free(begin->arena);
    free(begin);
}

/* --- the end of the request --- */

/* Its client has gone, or has been answered: nothing becomes of it. */
static void drop(struct session *request)
{
    if (request->smacks)
        smacks_discard(request);
    DL_DELETE(request->account->sm->binding, request);
    request->client = NULL;
    request->ended = true;
    begin_free(request);
}

static void refuse(struct session *request, enum sasl_condition condition)
{
    struct client *client = request->client;

    drop(request);
    client_begin_refused(client, condition);
    client_release(client);
}

/* Without a session: there is to be none, or there can be none. */
static void succeed_without(struct session *request)
{
    struct client *client = request->client;

    client_begun(client, NULL, NULL, false, request->begin->results);
    drop(request);
    client_release(client);
}

/* --- a new session (XEP-0386 §3.2) --- */

static const struct element *bind_of(const struct session *request)
{
    return element_find(request->begin->request, NS_BIND2, "bind");
}

/* The same for the same device and tag, and not to be guessed (§3.2.1): who knows a full JID can
 * tell whether it is online by trying. */
static void make_identifier(const struct session *request, const char *tag,
                            char text[2 * IDENTIFIER_BYTES + 1])
{
    const struct sm *sm = request->account->sm;
    uint8_t mac[CRYPTO_HASH_MAX];
    char *input;

    if (!request->begin->device) {
        crypto_random_hex(text, IDENTIFIER_BYTES);
        return;
    }
    input = xasprintf("resource\n%s\n%s\n%s", request->account->jid->bare, request->begin->device,
                      tag ? tag : "");
    crypto_hmac(CRYPTO_SHA256, worker_secret(sm->worker), HOME_SECRET_SIZE, input, strlen(input),
                mac);
    free(input);
    for (size_t i = 0; i < IDENTIFIER_BYTES; i++)
        snprintf(text + 2 * i, 3, "%02x", mac[i]);
}

/* tag "/" identifier; a tag that no resource can have is left out. */
static void choose_resource(struct session *request)
{
    const char *tag = element_child_text(bind_of(request), NS_BIND2, "tag");
    struct arena *arena = request->begin->arena;
    char identifier[2 * IDENTIFIER_BYTES + 1];
    const char *resource = NULL;

    make_identifier(request, tag, identifier);
    if (!tag || tag[0] == '\0' ||
        jid_prepare_resource(arena, arena_printf(arena, "%s/%s", tag, identifier), &resource) != 0)
        resource = identifier;
    request->resource = xstrdup(resource);
    request->device = xstrdup(request->begin->device ? request->begin->device : resource);
    request->jid = jid_dup_with_resource(request->account->jid, resource);
}

/* §3.2: one client has one session. */
static void end_earlier(struct session *request)
{
    struct session *session, *next;

    if (!request->begin->device)
        return;
    DL_FOREACH_SAFE (request->account->sessions, session, next) {
        if (session->device && strcmp(session->device, request->begin->device) == 0)
            session_kick(session, STREAM_CONFLICT, NULL);
    }
}

static void fail_bind(struct session *request)
{
    struct element *failed = element_add(request->begin->results, NS_BIND2, "failed");

    element_add(failed, NS_STANZA_ERRORS, stanza_condition_name(STANZA_RESOURCE_CONSTRAINT));
    succeed_without(request);
}

static void open(struct session *session, const struct db_result *ends)
{
    struct client *client = session->client;
    struct account *account = session->account;
    struct begin *begin = session->begin;
    struct element *bound;

    end_earlier(session);
    if (!session_make_room(session)) {
        fail_bind(session);
        return;
    }
    DL_DELETE(account->sm->binding, session);
    bound = element_add(begin->results, NS_BIND2, "bound");
    /* What waits and is in the archive is not sent to a client that is told where that ends: it
     * will read it there (§3.2). */
    session->shown_to = archive_add_metadata(bound, account, ends);
    if (session->smacks)
        smacks_add_enabled(bound, session, begin->sm_id);
    session_open(session);
    client_begun(client, session->jid, session, false, begin->results);
    begin_free(session);
    client_release(client);
}

static void on_ends(struct account *account, int status, const struct db_result *results,
                    void *user)
{
    struct session *session = user;

    (void)account;
    if (!session->client)
        drop(session);
    else if (status < 0)
        refuse(session, SASL_TEMPORARY_AUTH_FAILURE);
    else
        open(session, &results[0]);
    session_unref(session);
}

static void read_ends(struct session *session)
{
    struct account *account = session->account;
    const struct db_value owner = DB_INT(account->owner);

    session_ref(session);
    sm_query(account, SM_READ_HELD, &archive_ends, &owner, on_ends, session);
}

/* A session that could not be written down is acknowledged, but cannot be resumed. */
static void on_row(struct account *account, int status, const struct db_result *results, void *user)
{
    struct session *session = user;
    struct begin *begin = session->begin;

    (void)account;
    (void)results;
    session->smacks->resumable = status == 0;
    if (status < 0) {
        free(begin->sm_id);
        begin->sm_id = NULL;
    }
    if (session->client)
        read_ends(session);
    else
        drop(session);
    session_unref(session);
}

/* What the client shall have from the start. */
static void bind(struct session *session)
{
    const struct element *wanted = bind_of(session);
    const struct element *enable = element_find(wanted, NS_SM, "enable");

    choose_resource(session);
    session->carbons = element_find(wanted, NS_CARBONS, "enable") != NULL;
    if (element_find(wanted, NS_CSI, "inactive"))
        csi_inactivate(session);
    if (enable)
        session->begin->sm_id = smacks_prepare(session, enable);
    if (session->begin->sm_id) {
        session_ref(session);
        smacks_row_insert(session, on_row, session);
    } else {
        read_ends(session);
    }
}

static void bind_if_asked(struct session *request)
{
    if (bind_of(request))
        bind(request);
    else
        succeed_without(request);
}

/* --- an earlier session --- */

void begin_resumed(struct session *request, struct session *session)
{
    client_begun(session->client, session->jid, session, true, request->begin->results);
}

static void add_failed(struct session *request, enum stanza_condition condition, const uint32_t *h)
{
    struct element *failed = element_add(request->begin->results, NS_SM, "failed");

    if (h)
        element_set(failed, "h", arena_printf(failed->arena, "%" PRIu32, *h));
    element_add(failed, NS_STANZA_ERRORS, stanza_condition_name(condition));
}

void begin_not_resumed(struct session *request, enum stanza_condition condition, const uint32_t *h)
{
    DL_APPEND(request->account->sm->binding, request);
    add_failed(request, condition, h);
    if (request->account->state == ACCOUNT_READY)
        bind_if_asked(request);
    else
        refuse(request, SASL_TEMPORARY_AUTH_FAILURE);
}

/* --- in the order of the account --- */

static void on_noted(struct session *request, int condition)
{
    FAULT_POINT(begin_noted);
    if (!request->client)
        drop(request);
    else if (condition >= 0)
        refuse(request, (enum sasl_condition)condition);
    else if (request->resumption)
        smacks_resume_go(request);
    else
        bind_if_asked(request);
}

static void begin_job(struct account *account, struct session *request, struct stanza *stanza,
                      int problem)
{
    (void)stanza;
    (void)problem;
    if (!request->client)
        drop(request);
    else if (account->state == ACCOUNT_ABSENT)
        refuse(request, SASL_NOT_AUTHORIZED);
    else if (account->state != ACCOUNT_READY)
        refuse(request, SASL_TEMPORARY_AUTH_FAILURE);
    else
        clients_note(request, on_noted);
}

void begin_start(void *state, struct client *client, const struct jid *account,
                 const struct c2s_begin *wanted)
{
    struct session *request;
    struct begin *begin = xcalloc(1, sizeof(*begin));
    const struct element *resume;

    begin->arena = arena_new();
    begin->request = element_copy(begin->arena, wanted->request);
    begin->results = element_new(begin->arena, NS_SASL2, "success");
    begin->device = wanted->device ? arena_printf(begin->arena, "%s", wanted->device) : NULL;
    begin->mechanism = wanted->mechanism;
    begin->token = wanted->token;
    client_hold(client);
    request = session_request(state, client, account);
    request->begin = begin;
    resume = element_find(begin->request, NS_SM, "resume");
    if (resume && !smacks_resume_prepare(request, resume))
        add_failed(request, STANZA_BAD_REQUEST, NULL);
    session_queue(request, begin_job, NULL, -1);
}
