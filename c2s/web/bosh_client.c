/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The transport that a BOSH session is. The requests of a session come by any number of
 * connections, so no channel is bound.
 */
#include <stdlib.h>
#include <string.h>

#include "c2s/web/bosh.h"

static bool begins(const char *bytes, size_t length, const char *text)
{
    size_t size = strlen(text);

    return length >= size && memcmp(bytes, text, size) == 0;
}

/* Errors that BOSH has a word for end the session by that alone (XEP-0124 §17.2); the others are
 * told in full (XEP-0206 §8). */
static bool is_told_by_condition(struct bosh_session *session, const char *bytes, size_t length)
{
    static const char *const names[] = {"host-unknown", "improper-addressing", "system-shutdown"};

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        char tag[32];
        snprintf(tag, sizeof(tag), "<%s ", names[i]);
        if (memmem(bytes, length, tag, strlen(tag))) {
            snprintf(session->condition, sizeof(session->condition), "%s", names[i]);
            return true;
        }
    }
    snprintf(session->condition, sizeof(session->condition), "remote-stream-error");
    return false;
}

static void bosh_write(void *it, const char *bytes, size_t length)
{
    struct bosh_session *session = it;

    if (session->ending || begins(bytes, length, "<open ") || begins(bytes, length, "<close "))
        return;
    session->failing = session->failing || begins(bytes, length, "<stream:error");
    if (!session->failing || !is_told_by_condition(session, bytes, length))
        buffer_append(&session->out, bytes, length);
    bosh_session_wake(session);
}

static size_t bosh_queued(const void *it)
{
    const struct bosh_session *session = it;

    return session->out.length;
}

static bool bosh_has_drained(const void *it)
{
    const struct bosh_session *session = it;

    return session->out.length == 0 && session->unconfirmed == 0;
}

static void bosh_pause(void *it)
{
    struct bosh_session *session = it;

    session->paused++;
}

static void bosh_resume(void *it)
{
    struct bosh_session *session = it;

    if (--session->paused == 0)
        bosh_session_wake(session);
}

static void bosh_close(void *it)
{
    bosh_session_end(it, NULL);
}

static void bosh_abort(void *it)
{
    struct bosh_session *session = it;

    session->aborted = true;
    bosh_session_end(session, NULL);
}

static struct tls_session *bosh_tls(void *it)
{
    (void)it;
    return NULL;
}

static const char *bosh_address(const void *it)
{
    const struct bosh_session *session = it;

    return session->address;
}

const struct transport_ops bosh_transport = {
    .write = bosh_write,
    .queued = bosh_queued,
    .has_drained = bosh_has_drained,
    .pause = bosh_pause,
    .resume = bosh_resume,
    .close = bosh_close,
    .abort = bosh_abort,
    .tls = bosh_tls,
    .address = bosh_address,
    .name = "bosh",
};
