/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Copies for accounts here, and who is to hear that somebody who sent them presence has gone.
 */
#include "s2s/multicast.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/table.h"
#include "common/service/follow.h"
#include "common/xmpp/namespaces.h"
#include "s2s/addresses.h"
#include "s2s/inbound.h"

/* Beyond it the oldest are forgotten. */
#define DIRECTED_MAX 16384

/* Somebody here who has been sent available presence in this way. */
struct directed {
    UT_hash_handle hh; /* server->directed, by "from to", in the order of their coming */
    char *key;
    struct jid *from, *to;
};

/* --- presence (§5) --- */

static char *key_of(const struct jid *from, const struct jid *to)
{
    return xjoin(from->full, " ", to->full);
}

static void forget(struct server *server, struct directed *directed)
{
    HASH_DEL(server->directed, directed);
    free(directed->key);
    free(directed->from);
    free(directed->to);
    free(directed);
}

static struct directed *find(const struct server *server, const struct stanza *presence)
{
    char *key = key_of(&presence->from, &presence->to);
    struct directed *directed;

    HASH_FIND_STR(server->directed, key, directed);
    free(key);
    return directed;
}

static void remember(struct server *server, const struct stanza *presence)
{
    struct directed *directed = find(server, presence);

    if (directed)
        forget(server, directed);
    directed = xcalloc(1, sizeof(*directed));
    directed->key = key_of(&presence->from, &presence->to);
    directed->from = jid_dup(&presence->from);
    directed->to = jid_dup(&presence->to);
    HASH_ADD_KEYPTR(hh, server->directed, directed->key, strlen(directed->key), directed);
    if (HASH_COUNT(server->directed) > DIRECTED_MAX)
        forget(server, server->directed);
}

static void note(struct server *server, const struct stanza *presence)
{
    struct directed *directed;

    if (presence->type == PRESENCE_AVAILABLE) {
        remember(server, presence);
    } else {
        directed = find(server, presence);
        if (directed)
            forget(server, directed);
    }
}

static void say_gone(struct server *server, const struct stanza *presence)
{
    struct directed *directed, *next;

    HASH_ITER (hh, server->directed, directed, next) {
        if (!jid_equal(directed->from, &presence->from))
            continue;
        struct stanza *copy = stanza_copy(presence);
        stanza_set_to(copy, directed->to);
        forget(server, directed);
        server_to_router(server, copy);
    }
}

void multicast_presence(struct in *in, const struct stanza *presence)
{
    struct server *server = in->server;

    if (presence->type != PRESENCE_UNAVAILABLE || !server->directed)
        return;
    if (presence->to.local)
        note(server, presence);
    else
        say_gone(server, presence);
}

void multicast_stop(struct server *server)
{
    while (server->directed)
        forget(server, server->directed);
}

/* --- copies --- */

/* Only the domain of the network says that it does this (c2s/sm/disco.c). */
static bool is_for_service(const struct server *server, const struct stanza *stanza)
{
    return server->limits.addresses > 0 && addresses_of(stanza) &&
           strcmp(stanza->to.domain, config_text(server->config, "node", NULL, "network")) == 0;
}

static int judge(const struct in *in, struct stanza *stanza, struct recipients *recipients)
{
    if (stanza->kind == STANZA_PRESENCE && stanza->type != PRESENCE_AVAILABLE &&
        stanza->type != PRESENCE_UNAVAILABLE)
        return STANZA_BAD_REQUEST; /* subscriptions are between two (RFC 6121 §3) */
    return addresses_read(stanza, in->server->limits.addresses, recipients);
}

static void refuse(struct in *in, const struct stanza *stanza, enum stanza_condition condition)
{
    struct stanza *error = stanza_error(stanza, condition, NULL);

    log_debug("s2s_addresses_refused", LOG_TEXT("from", stanza->from.full),
              LOG_TEXT("condition", stanza_condition_name(condition)));
    FOLLOW(stanza->root, "refused, with its addresses: %s", stanza_condition_name(condition));
    if (error)
        server_to_remote(in->server, error);
}

/* What a room says is one thing for all who hear it: nobody is told his own address, which says
 * nothing that `to` does not. */
static void deliver_together(struct in *in, struct stanza *stanza,
                             const struct recipients *recipients)
{
    struct stanza **copies = xcalloc(recipients->count, sizeof(*copies));
    struct element *addresses = addresses_of(stanza);
    if (!element_first(addresses))
        element_remove(stanza->root, addresses);
    for (size_t i = 0; i < recipients->count; i++) {
        copies[i] = stanza_copy(stanza);
        stanza_set_to(copies[i], &recipients->all[i].jid);
    }
    inbound_take_copies(in, copies, recipients->count);
    free(copies);
}

static void deliver(struct in *in, struct stanza *stanza, const struct recipients *recipients)
{
    addresses_mark(stanza);
    FOLLOW(stanza->root, "came in for %zu", recipients->count);
    if (stanza->type == MESSAGE_GROUPCHAT && recipients->count > 1 && inbound_is_durable(stanza)) {
        deliver_together(in, stanza, recipients);
        return;
    }
    for (size_t i = 0; i < recipients->count; i++) {
        struct stanza *copy = addresses_copy(stanza, &recipients->all[i]);
        if (copy->kind == STANZA_PRESENCE)
            note(in->server, copy);
        in_deliver(in, copy);
    }
}

bool multicast_came(struct in *in, struct stanza *stanza)
{
    struct recipients recipients;

    if (!is_for_service(in->server, stanza))
        return false;
    int condition = judge(in, stanza, &recipients);
    if (condition >= 0)
        refuse(in, stanza, (enum stanza_condition)condition);
    else
        deliver(in, stanza, &recipients);
    stanza_unref(stanza);
    return true;
}
