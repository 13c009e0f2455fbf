/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Keys of dialback for a domain with many servers.
 */
#include "s2s/network_key.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/encode.h"
#include "common/base/memory.h"

/* So that no signature made for anything else is a key. */
#define PREFIX "urn:kontalk:dialback:1\n"

static void subject_bytes(struct buffer *out, const struct network_key_subject *subject)
{
    buffer_printf(out, PREFIX "%s\n%s\n%s\n", subject->receiving, subject->originating,
                  subject->stream_id);
}

char *network_key_make(const struct network *network, const struct network_member *member,
                       const struct signing_key *key, const struct network_key_subject *subject)
{
    uint8_t signature[SIGNATURE_SIZE];
    struct buffer bytes = {0}, text = {0};

    subject_bytes(&bytes, subject);
    signing_key_sign(key, bytes.data, bytes.length, signature);
    buffer_printf(&text, "%u.%" PRIu64 ".", member->number, network->serial);
    hex_encode(&text, signature, sizeof(signature));
    buffer_fini(&bytes);
    return buffer_take(&text);
}

struct parts {
    uint64_t member, serial;
    uint8_t signature[SIGNATURE_SIZE];
};

/* Digits up to the dot; NULL: it is not that. */
static const char *read_number(const char *at, uint64_t *number)
{
    size_t digits = strspn(at, "0123456789");

    if (digits == 0 || digits > 19 || at[digits] != '.')
        return NULL;
    *number = strtoull(at, NULL, 10);
    return at + digits + 1;
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_signature(const char *at, uint8_t signature[SIGNATURE_SIZE])
{
    if (strlen(at) != (size_t)2 * SIGNATURE_SIZE)
        return false;
    for (size_t i = 0; i < SIGNATURE_SIZE; i++) {
        int high = digit_of(at[2 * i]), low = digit_of(at[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        signature[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static bool read_parts(const char *text, struct parts *parts)
{
    const char *at = read_number(text, &parts->member);

    at = at ? read_number(at, &parts->serial) : NULL;
    return at && read_signature(at, parts->signature);
}

/* A key under another document is never called forged: who made it may have another signing key
 * there. */
enum network_key_verdict network_key_check(const struct network *network, int64_t now,
                                           const struct network_key_subject *subject,
                                           const char *text)
{
    struct parts parts;
    struct buffer bytes = {0};

    if (!read_parts(text, &parts))
        return NETWORK_KEY_OTHER;
    const struct network_member *member =
        parts.member <= UINT32_MAX ? network_member_by_number(network, (unsigned)parts.member)
                                   : NULL;
    if (!member || !network_member_may(network, member, NETWORK_S2S, now))
        return NETWORK_KEY_UNKNOWN;
    subject_bytes(&bytes, subject);
    bool good = signature_is_good(member->signing_key, bytes.data, bytes.length, parts.signature);
    buffer_fini(&bytes);
    if (good)
        return NETWORK_KEY_GOOD;
    return parts.serial == network->serial ? NETWORK_KEY_BAD : NETWORK_KEY_UNKNOWN;
}
