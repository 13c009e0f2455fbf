/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Questions to other nodes that wait for an answer.
 */
#include <stdlib.h>
#include <string.h>

#include "c2s/directory/core.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/memory.h"
#include "common/base/table.h"
#include "common/tls/crypto.h"

/* The peer's database may have to be waited for; a client that waits for us has more patience. */
#define ANSWER_MS 6000
#define SWEEP_MS  500
/* Nobody who has not seen the question can answer it. */
#define ID_BYTES 12

struct request {
    UT_hash_handle hh;
    struct requests *requests;
    char id[2 * ID_BYTES + 1];
    char *host;
    uint64_t deadline_ms;
    request_answered *done;
    void *user;
    struct loop_task *failed; /* it could not be sent */
};

struct requests {
    struct directory *directory;
    struct request *all;
    struct timer *sweep;
};

static void request_free(struct request *request)
{
    HASH_DEL(request->requests->all, request);
    if (request->failed)
        loop_defer_cancel(request->failed);
    free(request->host);
    free(request);
}

static void finish(struct request *request, int status, struct element *answer)
{
    request_answered *done = request->done;
    void *user = request->user;

    request_free(request);
    done(user, status, answer);
}

static struct request *find_late(struct requests *requests, uint64_t now_ms)
{
    for (struct request *request = requests->all; request; request = request->hh.next)
        if (now_ms >= request->deadline_ms)
            return request;
    return NULL;
}

static void sweep(void *user)
{
    struct requests *requests = user;
    uint64_t now_ms = clock_monotonic_ms();
    struct request *late;

    while ((late = find_late(requests, now_ms)))
        finish(late, ERR_TIMEOUT, NULL);
    if (requests->all == NULL)
        timer_stop(requests->sweep);
}

struct requests *requests_new(struct directory *directory)
{
    struct requests *requests = xcalloc(1, sizeof(*requests));

    requests->directory = directory;
    requests->sweep = timer_new(directory->settings.loop, sweep, requests);
    return requests;
}

void requests_fail(struct requests *requests)
{
    while (requests->all)
        finish(requests->all, ERR_UNAVAILABLE, NULL);
}

void requests_free(struct requests *requests)
{
    requests_fail(requests);
    timer_close(requests->sweep);
    free(requests);
}

static void on_failed(void *user)
{
    struct request *request = user;

    request->failed = NULL;
    finish(request, ERR_UNAVAILABLE, NULL);
}

struct request *request_send_take(struct directory *directory, const char *host,
                                  struct stanza *message, struct element *payload,
                                  request_answered *done, void *user)
{
    struct request *request = xcalloc(1, sizeof(*request));

    request->requests = directory->requests;
    crypto_random_hex(request->id, ID_BYTES);
    request->host = xstrdup(host);
    request->deadline_ms = clock_monotonic_ms() + ANSWER_MS;
    request->done = done;
    request->user = user;
    element_set(message->kind == STANZA_IQ ? message->root : payload, "id", request->id);
    HASH_ADD_STR(directory->requests->all, id, request);
    if (!timer_active(directory->requests->sweep))
        timer_start(directory->requests->sweep, SWEEP_MS, SWEEP_MS);
    if (directory->settings.send(directory->settings.user, message) != 0)
        request->failed = loop_defer(directory->settings.loop, on_failed, request);
    stanza_unref(message);
    return request;
}

void request_cancel(struct request *request)
{
    if (request)
        request_free(request);
}

void request_hurry(struct request *request, unsigned ms)
{
    request->deadline_ms = MIN(request->deadline_ms, clock_monotonic_ms() + ms);
}

static bool take(struct requests *requests, const struct stanza *stanza, const char *id,
                 struct element *answer)
{
    struct request *request = NULL;

    if (id)
        HASH_FIND_STR(requests->all, id, request);
    if (request == NULL || strcmp(request->host, stanza->from.domain) != 0)
        return false;
    if (stanza_is_error(stanza) || answer == NULL)
        finish(request, ERR_UNAVAILABLE, NULL);
    else
        finish(request, 0, answer);
    return true;
}

bool requests_take(struct requests *requests, const struct stanza *message, struct element *answer)
{
    return take(requests, message, element_get(answer, "id"), answer);
}

bool requests_take_reply(struct requests *requests, const struct stanza *iq)
{
    return iq->kind == STANZA_IQ && stanza_is_reply(iq) && iq->has_from && !iq->from.local &&
           take(requests, iq, stanza_id(iq), stanza_payload(iq));
}

void directory_send_take(struct directory *directory, struct stanza *message)
{
    /* What is lost is asked for again. */
    int error UNUSED = directory->settings.send(directory->settings.user, message);

    stanza_unref(message);
}

struct stanza *directory_reply(const struct stanza *message, const struct element *request,
                               const char *name, struct element **payload)
{
    struct stanza *reply = words_message(message->from.full, name, payload);

    element_set(*payload, "id", element_get(request, "id"));
    return reply;
}

void directory_reply_wait(struct directory *directory, const struct stanza *message,
                          const struct element *request, const char *reason)
{
    struct element *payload;
    struct stanza *reply = directory_reply(message, request, "wait", &payload);

    element_set(payload, "reason", reason);
    directory_send_take(directory, reply);
}
