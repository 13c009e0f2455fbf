/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Writing and reading messages of STUN.
 */
#include "kontalkctl/check/stun.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/error.h"
#include "common/base/memory.h"
#include "common/tls/crypto.h"

#define ATTRIBUTE_HEADER 4
#define INTEGRITY_SIZE   20
#define PADDED(length)   (((length) + 3) & ~(size_t)3)

static const uint8_t COOKIE[] = {0x21, 0x12, 0xa4, 0x42};

static unsigned read_16(const uint8_t *at)
{
    return (unsigned)at[0] << 8 | at[1];
}

static void write_16(uint8_t *at, size_t number)
{
    at[0] = (uint8_t)(number >> 8);
    at[1] = (uint8_t)number;
}

static const uint8_t *bytes_of(const struct buffer *message)
{
    return (const uint8_t *)message->data;
}

/* --- writing --- */

void stun_begin(struct buffer *message, enum stun_method method,
                const uint8_t transaction[STUN_ID_SIZE])
{
    uint8_t header[STUN_HEADER_SIZE] = {0};

    write_16(header, method);
    memcpy(header + 4, COOKIE, sizeof(COOKIE));
    memcpy(header + 8, transaction, STUN_ID_SIZE);
    buffer_append(message, header, sizeof(header));
}

static void set_length(uint8_t *message, size_t length)
{
    write_16(message + 2, length - STUN_HEADER_SIZE);
}

void stun_add(struct buffer *message, enum stun_attribute type, const void *value, size_t length)
{
    static const uint8_t padding[3];
    uint8_t header[ATTRIBUTE_HEADER];

    write_16(header, type);
    write_16(header + 2, length);
    buffer_append(message, header, sizeof(header));
    buffer_append(message, value, length);
    buffer_append(message, padding, PADDED(length) - length);
    set_length((uint8_t *)message->data, message->length);
}

/* Over what is before the attribute, with the length that there is with it (§14.5). */
static void integrity(const uint8_t *message, size_t before, const uint8_t *key, uint8_t *mac)
{
    uint8_t *copy = xmalloc(before);

    memcpy(copy, message, before);
    set_length(copy, before + ATTRIBUTE_HEADER + INTEGRITY_SIZE);
    crypto_hmac(CRYPTO_SHA1, key, STUN_KEY_SIZE, copy, before, mac);
    free(copy);
}

void stun_sign(struct buffer *message, const uint8_t key[STUN_KEY_SIZE])
{
    uint8_t mac[CRYPTO_HASH_MAX];

    integrity(bytes_of(message), message->length, key, mac);
    stun_add(message, STUN_INTEGRITY, mac, INTEGRITY_SIZE);
}

void stun_key(const char *name, const char *realm, const char *password, uint8_t key[STUN_KEY_SIZE])
{
    struct buffer text = {0};
    uint8_t digest[CRYPTO_HASH_MAX];

    buffer_printf(&text, "%s:%s:%s", name, realm, password);
    crypto_digest(CRYPTO_MD5, text.data, text.length, digest);
    memcpy(key, digest, STUN_KEY_SIZE);
    buffer_wipe(&text);
}

/* --- reading --- */

size_t stun_length(const void *bytes, size_t length)
{
    return length < STUN_HEADER_SIZE ? 0 : STUN_HEADER_SIZE + read_16((const uint8_t *)bytes + 2);
}

bool stun_answers(const struct buffer *message, const struct buffer *request)
{
    const uint8_t *answer = bytes_of(message), *asked = bytes_of(request);

    if (message->length < STUN_HEADER_SIZE ||
        stun_length(answer, message->length) != message->length ||
        memcmp(answer + 4, asked + 4, STUN_HEADER_SIZE - 4) != 0)
        return false;
    return read_16(answer) == (read_16(asked) | STUN_SUCCESS) ||
           read_16(answer) == (read_16(asked) | STUN_FAILURE);
}

unsigned stun_class(const struct buffer *message)
{
    return read_16(bytes_of(message)) & STUN_FAILURE;
}

const uint8_t *stun_find(const struct buffer *message, enum stun_attribute type, size_t *length)
{
    const uint8_t *at = bytes_of(message) + STUN_HEADER_SIZE;
    size_t left = message->length - STUN_HEADER_SIZE;

    while (left >= ATTRIBUTE_HEADER) {
        const unsigned is = read_16(at);
        *length = read_16(at + 2);
        if (*length > left - ATTRIBUTE_HEADER)
            return NULL;
        if (is == type)
            return at + ATTRIBUTE_HEADER;
        const size_t whole = ATTRIBUTE_HEADER + PADDED(*length);
        if (is == STUN_INTEGRITY || whole > left)
            return NULL;
        at += whole;
        left -= whole;
    }
    return NULL;
}

unsigned stun_error(const struct buffer *message)
{
    size_t length = 0;
    const uint8_t *value = stun_find(message, STUN_ERROR_CODE, &length);

    if (stun_class(message) != STUN_FAILURE)
        return 0;
    /* One without a code is malformed, which is as good as a bad request. */
    return value && length >= 4 ? (value[2] & 7U) * 100 + value[3] : 400;
}

int stun_address(const struct buffer *message, enum stun_attribute type, struct address *address)
{
    enum { IP4 = 1, IP6 = 2 };
    size_t length = 0;
    const uint8_t *value = stun_find(message, type, &length), *mask = bytes_of(message) + 4;
    uint8_t plain[20];

    if (!value)
        return ERR_NOT_FOUND;
    if (!(length == 8 && value[1] == IP4) && !(length == 20 && value[1] == IP6))
        return ERR_MALFORMED;
    memcpy(plain, value, length);
    for (size_t i = 4; i < length; i++)
        plain[i] ^= mask[i - 4];
    *address = (struct address){0};
    const in_port_t port = htons((uint16_t)(read_16(value + 2) ^ read_16(COOKIE)));
    if (length == 8) {
        address->length = sizeof(address->ip4);
        address->ip4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = port};
        memcpy(&address->ip4.sin_addr, plain + 4, sizeof(address->ip4.sin_addr));
    } else {
        address->length = sizeof(address->ip6);
        address->ip6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = port};
        memcpy(&address->ip6.sin6_addr, plain + 4, sizeof(address->ip6.sin6_addr));
    }
    return 0;
}

bool stun_is_signed(const struct buffer *message, const uint8_t key[STUN_KEY_SIZE])
{
    size_t length = 0;
    const uint8_t *value = stun_find(message, STUN_INTEGRITY, &length);
    uint8_t mac[CRYPTO_HASH_MAX];

    if (!value || length != INTEGRITY_SIZE)
        return false;
    integrity(bytes_of(message), (size_t)(value - ATTRIBUTE_HEADER - bytes_of(message)), key, mac);
    return crypto_equal(mac, value, INTEGRITY_SIZE);
}
