/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What a client asks for together with its login (XEP-0388), at the owner of its account.
 */
#include <stdlib.h>
#include <string.h>

#include "c2s/front/visit.h"
#include "common/xmpp/namespaces.h"

void owner_begun(struct client *client, const struct jid *full, bool resumed,
                 const struct element *results)
{
    struct element *begun = channel_begin(client->channel, "begun");

    element_set(begun, "jid", full ? full->full : NULL);
    element_set(begun, "resumed", resumed ? "1" : NULL);
    if (results)
        ELEMENT_FOREACH (child, results) {
            element_add_copy(begun, child);
        }
    channel_send(client->channel);
    if (full)
        channel_no_stranger(client->channel);
}

void owner_begin_refused(struct client *client, enum sasl_condition condition)
{
    struct element *begun = channel_begin(client->channel, "begun");

    element_set(begun, "refused", sasl_condition_name(condition));
    channel_send(client->channel);
}

static bool is_of_this_node(const struct channel *channel)
{
    return strcmp(trunk_to(channel->line->trunk)->domain, channel->line->front->worker->host) == 0;
}

/* What a worker of this node says that a client has proven is believed; where the client is at
 * another node it was proven here (home_login.c). */
static void note_proof(struct channel *channel, struct element *element)
{
    struct client *client = channel->client;
    const char *name = element_get(element, "mechanism");
    const char *token = element_get(element, "token");
    int mechanism = name ? sasl_mechanism_parse(name) : -1;

    if (!is_of_this_node(channel))
        return;
    if (mechanism >= 0)
        client->mechanism = (enum sasl_mechanism)mechanism;
    if (token)
        client->token = (int64_t)(strtoull(token, NULL, 10) & INT64_MAX);
    free(client->device);
    client->device = sasl2_device(element_get(element, "device"));
}

void owner_begin(struct channel *channel, struct element *element)
{
    struct client *client = channel->client;
    struct worker *worker = client->worker;
    const struct element *request = element_find(element, NS_SASL2, "authenticate");

    if (!client->jid || client->bound || client->bind_id || !request || !worker->plugin->begin) {
        line_refuse(channel->line, FRONT_REFUSED_EARLY);
        client_close(client, STREAM_POLICY_VIOLATION, NULL);
        return;
    }
    note_proof(channel, element);
    worker->plugin->begin(worker->plugin_state, client, client->jid,
                          &(struct c2s_begin){
                              .request = request,
                              .device = client->device,
                              .mechanism = (int)client->mechanism,
                              .token = client->token,
                          });
}
