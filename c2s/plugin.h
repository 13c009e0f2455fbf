/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The interface between c2s and its plugins. c2s does streams, TLS, SASL and the bind request of
 * clients and the link to the router; a plugin is what the accounts are served by. Exactly one
 * plugin serves the accounts: the session manager (c2s/sm). Plugins are linked in, or loaded from
 * shared objects that export `const struct c2s_plugin c2s_plugin` ([c2s] plugin = path).
 *
 * Everything runs on the worker's loop. A plugin never blocks and never calls back into itself:
 * worker_route(), client_send() and the like only queue.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "c2s/account_change.h"
#include "c2s/slots.h"
#include "common/component/batch.h"
#include "common/component/durable.h"
#include "common/config/config.h"
#include "common/db/db.h"
#include "common/io/loop.h"
#include "common/service/control.h"
#include "common/service/metrics.h"
#include "common/stream/stream.h"
#include "common/xmpp/stanza.h"

/* Raised when anything in this file changes its meaning. */
#define C2S_PLUGIN_ABI 5

struct worker;  /* one c2s process: everything hangs from it */
struct network; /* common/network */
struct network_member;
struct spec;   /* common/service/spec.h */
struct client; /* one client's stream */

/* How the stream of a client has ended. */
enum client_end {
    CLIENT_LOST,   /* its connection broke, it was silent, the server stops: it may come back */
    CLIENT_CLOSED, /* in order: </stream:stream> */
    CLIENT_FAILED  /* by a stream error of ours */
};

/* A top-level element that is no stanza: XEP-0198, XEP-0352. It is understood from TLS on. */
struct c2s_element {
    const char *ns;
    const char *name;
    /* STREAM_AUTHENTICATED, STREAM_BOUND: what must have been reached, and what must not. */
    unsigned requires;
    unsigned excludes;
    /* session: NULL while no resource is bound. The element is in an arena that is freed after the
     * call. Who answers later calls client_hold(). */
    void (*handle)(void *state, struct client *client, void *session, struct element *element);
    /* It came while it must not, or while a resource is being bound. NULL: a stream error. */
    void (*refuse)(void *state, struct client *client, struct element *element);
};

/* What a client asks for together with its login (XEP-0388 §2.6.1), once that has succeeded. */
struct c2s_begin {
    const struct element *request; /* its <authenticate/>, borrowed during the call */
    const char *device;            /* the id of its user agent, a UUID in lower case; or NULL */
    int mechanism;                 /* enum sasl_mechanism */
    int64_t token;                 /* that it has proven (XEP-0484); -1: another secret */
};

/* What may be offered again. */
enum c2s_reach {
    C2S_REACH_ALL,     /* the router is back */
    C2S_REACH_ROUTE,   /* somebody new is behind this name */
    C2S_REACH_DURABLE, /* that answers for what it takes (urn:kontalk:durable:1); behind ROUTE */
    C2S_REACH_LOST,    /* nobody is behind it any more */
    C2S_REACH_ROOM     /* there is room again under this name; without a name: in the link */
};

struct c2s_plugin {
    unsigned abi;
    size_t size; /* sizeof(struct c2s_plugin) */
    const char *name;

    /* The worker's configuration, database and slots exist; the router link is not up yet. */
    MUST_CHECK int (*start)(struct worker *worker, void **state);
    /* Clients have been closed before. stopped(user) later, not inside. */
    void (*stop)(void *state, void (*stopped)(void *user), void *user);
    void (*reload)(void *state, const struct config *config);

    /* Adds its own to the features a client sees after authentication; may be NULL. */
    void (*features)(void *state, struct element *features);

    /* An authenticated client asks for a resource (prepared; NULL: the server chooses). Answer
     * later with client_bound() or client_bind_refused(); client_gone() ends the wait. */
    void (*bind)(void *state, struct client *client, const struct jid *account,
                 const char *resource);
    /* Adds what begin() understands to the <inline/> of XEP-0388. */
    void (*inline_features)(void *state, struct element *inline_list);
    /* Answer later with client_begun() or client_begin_refused(); hold the client until then, and
     * client_gone() ends the wait. Both NULL: only the login itself. */
    void (*begin)(void *state, struct client *client, const struct jid *account,
                  const struct c2s_begin *begin);
    /* A stanza of a bound client, from stamped with its full JID, `to` parsed or absent; problem
     * as stanza_from_element_take(). To be consumed. */
    void (*stanza)(void *state, void *session, struct stanza *stanza, int problem);
    /* Ends with ns NULL; may be NULL. */
    const struct c2s_element *elements;
    /* Nothing has been heard from it for long: ask something that it answers. NULL: its silence is
     * taken for its absence. */
    void (*silent)(void *state, void *session);
    /* The stream of a bound client has ended. After it the client must not be used. */
    void (*closed)(void *state, void *session, enum client_end how);
    /* The client went away while bind() had not been answered, or while it was held. */
    void (*client_gone)(void *state, struct client *client);
    /* The client has taken most of what waited for it. May be NULL. */
    void (*writable)(void *state, void *session);

    /* A stanza from the router for one of our names. To be consumed. */
    void (*routed)(void *state, struct stanza *stanza, int problem);
    /* What the router never took; to be consumed. */
    void (*undelivered)(void *state, struct stanza *stanza);
    /* urn:kontalk:durable:1; without `offered` stanzas only come by routed(), and nothing may be
     * offered. A stanza that somebody offers to one of our names, to be consumed, and answered by
     * worker_answer(), now or later. */
    void (*offered)(void *state, const struct durable *offer, struct stanza *stanza);
    /* An answer to an offer of ours, or one of somebody else may be forgotten. */
    void (*answered)(void *state, const struct durable *answer);
    /* Several of these at once (common/component/batch.h); the stanza, which is to be consumed, is
     * NULL but for offers. NULL: they come one by one. */
    void (*batch)(void *state, const struct batch *batch, struct stanza *stanza);
    /* An offer found no room: see reachable(). */
    void (*offer_full)(void *state, const char *id);
    /* name NULL: of the default route. */
    void (*reachable)(void *state, enum c2s_reach how, const char *name);
    /* Slots were won or lost (worker_slots()). */
    void (*slots_changed)(void *state);

    /* An account was created, its password changed, disabled or removed by the administrator;
     * `keep` is a client that stays (it changed its own password), or NULL. */
    void (*account_changed)(void *state, const struct jid *account, bool may_stay,
                            struct client *keep);
    /* Does account_work() where the account is served; done() as there. NULL: it is served here. */
    void (*work)(void *state, enum account_change change, const struct jid *account,
                 const char *password, void (*done)(void *user, const char *problem), void *user);
    /* Further commands on the control socket; ends with words NULL. May be NULL. */
    const struct control_command *commands;
    /* What it counts; ends with name NULL. May be NULL. */
    const struct metric *metrics;
    /* Calls add() for each table of specifications (service_add_specs()). May be NULL. */
    void (*specs)(void (*add)(const struct spec *specs, const char *where));
};

/* What a plugin may ask of its host. */
struct loop *worker_loop(struct worker *worker);
struct db *worker_db(struct worker *worker);
struct slots *worker_slots(struct worker *worker);
/* The configuration in force now; it changes with reload(). */
const struct config *worker_config(struct worker *worker);
/* "alpha.example.net" and "example.net". */
const char *worker_host(struct worker *worker);
const char *worker_network(struct worker *worker);
/* "c2s-1", and the workers of this node that the router knows now: *ids until control returns to
 * the loop. */
const char *worker_id(const struct worker *worker);
size_t worker_ids(const struct worker *worker, const char *const **ids);
/* The network document in force, until control returns to the loop (network_ref() to keep it);
 * NULL: this is a network of one. */
const struct network *worker_document(const struct worker *worker);
/* This node in it; NULL: it is not in it. */
const struct network_member *worker_member(const struct worker *worker);
/* The secret of the home, HOME_SECRET_SIZE bytes (c2s/home.h); it is there before any slot is. */
const uint8_t *worker_secret(struct worker *worker);
/* Whether accounts can be under this domain here: the network domain (or a further [domain]). */
bool worker_serves(struct worker *worker, const char *domain);
/* A name that this worker alone binds at the router: what is for it is routed() too. */
void worker_bind_alone(struct worker *worker, const char *name);
void worker_unbind_alone(struct worker *worker, const char *name);
/* To the router. Borrowed. ERR_LIMIT: congested; the caller answers for the stanza. */
MUST_CHECK int worker_route(struct worker *worker, struct stanza *stanza);
/* As link_offer(). */
MUST_CHECK int worker_offer(struct worker *worker, const char *id, unsigned attempt,
                            const char *after, const struct stanza *stanza);
void worker_answer(struct worker *worker, const struct durable *answer);
/* As link_offer_batch() and link_answer_batch(). */
MUST_CHECK int worker_offer_batch(struct worker *worker, const struct batch *batch,
                                  struct stanza *stanza, size_t *made);
void worker_answer_batch(struct worker *worker, const struct batch *batch);

void client_bound(struct client *client, const struct jid *full, void *session);
/* type: NULL for the usual one of the condition; app_name: a condition of XEP-0182, or NULL. */
void client_bind_refused(struct client *client, enum stanza_condition condition, const char *type,
                         const char *app_name);
/* Instead of client_bound(): the session is one that was bound on an earlier stream. */
void client_resumed(struct client *client, const struct jid *full, void *session);
/* What it asked for with its login is done: the login has succeeded. `full` is the session's, NULL:
 * none was begun; resumed: one of an earlier stream. The children of `results` (may be NULL) are
 * told with the success. */
void client_begun(struct client *client, const struct jid *full, void *session, bool resumed,
                  const struct element *results);
/* The login fails after all. The client is as it was before. */
void client_begin_refused(struct client *client, enum sasl_condition condition);
/* Nothing more of what it sends is handled until client_release(); calls nest. */
void client_hold(struct client *client);
void client_release(struct client *client);
/* The session leaves this client: it hears no more of it, and closed() does not follow. The caller
 * closes it. */
void client_detach(struct client *client);
/* Borrowed; written to the client's stream. Every stanza that a bound client gets passes through
 * here, and each that it sends through stanza(): a plugin can count them (XEP-0198). */
void client_send(struct client *client, struct stanza *stanza);
void client_send_element(struct client *client, const struct element *element);
/* As much waits for it as may ([c2s] send-queue): producers stop until writable(). */
bool client_is_full(const struct client *client);
/* Nothing that was written to it waits here, and its system has acknowledged all of it (TCP). */
bool client_has_drained(const struct client *client);
/* Ends the stream with a stream error, or in order if condition is -1. plugin->closed() follows. */
void client_close(struct client *client, int condition, const char *text);
/* With an application-specific condition (RFC 6120 §4.9.4). */
void client_fail(struct client *client, enum stream_condition condition, const char *text,
                 const struct element *app);
/* Stop and go on reading from this client; calls nest. */
void client_pause(struct client *client);
void client_resume(struct client *client);
const char *client_address(const struct client *client);
/* The host of the node that it is connected to. */
const char *client_node(const struct client *client);
/* Whose it is, once it is authenticated: the bare JID, the full one once bound. */
const struct jid *client_account(const struct client *client);
/* Which device it is: the id of its user agent (XEP-0388 §2.3), or NULL. */
const char *client_device(const struct client *client);
/* When it connected (clock_monotonic_us()). */
uint64_t client_since(const struct client *client);
const char *client_stream_id(const struct client *client);
/* The language of its stream, or NULL. */
const char *client_lang(const struct client *client);
