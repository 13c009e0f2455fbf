/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Logins of accounts whose home is at another node: the front relays SASL messages and adds what
 * the home cannot see, the channel bindings of the connection. The home verifies; verifiers and
 * passwords never leave it (docs/FRONTS.md, "Logins between nodes").
 */
#pragma once

#include <stdbool.h>

#include "c2s/front/channel.h"
#include "common/sasl/sasl.h"

struct visit;
struct home_login;

/* --- at the front (visit.c) --- */

struct visit_settings {
    struct client *client;
    const struct jid *account;
    const char *host; /* of the home */
    enum sasl_mechanism mechanism;
    unsigned offered;
    const struct buffer *initial;
    const char *announced; /* as SCRAM tells it; NULL */
    const char *device;    /* that the client says to be; NULL */
    const struct sasl_binding *bindings;
    size_t bindings_count;
};

/* Strings and bytes are copied. The answers come to login.c (client.h, login_visit_…). */
struct visit *visit_begin(const struct visit_settings *settings);
/* The next message of the client. */
void visit_response(struct client *client, const void *message, size_t length);
/* The login ends without an answer; NULL is allowed. */
void visit_end(struct visit *visit, struct client *client);
/* It has succeeded: the channel stays. */
void visit_done(struct visit *visit);
/* A worker has said that it serves the account. */
void visit_found(struct front *front, const struct jid *from, const struct element *here);
/* Asks again, and gives up. */
void visit_look(struct front *front);
/* What the home says while the client logs in. */
void visit_receive(struct channel *channel, struct element *element);
/* Its trunk is dead. */
void visit_cut(struct client *client);

/* --- at the home (home_login.c) --- */

/* The channel's client has no account yet. It may be ended inside. */
void home_login_begin(struct channel *channel, const struct element *login);
void home_login_response(struct channel *channel, struct element *element);
void home_login_free(struct home_login *login);
/* The password of this account has changed. */
void home_login_outdate(struct home_login *login, const struct jid *account);
/* "Is the account yours?": answers if it is. */
void home_answer_where(struct front *front, const struct stanza *message,
                       const struct element *where);

/* Bytes as text of an element, in base64. */
void visit_add_bytes(struct element *element, const void *bytes, size_t length);
/* And back; false: malformed. */
bool visit_read_bytes(const struct element *element, struct buffer *bytes);
