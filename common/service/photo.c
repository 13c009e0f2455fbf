/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Photos of vCards.
 */
#include "common/service/photo.h"

#include <string.h>

#include "common/base/buffer.h"
#include "common/base/encode.h"
#include "common/tls/crypto.h"

static void append_without_blanks(struct buffer *out, const char *text)
{
    while (*text) {
        size_t length = strcspn(text, " \t\r\n");

        buffer_append(out, text, length);
        text += length;
        text += strspn(text, " \t\r\n");
    }
}

bool photo_decode(const char *base64, char hash[PHOTO_HASH_SIZE], size_t *bytes)
{
    struct buffer text = {0}, image = {0}, hex = {0};
    uint8_t digest[CRYPTO_HASH_MAX];
    bool is_image;

    append_without_blanks(&text, base64);
    is_image = text.length > 0 && base64_decode(&image, text.data, text.length) == 0;
    if (is_image) {
        crypto_digest(CRYPTO_SHA1, image.data, image.length, digest);
        hex_encode(&hex, digest, crypto_hash_size(CRYPTO_SHA1));
        memcpy(hash, hex.data, PHOTO_HASH_SIZE);
        *bytes = image.length;
    }
    buffer_fini(&text);
    buffer_fini(&image);
    buffer_fini(&hex);
    return is_image;
}
