/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What every daemon's main() is: one declaration and one call. Options (-c FILE, -i ID, --check,
 * --dump, --version, --help), configuration, log level, loop, signals (TERM and INT stop in order,
 * a second one at once; HUP reloads), readiness and watchdog towards systemd (sd_notify protocol),
 * the control socket <run-directory>/<name>.ctl (<name>@<ID>.ctl), metrics and health by HTTP at
 * the socket <name>.metrics beside it and at metrics-listen of the daemon's section, orderly stop
 * with a deadline of 10 s.
 */
#pragma once

#include "common/config/config.h"
#include "common/io/loop.h"
#include "common/service/control.h"
#include "common/service/metrics.h"
#include "common/service/spec.h"

struct service {
    const char *name;        /* "kontalk-router": behind the "-" its folder */
    const char *description; /* one line for --help */
    /* Builds everything. On failure it has logged why, and the process ends with status 1.
     * *state is passed to the others. Call service_ready() when clients can be served. */
    MUST_CHECK int (*start)(struct loop *loop, const struct config *config, void **state);
    /* A new configuration that has been validated; the old one is freed after it returns. Returns
     * an error to keep the old one. NULL: nothing can be reloaded. */
    int (*reload)(void *state, const struct config *config);
    /* Ends everything; calls stopped(user) once all handles are closed. */
    void (*stop)(void *state, void (*stopped)(void *user), void *user);
    /* The control socket's commands; NULL: none besides the common ones (help, ping, reload,
     * log-level, features, config, metrics, health). */
    const struct control_command *commands;
    const struct spec *specs;     /* ends with name NULL; NULL: none */
    const struct metric *metrics; /* ends with name NULL; NULL: only those of every process */
    /* What keeps it from serving as it should (static); NULL: nothing. May be NULL itself. */
    const char *(*problem)(void *state);
};

int service_main(const struct service *service, int argc, char **argv);
/* Adds to the commands of the control socket (plugins do); only after the service has begun. */
void service_add_commands(const struct control_command *commands, void *state);
/* The same with specifications, and where they are in the tree. Both live on. */
void service_add_specs(const struct spec *specs, const char *where);
/* What --instance said, of several processes of one service; NULL: nothing. */
const char *service_instance(void);
/* The same with metrics. */
void service_add_metrics(const struct metric *metrics, void *state);
/* "0.1" */
const char *service_version(void);
/* As SIGTERM does; nothing, if that came before. */
void service_stop(void);
/* READY=1 with a status line. */
void service_ready(const char *status);
void service_status(const char *status);
