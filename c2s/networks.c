/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Networks, as bits in front.
 */
#include "c2s/networks.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"

struct one {
    uint8_t address[16];
    unsigned bits;
};

struct networks {
    size_t count;
    struct one list[];
};

bool networks_parse_address(const char *text, unsigned char address[16])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

    if (inet_pton(AF_INET6, text, address) == 1)
        return true;
    memcpy(address, mapped, sizeof(mapped));
    return inet_pton(AF_INET, text, address + sizeof(mapped)) == 1;
}

/* Validated by the configuration already. */
static struct one read_one(const char *text)
{
    const char *slash = strchr(text, '/');
    char *host = slash ? xstrndup(text, (size_t)(slash - text)) : xstrdup(text);
    bool is_ip4 = strchr(host, ':') == NULL;
    struct one network = {.bits = 128};

    if (!networks_parse_address(host, network.address))
        memset(&network, 0, sizeof(network));
    if (slash)
        network.bits = (unsigned)strtoul(slash + 1, NULL, 10) + (is_ip4 ? 96 : 0);
    free(host);
    return network;
}

static bool holds(const struct one *network, const uint8_t address[16])
{
    size_t bytes = network->bits / 8;
    unsigned rest = network->bits % 8;

    if (memcmp(network->address, address, bytes) != 0)
        return false;
    return rest == 0 || (network->address[bytes] ^ address[bytes]) >> (8 - rest) == 0;
}

struct networks *networks_read(const struct config *config, const char *key)
{
    size_t count = config_list_size(config, "c2s", NULL, key);
    struct networks *networks = xcalloc(1, sizeof(*networks) + count * sizeof(struct one));

    networks->count = count;
    for (size_t i = 0; i < count; i++)
        networks->list[i] = read_one(config_list_item(config, "c2s", NULL, key, i));
    return networks;
}

void networks_free(struct networks *networks)
{
    free(networks);
}

bool networks_hold(const struct networks *networks, const char *address)
{
    uint8_t bytes[16];

    if (networks->count == 0 || !networks_parse_address(address, bytes))
        return false;
    for (size_t i = 0; i < networks->count; i++)
        if (holds(&networks->list[i], bytes))
            return true;
    return false;
}
