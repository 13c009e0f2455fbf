/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * A network document for people to read.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "common/xmpp/datetime.h"
#include "kontalkctl/network.h"

static const char *time_text(int64_t time, char text[DATETIME_SIZE])
{
    datetime_format(time * 1000000, text);
    return text;
}

static void show_roles(unsigned roles)
{
    const char *comma = "";

    for (unsigned role = NETWORK_FRONT; role <= NETWORK_REGISTRAR; role <<= 1) {
        if (!(roles & role))
            continue;
        printf("%s%s", comma, network_role_name((enum network_role)role));
        comma = ",";
    }
}

static void show_member(const struct network *network, const struct network_member *member)
{
    char *fingerprint = network_fingerprint(member);

    printf("member %u %s %s ", member->number, member->host,
           network_state_name(network_member_state(network, member, network_now())));
    show_roles(member->roles);
    for (size_t i = 0; i < member->addresses_count; i++)
        printf(" %s", member->addresses[i]);
    printf(" operator=%s fingerprint=%s\n", member->operator_name ? member->operator_name : "-",
           fingerprint);
    free(fingerprint);
}

static void show(const struct network *network)
{
    char text[DATETIME_SIZE];
    const char *problem = NULL;

    printf("network %s serial %llu expires %s%s registrar %s\n", network->domain,
           (unsigned long long)network->serial, time_text(network->expires, text),
           network_is_expired(network, network_now()) ? " (expired)" : "",
           network->registrar->name);
    if (network->lost_registrar)
        printf("registrar %s is lost\n", network->lost_registrar);
    for (size_t i = 0; i < network->members_count; i++)
        show_member(network, &network->members[i]);
    for (size_t i = 0; i < network->homes_count; i++)
        printf("home %s epoch %llu at %s\n", network->homes[i].name,
               (unsigned long long)network->homes[i].epoch, network->homes[i].member->host);
    for (size_t i = 0; i < network->keyholders_count; i++)
        printf("keyholder %s\n", network->keyholders[i].name);
    for (size_t i = 0; i < network->suspensions_count; i++)
        printf("suspension of %s until %s by %s\n", network->suspensions[i].host,
               time_text(network->suspensions[i].ends, text),
               network->suspensions[i].signature.keyholder);
    printf("signed by %zu of %u", network_count_signatures(network, network),
           network->required_signatures);
    printf("%s\n", network_verify(network, &problem) == 0 ? "" : ": it is not good yet");
}

int network_show(const struct ctl *ctl, size_t argc, const char *const *argv)
{
    const char *path = argc > 0 ? argv[0] : network_path(ctl);
    struct network *network = NULL;

    if (!path || network_must_load(path, &network) != 0)
        return EXIT_FAILURE;
    show(network);
    network_unref(network);
    return EXIT_SUCCESS;
}
