/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What the plugin says to a client and asks about it. The client's connection is here, or at
 * another worker: then its ops bring it there.
 */
#include "c2s/client.h"

/* Beyond this many times the send queue a client is cut off at once. */
#define QUEUE_LIMIT_FACTOR 4

/* Who does not read cannot make us keep everything that others send. */
static bool is_stuck(const struct client *client)
{
    return transport_queued(&client->transport) >
           QUEUE_LIMIT_FACTOR * client->worker->limits.send_queue;
}

void client_send(struct client *client, struct stanza *stanza)
{
    if (client->ended)
        return;
    client->worker->traffic.sent[stanza->kind]++;
    if (client->ops)
        client->ops->send(client, stanza->root);
    else if (is_stuck(client))
        client_stuck(client, "send-queue");
    else
        stream_send(client->stream, stanza);
}

void client_send_element(struct client *client, const struct element *element)
{
    if (client->ended)
        return;
    if (client->ops)
        client->ops->send(client, element);
    else if (is_stuck(client))
        client_stuck(client, "send-queue");
    else
        stream_send_element(client->stream, element);
}

bool client_is_full(const struct client *client)
{
    if (client->ops)
        return client->ops->is_full(client);
    return transport_queued(&client->transport) > client->worker->limits.send_queue;
}

bool client_has_drained(const struct client *client)
{
    return client->ops ? client->ops->has_drained(client)
                       : transport_has_drained(&client->transport);
}

void client_close(struct client *client, int condition, const char *text)
{
    if (client->ended)
        return;
    if (client->ops)
        client->ops->close(client, condition, text, NULL);
    else if (condition < 0)
        stream_close(client->stream);
    else
        stream_fail(client->stream, (enum stream_condition)condition, text);
}

void client_fail(struct client *client, enum stream_condition condition, const char *text,
                 const struct element *app)
{
    if (client->ended)
        return;
    if (client->ops)
        client->ops->close(client, (int)condition, text, app);
    else
        stream_fail_element(client->stream, condition, text, app);
}

void client_pause(struct client *client)
{
    if (client->ops)
        client->ops->read(client, false);
    else
        transport_pause(&client->transport);
}

void client_resume(struct client *client)
{
    if (client->ops)
        client->ops->read(client, true);
    else
        transport_resume(&client->transport);
}

void client_hold(struct client *client)
{
    client->held++;
    if (!client->ops)
        stream_hold(client->stream);
}

void client_release(struct client *client)
{
    client->held--;
    if (!client->ops)
        stream_release(client->stream);
    else if (client->held == 0)
        client->ops->released(client);
}

void client_detach(struct client *client)
{
    client->session = NULL;
}

const char *client_address(const struct client *client)
{
    return client->ops ? client->ops->address(client) : transport_address(&client->transport);
}

const struct jid *client_account(const struct client *client)
{
    return client->jid;
}

const char *client_device(const struct client *client)
{
    return client->device;
}

uint64_t client_since(const struct client *client)
{
    return client->since_us;
}

const char *client_stream_id(const struct client *client)
{
    return client->ops ? client->ops->stream_id(client) : stream_id(client->stream);
}

const char *client_lang(const struct client *client)
{
    return client->ops ? client->ops->lang(client) : stream_lang(client->stream);
}
