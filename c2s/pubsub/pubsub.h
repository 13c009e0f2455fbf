/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Publish-subscribe (XEP-0060) and personal eventing (XEP-0163): what other features of the session
 * manager may ask of it.
 *
 * A feature that lives on a node (avatars, bookmarks, what was displayed) adds a struct pubsub_hook
 * to the list in hooks.c: it is asked before an item is published, may add statements to the unit
 * that stores it, and hears when it is committed. In the name of an account it publishes with
 * pubsub_publish(), takes back with pubsub_retract(), and reads with pubsub_read().
 */
#pragma once

#include "c2s/sm/sm.h"

extern const struct sm_module pubsub_module;
/* Of a service of its own; ends with NULL. */
extern const char *const pubsub_service_features[];

/* One item as hooks and readers see it; borrowed. */
struct pubsub_item {
    const char *node;
    const char *id;
    const struct element *payload; /* NULL: none */
    bool from_hook;                /* pubsub_publish() has made it, no client */
};

typedef void pubsub_go_on(struct sm_request *request);

/* status: 0, or as of a unit (common/db/db.h); ERR_DENIED: it cannot be (a limit, a hook). */
typedef void pubsub_done(struct account *account, int status, void *user);

struct pubsub_hook {
    const char *node; /* its name; NULL: of every node of accounts */
    /* Before anything is written: -1, or the condition (enum stanza_condition) it is refused with.
     */
    int (*check)(struct account *account, const struct pubsub_item *item);
    /* Adds statements that take effect with the item. */
    void (*write)(struct account *account, const struct pubsub_item *item, struct sm_unit *unit);
    /* It is committed. done(), called once, at once or later, answers the publisher and tells those
     * who listen: what follows of it (units, each submitted in the turn of the one before) is then
     * stored too. Not both of a node and of every node. */
    void (*published)(struct account *account, const struct pubsub_item *item, pubsub_done *done,
                      void *user);
    /* The account asks something of the node, which there is not: it may be made before that is
     * answered. Calls go_on() later or at once, or fails the request. */
    void (*absent)(struct sm_request *request, pubsub_go_on *go_on);
    /* One item is gone; id NULL: all of them, with the node (XEP-0060 §7.2, §8.4, §8.5). */
    void (*retracted)(struct account *account, const char *node, const char *id);
};
/* hooks.c; ends with NULL. They run in this order. */
extern const struct pubsub_hook *const pubsub_hooks[];

/* What a node is to be like, as in <publish-options/>: "pubsub#access_model", "open" … Ends with
 * var NULL. Boolean values are "1" and "0". */
struct pubsub_setting {
    const char *var, *value;
};

/* In the name of the account itself, as its clients do: the node is created with `settings` on its
 * defaults (defaults.h) if there is none (one that exists is left as it is), contacts and devices
 * are told. The account is READY and this is called within a job of its, or in sm_done of a unit of
 * its. Strings and payload are copied. id NULL: a new one. done may be NULL; never called inside
 * the call. */
void pubsub_publish(struct account *account, const char *node, const char *id,
                    const struct element *payload, const struct pubsub_setting *settings,
                    pubsub_done *done, void *user);
/* No such node or item is success. `notify`: those who listen are told. */
void pubsub_retract(struct account *account, const char *node, const char *id, bool notify,
                    pubsub_done *done, void *user);
/* The item, or the last one of the node (id NULL); NULL if there is none. For whoever is asked by
 * the account itself: nothing is checked. Later than this call. */
typedef void pubsub_got(struct account *account, int status, const struct pubsub_item *item,
                        void *user);
void pubsub_read(struct account *account, const char *node, const char *id, pubsub_got *got,
                 void *user);
/* All items of the node, oldest first: got() is called for each, and once with NULL at the end. */
void pubsub_read_all(struct account *account, const char *node, pubsub_got *got, void *user);
bool pubsub_has_node(const struct account *account, const char *node);
/* Whether `who` may read what the node holds; false if there is none. */
bool pubsub_may_read(const struct account *account, const char *node, const struct jid *who);

/* For route.c: whether presence is worth loading the account it is for (contacts.h). */
bool pubsub_wants_presence(struct sm *sm, const struct stanza *presence);
/* For disco.c. False: there is no such node, or `who` must not see it. */
bool pubsub_disco_info(const struct account *account, const char *node, const struct jid *who,
                       struct element *query);
void pubsub_disco_nodes(const struct account *account, const struct jid *who,
                        struct element *query);
/* The items of a node: answers the request. False as above. */
bool pubsub_disco_items(struct sm_request *request, const char *node);

/* request.c */
void pubsub_request(struct sm_request *request);
void pubsub_request_to_nobody(struct sm_request *request);
