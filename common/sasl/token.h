/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Tokens of XEP-0484: what a client gets, and what is kept of it. The mechanisms are keyed by the
 * token (HMAC), so that whoever knows what is kept for one with a channel binding could use it; but
 * the token itself is not kept: HMAC takes the hash of a key that is longer than its block, and so
 * do we. Of one without channel binding only the hash of what the client sends is kept, which
 * nobody can use.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/macros.h"
#include "common/tls/crypto.h"

/* A device may have that many that are good: the one it uses, and a newer one of which nobody knows
 * yet whether it has arrived (XEP-0484 §5.1). */
#define SASL_TOKENS_MAX 2

struct sasl_token {
    int mechanism; /* enum sasl_mechanism */
    int64_t id;    /* the caller's */
    bool expired;
    bool there;                   /* it is one */
    uint8_t key[CRYPTO_HASH_MAX]; /* of HMAC; without binding: the hash of the client's proof … */
    uint8_t reply[CRYPTO_HASH_MAX]; /* … and what answers it */
};

/* A new one of this mechanism, and what is to be kept of it as text; both to be freed with free(),
 * the first after wiping. */
void sasl_token_make(int mechanism, char **token, char **kept);
/* ERR_MALFORMED. Sets mechanism, key and reply, and that it is there. */
MUST_CHECK int sasl_token_parse(const char *kept, struct sasl_token *token);
/* What is to be kept of this token. */
char *sasl_token_keep(int mechanism, const char *token);
/* Whether `proof` is the client's, with this channel binding data ("" of none); then `answer` is
 * the server's. Both have the size of the mechanism's hash. In constant time. */
bool sasl_token_proves(const struct sasl_token *token, const void *binding, size_t binding_length,
                       const uint8_t *proof, uint8_t *answer);
/* The hash of a mechanism of tokens. */
enum crypto_hash sasl_token_hash(int mechanism);
