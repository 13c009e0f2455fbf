/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * kontalk-files: HTTP File Upload (XEP-0363) as a component. It gives slots over XMPP (request.c),
 * and takes and serves files over HTTP (put.c, get.c). Everything hangs from one struct files.
 */
#pragma once

#include "common/component/link.h"
#include "common/config/config.h"
#include "common/io/loop.h"
#include "common/io/timer.h"
#include "common/service/control.h"
#include "common/service/metrics.h"
#include "common/service/spec.h"
#include "files/certificate.h"
#include "files/http.h"
#include "files/quota.h"
#include "files/store.h"

/* Read from the configuration once per (re)load. */
struct files_limits {
    uint64_t size_max;
    struct quota_limits quota;
    int64_t keep_us;
    uint64_t bytes_per_second; /* an upload that is slower is given up, */
    uint64_t grace_ms;         /* and this is for a connection that has just begun to move */
};

struct files {
    struct loop *loop;
    const struct config *config;
    struct files_limits limits;
    struct store *store;
    struct quota *quota;
    struct parser_pool *parsers;
    struct link *link;
    struct visit *uploading;      /* PUTs with an upload, by the id of their slot */
    struct http_server **servers; /* the first `clear` ones without TLS */
    size_t servers_count, clear_count;
    struct tls_context *tls; /* the certificate of the others */
    struct timer *sweep;     /* of what has expired */
    bool sweeping, more_expired;
    uint64_t uploads, downloads; /* since the start */
    size_t open;                 /* servers and work that stop() waits for */
    bool stopping;
    void (*stopped)(void *user);
    void *stopped_user;
};

extern const struct control_command files_commands[];
/* metrics.c; as in struct service. */
extern const struct metric files_metrics[];
const char *files_problem(void *state);
extern const struct spec files_specs[];

int files_start(struct loop *loop, const struct config *config, void **state);
int files_reload(void *state, const struct config *config);
void files_stop(void *state, void (*stopped)(void *user), void *user);

/* Something that stop() waits for has ended. */
void files_release(struct files *files);

/* Answers an iq request, if it is one; consumes the stanza. */
void request_take(struct files *files, struct stanza *stanza);

/* "slot NAME": see request.c. */
void request_control_slot(void *state, struct control_request *request, size_t argc,
                          const char *const *argv);

extern const struct http_ops files_http_ops; /* user: struct files */
