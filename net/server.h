/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The daemon: everything hangs from it, nothing is global.
 *
 *    router ◄── link ── server ── peer (state of the other node) ── line (a connection to it)
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/component/link.h"
#include "common/config/config.h"
#include "common/io/gate.h"
#include "common/io/listeners.h"
#include "common/io/timer.h"
#include "common/service/control.h"
#include "common/service/document.h"
#include "common/service/metrics.h"
#include "common/tls/tls.h"

struct line;
struct peer;
struct passage;

/* Read from the configuration once per (re)load. */
struct server_limits {
    struct parser_limits before_auth, after_auth;
    uint64_t negotiation_ms, retry_min_ms, retry_max_ms, silence_ms;
    uint64_t heartbeat_ms, down_ms, resume_ms;
    unsigned suspect_beats, down_beats;
    size_t queue_bytes;
};

struct server {
    struct loop *loop;
    const struct config *config;
    const char *host, *domain; /* ours, and the network's */
    struct server_limits limits;
    struct document *document;
    const struct network *network; /* in force; NULL: no document, a network of one */
    struct tls_context *tls_accept, *tls_dial;
    struct gate *gate;
    struct parser_pool *parsers;
    struct link *link;
    struct listeners listeners;

    struct peer *peers; /* by host */
    struct line *lines;
    struct passage *passages; /* offers that were handed to the router, by id */
    size_t passages_count;

    uint64_t strangers; /* refused before they were anybody */
    bool listening;
    bool congested; /* the router does not take more: nothing is read from outside */
    bool stopping;
    void (*stopped)(void *user);
    void *stopped_user;
};

extern const struct control_command server_commands[];
/* metrics.c; as in struct service. */
extern const struct metric server_metrics[];
const char *server_problem(void *state);

int server_start(struct loop *loop, const struct config *config, void **state);
int server_reload(void *state, const struct config *config);
void server_stop(void *state, void (*stopped)(void *user), void *user);

/* We are a member, and the other one is not suspended. If we are, the others will not have us; that
 * we try is how we hear that it is over. */
bool server_is_linked_with(const struct server *server, const struct network_member *member);
/* Something was given to the router's link: slows down those outside, if that was too much. */
void server_check_link(struct server *server);
/* A line or peer has gone. */
void server_line_closed(struct server *server);

/* server_config.c */
void server_read_limits(struct server *server, const struct config *config);
MUST_CHECK int server_open_tls(struct server *server, const struct config *config);
/* listen.c */
MUST_CHECK int server_listen(struct server *server);
