/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The network document that is in force in a daemon: read at start, read again when its file
 * changes or the configuration is reloaded. What does not verify, or may not follow what is in
 * force, is logged and not taken. Without [node] document there is none: a network of one.
 */
#pragma once

#include "common/config/config.h"
#include "common/io/loop.h"
#include "common/network/network.h"

struct document;

struct document_settings {
    struct loop *loop;
    const struct config *config;
    /* The document in force is another one (`before` is let go of after it returns; either may be
     * NULL), or a suspension has begun or ended by time (both are the same). NULL: nobody asks.
     * Not called by document_open(). */
    void (*changed)(void *user, const struct network *before, const struct network *now);
    void *user;
};

/* ERR_INVALID: it cannot be read or is not good; logged. */
MUST_CHECK int document_open(const struct document_settings *settings, struct document **document);
/* NULL is allowed. */
void document_close(struct document *document);
/* For the daemon's own reload. ERR_INVALID as above; the one in force stays. */
MUST_CHECK int document_reload(struct document *document, const struct config *config);

/* Borrowed until the next change, network_ref() it to keep it; NULL: a network of one. */
const struct network *document_network(const struct document *document);
/* This node in it; NULL: it is not in it, or there is no document. */
const struct network_member *document_self(const struct document *document);
/* A document from elsewhere: if it may follow the one in force, or adds suspensions to it, it is
 * written to the file and in force. The disk is waited for in a thread, so `done` is called later,
 * exactly once, unless the document is closed before. error: ERR_EXISTS: nothing new; ERR_DENIED,
 * ERR_INVALID, ERR_SYSTEM: `problem` says why, during the call. */
typedef void document_taken(void *user, int error, const char *problem);
void document_take(struct document *document, const char *text, size_t length, document_taken *done,
                   void *user);
/* The time that suspensions and expiry are compared with: seconds since 1970. */
int64_t document_now(void);
