/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * A slot: the permission to upload one file (XEP-0363 §4). The client carries it, as the value of
 * the Authorization header of its PUT: what it allows, with a MAC under a key that only this
 * service knows. So nothing has to be kept of slots that are never used, and they outlive a
 * restart. No I/O.
 */
#pragma once

#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/buffer.h"

#define SLOT_KEY_SIZE 32
#define SLOT_ID_SIZE  20 /* bytes: 160 random bits are the name of a file to strangers */
#define SLOT_ID_TEXT  (2 * SLOT_ID_SIZE)

struct slot {
    const char *id;     /* SLOT_ID_TEXT hexadecimal digits */
    const char *name;   /* media_name_is_valid() */
    const char *type;   /* NULL: none was given */
    const char *owner;  /* bare JID */
    uint64_t size;      /* bytes */
    int64_t until_us;   /* the upload has to have begun by then; wall time */
    int64_t expires_us; /* of the file, if its owner wants it to go early; 0: as all others */
};

/* Appends "Bearer …". */
void slot_write(struct buffer *out, const struct slot *slot, const uint8_t key[SLOT_KEY_SIZE]);
/* Strings are in the arena. ERR_DENIED: not written under this key; whether it is too late is for
 * the caller to see. */
MUST_CHECK int slot_read(struct arena *arena, const char *text, const uint8_t key[SLOT_KEY_SIZE],
                         struct slot *slot);
