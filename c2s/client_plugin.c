/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What a plugin may do with a client beside stanzas and binding: its stream features and top-level
 * elements, holding it, giving it a session of an earlier stream.
 */
#include "c2s/client.h"
#include "c2s/front/front.h"
#include "common/base/log.h"

static void advertise(void *user, struct element *features)
{
    struct client *client = user;
    const struct worker *worker = client->worker;

    if (stream_has_flag(client->stream, STREAM_AUTHENTICATED) && worker->plugin->features)
        worker->plugin->features(worker->plugin_state, features);
}

static const struct c2s_element *find(const struct c2s_plugin *plugin,
                                      const struct element *element)
{
    const struct c2s_element *row = plugin->elements;

    for (; row && row->ns; row++)
        if (element_is(element, row->ns, row->name))
            return row;
    return NULL;
}

static unsigned reached(const struct client *client)
{
    return (client->jid ? STREAM_AUTHENTICATED : 0) | (client->bound ? STREAM_BOUND : 0);
}

static bool is_allowed(const struct client *client, const struct c2s_element *row)
{
    unsigned flags = reached(client);

    return (row->requires & ~flags) == 0 && (row->excludes & flags) == 0 && !client->bind_id;
}

bool client_element(struct client *client, struct element *element)
{
    const struct worker *worker = client->worker;
    const struct c2s_element *row = find(worker->plugin, element);

    if (row == NULL)
        return false;
    if (client->sasl2) { /* XEP-0388 §2.4: nothing else while it is under way */
        client_close(client, STREAM_POLICY_VIOLATION, NULL);
        return true;
    }
    if (is_allowed(client, row)) {
        if (!client->ops && relay_begin(client))
            relay_element(client, element);
        else
            row->handle(worker->plugin_state, client, client->session, element);
    } else if (row->refuse) {
        row->refuse(worker->plugin_state, client, element);
    } else {
        client_close(client, client->session ? STREAM_POLICY_VIOLATION : STREAM_NOT_AUTHORIZED,
                     NULL);
    }
    return true;
}

/* Without TLS nothing of a plugin is understood (CVE-2014-8760): the feature requires it. */
static bool take(void *user, struct element *element)
{
    return client_element(user, element);
}

const struct stream_feature client_plugin = {
    .name = "plugin",
    .requires = STREAM_SECURE,
    .advertise = advertise,
    .take = take,
};

void client_resumed(struct client *client, const struct jid *full, void *session)
{
    if (client->ops) {
        client_join_session(client, full, session);
        client->ops->resumed(client, full);
        return;
    }
    client_enter_session(client, full, session);
    log_info("client_resumed", LOG_TEXT("sid", stream_id(client->stream)),
             LOG_TEXT("jid", full->full), LOG_TEXT("addr", client_address(client)));
    stream_ready(client->stream);
}

const char *client_node(const struct client *client)
{
    return client->channel && client->ops ? channel_host(client->channel) : client->worker->host;
}
