/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Push Notifications (XEP-0357, docs/rules/push.md): the services that the devices of an account
 * have enabled, and who is woken by what.
 *
 * push.c       the services: enabled, disabled, kept in the table `push`
 * push_wake.c  notifications: one on its way to a service at a time, answers, trying again
 */
#pragma once

#include "c2s/sm/sm.h"

#define NS_PUSH "urn:xmpp:push:0"

/* One service of an account; it goes with the account's memory. */
struct push {
    struct account *account;
    struct jid *service;
    char *node;    /* "": none */
    char *device;  /* the resource that has enabled it */
    char *options; /* a form as XML, or NULL */

    /* push_wake.c. Not stored: what is lost with the worker is only a notification. */
    struct stanza *message; /* the last one to tell of */
    size_t count;           /* that the device has not been there for */
    int64_t shown;          /* the last stored one that it was sent, and has perhaps not got */
    char *id;               /* of the notification that is out; NULL: none is */
    bool again;             /* there is something new to tell */
    unsigned failures;      /* in a row */
    uint64_t due_ms;        /* not before that, or when to give up waiting for the answer */
    bool busy;              /* in state->busy */
    struct push *busy_prev, *busy_next;

    struct push *prev, *next; /* account->pushes */
};

extern const struct sm_module push_module;

/* Its service wants no more: it is forgotten, and may be freed. */
void push_drop(struct push *push);
struct push *push_find(const struct account *account, const struct jid *service, const char *node);

/* --- push_wake.c --- */

/* A message has been delivered, or stored as `seq` (0: it is not): devices that are not looked at
 * are woken if it is worth it. Borrowed; nobody changes it any more. */
void push_message(struct account *account, struct stanza *message, int64_t seq);
/* The client of the session has gone, and its session waits. */
void push_session_waits(struct session *session);
/* The client of the session is there, and looked at. */
void push_session_seen(struct session *session);

void push_wake_start(struct sm *sm);
void push_wake_stop(struct sm *sm);
/* Nothing more is sent. */
void push_forget(struct push *push);
/* What an answer says; false: it answers no notification. */
bool push_answered(struct account *account, const struct stanza *answer);
void push_unacknowledged(struct session *session, const int64_t *seqs, size_t count);
