/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Stanzas of a bound client: who may say what (RFC 6120 §8.1.2.1), and how much of it.
 */
#include "c2s/client.h"

#include "c2s/front/front.h"
#include "common/base/clock.h"
#include "common/base/fault_point.h"
#include "common/base/limit.h"
#include "common/base/log.h"
#include "common/xmpp/namespaces.h"

/* A client speaks as itself: with its full JID, its bare JID, or without saying so. */
static bool speaks_as_itself(const struct client *client, const struct stanza *stanza)
{
    if (!stanza->has_from)
        return true;
    if (stanza->from.resource == NULL)
        return jid_bare_equal(&stanza->from, client->jid);
    return jid_equal(&stanza->from, client->jid);
}

/* RFC 5646 §2.1.1 recommends room for 35 characters at least; more is no language of anybody. */
#define LANGUAGE_MAX 63

static bool is_language(const char *text)
{
    static const bool allowed[256] = {
        ['A' ... 'Z'] = true, ['a' ... 'z'] = true, ['0' ... '9'] = true, ['-'] = true};
    size_t length = 0;

    while (allowed[(unsigned char)text[length]])
        length++;
    return length > 0 && length <= LANGUAGE_MAX && text[length] == '\0';
}

/* What does not say its language is in that of its stream (RFC 6120 §8.1.5). */
static void set_language(const struct client *client, struct stanza *stanza)
{
    const char *language = client_lang(client);

    if (language && is_language(language) && !element_get_ns(stanza->root, NS_XML, "lang"))
        element_set_ns(stanza->root, NS_XML, "lang", language);
}

/* Who goes on talking while the router or the database does not keep up is read no further: what is
 * outside waits outside, and nothing need be refused. */
static void wait_for_room(struct client *client)
{
    bool congested = client->channel ? relay_is_full(client) : worker_is_congested(client->worker);

    if (client->waiting || client->ended || !congested)
        return;
    client->waiting = true;
    transport_pause(&client->transport);
}

void client_drained(struct client *client)
{
    if (!client->waiting)
        return;
    client->waiting = false;
    transport_resume(&client->transport);
}

static void limit_rate(struct client *client)
{
    uint64_t wait = rate_take(&client->stanzas, 1, clock_monotonic_ms());

    if (wait > 0 && !client->slowed) {
        client->slowed = true;
        limit_reached("rate-stanzas");
        transport_pause(&client->transport);
        client_deadline(client, DEADLINE_RATE, wait);
    }
}

bool client_stamp(const struct client *client, struct stanza *stanza)
{
    if (!speaks_as_itself(client, stanza))
        return false;
    stanza_set_from(stanza, client->jid);
    set_language(client, stanza);
    return true;
}

void client_stanza(void *user, struct stanza *stanza, int problem, const char *bytes, size_t length)
{
    struct client *client = user;
    struct worker *worker = client->worker;
    (void)bytes;
    (void)length;

    FAULT_POINT(after_parse);
    if (client->session == NULL) {
        client_bind_stanza(client, stanza, problem);
        return;
    }
    if (!client_stamp(client, stanza)) {
        stream_fail(client->stream, STREAM_INVALID_FROM, NULL);
        stanza_unref(stanza);
        return;
    }
    worker->traffic.received[stanza->kind]++;
    limit_rate(client);
    if (client->channel) {
        relay_stanza(client, stanza);
        stanza_unref(stanza);
    } else {
        worker->plugin->stanza(worker->plugin_state, client->session, stanza, problem);
    }
    wait_for_room(client);
}
