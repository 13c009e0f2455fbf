/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * One client of the load: direct TLS from an address of its own, SCRAM-SHA-256, a resource, roster,
 * presence. Then it idles, or sends and gets messages.
 */
#pragma once

#include "common/io/loop.h"
#include "common/tls/tls.h"
#include "common/xmpp/parser.h"

struct session;

struct session_ops {
    /* It is logged in and available. */
    void (*ready)(void *user);
    /* A message with a body came. */
    void (*message)(void *user);
    /* It is in a room (XEP-0045 §7.2.15), or has opened it. */
    void (*entered)(void *user);
    /* The server has taken h stanzas since session_enable(). */
    void (*acknowledged)(void *user, uint32_t h);
    /* The last call; reason NULL: we asked for it. */
    void (*ended)(void *user, const char *reason);
};

/* What all sessions share; borrowed. */
struct session_setup {
    struct loop *loop;
    struct parser_pool *parsers;
    struct tls_context *tls;
};

/* Strings are borrowed. `server` is "127.0.0.1:5223", `source` an IPv4 address in host order. */
struct session *session_new(const struct session_setup *setup, const char *server, const char *jid,
                            const char *password, uint32_t source, const struct session_ops *ops,
                            void *user);
/* A chat message to a bare JID. */
void session_send(struct session *session, const char *to);
/* Into a room, without history; ops->entered follows. */
void session_enter(struct session *session, const char *room, const char *nick);
/* As who has made a room: it has its defaults, and is open to all (XEP-0045 §10.1.2);
 * ops->entered follows. */
void session_open_room(struct session *session, const char *room);
void session_say(struct session *session, const char *room);
/* From now on it has XEP-0198, and acknowledges what it is asked about. */
void session_enable(struct session *session);
/* Whether everything so far has been taken. */
void session_ask(struct session *session);
/* In order; ops->ended follows. */
void session_close(struct session *session);
