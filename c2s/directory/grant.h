/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * A grant: the registrar's signed word that a name belongs to a home, or that it belonged to one
 * and stays reserved. It is all that an entry of the directory consists of. No I/O.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/base/buffer.h"
#include "common/tls/signing.h"

#define GRANT_HASH_SIZE 32
/* The first bytes of the SHA-256 of the public key it is signed with. */
#define GRANT_KEY_ID_SIZE 8

/* Strings belong to whoever provided the memory. */
struct grant {
    const char *jid; /* bare, prepared */
    const char *home;
    int64_t version; /* of two grants of a name the higher one holds */
    bool deleted;
    uint8_t key_id[GRANT_KEY_ID_SIZE];
    uint8_t signature[SIGNATURE_SIZE];
};

/* The key of a name in the tables. */
void grant_hash(const char *jid, uint8_t hash[GRANT_HASH_SIZE]);
void grant_key_id(const uint8_t key[SIGNING_KEY_SIZE], uint8_t id[GRANT_KEY_ID_SIZE]);
/* Appends what is signed. */
void grant_text(struct buffer *out, const struct grant *grant);
/* Fills in key_id and signature. */
void grant_sign(struct grant *grant, const struct signing_key *key);
/* Signed with this key. In any thread. */
bool grant_is_good(const struct grant *grant, const uint8_t key[SIGNING_KEY_SIZE]);
