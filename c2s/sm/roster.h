/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The roster of an account (RFC 6121 §2) with the state of its subscriptions (§3). All of it is in
 * memory while the account is; every change is first written, then seen: begin a change, alter
 * `change->item`, submit it. The account is held meanwhile.
 *
 * An item that is `removed` is not part of the roster that clients see. It is kept for those who
 * come back with an older version (§2.6), or because the contact waits for an answer (pending in).
 */
#pragma once

#include "c2s/sm/sm.h"
#include "c2s/sm/subscription_table.h"

extern const struct sm_module roster_module;

#define NS_ROSTER "jabber:iq:roster"
/* Bytes of a name or a group. */
#define ROSTER_TEXT_MAX 256

struct roster_item {
    struct jid *jid;
    char *name;    /* NULL: none */
    char **groups; /* without duplicates */
    size_t groups_count;
    enum subscription subscription;
    bool approved;   /* in advance, §3.4 */
    char *pending;   /* the stanza of an inbound request that waits */
    int64_t version; /* of the roster, when the item last changed visibly; 0: never */
    bool removed;
    UT_hash_handle hh; /* roster->items, by jid->full */
};

struct roster {
    struct roster_item *items;
    size_t shown;    /* items that are not removed */
    size_t removed;  /* items that are */
    int64_t version; /* of the last visible change */
    int64_t floor;   /* removals up to this version are forgotten */
};

/* NULL if there is none; it may be removed. `jid` as the item has it (bare for subscriptions). */
struct roster_item *roster_find(const struct account *account, const char *jid);
#define ROSTER_ITEMS(item, account)                                                                \
    for (struct roster_item *item = (account)->roster ? (account)->roster->items : NULL; item;     \
         item = item->hh.next)
/* SUBSCRIPTION_NONE where there is no item. */
enum subscription roster_subscription(const struct account *account, const char *jid);
void roster_item_free(struct roster_item *item);
void roster_insert(struct roster *roster, struct roster_item *item);
void roster_delete(struct roster *roster, struct roster_item *item);
void roster_free(struct roster *roster);

/* Called when the change is committed and in memory, or with the database's error, when nothing has
 * changed. */
typedef void roster_done(struct account *account, int status, void *user);

struct roster_change {
    struct account *account;
    struct roster_item *item; /* a copy to be altered; a new one is `removed` at first */
    bool push;                /* to clients even if they would see no difference */
    void (*also)(struct sm_unit *unit, void *user); /* what is written with it; NULL: nothing.
                                                       Repeated like letters */
    struct letters *letters; /* its own: what others are told of it; NULL: nothing. They fit */

    /* Private to roster_change.c. */
    bool visible;
    bool forget;
    roster_done *done;
    roster_done *after;
    void *user;
};

struct roster_change *roster_change_begin(struct account *account, const struct jid *jid);
/* Makes the item part of the roster. ERR_LIMIT: the roster is full, and nothing has changed. */
MUST_CHECK int roster_change_show(struct roster_change *change);
/* Consumes the change. Once it is committed the letters are sent; then done() is called, before the
 * pushes (what clients have to see first), and after() behind them; each may be NULL. */
void roster_change_submit(struct roster_change *change, roster_done *done, roster_done *after,
                          void *user);
void roster_change_cancel(struct roster_change *change);

/* roster_db.c: reading and writing. */
extern const struct db_statement roster_load_statement;
struct roster *roster_load(const struct db_result *rows);
void roster_write_item(struct sm_unit *unit, int64_t owner, const struct roster_item *item);
void roster_erase_item(struct sm_unit *unit, int64_t owner, const struct roster_item *item);
void roster_write_version(struct sm_unit *unit, int64_t owner, int64_t version);
/* Forgets the removals; clients with a version below `floor` get the whole roster. */
void roster_write_floor(struct sm_unit *unit, int64_t owner, int64_t floor);

/* roster_push.c: how clients see it. */
void roster_add_item(struct element *query, const struct roster_item *item);
/* To all interested sessions (§2.1.6). */
void roster_push(struct account *account, const struct roster_item *item);
/* The items that changed after `version`, oldest first, to one session (§2.6.3). */
void roster_push_since(struct session *session, int64_t version);
/* The same from the version on that its client is known to have (docs/rules/smacks.md, A11). */
void roster_tell_anew(struct session *session);
