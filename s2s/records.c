/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * DNS records as values.
 */
#include "s2s/records.h"

#include <ctype.h>
#include <string.h>

#include "common/base/error.h"

#define SRV_FIXED 6
#define LABEL_MAX 63

static uint16_t read_16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

/* Host names only: what else may stand in a label would have to be escaped wherever it is shown. */
static bool is_host_label(const uint8_t *label, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (!isalnum(label[i]) && label[i] != '-' && label[i] != '_')
            return false;
    }
    return length > 0 && length <= LABEL_MAX;
}

/* The labels of RFC 1035 §3.1 as text without the last dot. */
static int read_name(const uint8_t *at, size_t left, char *name)
{
    size_t used = 0;
    while (left > 0 && at[0] > 0) {
        size_t length = at[0];
        if (length + 1 >= left || !is_host_label(at + 1, length) ||
            used + length + 1 > DNS_NAME_MAX)
            return ERR_MALFORMED;
        if (used > 0)
            name[used++] = '.';
        memcpy(name + used, at + 1, length);
        used += length;
        at += length + 1;
        left -= length + 1;
    }
    name[used] = '\0';
    return left == 1 ? 0 : ERR_MALFORMED;
}

int record_srv(const struct dns_record *record, struct srv *srv)
{
    if (record->length <= SRV_FIXED)
        return ERR_MALFORMED;
    srv->priority = read_16(record->data);
    srv->weight = read_16(record->data + 2);
    srv->port = read_16(record->data + 4);
    int error = read_name(record->data + SRV_FIXED, record->length - SRV_FIXED, srv->target);
    if (error)
        return error;
    return srv->port == 0 && srv->target[0] != '\0' ? ERR_MALFORMED : 0;
}

int record_address(enum dns_type type, const struct dns_record *record, uint16_t port,
                   struct address *address)
{
    *address = (struct address){0};
    if (type == DNS_A && record->length == sizeof(address->ip4.sin_addr)) {
        address->length = sizeof(address->ip4);
        address->ip4.sin_family = AF_INET;
        address->ip4.sin_port = htons(port);
        memcpy(&address->ip4.sin_addr, record->data, record->length);
        return 0;
    }
    if (type == DNS_AAAA && record->length == sizeof(address->ip6.sin6_addr)) {
        address->length = sizeof(address->ip6);
        address->ip6.sin6_family = AF_INET6;
        address->ip6.sin6_port = htons(port);
        memcpy(&address->ip6.sin6_addr, record->data, record->length);
        return 0;
    }
    return ERR_MALFORMED;
}

struct network {
    uint8_t bytes[4];
    unsigned bits;
};

/* RFC 6890 and its registry. */
static const struct network INTERNAL_4[] = {
    {{0}, 8},         {{10}, 8},       {{100, 64}, 10},      {{127}, 8},
    {{169, 254}, 16}, {{172, 16}, 12}, {{192, 0, 0}, 24},    {{192, 0, 2}, 24},
    {{192, 168}, 16}, {{198, 18}, 15}, {{198, 51, 100}, 24}, {{203, 0, 113}, 24},
    {{224}, 4},       {{240}, 4},
};

/* ::/8 holds the loopback, the unspecified address and IPv4 in several dresses; 64:ff9b::/32 and
 * 2002::/16 hold IPv4 too. */
static const struct network INTERNAL_6[] = {
    {{0x00}, 8},        {{0x00, 0x64, 0xff, 0x9b}, 32}, {{0x01}, 8}, {{0x20, 0x01, 0x0d, 0xb8}, 32},
    {{0x20, 0x02}, 16}, {{0x20, 0x01, 0x00, 0x00}, 32}, {{0xfc}, 7}, {{0xfe, 0x80}, 9},
    {{0xff}, 8},
};

static bool is_inside(const uint8_t *bytes, const struct network *network)
{
    for (unsigned bit = 0; bit < network->bits; bit++) {
        unsigned mask = 0x80U >> bit % 8;
        if ((bytes[bit / 8] ^ network->bytes[bit / 8]) & mask)
            return false;
    }
    return true;
}

static bool is_inside_any(const uint8_t *bytes, const struct network *networks, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (is_inside(bytes, &networks[i]))
            return true;
    }
    return false;
}

bool address_is_internal(const struct address *address)
{
    if (address->any.sa_family == AF_INET)
        return is_inside_any((const uint8_t *)&address->ip4.sin_addr, INTERNAL_4,
                             ARRAY_SIZE(INTERNAL_4));
    if (address->any.sa_family == AF_INET6)
        return is_inside_any(address->ip6.sin6_addr.s6_addr, INTERNAL_6, ARRAY_SIZE(INTERNAL_6));
    return true;
}

bool address_same(const struct address *a, const struct address *b)
{
    if (a->any.sa_family != b->any.sa_family || address_port(a) != address_port(b))
        return false;
    if (a->any.sa_family == AF_INET)
        return a->ip4.sin_addr.s_addr == b->ip4.sin_addr.s_addr;
    return a->any.sa_family == AF_INET6 &&
           memcmp(&a->ip6.sin6_addr, &b->ip6.sin6_addr, sizeof(a->ip6.sin6_addr)) == 0;
}
