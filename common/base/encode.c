/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Base64 (RFC 4648 §4) and hexadecimal text.
 */
#include "common/base/encode.h"

#include <stdint.h>
#include <string.h>

#include "common/base/error.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(struct buffer *out, const void *bytes, size_t length)
{
    const uint8_t *in = bytes;
    size_t size = (length + 2) / 3 * 4;
    char *text = buffer_reserve(out, size);

    for (size_t i = 0; i < length; i += 3) {
        size_t left = MIN(length - i, 3);
        uint32_t group = (uint32_t)in[i] << 16;
        group |= left > 1 ? (uint32_t)in[i + 1] << 8 : 0;
        group |= left > 2 ? in[i + 2] : 0;
        *text++ = alphabet[group >> 18];
        *text++ = alphabet[group >> 12 & 63];
        *text++ = left > 1 ? alphabet[group >> 6 & 63] : '=';
        *text++ = left > 2 ? alphabet[group & 63] : '=';
    }
    buffer_added(out, size);
}

static int digit_value(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Four characters of which `digits` are digits and the rest padding. The number of bytes, or -1. */
static int decode_group(const char *text, int digits, uint8_t bytes[3])
{
    uint32_t group = 0;

    for (int i = 0; i < 4; i++) {
        int value = i < digits ? digit_value(text[i]) : 0;
        if (value < 0) {
            return -1;
        }
        group = group << 6 | (uint32_t)value;
    }
    bytes[0] = (uint8_t)(group >> 16);
    bytes[1] = (uint8_t)(group >> 8);
    bytes[2] = (uint8_t)group;
    /* RFC 4648 §3.5: what the padding leaves over has to be zero. */
    for (int i = digits - 1; i < 3; i++) {
        if (bytes[i] != 0) {
            return -1;
        }
    }
    return digits - 1;
}

static int padding_of(const char *text, size_t length)
{
    if (text[length - 1] != '=') {
        return 0;
    }
    return text[length - 2] == '=' ? 2 : 1;
}

int base64_decode(struct buffer *out, const char *text, size_t length)
{
    if (length % 4 != 0) {
        return ERR_MALFORMED;
    }
    if (length == 0) {
        buffer_append(out, NULL, 0);
        return 0;
    }
    int padding = padding_of(text, length);
    uint8_t *start = (uint8_t *)buffer_reserve(out, length / 4 * 3);
    size_t size = 0;
    for (size_t i = 0; i < length; i += 4) {
        int count = decode_group(text + i, i + 4 < length ? 4 : 4 - padding, start + size);
        if (count < 0) {
            /* What came so far may be a secret; `out` ends where it ended. */
            explicit_bzero(start, size + 3);
            return ERR_MALFORMED;
        }
        size += (size_t)count;
    }
    buffer_added(out, size);
    return 0;
}

void hex_encode(struct buffer *out, const void *bytes, size_t length)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *in = bytes;
    char *text = buffer_reserve(out, 2 * length);

    for (size_t i = 0; i < length; i++) {
        *text++ = digits[in[i] >> 4];
        *text++ = digits[in[i] & 15];
    }
    buffer_added(out, 2 * length);
}
