/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The dispatch table of iq requests, and the life of one request.
 */
#include "c2s/sm/dispatch.h"

#include <stdlib.h>
#include <string.h>

static char *key_of(const char *ns, const char *name)
{
    return xasprintf("%s %s", ns, name);
}

static struct sm_iq_row *find(struct sm *sm, const char *ns, const char *name)
{
    char *key = key_of(ns, name);
    struct sm_iq_row *row;

    HASH_FIND_STR(sm->iqs, key, row);
    free(key);
    return row;
}

static void add(struct sm *sm, const struct sm_iq *iq)
{
    struct sm_iq_row *row = find(sm, iq->ns, iq->name);

    if (!row) {
        row = xcalloc(1, sizeof(*row));
        row->key = key_of(iq->ns, iq->name);
        HASH_ADD_KEYPTR(hh, sm->iqs, row->key, strlen(row->key), row);
    }
    row->rows = xrealloc(row->rows, (row->count + 1) * sizeof(*row->rows));
    row->rows[row->count++] = iq;
}

void dispatch_start(struct sm *sm)
{
    SM_MODULES (module)
        for (const struct sm_iq *iq = module->iqs; iq && iq->ns; iq++) {
            add(sm, iq);
        }
}

void dispatch_stop(struct sm *sm)
{
    struct sm_iq_row *row, *next;

    HASH_ITER (hh, sm->iqs, row, next) {
        HASH_DEL(sm->iqs, row);
        free(row->rows);
        free(row->key);
        free(row);
    }
}

static const struct sm_iq *choose(const struct sm_iq_row *row, enum sm_address addressed,
                                  unsigned type)
{
    for (size_t i = 0; i < row->count; i++) {
        if ((row->rows[i]->addressed & addressed) && (row->rows[i]->types & type)) {
            return row->rows[i];
        }
    }
    return NULL;
}

/* To another's account everything that is not served looks like an address without an account
 * (RFC 6121 §8.5.1); else the client learns whether it asked for the wrong thing or in the wrong
 * way (RFC 6120 §8.3.3.3, §8.3.3.19). */
static enum stanza_condition refusal(const struct sm_iq_row *row, enum sm_address addressed)
{
    bool tells = addressed == SM_TO_SERVER || addressed == SM_TO_SELF || addressed == SM_TO_SERVICE;

    return row && tells ? STANZA_FEATURE_NOT_IMPLEMENTED : STANZA_SERVICE_UNAVAILABLE;
}

/* To one's own session a reply takes the straight way (it has no 'from' if the request had no
 * 'to'); if the session has ended meanwhile there is nobody to tell. */
static void answer_take(struct sm *sm, enum sm_address addressed, struct session *session,
                        struct stanza *reply)
{
    if (session) {
        session_send(session, reply);
    } else if (addressed != SM_TO_SELF) {
        sm_route(sm, reply);
    }
    stanza_unref(reply);
}

static struct sm_request *request_new(struct sm *sm, enum sm_address addressed,
                                      struct account *account, struct session *session,
                                      struct stanza *iq)
{
    struct sm_request *request = xcalloc(1, sizeof(*request));

    request->sm = sm;
    request->iq = stanza_ref(iq);
    request->payload = stanza_payload(iq);
    request->addressed = addressed;
    request->account = account;
    request->session = session;
    if (account) {
        account_ref(account);
    }
    if (session) {
        DL_APPEND(session->requests, request);
    }
    sm->requests++;
    return request;
}

static void request_free(struct sm_request *request)
{
    if (request->session) {
        DL_DELETE(request->session->requests, request);
    }
    request->sm->requests--;
    stanza_unref(request->iq);
    if (request->account) {
        account_unref(request->account);
    }
    free(request);
}

void dispatch_request(struct sm *sm, enum sm_address addressed, struct account *account,
                      struct session *session, struct stanza *iq)
{
    struct element *payload = stanza_payload(iq);
    struct sm_iq_row *row = find(sm, payload->ns, payload->name);
    const struct sm_iq *chosen =
        row ? choose(row, addressed, iq->type == IQ_GET ? SM_GET : SM_SET) : NULL;

    if (!chosen) {
        *(row ? &row->refused : &sm->iqs_unknown) += 1;
        answer_take(sm, addressed, session, stanza_error(iq, refusal(row, addressed), NULL));
        return;
    }
    row->handled++;
    chosen->handle(request_new(sm, addressed, account, session, iq));
}

void dispatch_forget(struct session *session)
{
    struct sm_request *request, *next;

    DL_FOREACH_SAFE (session->requests, request, next) {
        DL_DELETE(session->requests, request);
        request->session = NULL;
    }
}

void sm_reply_take(struct sm_request *request, struct stanza *reply)
{
    answer_take(request->sm, request->addressed, request->session, reply);
    request_free(request);
}

void sm_result(struct sm_request *request)
{
    sm_reply_take(request, stanza_result(request->iq));
}

void sm_error(struct sm_request *request, enum stanza_condition condition, const char *text)
{
    sm_reply_take(request, stanza_error(request->iq, condition, text));
}

void sm_fail(struct sm_request *request, int status)
{
    sm_error(request, sm_condition(status), NULL);
}
