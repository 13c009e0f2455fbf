/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The directory of one worker, for this folder and its tests only. It knows neither the worker nor
 * the router: what it has to say to others it gives to settings.send, and what they say comes by
 * directory_take(). So tests join several in memory.
 *
 *   resolver.c    where is this name?         registrar.c  giving names, at the registrar home
 *   claims.c     names of our accounts       handover.c   becoming the registrar
 *   pull.c       what other homes have       publish.c    what ours has
 *   recover.c    our home after a restore    requests.c   questions to other nodes
 *   takeover.c   the registrar is lost        fellows.c    other workers of the node
 *   compare.c    two copies of one home      verify.c     all of it, for kontalkctl
 *   rooms.c      names of ours                listing.c    public rooms of all homes
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "c2s/directory/cache.h"
#include "c2s/directory/directory.h"
#include "c2s/directory/grant.h"
#include "c2s/directory/words.h"
#include "common/db/db.h"
#include "common/io/loop.h"
#include "common/io/timer.h"
#include "common/network/network.h"

/* How many names one message is about. */
#define DIRECTORY_BATCH 100

/* Strings are copied. */
struct directory_settings {
    struct loop *loop;
    struct db *db;
    const char *host;    /* of this node */
    const char *address; /* of this worker: "alpha.example.net/c2s-1" */
    const char *domain;  /* of the network */
    const char *home;
    size_t cache_size;
    const struct signing_key *key; /* of this node, borrowed; NULL: it cannot be the registrar */
    /* Whether this worker does what only one of the node does: it follows the other homes and
     * claims names. NULL: always. */
    bool (*is_keeper)(void *user);
    /* Whether addresses of this domain, a service, have homes one by one. NULL: never. */
    bool (*is_shared)(void *user, const char *domain);
    /* The ids of all workers of the node: *ids until control returns to the loop. NULL: it is
     * alone.
     */
    size_t (*workers)(void *user, const char *const **ids);
    /* To another node, or worker. Borrowed. ERR_LIMIT. */
    int (*send)(void *user, struct stanza *stanza);
    void *user;
};

struct directory {
    struct directory_settings settings;
    char *host, *address, *domain, *home;
    const struct network *network; /* NULL: a network of one */
    bool without_home;             /* ours may not be served now */
    bool ended;
    struct cache *cache;
    struct requests *requests;
    struct lookup *lookups; /* by name */
    struct registrar *registrar;
    struct claims *claims;
    struct pulls *pulls;
    struct publisher *publisher;
    struct handover *handover;
    struct recovery *recovery;
    size_t listings;     /* questions for rooms of ours that are open */
    unsigned references; /* its owner, and pages in threads */
};

struct directory *directory_new(const struct directory_settings *settings);
/* Before the database is closed: nobody is asked any more, and who waits for another node fails. */
void directory_stop(struct directory *directory);
/* After it was closed; NULL is allowed. */
void directory_free(struct directory *directory);
/* The document in force, or NULL. */
void directory_set_network(struct directory *directory, const struct network *network);
/* Whether our home is served, whatever the document says; at first it is. */
void directory_set_home(struct directory *directory, bool is_served);
/* A node message in NS_DIRECTORY; `from` was proved by whoever brought it. To be consumed. */
void directory_take(struct directory *directory, struct stanza *message, struct element *payload);
/* The way to this host is there (again). */
void directory_reachable(struct directory *directory, const char *host);

/* --- the document --- */

/* We serve the registrar home, and may sign. */
bool directory_is_registrar(const struct directory *directory);
/* The host of the registrar; NULL: there is none. */
const char *directory_registrar_host(const struct directory *directory);
/* Whether what has this key id is signed by the registrar of the document. */
bool directory_is_current(const struct directory *directory, const uint8_t *key_id);
/* What this host says for this home counts. */
bool directory_speaks_for(const struct directory *directory, const char *host, const char *home,
                          int64_t epoch);
/* Ours, in the document; NULL: it has none, or serves it elsewhere. */
const struct network_home *directory_home(const struct directory *directory);

/* The name under which the directory has services of this domain, which is the domain: below the
 * network's, and no node. NULL: none are there. */
const char *directory_service(const struct directory *directory, const char *domain);
/* It is such a service, and each address there has an entry of its own: a room. The name of the
 * service is nobody's. */
bool directory_shares(const struct directory *directory, const char *domain);
/* The same of a name. It can be given anew after it was released. */
bool directory_is_room(const struct directory *directory, const char *name);

/* This worker does what only one of the node does. */
bool directory_is_keeper(const struct directory *directory);

/* --- our log (publish.c) --- */

struct publisher *publisher_new(struct directory *directory);
void publisher_free(struct publisher *publisher);
/* Entries of ours have changed: the others are told, soon. */
void publish_changed(struct directory *directory);

/* --- the logs of others (pull.c) --- */

struct pulls *pulls_new(struct directory *directory);
void pulls_free(struct pulls *pulls);
/* The document has changed. */
void pulls_update(struct pulls *pulls);
/* The node that serves these homes can be reached (again). */
void pulls_reachable(struct pulls *pulls, const char *host);

/* --- becoming the registrar (handover.c) --- */

struct handover *handover_new(struct directory *directory);
void handover_free(struct handover *handover);
void handover_update(struct handover *handover);

/* --- the same without the one before, which is lost (takeover.c) --- */

/* Once: found are the names that it is known to have given, which are claims now. Else it is to be
 * tried again. */
typedef void takeover_done(void *user, int status, size_t found);
void takeover_begin(struct directory *directory, const struct network_home *lost,
                    takeover_done *done, void *user);

/* --- after a restore (recover.c) --- */

struct recovery *recovery_new(struct directory *directory);
void recovery_free(struct recovery *recovery);
void recovery_update(struct recovery *recovery);
/* The epoch of our home is above the one under which its entries were last compared with the copies
 * of the others. Until that is done we do not know what was given before. */
bool recovery_is_needed(const struct directory *directory, int64_t compared_epoch);

/* --- the other workers of this node (fellows.c) --- */

/* What they remember of these, at most DIRECTORY_BATCH, if they are rooms. */
void fellows_forget(struct directory *directory, const char *const *jids, size_t count);

/* --- public rooms of all homes (listing.c) --- */

/* As directory_list_rooms(). */
void listing_ask(struct directory *directory, const char *service, const struct rsm *wish,
                 directory_rooms_listed *done, void *user);

/* --- requests (requests.c) --- */

/* status 0: `answer` is the payload of the answer, valid during the call. ERR_UNAVAILABLE: it has
 * come back, or cannot be sent; ERR_TIMEOUT. Later than request_send(). */
typedef void request_answered(void *user, int status, struct element *answer);
struct requests *requests_new(struct directory *directory);
void requests_free(struct requests *requests);
/* All that are open, at once. */
void requests_fail(struct requests *requests);
/* Takes the message, or iq, and gives it an id. What is answered by others than `host` does not
 * count. */
struct request *request_send_take(struct directory *directory, const char *host,
                                  struct stanza *message, struct element *payload,
                                  request_answered *done, void *user);
/* It is not waited for longer than that. */
void request_hurry(struct request *request, unsigned ms);
/* NULL is allowed. */
void request_cancel(struct request *request);
/* An answer, or a request that has come back; false: nobody waits for it. */
bool requests_take(struct requests *requests, const struct stanza *message, struct element *answer);
bool requests_take_reply(struct requests *requests, const struct stanza *iq);
/* Sends without waiting for anything; takes it. */
void directory_send_take(struct directory *directory, struct stanza *message);
/* An answer to the message: same id. */
struct stanza *directory_reply(const struct stanza *message, const struct element *request,
                               const char *name, struct element **payload);
/* <wait reason/>: not now. */
void directory_reply_wait(struct directory *directory, const struct stanza *message,
                          const struct element *request, const char *reason);

struct directory *directory_ref(struct directory *directory);

/* --- who handles which word --- */

struct directory_word {
    const char *name;
    void (*handle)(struct directory *directory, struct stanza *message, struct element *payload);
};
/* Each ends with name NULL. */
extern const struct directory_word registrar_words[], pull_words[], publish_words[],
    handover_words[], compare_words[], fellow_words[], listing_words[];
