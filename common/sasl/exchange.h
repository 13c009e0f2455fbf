/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The inside of an exchange, for the files of common/sasl: the mechanisms work on it, Cyrus finds
 * it by the context of a callback.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <sasl/sasl.h>

#include "common/base/arena.h"
#include "common/base/buffer.h"
#include "common/sasl/sasl.h"
#include "common/sasl/scram_message.h"

enum exchange_state {
    EXCHANGE_NEW,
    EXCHANGE_WANTS_FIRST,       /* <auth/> came without an initial response */
    EXCHANGE_WANTS_CREDENTIALS, /* the first message is read, the account is being looked up */
    EXCHANGE_WANTS_CHECK,       /* a thread may be busy with the password */
    EXCHANGE_WANTS_RESPONSE,    /* Cyrus waits for the client */
    EXCHANGE_DONE,
    EXCHANGE_FAILED
};

struct scram {
    struct scram_client_first first;
    struct buffer server_first;
    char *server_nonce;
};

struct sasl_exchange {
    const struct sasl_settings *settings;
    enum exchange_state state;
    enum sasl_mechanism mechanism;
    const struct mechanism *class;
    sasl_conn_t *conn; /* from the first step of Cyrus to the end of the exchange */
    sasl_callback_t callbacks[2];
    struct arena *arena;
    struct buffer message; /* the first one; the mechanism's spans point into it */
    struct buffer reply;
    const char *user;         /* prepared; in the arena */
    bool known;               /* whether the account exists, or has a verifier if one is needed */
    struct verifier verifier; /* of the account, or a decoy */
    const char *password;     /* PLAIN: part of `message` */
    int password_result;      /* PLAIN: what the check said */
    struct scram scram;
    struct hashed_token {
        struct span proof;                         /* part of `message` */
        struct sasl_token tokens[SASL_TOKENS_MAX]; /* of the device, or nothing that fits */
        int64_t proven;                            /* the id of one; -1 */
    } token;
    enum sasl_condition failure;
    bool failure_counts;
};

/* One of our mechanisms. */
struct mechanism {
    const char *plugin_name; /* what Cyrus calls it */
    int hash;                /* of SCRAM, else -1 */
    bool needs_verifier;     /* or else just an account */
    bool checks_password;    /* by sasl_exchange_check_password(), before Cyrus */
    /* Reads exchange->message as far as it tells the user. Negative after exchange_refuse(). */
    int (*begin)(struct sasl_exchange *exchange);
    /* A step of Cyrus: SASL_OK, SASL_CONTINUE, or SASL_FAIL after exchange_refuse(). The first one
     * gets the message that begin() has read. What it puts into exchange->reply is sent. */
    int (*step)(struct sasl_exchange *exchange, const char *message, size_t length);
};

extern const struct mechanism mechanism_scram_sha_1;
extern const struct mechanism mechanism_scram_sha_256;
extern const struct mechanism mechanism_scram_sha_512;
extern const struct mechanism mechanism_plain;
extern const struct mechanism mechanism_external;
extern const struct mechanism mechanism_ht_sha_512_expr, mechanism_ht_sha_512_endp,
    mechanism_ht_sha_512_none, mechanism_ht_sha_256_expr, mechanism_ht_sha_256_endp,
    mechanism_ht_sha_256_none;

/* Notes why the exchange fails; always ERR_DENIED. `counts`: a proof was looked at. */
int exchange_refuse(struct sasl_exchange *exchange, enum sasl_condition condition, bool counts);

/* Whose account it is about, prepared here. */
int exchange_set_user(struct sasl_exchange *exchange, const char *user);
/* RFC 6120 §6.3.8: the authorization identity, if there is one, is the bare JID of the account; to
 * act for anybody else is refused. To be called after exchange_set_user(). */
int exchange_check_authzid(struct sasl_exchange *exchange, const char *authzid);

/* The binding of the connection with this name; NULL. */
const struct sasl_binding *exchange_binding(const struct sasl_settings *settings, struct span name);

/* A function as Cyrus keeps it; by way of the type that the compiler lets pass for any. */
#define CYRUS_CALLBACK(function) ((int (*)(void))(void (*)(void))(function))

/* The nonce of a published example, for tests; borrowed. */
void exchange_fix_nonce(struct sasl_exchange *exchange, const char *nonce);

/* plugin.c: registers the mechanisms with Cyrus. */
MUST_CHECK int plugin_register(void);
