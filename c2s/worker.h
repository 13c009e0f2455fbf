/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * One worker: one loop with its clients, its link to the router, its database connections, its
 * slots and its plugin. Everything hangs from it; nothing is global. What plugins may use of it is
 * in plugin.h.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "c2s/admission.h"
#include "c2s/domain.h"
#include "c2s/home.h"
#include "c2s/pace.h"
#include "c2s/plugin.h"
#include "common/component/link.h"
#include "common/io/listeners.h"
#include "common/io/timer.h"
#include "common/service/document.h"

/* Read from the configuration once per (re)load, because every client needs them. */
struct worker_limits {
    struct parser_limits before_auth;
    struct parser_limits after_auth;
    uint64_t login_ms;
    uint32_t tls_ms;
    uint64_t idle_ms;
    uint64_t ping_ms;
    uint64_t send_ms;
    size_t send_queue;
    unsigned sasl_tries;
    uint64_t bytes_before_auth;
    uint64_t bytes_per_second, bytes_burst;
    uint64_t stanzas_per_second, stanzas_burst;
    uint64_t handshakes_per_second;
};

/* Stanzas from and to clients, by enum stanza_kind. */
struct worker_traffic {
    uint64_t received[3], sent[3];
};

struct worker {
    struct loop *loop;
    const struct config *config;
    char *id; /* "c2s-1" */
    char *host;
    char *network;
    char *home; /* the name of it */
    struct worker_limits limits;
    struct domains *domains;
    struct document *document;         /* of the network (worker_document.c) */
    struct worker_follower *followers; /* who hears of its changes */
    struct directory *directory;       /* directory/directory.h */
    struct signing_key *signing_key;   /* of this node; NULL: none is configured */
    bool directory_begun, directory_keeper;
    const char *home_refusal; /* why the home may not be served (worker_home.c); NULL: it may */
    bool serving;             /* the home: its domains are bound, slots may be owned */
    bool fronting;            /* clients of other homes: the name of the node is bound */
    struct admission *admission;
    struct parser_pool *parsers;
    struct db *db;
    char *weak_settings; /* of it (promise.h); NULL: not known */
    struct link *link;
    struct slots *slots;
    struct front *front;        /* c2s/front */
    struct web *web;            /* c2s/web */
    struct listeners listeners; /* for clients */
    struct listeners inner;     /* for the other workers of the node */
    struct client *clients;     /* list */
    struct census *census;      /* metrics.c, while all families are read */
    size_t clients_count;
    struct worker_traffic traffic;
    struct pace handshakes;
    const struct c2s_plugin *plugin;
    void *plugin_state;
    struct timer *retry; /* of the schema check at start */
    uint8_t secret[HOME_SECRET_SIZE];
    bool ready;
    struct drain *drain; /* worker_drain.c; NULL: it takes clients */
    bool stopping;
    void (*stopped)(void *user);
    void *stopped_user;
};

MUST_CHECK int worker_start(struct loop *loop, const struct config *config, void **state);
int worker_reload(void *state, const struct config *config);
void worker_stop(void *state, void (*stopped)(void *user), void *user);
/* Once link and database have closed. */
void worker_end_when_closed(struct worker *worker);
/* After how many ms a TLS handshake may begin (pace.h). */
uint64_t worker_handshake_wait(struct worker *worker);
/* As much waits for the router, or for the database, as may: whoever sends more is read no further
 * for now. */
bool worker_is_congested(const struct worker *worker);
/* One of them has room again. */
void worker_drained(void *worker);
/* Lets clients in. */
void worker_open_doors(struct worker *worker);
/* A client's connection has closed and its memory is about to go. */
void worker_client_closed(struct worker *worker, struct client *client);

/* A connection of the web has closed. */
void worker_web_changed(struct worker *worker);

/* worker_drain.c: its client is gone, or the worker stops; nothing, if it does not drain. */
void drain_end(struct worker *worker);
extern const struct control_command drain_commands[];

/* worker_listen.c: opens all listeners. Logs why it cannot. */
MUST_CHECK int worker_listen(struct worker *worker);
/* Closes them. */
void worker_unlisten(struct worker *worker);

/* worker_link.c. Nothing is bound yet: stanzas come only once they can be served. */
void worker_open_link(struct worker *worker);
/* The name of the node, under which other nodes reach this worker. */
void worker_bind_host(struct worker *worker);
void worker_unbind_host(struct worker *worker);
/* Those under which there are accounts. */
void worker_bind_domains(struct worker *worker);
void worker_unbind_domains(struct worker *worker);

/* worker_home.c: the home that was found in the database is served from now on, or no longer; then
 * it is to be looked at again. */
bool worker_judge_home(struct worker *worker, const char *name, int64_t epoch);

/* worker_document.c */
MUST_CHECK int worker_open_document(struct worker *worker);
void worker_close_document(struct worker *worker);
/* Until the worker ends: as `changed` of struct document_settings. */
void worker_follow_document(struct worker *worker,
                            void (*changed)(void *user, const struct network *before,
                                            const struct network *now),
                            void *user);

/* The plugin linked in, or the one [c2s] plugin names. Logs why not; NULL. */
const struct c2s_plugin *plugin_find(const struct config *config);
/* The control socket's commands of the core: accounts and sessions. */
extern const struct control_command worker_commands[];
