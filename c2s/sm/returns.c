/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Answers to what a node has asked in the name of the network.
 */
#include "c2s/sm/returns.h"

#include <stdlib.h>
#include <string.h>

#include "c2s/directory/directory.h"
#include "c2s/node_message.h"
#include "c2s/sm/envelope.h"
#include "common/base/log.h"
#include "common/network/network.h"

/* Of others: nobody asks himself. */
static bool is_answer(const struct sm *sm, const struct stanza *stanza)
{
    const char *network = worker_network(sm->worker);

    return stanza->kind == STANZA_IQ && stanza_is_reply(stanza) && stanza->has_to &&
           stanza->has_from && !stanza->to.local && stanza->to.resource &&
           strcmp(stanza->to.domain, network) == 0 && strcmp(stanza->from.domain, network) != 0;
}

static void send_to(struct sm *sm, const struct stanza *stanza, const char *host)
{
    struct envelope envelope = {.stage = ENVELOPE_GATEWAY};
    struct arena *arena = arena_new();
    const struct jid from = envelope_address(arena, NULL, worker_host(sm->worker));
    const struct jid to = envelope_address(arena, NULL, host);

    envelope.home = directory_own_home(sm->worker, &envelope.epoch);
    if (envelope.home) {
        struct stanza *message = envelope_wrap(&envelope, stanza, &from, &to);
        if (worker_route(sm->worker, message) < 0)
            log_debug("return_lost", LOG_TEXT("from", stanza->from.full), LOG_TEXT("to", host));
        stanza_unref(message);
    }
    arena_free(arena);
}

static const struct network_member *asker(const struct sm *sm, const struct stanza *stanza)
{
    const struct network *network = worker_document(sm->worker);

    return network && is_answer(sm, stanza) ? network_member_by_return(network, stanza->to.resource)
                                            : NULL;
}

static void to_s2s(struct sm *sm, const struct stanza *stanza)
{
    char *door = network_return_door(worker_host(sm->worker));

    send_to(sm, stanza, door);
    free(door);
}

/* By another node, to ours: net has shown that it may. */
static bool is_passed_on(const struct sm *sm, const struct stanza *message)
{
    return !message->to.local && strcmp(message->to.domain, worker_host(sm->worker)) == 0 &&
           !message->from.local && !message->from.resource &&
           node_is_host(sm->worker, message->from.domain) && envelope_of(message);
}

/* Not to be passed on again. */
static bool take_passed_on(struct sm *sm, const struct stanza *message)
{
    const struct element *element = envelope_of(message);
    struct envelope envelope;
    struct stanza *stanza;

    if (envelope_read(element, &envelope) < 0 || envelope.stage != ENVELOPE_GATEWAY ||
        forward_open(element, &stanza) < 0)
        return false;
    const struct network_member *member = asker(sm, stanza);
    bool ours = member && member == worker_member(sm->worker);
    if (ours)
        to_s2s(sm, stanza);
    stanza_unref(stanza);
    return ours;
}

bool returns_take(struct sm *sm, const struct stanza *stanza)
{
    if (stanza->kind == STANZA_MESSAGE)
        return is_passed_on(sm, stanza) && take_passed_on(sm, stanza);
    const struct network_member *member = asker(sm, stanza);
    if (!member)
        return false;
    if (member == worker_member(sm->worker))
        to_s2s(sm, stanza);
    else
        send_to(sm, stanza, member->host);
    return true;
}
