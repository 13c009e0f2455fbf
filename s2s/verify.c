/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Keys of dialback in question.
 */
#include "s2s/verify.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "s2s/in.h"
#include "s2s/out.h"

static void verify_free(struct verify *verify)
{
    DL_DELETE(verify->remote->verifies, verify);
    verify->remote->server->verifications--;
    timer_close(verify->deadline);
    free(verify->local);
    free(verify->id);
    free(verify->key);
    free(verify);
}

/* `type` as on the wire; "error" with its condition. */
static void end(struct verify *verify, const char *type, enum stanza_condition condition)
{
    struct in *in = verify->in;
    char *local = xstrdup(verify->local);
    const char *domain = verify->remote->domain;
    verify_free(verify);
    if (in)
        in_verified(in, domain, local, type, condition);
    free(local);
}

static void on_deadline(void *user)
{
    struct verify *verify = user;
    struct remote *remote = verify->remote;
    end(verify, "error", STANZA_REMOTE_SERVER_TIMEOUT);
    remote_release(remote);
}

void verify_begin(struct remote *remote, struct in *in, const char *local, const char *key)
{
    struct verify *verify = xcalloc(1, sizeof(*verify));
    struct server *server = remote->server;
    verify->remote = remote;
    verify->in = in;
    verify->local = xstrdup(local);
    verify->id = xstrdup(in_stream_id(in));
    verify->key = xstrdup(key);
    verify->deadline = timer_new(server->loop, on_deadline, verify);
    timer_start(verify->deadline, server->limits.connect_ms, 0);
    DL_APPEND(remote->verifies, verify);
    server->verifications++;
    remote_heard(remote);
}

bool verify_is_waiting(const struct remote *remote)
{
    const struct verify *verify;
    DL_FOREACH (remote->verifies, verify) {
        if (!verify->out)
            return true;
    }
    return false;
}

void verify_send_all(struct remote *remote, struct out *out)
{
    struct verify *verify;
    DL_FOREACH (remote->verifies, verify) {
        if (verify->out)
            continue;
        verify->out = out;
        out_ask(out, verify->local, verify->id, verify->key);
    }
}

bool verify_answered(struct remote *remote, struct out *out, const char *local, const char *id,
                     const char *type)
{
    struct verify *verify;
    DL_FOREACH (remote->verifies, verify) {
        if (verify->out == out && strcmp(verify->local, local) == 0 && strcmp(verify->id, id) == 0)
            break;
    }
    if (!verify)
        return false;
    if (strcmp(type, "valid") == 0 || strcmp(type, "invalid") == 0)
        end(verify, type, STANZA_UNDEFINED_CONDITION);
    else
        end(verify, "error", STANZA_REMOTE_SERVER_NOT_FOUND);
    return true;
}

void verify_fail(struct remote *remote, const struct out *out, enum stanza_condition condition)
{
    struct verify *verify, *next;
    DL_FOREACH_SAFE (remote->verifies, verify, next) {
        if (!out || verify->out == out)
            end(verify, "error", condition);
    }
}

void verify_free_all(struct remote *remote)
{
    while (remote->verifies)
        verify_free(remote->verifies);
}

void verify_forget(struct server *server, const struct in *in)
{
    struct remote *remote, *next;
    HASH_ITER (hh, server->remotes, remote, next) {
        struct verify *verify;
        DL_FOREACH (remote->verifies, verify) {
            if (verify->in == in)
                verify->in = NULL;
        }
    }
}
