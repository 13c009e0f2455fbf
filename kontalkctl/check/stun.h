/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Messages of STUN (RFC 8489 §5, §14), as far as it takes to ask for a relay (RFC 8656). No I/O.
 * Our own, since libnice and libre bring a loop of theirs, and libturnclient OpenSSL.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/base/buffer.h"
#include "common/base/macros.h"
#include "common/io/address.h"

enum stun_method { STUN_BINDING = 0x001, STUN_ALLOCATE = 0x003, STUN_REFRESH = 0x004 };
#define STUN_SUCCESS 0x100 /* the class in a type, beside the method */
#define STUN_FAILURE 0x110

enum stun_attribute {
    STUN_USERNAME = 0x0006,
    STUN_INTEGRITY = 0x0008,
    STUN_ERROR_CODE = 0x0009,
    STUN_LIFETIME = 0x000d,
    STUN_REALM = 0x0014,
    STUN_NONCE = 0x0015,
    STUN_RELAYED_ADDRESS = 0x0016,
    STUN_TRANSPORT = 0x0019,
    STUN_MAPPED_ADDRESS = 0x0020
};

#define STUN_HEADER_SIZE 20
#define STUN_ID_SIZE     12
#define STUN_KEY_SIZE    16

/* A request with a new transaction id, into an empty buffer. Attributes follow, `stun_sign()` last:
 * MESSAGE-INTEGRITY (§14.5). */
void stun_begin(struct buffer *message, enum stun_method method,
                const uint8_t transaction[STUN_ID_SIZE]);
/* length: of at most 65535 bytes together. */
void stun_add(struct buffer *message, enum stun_attribute type, const void *value, size_t length);
void stun_sign(struct buffer *message, const uint8_t key[STUN_KEY_SIZE]);
/* The key of long-term credentials (§9.2.2). */
void stun_key(const char *name, const char *realm, const char *password,
              uint8_t key[STUN_KEY_SIZE]);

/* How long the message is that begins here; 0: its header has not come yet. */
size_t stun_length(const void *bytes, size_t length);
/* A whole message that is an answer to the request. */
bool stun_answers(const struct buffer *message, const struct buffer *request);
/* Of an answer: STUN_SUCCESS or STUN_FAILURE. */
unsigned stun_class(const struct buffer *message);
/* The value of an attribute; NULL: there is none, or only behind MESSAGE-INTEGRITY, where whoever
 * is on the way may have put it (§14.5). */
const uint8_t *stun_find(const struct buffer *message, enum stun_attribute type, size_t *length);
/* 401 and so on; 0: no error. */
unsigned stun_error(const struct buffer *message);
/* MAPPED or RELAYED, as XOR-MAPPED-ADDRESS has it (§14.2). ERR_NOT_FOUND, ERR_MALFORMED. */
MUST_CHECK int stun_address(const struct buffer *message, enum stun_attribute type,
                            struct address *address);
/* Whether who has the key wrote it. */
bool stun_is_signed(const struct buffer *message, const uint8_t key[STUN_KEY_SIZE]);
