/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Questions to a network document. Networks have tens of members, hundreds at most: lists are
 * walked.
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/error.h"
#include "common/base/memory.h"
#include "common/network/network.h"

static const char *const states[] = {
    [NETWORK_JOINING] = "joining",
    [NETWORK_ACTIVE] = "active",
    [NETWORK_DRAINING] = "draining",
    [NETWORK_SUSPENDED] = "suspended",
};

static const struct {
    enum network_role role;
    const char *name;
} roles[] = {
    {NETWORK_FRONT, "front"},
    {NETWORK_HOME, "home"},
    {NETWORK_S2S, "s2s"},
    {NETWORK_REGISTRAR, "registrar"},
};

const char *network_state_name(enum network_state state)
{
    return states[state];
}

int network_state_find(const char *name, enum network_state *state)
{
    for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
        if (strcmp(states[i], name) == 0) {
            *state = (enum network_state)i;
            return 0;
        }
    }
    return ERR_INVALID;
}

const char *network_role_name(enum network_role role)
{
    for (size_t i = 0; i < ARRAY_SIZE(roles); i++) {
        if (roles[i].role == role)
            return roles[i].name;
    }
    return "none";
}

int network_role_find(const char *name, enum network_role *role)
{
    for (size_t i = 0; i < ARRAY_SIZE(roles); i++) {
        if (strcmp(roles[i].name, name) == 0) {
            *role = roles[i].role;
            return 0;
        }
    }
    return ERR_INVALID;
}

const struct network_member *network_member_by_host(const struct network *network, const char *host)
{
    for (size_t i = 0; i < network->members_count; i++) {
        if (strcmp(network->members[i].host, host) == 0)
            return &network->members[i];
    }
    return NULL;
}

const struct network_member *network_member_by_number(const struct network *network,
                                                      unsigned number)
{
    for (size_t i = 0; i < network->members_count; i++) {
        if (network->members[i].number == number)
            return &network->members[i];
    }
    return NULL;
}

const struct network_member *network_member_by_return(const struct network *network,
                                                      const char *resource)
{
    size_t digits = strspn(resource, "0123456789");

    if (digits == 0 || digits > 9 || resource[digits] != '/')
        return NULL;
    return network_member_by_number(network, (unsigned)strtoul(resource, NULL, 10));
}

char *network_return(const struct network_member *member, const char *nonce)
{
    return xasprintf("%u/%s", member->number, nonce);
}

bool network_is_return(const char *resource, const char *nonce)
{
    const char *slash = strchr(resource, '/');

    return strcmp(slash ? slash + 1 : resource, nonce) == 0;
}

char *network_return_door(const char *host)
{
    return xasprintf("s2s.%s", host);
}

const struct network_member *network_member_by_pin(const struct network *network,
                                                   const uint8_t pin[TLS_PIN_SIZE])
{
    for (size_t i = 0; i < network->members_count; i++) {
        const struct network_member *member = &network->members[i];
        if (memcmp(member->pin, pin, TLS_PIN_SIZE) == 0 ||
            (member->has_next_pin && memcmp(member->next_pin, pin, TLS_PIN_SIZE) == 0))
            return member;
    }
    return NULL;
}

const struct network_home *network_home_by_name(const struct network *network, const char *name)
{
    for (size_t i = 0; i < network->homes_count; i++) {
        if (strcmp(network->homes[i].name, name) == 0)
            return &network->homes[i];
    }
    return NULL;
}

const struct network_keyholder *network_keyholder_by_name(const struct network *network,
                                                          const char *name)
{
    for (size_t i = 0; i < network->keyholders_count; i++) {
        if (strcmp(network->keyholders[i].name, name) == 0)
            return &network->keyholders[i];
    }
    return NULL;
}

bool network_serves(const struct network *network, const char *host, const char *home,
                    uint64_t epoch)
{
    const struct network_home *found = network_home_by_name(network, home);

    return found && found->epoch == epoch && strcmp(found->member->host, host) == 0;
}

enum network_state network_member_state(const struct network *network,
                                        const struct network_member *member, int64_t now)
{
    for (size_t i = 0; i < network->suspensions_count; i++) {
        const struct network_suspension *suspension = &network->suspensions[i];
        if (strcmp(suspension->host, member->host) == 0 && suspension->begins <= now &&
            now < suspension->ends)
            return NETWORK_SUSPENDED;
    }
    return member->state;
}

bool network_member_is_linked(const struct network *network, const struct network_member *member,
                              int64_t now)
{
    return network_member_state(network, member, now) != NETWORK_SUSPENDED;
}

bool network_member_may(const struct network *network, const struct network_member *member,
                        enum network_role role, int64_t now)
{
    enum network_state state = network_member_state(network, member, now);

    return (member->roles & role) && (state == NETWORK_ACTIVE || state == NETWORK_DRAINING);
}

bool network_is_expired(const struct network *network, int64_t now)
{
    return now >= network->expires;
}

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_addresses(const struct network_member *a, const struct network_member *b)
{
    if (a->addresses_count != b->addresses_count)
        return false;
    for (size_t i = 0; i < a->addresses_count; i++) {
        if (strcmp(a->addresses[i], b->addresses[i]) != 0)
            return false;
    }
    return true;
}

bool network_member_equal(const struct network_member *a, const struct network_member *b)
{
    return a->number == b->number && a->roles == b->roles && a->state == b->state &&
           strcmp(a->host, b->host) == 0 && same_text(a->operator_name, b->operator_name) &&
           same_addresses(a, b) && memcmp(a->pin, b->pin, TLS_PIN_SIZE) == 0 &&
           a->has_next_pin == b->has_next_pin &&
           memcmp(a->next_pin, b->next_pin, TLS_PIN_SIZE) == 0 &&
           memcmp(a->signing_key, b->signing_key, SIGNING_KEY_SIZE) == 0;
}
