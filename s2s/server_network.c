/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The network that this node is a member of, and what s2s needs of it: keys of dialback.
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/xmpp/namespaces.h"
#include "s2s/dialback.h"
#include "s2s/out.h"
#include "s2s/probe.h"
#include "s2s/server.h"
#include "s2s/several.h"

static int load_key(struct server *server, const struct config *config)
{
    const char *file = config_text(config, "node", NULL, "signing-key"), *problem;

    if (!file || signing_key_load(file, &server->signing_key, &problem) == 0)
        return 0;
    log_error("signing_key_unusable", LOG_TEXT("file", file), LOG_TEXT("reason", problem));
    return ERR_INVALID;
}

int server_open_network(struct server *server, const struct config *config)
{
    const struct document_settings settings = {.loop = server->loop, .config = config};
    int error = load_key(server, config);

    return error ? error : document_open(&settings, &server->document);
}

void server_close_network(struct server *server)
{
    document_close(server->document);
    signing_key_free(server->signing_key);
    free(server->door);
}

/* The network in which keys for this domain of ours are made; NULL: this node makes them alone. */
static const struct network *network_of(const struct server *server, const char *local)
{
    const struct network *network = server->document ? document_network(server->document) : NULL;

    return network && strcmp(network->domain, local) == 0 ? network : NULL;
}

static bool is_shared(const struct server *server, const char *local)
{
    return config_list_has(server->config, "node", NULL, "shared-service", local);
}

/* The same for services that all nodes have together: what one of them says there any other has to
 * prove. */
static const struct network *keys_of(const struct server *server, const char *local)
{
    const struct network *network = server->document ? document_network(server->document) : NULL;

    return network && is_shared(server, local) ? network : network_of(server, local);
}

static bool has_key_of(const struct server *server, const struct network_member *member)
{
    uint8_t public[SIGNING_KEY_SIZE];

    if (!server->signing_key)
        return false;
    signing_key_public(server->signing_key, public);
    return memcmp(public, member->signing_key, sizeof(public)) == 0;
}

char *server_dialback_key(const struct server *server, const struct network_key_subject *subject)
{
    const struct network *network = keys_of(server, subject->originating);
    const struct network_member *self = network ? document_self(server->document) : NULL;
    size_t length;
    const char *secret = policy_secret(server->policy, &length);

    if (self && has_key_of(server, self))
        return network_key_make(network, self, server->signing_key, subject);
    struct dialback_key key =
        dialback_key(secret, length, subject->receiving, subject->originating, subject->stream_id);
    return xstrdup(key.text);
}

enum network_key_verdict server_check_network_key(const struct server *server,
                                                  const struct network_key_subject *subject,
                                                  const char *text)
{
    const struct network *network = keys_of(server, subject->originating);

    return network ? network_key_check(network, document_now(), subject, text) : NETWORK_KEY_OTHER;
}

/* --- answers --- */

char *server_return(const struct server *server, const char *local, const char *nonce)
{
    const struct network_member *self =
        network_of(server, local) ? document_self(server->document) : NULL;

    return self ? network_return(self, nonce) : NULL;
}

void server_bind_return(struct server *server)
{
    const char *host = config_text(server->config, "node", NULL, "host");

    if (server->door || !document_network(server->document))
        return;
    server->door = network_return_door(host);
    link_bind(server->link, &(struct link_bind){.name = server->door});
}

bool server_answered(struct server *server, const struct stanza *stanza)
{
    return probe_answered(server, stanza) || barrier_answered(server, stanza) ||
           several_answered(server, stanza);
}

static const struct element *inner_of(const struct stanza *stanza)
{
    const struct element *envelope = element_first(stanza->root);

    return envelope && element_is(envelope, NS_NET, "envelope")
               ? element_find(envelope, NS_CLIENT, "iq")
               : NULL;
}

/* Only the session manager of this node writes from the host itself. */
static bool is_of_our_host(const struct server *server, const struct stanza *stanza)
{
    return stanza->has_from && !stanza->from.local && !stanza->from.resource &&
           strcmp(stanza->from.domain, config_text(server->config, "node", NULL, "host")) == 0;
}

bool server_returned(struct server *server, struct stanza *stanza)
{
    if (!server->door || !stanza->has_to || strcmp(stanza->to.domain, server->door) != 0)
        return false;
    const struct element *inner = is_of_our_host(server, stanza) ? inner_of(stanza) : NULL;
    struct stanza *answer;
    int problem;
    if (inner && stanza_from_element_take(element_copy(arena_new(), inner), NS_CLIENT, &answer,
                                          &problem) == 0) {
        if (problem < 0 && answer->has_from && answer->has_to)
            (void)!server_answered(server, answer);
        stanza_unref(answer);
    }
    stanza_unref(stanza);
    return true;
}
