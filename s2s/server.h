/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The daemon: everything hangs from it, nothing is global.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/component/link.h"
#include "common/io/gate.h"
#include "common/io/listeners.h"
#include "common/io/timer.h"
#include "common/service/control.h"
#include "common/service/document.h"
#include "common/service/metrics.h"
#include "s2s/dns.h"
#include "s2s/network_key.h"
#include "s2s/policy.h"

struct remote;
struct directed;
struct in;
struct inbound;
struct offer;
struct out;
struct probe;

/* Read from the configuration once per (re)load. */
struct server_limits {
    struct parser_limits before_auth, after_auth;
    uint64_t connect_ms, negotiation_ms, idle_ms, ack_ms;
    uint64_t retry_min_ms, retry_max_ms, expiry_ms;
    unsigned connecting;
    size_t queue_stanzas, queue_bytes, queue_total;
    size_t addresses; /* of one stanza that comes in */
    unsigned pending_pairs, pending_verifications;
    bool internal_addresses;
    bool bidi;
};

struct server {
    struct loop *loop;
    const struct config *config;
    struct server_limits limits;
    struct policy *policy;
    struct document *document;       /* of the network */
    struct signing_key *signing_key; /* of this node; NULL: it has none */
    char *door; /* bound for answers that came in at other nodes; NULL: there are none */
    struct gate *gate;
    struct parser_pool *parsers;
    struct dns *dns;
    struct link *link;
    struct listeners listeners;
    struct address *own; /* where we listen */
    size_t own_count;

    struct remote *remotes; /* by domain */
    struct turns *turns;
    struct out *outs;
    struct in *ins;
    struct probe *probes;
    unsigned verifications; /* in question at other servers */
    size_t queued_bytes;    /* that wait, or have not been acknowledged */
    struct offer *offers;   /* by id */
    struct offer *taken;    /* of them */
    size_t taken_count;

    struct inbound *inbound;  /* what nobody here has taken yet */
    struct inbound *inbounds; /* the same, by id */
    struct timer *inbound_timer;
    uint64_t inbound_next, parcel_next;
    struct suspect *suspects; /* the latest last */
    unsigned suspects_count;
    uint64_t inbound_since_ms; /* nobody has taken or refused anything */
    size_t inbound_bytes;
    bool inbound_stuck;

    struct directed *directed; /* who was sent presence that was for several (multicast.h) */

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

/* Why nothing may go from our domain to theirs; NULL: it may. */
const char *server_why_not(const struct server *server, const char *local, const char *remote);
/* A stanza from outside, whose sender has been proven. To be consumed. */
void server_to_router(struct server *server, struct stanza *stanza);
/* Something was given to the link: slows down those outside, if that was too much. */
void server_check_link(struct server *server);
/* A stanza for outside, from the router or of our own. To be consumed. */
void server_to_remote(struct server *server, struct stanza *stanza);
/* The stanza ends here: its sender, on our side, is told why. It is borrowed. */
void server_bounce(struct server *server, const struct stanza *stanza,
                   enum stanza_condition condition, const char *text);
/* An incoming or outgoing stream has gone. */
void server_stream_closed(struct server *server);

/* server_config.c */
void server_read_limits(struct server *server, const struct config *config);
MUST_CHECK int server_open_dns(struct server *server, const struct config *config);
/* server_network.c */
MUST_CHECK int server_open_network(struct server *server, const struct config *config);
void server_close_network(struct server *server);
/* For a stream of ours: of the network, or after XEP-0185. free() it. */
char *server_dialback_key(const struct server *server, const struct network_key_subject *subject);
/* NETWORK_KEY_OTHER also for a domain that is this node's alone. */
enum network_key_verdict server_check_network_key(const struct server *server,
                                                  const struct network_key_subject *subject,
                                                  const char *text);
/* The resource that an answer to a question from this domain of ours shall have: it finds its way
 * from whichever node it comes in at. NULL: it need not have any. free() it. */
char *server_return(const struct server *server, const char *local, const char *nonce);
/* Answers that other nodes have passed on come under a name of ours. */
void server_bind_return(struct server *server);
/* True: one of these, which is consumed. */
bool server_returned(struct server *server, struct stanza *stanza);
/* An answer to something that we have asked ourselves. */
bool server_answered(struct server *server, const struct stanza *stanza);
/* listen.c */
MUST_CHECK int server_listen(struct server *server);
