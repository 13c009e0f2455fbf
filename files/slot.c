/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Slots as text: the fields, each ended by a newline, which none of them can have, and in front of
 * them their MAC, all of it in base64.
 */
#include "files/slot.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/encode.h"
#include "common/base/error.h"
#include "common/tls/crypto.h"

#define SCHEME   "Bearer "
#define MAC_SIZE 32 /* of SHA-256 */

enum field { ID, NAME, TYPE, OWNER, SIZE, UNTIL, EXPIRES, FIELDS };

void slot_write(struct buffer *out, const struct slot *slot, const uint8_t key[SLOT_KEY_SIZE])
{
    struct buffer fields = {0}, whole = {0};
    uint8_t mac[MAC_SIZE];

    buffer_printf(&fields, "%s\n%s\n%s\n%s\n%" PRIu64 "\n%" PRId64 "\n%" PRId64 "\n", slot->id,
                  slot->name, slot->type ? slot->type : "", slot->owner, slot->size, slot->until_us,
                  slot->expires_us);
    crypto_hmac(CRYPTO_SHA256, key, SLOT_KEY_SIZE, fields.data, fields.length, mac);
    buffer_append(&whole, mac, sizeof(mac));
    buffer_append(&whole, fields.data, fields.length);
    buffer_append_text(out, SCHEME);
    base64_encode(out, whole.data, whole.length);
    buffer_fini(&fields);
    buffer_fini(&whole);
}

/* What was written under the key is as slot_write() makes it. */
static void split(struct arena *arena, const char *bytes, size_t length, struct slot *slot)
{
    char *at = arena_strndup(arena, bytes, length);
    const char *values[FIELDS];

    for (int field = 0; field < FIELDS; field++) {
        char *end = strchr(at, '\n');
        values[field] = at;
        *end = '\0';
        at = end + 1;
    }
    *slot = (struct slot){
        .id = values[ID],
        .name = values[NAME],
        .type = *values[TYPE] ? values[TYPE] : NULL,
        .owner = values[OWNER],
        .size = strtoull(values[SIZE], NULL, 10),
        .until_us = strtoll(values[UNTIL], NULL, 10),
        .expires_us = strtoll(values[EXPIRES], NULL, 10),
    };
}

int slot_read(struct arena *arena, const char *text, const uint8_t key[SLOT_KEY_SIZE],
              struct slot *slot)
{
    struct buffer whole = {0};
    uint8_t mac[MAC_SIZE];
    int error = ERR_DENIED;

    if (strncmp(text, SCHEME, strlen(SCHEME)) != 0)
        return ERR_DENIED;
    text += strlen(SCHEME);
    if (base64_decode(&whole, text, strlen(text)) == 0 && whole.length > MAC_SIZE) {
        const char *fields = whole.data + MAC_SIZE;
        size_t length = whole.length - MAC_SIZE;

        crypto_hmac(CRYPTO_SHA256, key, SLOT_KEY_SIZE, fields, length, mac);
        if (crypto_equal(mac, whole.data, MAC_SIZE)) {
            split(arena, fields, length, slot);
            error = 0;
        }
    }
    buffer_fini(&whole);
    return error;
}
