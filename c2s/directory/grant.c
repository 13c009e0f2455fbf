/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Signing and checking grants.
 */
#include "c2s/directory/grant.h"

#include <inttypes.h>
#include <string.h>

#include "common/tls/crypto.h"

void grant_hash(const char *jid, uint8_t hash[GRANT_HASH_SIZE])
{
    crypto_digest(CRYPTO_SHA256, jid, strlen(jid), hash);
}

void grant_key_id(const uint8_t key[SIGNING_KEY_SIZE], uint8_t id[GRANT_KEY_ID_SIZE])
{
    uint8_t digest[CRYPTO_HASH_MAX];

    crypto_digest(CRYPTO_SHA256, key, SIGNING_KEY_SIZE, digest);
    memcpy(id, digest, GRANT_KEY_ID_SIZE);
}

/* Neither a JID nor the name of a home can hold a line break. The domain is part of the name, so a
 * grant of one network means nothing in another. */
void grant_text(struct buffer *out, const struct grant *grant)
{
    buffer_printf(out, "kontalk grant 1\n%s\n%s\n%" PRId64 "\n%s\n", grant->jid, grant->home,
                  grant->version, grant->deleted ? "deleted" : "active");
}

void grant_sign(struct grant *grant, const struct signing_key *key)
{
    uint8_t public[SIGNING_KEY_SIZE];
    struct buffer text = {0};

    grant_text(&text, grant);
    signing_key_public(key, public);
    grant_key_id(public, grant->key_id);
    signing_key_sign(key, text.data, text.length, grant->signature);
    buffer_fini(&text);
}

bool grant_is_good(const struct grant *grant, const uint8_t key[SIGNING_KEY_SIZE])
{
    uint8_t id[GRANT_KEY_ID_SIZE];
    struct buffer text = {0};

    grant_key_id(key, id);
    if (memcmp(id, grant->key_id, sizeof(id)) != 0)
        return false;
    grant_text(&text, grant);
    bool good = signature_is_good(key, text.data, text.length, grant->signature);
    buffer_fini(&text);
    return good;
}
