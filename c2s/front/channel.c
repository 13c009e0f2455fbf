/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Channels: one client on a line.
 */
#include "c2s/front/channel.h"

#include <inttypes.h>
#include <stdlib.h>

#include "c2s/front/visit.h"

struct channel *channel_new(struct line *line, uint64_t id, struct client *client)
{
    struct channel *channel = xcalloc(1, sizeof(*channel));

    channel->id = id;
    channel->line = line;
    channel->client = client;
    HASH_ADD(hh, line->channels, id, sizeof(channel->id), channel);
    return channel;
}

struct channel *channel_find(struct line *line, uint64_t id)
{
    struct channel *channel;

    HASH_FIND(hh, line->channels, &id, sizeof(id), channel);
    return channel;
}

void channel_no_stranger(struct channel *channel)
{
    if (channel->stranger)
        channel->line->strangers--;
    channel->stranger = false;
}

void channel_free(struct channel *channel)
{
    channel_no_stranger(channel);
    HASH_DELETE(hh, channel->line->channels, channel);
    channel->client->channel = NULL;
    if (channel->turn)
        loop_defer_cancel(channel->turn);
    while (channel->held) {
        struct held *held = channel->held;

        DL_DELETE(channel->held, held);
        held_free(held);
    }
    if (channel->login)
        home_login_free(channel->login);
    free(channel->address);
    free(channel->stream_id);
    free(channel->lang);
    free(channel);
}

struct element *channel_begin(struct channel *channel, const char *name)
{
    struct element *element = trunk_begin(channel->line->trunk, name);

    element_set(element, "i", arena_printf(element->arena, "%" PRIu64, channel->id));
    return element;
}

void channel_send(struct channel *channel)
{
    trunk_send(channel->line->trunk);
}

void channel_say(struct channel *channel, const char *name)
{
    channel_begin(channel, name);
    channel_send(channel);
}

void channel_expect(struct channel *channel)
{
    client_deadline(channel->client, DEADLINE_OWNER, CHANNEL_ANSWER_MS);
}

void channel_answered(struct channel *channel)
{
    client_deadline(channel->client, DEADLINE_OWNER, 0);
}
