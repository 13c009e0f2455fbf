/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The network document over the links.
 */
#include "net/document.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/encode.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/config/number.h"
#include "net/history.h"
#include "net/names.h"

#define DIGEST_TEXT ((size_t)2 * NETWORK_DIGEST_SIZE)

static const char *path_of(const struct server *server)
{
    return config_text(server->config, "node", NULL, "document");
}

static bool can_hear(const struct peer *peer)
{
    return peer->line && peer->versions[PROTOCOL_DOCUMENT] > 0;
}

/* --- what goes out --- */

static void add_digest(struct buffer *out, const struct network *network)
{
    uint8_t digest[NETWORK_DIGEST_SIZE];

    network_digest(network, digest);
    hex_encode(out, digest, sizeof(digest));
}

void document_greet(struct peer *peer)
{
    const struct network *network = peer->server->network;
    struct buffer out = {0};

    peer->document_asked = 0;
    peer->document_stepped = false;
    if (!network || !can_hear(peer))
        return;
    buffer_printf(&out, "<state xmlns='" NS_DOCUMENT "' serial='%" PRIu64 "' digest='",
                  network->serial);
    add_digest(&out, network);
    buffer_append_text(&out, "'/>");
    peer_note(peer, &out);
}

void document_tell_all(struct server *server)
{
    struct peer *peer, *next;

    if (server->network)
        history_keep(server->loop, path_of(server), server->network);
    HASH_ITER (hh, server->peers, peer, next) {
        document_greet(peer);
    }
}

static void send_document(struct peer *peer, const struct network *network)
{
    struct buffer out = {0};

    buffer_printf(&out, "<document xmlns='" NS_DOCUMENT "' serial='%" PRIu64 "'>", network->serial);
    base64_encode(&out, network->text, network->text_length);
    buffer_append_text(&out, "</document>");
    peer_note(peer, &out);
}

void document_tell_former(struct server *server, const struct network *now)
{
    struct peer *peer, *next;

    HASH_ITER (hh, server->peers, peer, next) {
        const struct network_member *member = now ? network_member_by_host(now, peer->host) : NULL;
        if (now && can_hear(peer) &&
            (!member || !network_member_is_linked(now, member, document_now())))
            send_document(peer, now);
    }
}

static void ask(struct peer *peer, uint64_t since, bool step)
{
    struct buffer out = {0};

    buffer_printf(&out, "<ask xmlns='" NS_DOCUMENT "' since='%" PRIu64 "'%s/>", since,
                  step ? " step='true'" : "");
    peer_note(peer, &out);
}

/* --- what comes in --- */

static uint64_t number_of(const struct element *element, const char *name)
{
    const char *text = element_get(element, name);
    int64_t number;

    return text && config_number_parse(CONFIG_NUMBER, text, &number) == 0 ? (uint64_t)number : 0;
}

static bool has_digest(const struct network *network, const char *text)
{
    struct buffer own = {0};

    add_digest(&own, network);
    bool same = text && strlen(text) == DIGEST_TEXT && strcmp(text, own.data) == 0;
    buffer_fini(&own);
    return same;
}

/* One question at a time; a peer that says that it has something new and has not is not asked
 * again before the link is another, or it says something else. */
static void on_state(void *user, struct element *element)
{
    struct line *line = user;
    struct peer *peer = line->peer;

    if (!peer)
        return;
    peer->ledger.received++;
    const struct network *network = peer->server->network;
    peer->serial = number_of(element, "serial");
    if (!network || peer->serial < network->serial)
        return;
    if (peer->serial == network->serial && has_digest(network, element_get(element, "digest")))
        return;
    if (peer->document_asked == peer->serial)
        return;
    peer->document_asked = peer->serial > network->serial ? peer->serial : 0;
    ask(peer, network->serial, false);
}

/* Without a step the newest: it may well be good, and then nothing in between is needed. */
static void on_ask(void *user, struct element *element)
{
    struct line *line = user;
    struct peer *peer = line->peer;
    struct network *found = NULL;

    if (!peer)
        return;
    peer->ledger.received++;
    const struct server *server = peer->server;
    if (!server->network || ledger_bytes(&peer->ledger) > server->limits.queue_bytes / 2)
        return;
    if (element_get(element, "step") &&
        history_after(path_of(server), number_of(element, "since"), &found) != 0)
        return;
    send_document(peer, found ? found : server->network);
    network_unref(found);
}

/* What is in force has changed meanwhile, and everybody, this peer too, has been told. */
static void taken(struct peer *peer, uint64_t serial)
{
    log_info("document_taken", LOG_TEXT("host", peer->host), LOG_INT("serial", serial));
    peer->document_stepped = false;
    if (peer->serial > peer->server->network->serial)
        ask(peer, peer->server->network->serial, false);
}

/* The newest cannot follow ours: perhaps those in between can, one after the other. */
static void refused(struct peer *peer, uint64_t serial, int error, const char *problem)
{
    uint64_t own = peer->server->network ? peer->server->network->serial : 0;

    log_warn("document_not_taken", LOG_TEXT("host", peer->host), LOG_INT("serial", serial),
             LOG_TEXT("reason", problem));
    if (error != ERR_DENIED || peer->document_stepped || serial <= own + 1)
        return;
    peer->document_stepped = true;
    ask(peer, own, true);
}

/* What has come, and from whom. */
struct coming {
    struct server *server;
    char *host;
    uint64_t serial;
};

/* The peer may have gone meanwhile, or with it. */
static void on_taken(void *user, int error, const char *problem)
{
    struct coming *coming = user;
    struct peer *peer = peer_find(coming->server, coming->host);

    if (peer && !error)
        taken(peer, coming->serial);
    else if (peer && error != ERR_EXISTS)
        refused(peer, coming->serial, error, problem);
    free(coming->host);
    free(coming);
}

static void take(struct peer *peer, uint64_t serial, const struct buffer *text)
{
    struct coming *coming = xcalloc(1, sizeof(*coming));

    *coming =
        (struct coming){.server = peer->server, .host = xstrdup(peer->host), .serial = serial};
    document_take(peer->server->document, text->data, text->length, on_taken, coming);
}

static void on_document(void *user, struct element *element)
{
    struct line *line = user;
    struct peer *peer = line->peer;
    const char *coded = element_text(element);
    struct buffer text = {0};

    if (!peer)
        return;
    peer->ledger.received++;
    if (base64_decode(&text, coded, strlen(coded)) == 0 && text.length > 0)
        take(peer, number_of(element, "serial"), &text);
    else
        refused(peer, 0, ERR_MALFORMED, "it is not in Base64");
    buffer_fini(&text);
}

static const struct stream_element elements[] = {
    {NS_DOCUMENT, "state", on_state},
    {NS_DOCUMENT, "ask", on_ask},
    {NS_DOCUMENT, "document", on_document},
    {0},
};

const struct stream_feature line_document = {
    .name = "document",
    .requires = STREAM_BOUND,
    .elements = elements,
};
