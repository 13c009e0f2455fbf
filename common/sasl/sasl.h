/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The server side of SASL: the Cyrus framework with mechanisms of our own (SCRAM-SHA-1/256/512
 * with and without -PLUS, PLAIN, EXTERNAL, HT-SHA-256/512 for tokens). No plugin file of the system
 * is ever loaded. No I/O: the caller moves messages, fetches credentials, and runs slow checks off
 * the loop.
 *
 *   start → SASL_STEP_CREDENTIALS (which user; fetch, then sasl_exchange_credentials())
 *         → SASL_STEP_CHALLENGE (send; next message with sasl_exchange_step())
 *         → SASL_STEP_PASSWORD (run sasl_exchange_check_password() in a thread, then
 *                               sasl_exchange_checked() on the loop)
 *         → SASL_STEP_DONE (additional data in `out`) or SASL_STEP_FAILED
 *
 * Messages that come while credentials are fetched or a password is checked are the caller's to
 * hold back. An exchange ends once; the next try is a new one.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/base/buffer.h"
#include "common/base/macros.h"
#include "common/sasl/token.h"
#include "common/sasl/verifier.h"
#include "common/xmpp/conditions.h"

enum sasl_mechanism {
    SASL_SCRAM_SHA_512_PLUS,
    SASL_SCRAM_SHA_256_PLUS,
    SASL_SCRAM_SHA_1_PLUS,
    SASL_SCRAM_SHA_512,
    SASL_SCRAM_SHA_256,
    SASL_SCRAM_SHA_1,
    SASL_EXTERNAL,
    SASL_PLAIN,
    SASL_HT_SHA_512_EXPR, /* tokens (XEP-0484): only where they are asked for */
    SASL_HT_SHA_512_ENDP,
    SASL_HT_SHA_512_NONE,
    SASL_HT_SHA_256_EXPR,
    SASL_HT_SHA_256_ENDP,
    SASL_HT_SHA_256_NONE,
    SASL_MECHANISMS /* how many */
};

#define SASL_TOKEN_MECHANISMS                                                                      \
    (1U << SASL_HT_SHA_512_EXPR | 1U << SASL_HT_SHA_512_ENDP | 1U << SASL_HT_SHA_512_NONE |        \
     1U << SASL_HT_SHA_256_EXPR | 1U << SASL_HT_SHA_256_ENDP | 1U << SASL_HT_SHA_256_NONE)

const char *sasl_mechanism_name(enum sasl_mechanism mechanism);
/* -1 for anything else; names are compared exactly. */
int sasl_mechanism_parse(const char *name);
/* The hash of a SCRAM mechanism; -1 for the others. */
int sasl_mechanism_hash(enum sasl_mechanism mechanism);
bool sasl_mechanism_is_plus(enum sasl_mechanism mechanism);
/* Whether it proves a token in place of the password. */
bool sasl_mechanism_is_token(enum sasl_mechanism mechanism);
/* The channel binding that one of a token has; NULL: none. */
const char *sasl_mechanism_binding(enum sasl_mechanism mechanism);
/* Whether its messages tell nobody but the home of the account anything worth to know, and prove to
 * it that the client knows its secret: another node may pass them on. */
bool sasl_mechanism_is_relayed(enum sasl_mechanism mechanism);

/* Once per process, before anything else. */
MUST_CHECK int sasl_library_start(void);
void sasl_library_stop(void);

/* Channel bindings of the connection, by their names (RFC 9266, RFC 5929). */
struct sasl_binding {
    const char *name; /* "tls-exporter", "tls-server-end-point" */
    const void *data;
    size_t length;
};

struct sasl_settings {
    const char *domain; /* the served domain, prepared; for "user@domain" authzids */
    unsigned offered;   /* bits 1 << enum sasl_mechanism: all that is acceptable here */
    const struct sasl_binding *bindings; /* none: plus cannot be used */
    size_t bindings_count;
    /* What was advertised, as sasl_announcement() writes it; NULL: SCRAM does not tell. */
    const char *announced;
    const void *decoy_secret; /* for unknown users */
    size_t decoy_secret_length;
    const char *external_user; /* local part that a verified certificate proves for EXTERNAL when
                                  exactly one fits, else NULL; see external_allows */
    bool (*external_allows)(void *user, const char *bare_jid); /* is it in the certificate? */
    void *user;
};

enum sasl_step {
    SASL_STEP_CHALLENGE,
    SASL_STEP_CREDENTIALS,
    SASL_STEP_PASSWORD,
    SASL_STEP_DONE,
    SASL_STEP_FAILED
};

/* XEP-0474 §6.1: mechanisms (bits) and the names of the channel bindings in one string, to be freed
 * with free(). Without bindings: those were not advertised (XEP-0440). */
char *sasl_announcement(unsigned mechanisms, const struct sasl_binding *bindings,
                        size_t bindings_count);

struct sasl_exchange;

/* Everything in `settings` must stay valid for the life of the exchange. */
struct sasl_exchange *sasl_exchange_new(const struct sasl_settings *settings);
void sasl_exchange_free(struct sasl_exchange *exchange);

/* The decoded initial response; has_initial tells "" from none. `out` gets a challenge or the
 * additional data of success, to be base64-encoded by the caller. */
enum sasl_step sasl_exchange_start(struct sasl_exchange *exchange, enum sasl_mechanism mechanism,
                                   const char *initial, size_t length, bool has_initial,
                                   struct buffer *out);
enum sasl_step sasl_exchange_step(struct sasl_exchange *exchange, const char *response,
                                  size_t length, struct buffer *out);

/* After SASL_STEP_CREDENTIALS. The local part, prepared with nodeprep. */
const char *sasl_exchange_user(const struct sasl_exchange *exchange);
/* Which verifier helps; -1: any (PLAIN), or none is needed but the account must exist (EXTERNAL).
 */
int sasl_exchange_wanted_hash(const struct sasl_exchange *exchange);
/* verifier NULL: no such user (a decoy stands in) or, for EXTERNAL, account_exists decides. */
enum sasl_step sasl_exchange_credentials(struct sasl_exchange *exchange,
                                         const struct verifier *verifier, bool account_exists,
                                         struct buffer *out);
/* Whether it asks for tokens, of its mechanism and of the device that the client says it is. */
bool sasl_exchange_wants_tokens(const struct sasl_exchange *exchange);
/* In place of sasl_exchange_credentials(). None: as if there were one that does not fit. */
enum sasl_step sasl_exchange_tokens(struct sasl_exchange *exchange, const struct sasl_token *tokens,
                                    size_t count, struct buffer *out);
/* After SASL_STEP_DONE: the `id` of the token that was proven; -1: it was none. */
int64_t sasl_exchange_token(const struct sasl_exchange *exchange);
/* The credentials could not be had: ends as SASL_TEMPORARY_AUTH_FAILURE. */
enum sasl_step sasl_exchange_unavailable(struct sasl_exchange *exchange);

/* In any thread, while nothing else but sasl_exchange_user() is called on the exchange. */
void sasl_exchange_check_password(struct sasl_exchange *exchange);
enum sasl_step sasl_exchange_checked(struct sasl_exchange *exchange, struct buffer *out);

/* After SASL_STEP_FAILED. */
enum sasl_condition sasl_exchange_failure(const struct sasl_exchange *exchange);
/* False for refusals before any proof was looked at (binding type unknown here, 'y' although -PLUS
 * is offered, malformed): such a failure is not a failed try. */
bool sasl_exchange_failure_counts(const struct sasl_exchange *exchange);
/* After SASL_STEP_DONE: the local part of the account; the authzid is the same account always. */
const char *sasl_exchange_authenticated(const struct sasl_exchange *exchange);
