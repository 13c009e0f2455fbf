/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * A trunk: elements from one worker to another and back, each exactly once and in order, over a
 * way that loses (the router and what is behind it may die at any moment). Who opens it is the
 * front of some clients, who accepts it the owner of their accounts. docs/FRONTS.md.
 *
 *    opening ──► up ──► dead        opening: the other end has not said who it is
 *       └──────────────►─┘
 *
 * It does no I/O and has no timer: frames go out by ops->send, come in by trunk_take(), and
 * trunk_look() is called when it asked for it. Callbacks never run inside trunk_send().
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/xmpp/stanza.h"

#define NS_TRUNK      "urn:kontalk:session:1"
#define TRUNK_VERSION 1
/* What names one end of one trunk: hexadecimal. */
#define TRUNK_NAME_BYTES 8
#define TRUNK_NAME_SIZE  (2 * TRUNK_NAME_BYTES + 1)

struct trunk;

struct trunk_settings {
    const struct jid *from; /* this worker */
    const struct jid *to;   /* the other one */
    const char *name;       /* of this end, new for each trunk */
    const char *peer;       /* the name of the other end; NULL: we open */
    /* 0: the usual. */
    uint64_t resend_ms; /* what has not been acknowledged then is sent again (2 s) */
    uint64_t alive_ms;  /* after such a silence: ask (15 s) */
    uint64_t dead_ms;   /* after such a silence: dead (60 s) */
    size_t window;      /* frames that are sent without being acknowledged (512) */
    size_t queue;       /* elements that may wait for that; one more: dead (65536) */
    size_t bytes;       /* of memory for all of them; one more: dead (64 MiB) */
};

struct trunk_ops {
    /* A frame, borrowed. Negative: not now; trunk_resume() follows. */
    int (*send)(void *user, struct stanza *frame);
    /* An element of the other end. */
    void (*receive)(void *user, struct element *element);
    /* It is not full any more. */
    void (*room)(void *user);
    /* The last call. trunk_free() may be called inside. Static text. */
    void (*dead)(void *user, const char *reason);
};

struct trunk *trunk_new(const struct trunk_settings *settings, const struct trunk_ops *ops,
                        void *user);
void trunk_free(struct trunk *trunk);
const char *trunk_name(const struct trunk *trunk);
/* NULL: not known yet. */
const char *trunk_peer(const struct trunk *trunk);
const struct jid *trunk_to(const struct trunk *trunk);

/* The element to fill for the next frame; sent by trunk_send(), and nothing between the two. */
struct element *trunk_begin(struct trunk *trunk, const char *name);
void trunk_send(struct trunk *trunk);
/* More waits than the other end takes: whoever causes it stops until ops->room. */
bool trunk_is_full(const struct trunk *trunk);
/* A frame of the other end: the <t/> in it. It may die of it. */
void trunk_take(struct trunk *trunk, const struct element *frame);
/* The way is open again: what is open is sent anew. */
void trunk_resume(struct trunk *trunk);
/* Whether the other end is still there: what is open is sent anew, and an answer is wanted. */
void trunk_ask(struct trunk *trunk);
/* Says what is owed: acknowledgements. To be called soon after trunk_take(). */
void trunk_settle(struct trunk *trunk);
/* What is due now; returns when to look again (ms from now). It may die of it: 0. */
uint64_t trunk_look(struct trunk *trunk);

/* What a frame says of its ends, before its trunk is known. */
struct trunk_frame {
    const char *me;   /* the sender's end; NULL: malformed */
    const char *you;  /* NULL: the sender does not know it */
    uint64_t number;  /* 0: it carries nothing */
    uint64_t settled; /* so many of the receiver's have come */
    bool reset;       /* there is no such trunk */
    bool ask;         /* an answer is wanted */
    bool gap;         /* frames are missing */
};

/* False: malformed. Strings are the element's. */
bool trunk_read(const struct element *frame, struct trunk_frame *read);
/* Says that there is no trunk with the name that the other end gave. To be unreffed. */
struct stanza *trunk_make_reset(const struct jid *from, const struct jid *to, const char *me,
                                const char *you);
