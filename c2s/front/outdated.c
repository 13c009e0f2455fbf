/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * An account has a new password, or is no more: who has proved the old one, or is about to, gets no
 * session for it, whichever worker of this node has looked into the account (docs/FRONTS.md).
 * Sessions are the plugin's affair.
 */
#include <string.h>

#include "c2s/front/channel.h"
#include "c2s/front/visit.h"

static void close_client(struct client *client)
{
    client_close(client, STREAM_NOT_AUTHORIZED, "the account has changed");
}

/* Those with a connection here. What their owner elsewhere gives them in this moment may be behind
 * the change or before it. */
static void outdate_connected(struct worker *worker, const struct jid *account)
{
    struct client *client, *next;

    DL_FOREACH_SAFE (worker->clients, client, next) {
        login_outdate(client, account);
        if (client->jid && (!client->session || client->channel) &&
            jid_bare_equal(client->jid, account))
            close_client(client);
    }
}

/* Those that are connected elsewhere. */
static void outdate_owned(struct line *line, const struct jid *account)
{
    struct channel *channel, *next;

    HASH_ITER (hh, line->channels, channel, next) {
        struct client *client = channel->client;
        if (channel->login)
            home_login_outdate(channel->login, account);
        else if (client->ops && !client->session && jid_bare_equal(client->jid, account))
            close_client(client);
    }
}

static void outdate(struct front *front, const struct jid *account)
{
    struct line *line;

    outdate_connected(front->worker, account);
    DL_FOREACH (front->lines, line) {
        outdate_owned(line, account);
    }
}

/* By a trunk, so that it arrives. */
static void tell(struct front *front, const char *worker_id, const struct jid *account)
{
    struct line *line = line_in_node(front, worker_id);
    struct element *changed = line ? trunk_begin(line->trunk, "changed") : NULL;

    if (!line)
        return;
    element_set(changed, "i", "0"); /* no channel */
    element_set(changed, "jid", account->bare);
    trunk_send(line->trunk);
}

void front_account_changed(struct front *front, const struct jid *account)
{
    outdate(front, account);
    for (size_t i = 0; i < front->members_count; i++)
        if (strcmp(front->members[i], front->worker->id) != 0)
            tell(front, front->members[i], account);
}

void front_take_changed(struct line *line, const struct element *changed)
{
    const char *text = element_get(changed, "jid");
    struct arena *arena = arena_new();
    struct jid account;

    if (strcmp(trunk_to(line->trunk)->domain, line->front->worker->host) != 0)
        line_refuse(line, FRONT_REFUSED_OPEN);
    else if (text && jid_parse(arena, text, &account) == 0)
        outdate(line->front, &account);
    arena_free(arena);
}
