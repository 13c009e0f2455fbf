/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Changes of the network document that wait for signatures.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/arena.h"
#include "common/base/error.h"
#include "common/base/memory.h"
#include "common/xmpp/datetime.h"
#include "kontalkctl/network.h"

#define YEAR ((int64_t)365 * 24 * 3600)

/* Lets go of a document that is not to be changed after all. */
static int give_up(struct network *network)
{
    network_unref(network);
    return EXIT_FAILURE;
}

static struct network_member *member_of(struct network *network, const char *host)
{
    for (size_t i = 0; i < network->members_count; i++)
        if (strcmp(network->members[i].host, host) == 0)
            return &network->members[i];
    ctl_fail("%s is no member", host);
    return NULL;
}

/* --- add --- */

struct wanted {
    unsigned roles;
    enum network_state state;
};

/* "home", "active"; without any role the usual ones. */
static int read_wanted(struct wanted *wanted, size_t argc, const char *const *argv)
{
    *wanted = (struct wanted){.state = NETWORK_JOINING};
    for (size_t i = 0; i < argc; i++) {
        enum network_role role;
        if (network_role_find(argv[i], &role) == 0)
            wanted->roles |= role;
        else if (network_state_find(argv[i], &wanted->state) != 0)
            return ctl_fail("'%s' is neither a role nor a state of a member", argv[i]);
    }
    if (wanted->roles == 0)
        wanted->roles = NETWORK_FRONT | NETWORK_HOME | NETWORK_S2S;
    return EXIT_SUCCESS;
}

static const char *check_new(const struct network *network, const struct network *request)
{
    const char *problem = NULL;

    if (network_check_request(request, &problem) != 0)
        return problem;
    if (strcmp(request->domain, network->domain) != 0)
        return "it is for another network";
    if (network_member_by_host(network, request->members[0].host))
        return "it is a member already";
    return NULL;
}

/* A list with room for one more; `count` and `size` of what is there. */
static void *longer(struct arena *arena, const void *list, size_t count, size_t size)
{
    void *copy = arena_zalloc(arena, (count + 1) * size);

    if (count > 0)
        memcpy(copy, list, count * size);
    return copy;
}

/* Homes point into the list of members, which has moved. */
static void point_at(struct network *network, const struct network_member *old)
{
    for (size_t i = 0; i < network->homes_count; i++)
        network->homes[i].member = &network->members[network->homes[i].member - old];
}

static void add_member(struct network *network, const struct network *request,
                       const struct wanted *wanted)
{
    const struct network_member *old = network->members;

    network->members =
        longer(network->arena, old, network->members_count, sizeof(*network->members));
    point_at(network, old);
    struct network_member *member = &network->members[network->members_count++];
    *member = request->members[0];
    member->number = ++network->last_number;
    member->roles = wanted->roles;
    member->state = wanted->state;
    if (!(wanted->roles & NETWORK_HOME))
        return;
    const struct network_home *registrar = network->registrar, *homes = network->homes;
    network->homes = longer(network->arena, homes, network->homes_count, sizeof(*network->homes));
    network->registrar = &network->homes[registrar - homes];
    network->homes[network->homes_count++] =
        (struct network_home){.name = request->homes[0].name, .epoch = 1, .member = member};
}

int network_add(const struct ctl *ctl, size_t argc, const char *const *argv)
{
    struct network *request = NULL, *network;
    struct wanted wanted;

    if (read_wanted(&wanted, argc - 1, argv + 1) != EXIT_SUCCESS ||
        network_must_load(argv[0], &request) != 0)
        return EXIT_FAILURE;
    network = network_edit(ctl);
    if (!network)
        return give_up(request);
    const char *problem = check_new(network, request);
    if (problem) {
        ctl_fail("%s: %s", argv[0], problem);
        network_unref(request);
        return give_up(network);
    }
    char *fingerprint = network_fingerprint(&request->members[0]);
    printf("%s, fingerprint: %s\n", request->members[0].host, fingerprint);
    free(fingerprint);
    add_member(network, request, &wanted);
    int status = network_pend_take(ctl, network);
    network_unref(request);
    return status;
}

/* --- states --- */

int network_set_state(const struct ctl *ctl, const char *host, enum network_state state)
{
    struct network *network = network_edit(ctl);
    struct network_member *member = network ? member_of(network, host) : NULL;

    if (!member)
        return give_up(network);
    member->state = state;
    return network_pend_take(ctl, network);
}

int network_drain(const struct ctl *ctl, size_t argc, const char *const *argv)
{
    (void)argc;
    return network_set_state(ctl, argv[0], NETWORK_DRAINING);
}

int network_activate(const struct ctl *ctl, size_t argc, const char *const *argv)
{
    (void)argc;
    return network_set_state(ctl, argv[0], NETWORK_ACTIVE);
}

/* --- remove --- */

/* The homes it serves go; ERR_CONFLICT: one of them is the registrar. */
static int remove_homes(struct network *network, const struct network_member *member)
{
    size_t kept = 0;

    if (network->registrar->member == member)
        return ERR_CONFLICT;
    for (size_t i = 0; i < network->homes_count; i++) {
        if (network->homes[i].member == member)
            continue;
        if (network->registrar == &network->homes[i])
            network->registrar = &network->homes[kept];
        network->homes[kept++] = network->homes[i];
    }
    network->homes_count = kept;
    if (network->lost_registrar && !network_home_by_name(network, network->lost_registrar))
        network->lost_registrar = NULL;
    return 0;
}

static bool serves_homes(const struct network *network, const struct network_member *member)
{
    for (size_t i = 0; i < network->homes_count; i++)
        if (network->homes[i].member == member)
            return true;
    return false;
}

static void remove_member(struct network *network, const struct network_member *member)
{
    size_t at = (size_t)(member - network->members);

    for (size_t i = 0; i < network->homes_count; i++)
        if (network->homes[i].member > member)
            network->homes[i].member--;
    memmove(&network->members[at], &network->members[at + 1],
            (network->members_count - at - 1) * sizeof(*network->members));
    network->members_count--;
}

int network_remove(const struct ctl *ctl, size_t argc, const char *const *argv)
{
    struct network *network = network_edit(ctl);
    struct network_member *member = network ? member_of(network, argv[0]) : NULL;

    if (!member)
        return give_up(network);
    if (serves_homes(network, member) && (argc < 2 || strcmp(argv[1], "with-homes") != 0)) {
        ctl_fail("%s serves homes, whose accounts would be lost: say with-homes if that is meant",
                 argv[0]);
        return give_up(network);
    }
    if (remove_homes(network, member) != 0) {
        ctl_fail("%s serves the registrar: name another one first", argv[0]);
        return give_up(network);
    }
    remove_member(network, member);
    return network_pend_take(ctl, network);
}

/* --- the registrar --- */

static const char *check_heir(const struct network *network, const struct network_home *heir)
{
    if (!heir)
        return "there is no such home";
    if (heir == network->registrar)
        return "it is the registrar already";
    if (heir->member->state != NETWORK_ACTIVE)
        return "its node is not active";
    return NULL;
}

/* Nothing that it still says counts, and its data are served by nobody before their epoch has been
 * raised (kontalkctl home raise). */
static void lose(struct network *network, const struct network_home *former)
{
    network->lost_registrar = former->name;
    network->members[former->member - network->members].state = NETWORK_SUSPENDED;
    network->homes[former - network->homes].epoch++;
}

int network_registrar(const struct ctl *ctl, size_t argc, const char *const *argv)
{
    bool is_lost = argc > 1 && strcmp(argv[1], "without-former") == 0;

    if (argc > 1 && !is_lost)
        return ctl_fail("'%s' is not understood: without-former?", argv[1]);
    struct network *network = network_edit(ctl);
    if (!network)
        return EXIT_FAILURE;
    const struct network_home *former = network->registrar;
    const struct network_home *heir = network_home_by_name(network, argv[0]);
    const char *problem = check_heir(network, heir);
    if (!problem && is_lost && heir->member == former->member)
        problem = "it is at the node that is lost";
    if (problem) {
        ctl_fail("%s: %s", argv[0], problem);
        return give_up(network);
    }
    network->registrar = heir;
    network->members[heir->member - network->members].roles |= NETWORK_REGISTRAR;
    network->lost_registrar = NULL;
    if (is_lost)
        lose(network, former);
    return network_pend_take(ctl, network);
}

/* --- the rest --- */

int network_renew(const struct ctl *ctl, size_t argc, const char *const *argv)
{
    int64_t time_us = (network_now() + YEAR) * 1000000;

    if (argc > 0 && datetime_parse(argv[0], &time_us) != 0)
        return ctl_fail("'%s' is not a time, such as 2027-01-31T12:00:00Z", argv[0]);
    struct network *network = network_edit(ctl);
    if (!network)
        return EXIT_FAILURE;
    network->expires = time_us / 1000000;
    return network_pend_take(ctl, network);
}

int network_next(const struct ctl *ctl, size_t argc, const char *const *argv)
{
    struct network *network = network_edit(ctl);

    (void)argc, (void)argv;
    return network ? network_pend_take(ctl, network) : EXIT_FAILURE;
}
