/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The session manager: accounts with their sessions, modules in a fixed order, one dispatch table
 * for iq. One feature is one file with its code, its SQL, its rows and its disco features;
 * modules.c lists them in the order in which their hooks run.
 *
 *   client stanza ─► queue of its account ─► outgoing hooks ─► sm_route()
 *   sm_route(): our domain itself? ─► iq dispatch;  account here and short cut? ─► its queue;
 *               else ─► router (which brings it back as routed() if it is ours)
 *   routed stanza ─► queue of the account ─► incoming hooks ─► delivery (RFC 6121 §8.5)
 *
 * This header is what a feature needs; see account.h for the queue, session.h for sessions.
 * Everything hangs from one struct sm; nothing is global. Time: common/base/clock.h.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "c2s/plugin.h"
#include "c2s/sm/account.h"
#include "c2s/sm/session.h"
#include "common/base/table.h"
#include "common/db/db.h"
#include "common/io/timer.h"
#include "common/service/spec.h"
#include "common/xmpp/namespaces.h"
#include "common/xmpp/stanza.h"

struct archive_rates;
struct caps_cache;
struct contacts_seen;
struct features_table;
struct outbox;
struct confirm_state;
struct reports;
struct notices;
struct admin_calls;
struct push_state;
struct external;
struct offline_state;
struct crypto_block;
struct parser_pool;
struct places;
struct bundles;
struct far_in;
struct far_out;
struct gateway;
struct sm_iq_row;
struct taker;
struct services;
struct words;
struct peer_hashes;
struct retention;
struct service;

/* From [sm] and [c2s], read again by a reload. */
struct sm_limits {
    bool shortcut;    /* stanzas between accounts of this worker skip the router */
    size_t resources; /* of an account at the same time */
    size_t roster_items;
    size_t roster_groups; /* of an item */
    size_t blocklist_items;
    size_t directed;        /* addresses a session has sent directed presence to */
    size_t unacked_stanzas; /* sent to a session and not acknowledged */
    size_t unacked_bytes;
    uint64_t presence_ms; /* of contacts whose node is away is kept so long */
    uint64_t resume_ms;   /* how long a session waits for its client */
    size_t offline_messages;
    size_t offline_bytes;
    size_t vcard_bytes;
    size_t private_bytes; /* one element */
    size_t private_elements;
    size_t outbox_domain; /* that wait for one domain */
    size_t outbox_sender; /* … that one account has sent */
    uint64_t outbox_expiry_ms;
    size_t archive_queries; /* of an account in a second */
    size_t push_services;   /* of an account */
    uint64_t push_retry_ms;
    size_t pubsub_nodes; /* of an account, or of a service */
    size_t pubsub_items; /* of a node */
    size_t pubsub_item_bytes;
    size_t pubsub_bytes;         /* of all items of an account */
    size_t pubsub_affiliations;  /* of a node */
    size_t pubsub_subscriptions; /* of a node */
    size_t pubsub_contacts; /* resources that an account may tell of items without being asked */
    size_t pubsub_clients;  /* kinds whose features are remembered */
    uint64_t command_ms;
};

struct sm {
    struct worker *worker;
    struct loop *loop;
    struct db *db;
    struct slots *slots;
    struct sm_limits limits;
    uint64_t started_ms; /* monotonic */

    struct parser_pool *parsers;
    uint64_t envelopes_refused; /* of other nodes */
    struct homes_peer *homes_peers;

    /* One field a feature; only its own file looks inside. */
    struct caps_cache *caps;
    struct service *services;
    struct features_table *features;
    struct contacts_seen *contacts_seen;
    struct outbox *outbox;
    struct places *places;
    struct bundles *bundles;
    struct far_in *far_in;
    struct far_out *far_out;
    struct gateway *gateway;
    struct taker *taker;
    struct services *durable_services;
    struct words *words;
    struct retention *retention;
    struct peer_hashes *peer_hashes;
    struct crypto_block *stanza_ids;
    struct archive_rates *archive_rates;
    struct smacks_rows *smacks_rows;
    struct smacks_wake *smacks_wake;
    struct external *external;
    struct offline_state *offline;
    struct reports *reports;
    struct notices *notices;
    struct admin_calls *admin_calls;
    struct push_state *push;
    struct confirm_state *confirm;

    /* Private to sm.c, account.c, session.c and dispatch.c. */
    struct account *accounts;
    size_t accounts_alive; /* also those that are in no table any more */
    struct account *runnable;
    struct session *binding;
    struct loop_task *task;
    struct timer *sweep;
    struct sm_iq_row *iqs;
    uint64_t iqs_unknown;        /* requests nobody has a row for */
    unsigned requests;           /* open */
    unsigned checks;             /* of slots */
    void (*stopped)(void *user); /* set when it is being stopped */
    void *stopped_user;
    bool finishing;
};

/* What a hook says about a stanza. */
enum sm_verdict {
    SM_PASS,   /* the next module */
    SM_HANDLED /* done: the hook has answered, taken or dropped it */
};

/* Who an iq is addressed to. */
enum sm_address {
    SM_TO_SERVER = 1 << 0,  /* one of our domains itself, from anybody */
    SM_TO_SELF = 1 << 1,    /* no 'to', or the sender's own bare JID */
    SM_TO_ACCOUNT = 1 << 2, /* the bare JID of an account of ours, from somebody else */
    SM_TO_NOBODY = 1 << 3,  /* the bare JID of no account, which must look like one of a stranger */
    SM_TO_SERVICE = 1 << 4  /* a pubsub service (c2s/pubsub/service.h), which is the account */
};

#define SM_GET (1 << 0)
#define SM_SET (1 << 1)

/* One iq request being answered. Answer exactly once, now or later, with sm_result(),
 * sm_reply_take(), sm_error() or sm_fail(): that releases the request. `from`, `to` (if any) and
 * the payload are in the stanza, which is frozen. */
struct sm_request {
    struct sm *sm;
    struct stanza *iq;
    struct element *payload;
    enum sm_address addressed;
    struct account *account; /* whose data is asked for, kept in memory; NULL for SM_TO_SERVER,
                                SM_TO_NOBODY */
    struct session *session; /* SM_TO_SELF: the asking session while it lives, else NULL */
    struct sm_request *prev, *next; /* session->requests */
};

/* A row of the dispatch table. Several rows may have the same name and namespace if they differ in
 * `addressed` or `types`. What no row takes is answered by dispatch.c alone: service-unavailable
 * if there is no row for the element, else feature-not-implemented (SM_TO_ACCOUNT, SM_TO_NOBODY:
 * always service-unavailable; RFC 6121 §8.5.1). */
struct sm_iq {
    const char *ns;
    const char *name;
    unsigned types;     /* SM_GET | SM_SET */
    unsigned addressed; /* enum sm_address bits */
    void (*handle)(struct sm_request *request);
};

/* All members but the name may be NULL. Lists end with an entry whose first member is NULL. */
struct sm_module {
    const char *name;
    const struct spec *specs;
    const char *const *server_features;  /* disco#info of the domain */
    const char *const *account_features; /* disco#info of a bare JID */
    const struct sm_iq *iqs;
    /* Adds more to the disco#info result of the domain: extended information (XEP-0128). */
    void (*server_info)(struct sm *sm, struct element *query);

    void (*start)(struct sm *sm);
    void (*stop)(struct sm *sm);
    /* The configuration has been read again. */
    void (*configured)(struct sm *sm);
    /* Adds to what a client sees after authentication (RFC 6120 §4.3.2). */
    void (*stream_features)(struct sm *sm, struct element *features);

    /* Loading an account: one statement with the owner as $1, and what it brought. */
    const struct db_statement *load;
    void (*loaded)(struct account *account, const struct db_result *rows);
    /* The account leaves the memory. Called only if loaded() was. */
    void (*unload)(struct account *account);

    void (*session_opened)(struct session *session);
    /* The session is not available any more: `presence` is the client's stanza, NULL if its
     * stream ended without one. session->presence is still the one before. */
    void (*session_unavailable)(struct session *session, struct stanza *presence);
    /* The client has acknowledged these stored messages (XEP-0198), in this order. */
    void (*acknowledged)(struct session *session, const int64_t *seqs, size_t count);
    /* The session ends, and its client has not acknowledged these. */
    void (*unacknowledged)(struct session *session, const int64_t *seqs, size_t count);
    /* The session was resumed, and of what its client was sent some is not known any more that is
     * no stored message: it is told how things are. */
    void (*tell_anew)(struct session *session);
    /* The session is about to be freed. */
    void (*session_closed)(struct session *session);
    /* Presence was broadcast; `initial`: the session was not available before. */
    void (*session_presence)(struct session *session, bool initial);
    /* Presence was broadcast: `initial`, or a priority that rose from below 0 to 0 or more.
     * Offline messages, pending subscriptions. */
    void (*session_ready)(struct session *session, bool initial);

    /* A stanza from a client of the account, to wherever it says; `to` may be absent (but an iq
     * request without one goes to dispatch, not here). Not malformed. Borrowed. */
    enum sm_verdict (*outgoing)(struct session *session, struct stanza *stanza);
    /* An answer to the server itself, or to one of its addresses. Borrowed. */
    enum sm_verdict (*server_answered)(struct sm *sm, struct stanza *answer);
    /* A stanza to the account (bare JID) or one of its sessions (full), before delivery; also
     * from the account itself. Borrowed. Never called for what is no account. */
    enum sm_verdict (*incoming)(struct account *account, struct stanza *stanza);
    /* The session's client has taken most of what waited for it (client_is_full()). */
    void (*session_writable)(struct session *session);
    /* Whether stanzas between the account and this address are blocked: presence is then not
     * sent to it (XEP-0191 §3.5). */
    bool (*blocks)(const struct account *account, const struct jid *jid);
};

extern const struct sm_module *const sm_modules[]; /* modules.c; ends with NULL */
#define SM_MODULES(module)                                                                         \
    for (const struct sm_module *const *module##_at = sm_modules, *module;                         \
         (module = *module##_at) != NULL; module##_at++)

/* A request of one of our clients to the server itself. */
bool sm_asks_server(const struct sm *sm, const struct stanza *stanza);
/* Whether the client of the session is connected to the node of its account. Another node could
 * speak in its name (docs/FRONTS.md), so from there nothing can be asked that would be grave. */
bool sm_is_near(const struct session *session);
/* An empty result. */
void sm_result(struct sm_request *request);
/* A result begun with stanza_result(request->iq), or an error. Consumed. */
void sm_reply_take(struct sm_request *request, struct stanza *reply);
/* text may be NULL. */
void sm_error(struct sm_request *request, enum stanza_condition condition, const char *text);
/* What a negative status of the database means to a client: wait (resource-constraint) while it is
 * away, never that something does not exist. */
void sm_fail(struct sm_request *request, int status);
enum stanza_condition sm_condition(int status);

/* Sends a stanza, stamped with `from` and `to`, on its way from here: to an account, to our domain
 * itself, or to the world. What cannot be sent is answered with an error to its sender. Nothing is
 * delivered inside the call. Borrowed; afterwards it must not be changed. */
void sm_route(struct sm *sm, struct stanza *stanza);
void sm_route_take(struct sm *sm, struct stanza *stanza);
/* Presence with nothing in it. */
void sm_route_presence(struct sm *sm, enum stanza_type type, const struct jid *from,
                       const struct jid *to);
/* Routes the error reply, unless the stanza must not be answered with one. */
void sm_refuse(struct sm *sm, struct stanza *stanza, enum stanza_condition condition,
               const char *text);
/* Whether accounts can be under this domain here, and whether it is the address of the server
 * itself (the domain, without local part). */
bool sm_is_ours(const struct sm *sm, const struct jid *jid);
bool sm_is_server(const struct sm *sm, const struct jid *jid);

/* Whether the account shows its presence to this address: the account itself, a contact with a
 * subscription 'from' or 'both', or somebody with directed presence. Anybody else must not learn
 * whether, or with what, it is online (RFC 6121 §8.5.3.1, §11). */
bool sm_shares_presence(const struct account *account, const struct jid *with);
bool sm_blocks(const struct account *account, const struct jid *jid);

/* Statements for one account that take effect together, on the connection of its slot, after all
 * units that were submitted for it before. */
struct sm_unit;

enum sm_access {
    SM_READ_ASIDE,   /* what is committed, in no order with other units */
    SM_READ,         /* stanzas that come later may be handled before the answer */
    SM_READ_HELD,    /* the account is held until done() has returned */
    SM_WRITE,        /* held too, and proves the ownership of the slot (slots_fence) */
    SM_WRITE_COPY,   /* the same for what is in memory first, and is written again if it fails: its
                        outcome may remain unknown */
    SM_WRITE_BEHIND, /* proves it, but nobody waits for it: what is lost is written again, or does
                        no harm */
    SM_APPEND        /* proves it; further messages may be stored meanwhile, everything else waits
                        (account_append()). It is repeated until its outcome is known, so it has to
                        change nothing the second time */
};

/* status as db_callback, and ERR_DOUBTFUL: an SM_APPEND was fenced, but had been sent before, and
 * may have taken effect then; who reads it now knows. results[0] is the first statement that was
 * added (the fence is not among them). The account is kept in memory until done() returns, but may
 * have been dropped. Never inside sm_submit(), always once. */
typedef void sm_done(struct account *account, int status, const struct db_result *results,
                     void *user);

struct sm_unit *sm_unit_new(struct account *account, enum sm_access access);
/* The number (seq) for a row of the account that the unit writes. The owner of an account is its
 * only writer, so it counts in memory; the account's row is raised some numbers ahead, in a
 * statement of the unit in front of those that are added: before the first sm_add(). Numbers rise,
 * with the home's epoch above SM_EPOCH_BITS, and are never given twice; there may be gaps. */
#define SM_EPOCH_BITS 40
int64_t sm_next_seq(struct sm_unit *unit);
/* SM_APPEND for two accounts of this worker, whose slots have one connection, at once; before
 * everything else. sm_done gets the first one. And the number for the other. */
void sm_unit_join(struct sm_unit *unit, struct account *account);
int64_t sm_next_seq_joined(struct sm_unit *unit);
void sm_add(struct sm_unit *unit, const struct db_statement *statement,
            const struct db_value *values);
#define sm_add_values(unit, statement, ...)                                                        \
    sm_add((unit), (statement), (const struct db_value[]){__VA_ARGS__})
/* How many have been added. */
size_t sm_unit_count(const struct sm_unit *unit);
/* SM_WRITE: it is repeated as SM_APPEND is. The account is held until its outcome is known. */
void sm_unit_repeat(struct sm_unit *unit);
/* Consumes the unit. done may be NULL. */
void sm_submit(struct sm_unit *unit, sm_done *done, void *user);
/* For reading what a request asks for: somebody else's neither holds up the account nor waits for
 * what is being written. */
enum sm_access sm_access_of(const struct sm_request *request);
/* One statement. */
void sm_query(struct account *account, enum sm_access access, const struct db_statement *statement,
              const struct db_value *values, sm_done *done, void *user);
/* For iq handlers that write and then say yes: result, or the error, after the commit. */
void sm_submit_for(struct sm_unit *unit, struct sm_request *request);

/* An element from the XML text it was stored as (element_write() or stanza_write() with NS_CLIENT),
 * as the root of an arena of its own, which the caller frees; NULL if it is damaged (logged). */
struct element *sm_parse(struct sm *sm, const char *xml);
/* The text to store, for sm_parse(). Free with free(). */
char *sm_format(const struct element *element);
/* The same for a stanza. */
struct stanza *sm_parse_stanza(struct sm *sm, const char *xml);
