/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * An HMAC over the name, since the service has no accounts to look at.
 */
#include "common/tls/timed.h"

#include <string.h>

#include "common/base/encode.h"
#include "common/tls/crypto.h"

char *timed_password(const char *secret, const char *name)
{
    uint8_t bytes[CRYPTO_HASH_MAX];
    struct buffer encoded = {0};

    crypto_hmac(CRYPTO_SHA1, secret, strlen(secret), name, strlen(name), bytes);
    base64_encode(&encoded, bytes, crypto_hash_size(CRYPTO_SHA1));
    return buffer_take(&encoded);
}
