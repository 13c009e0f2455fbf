/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Who is suspected, and what is done.
 */
#include "s2s/suspect.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/base/table.h"
#include "common/service/follow.h"
#include "s2s/offer.h"
#include "s2s/out.h"

#define STREAMS_MAX 3
/* What did not come again in this time is suspected no more. */
#define FORGET_MS ((uint64_t)30 * 60 * 1000)
/* Of all domains; beyond it the oldest are not. */
#define SUSPECTS_MAX 256

struct suspect {
    char *domain; /* of their server */
    char *id;
    unsigned streams;
    uint64_t until_ms;
    struct suspect *prev, *next; /* server->suspects */
};

/* RFC 6120 §4.9.3: those that are about what we have sent. */
static const enum stream_condition about_us[] = {
    STREAM_BAD_FORMAT,          STREAM_BAD_NAMESPACE_PREFIX, STREAM_IMPROPER_ADDRESSING,
    STREAM_INVALID_FROM,        STREAM_INVALID_NAMESPACE,    STREAM_INVALID_XML,
    STREAM_NOT_WELL_FORMED,     STREAM_POLICY_VIOLATION,     STREAM_RESTRICTED_XML,
    STREAM_UNDEFINED_CONDITION, STREAM_UNSUPPORTED_ENCODING, STREAM_UNSUPPORTED_STANZA_TYPE,
};

static bool is_about_us(const char *text)
{
    char *name = xstrndup(text, strcspn(text, ":"));
    int condition = stream_condition_parse(name);
    free(name);
    for (size_t i = 0; i < ARRAY_SIZE(about_us); i++) {
        if (condition == (int)about_us[i])
            return true;
    }
    return false;
}

/* An offer may come again in another parcel; what nobody answers for waits here in its own. */
static char *id_of(const struct parcel *parcel)
{
    return parcel->offer ? xstrdup(offer_id(parcel->offer)) : xasprintf("%" PRIu64, parcel->number);
}

static struct suspect *find(const struct remote *remote, const char *id)
{
    struct suspect *suspect;
    DL_FOREACH (remote->server->suspects, suspect) {
        if (strcmp(suspect->id, id) == 0 && strcmp(suspect->domain, remote->domain) == 0)
            return suspect;
    }
    return NULL;
}

static void drop(struct server *server, struct suspect *suspect)
{
    DL_DELETE(server->suspects, suspect);
    server->suspects_count--;
    free(suspect->domain);
    free(suspect->id);
    free(suspect);
}

static struct suspect *suspect_once_more(struct remote *remote, const char *id)
{
    struct server *server = remote->server;
    struct suspect *suspect = find(remote, id);
    if (suspect) {
        DL_DELETE(server->suspects, suspect);
    } else {
        if (server->suspects_count == SUSPECTS_MAX)
            drop(server, server->suspects);
        suspect = xcalloc(1, sizeof(*suspect));
        suspect->domain = xstrdup(remote->domain);
        suspect->id = xstrdup(id);
        server->suspects_count++;
    }
    DL_APPEND(server->suspects, suspect);
    suspect->until_ms = clock_monotonic_ms() + FORGET_MS;
    suspect->streams++;
    return suspect;
}

/* The parcel goes with the stream. */
static void give_back(struct out *out, struct parcel *parcel, const char *text)
{
    char *reason = xjoin("the server of the domain ends the stream when this comes: ", text, "");
    struct offer *offer = parcel->offer;
    log_warn("s2s_stanza_given_up", LOG_TEXT("remote", out->remote->domain),
             LOG_TEXT("from", parcel->stanza->from.full), LOG_TEXT("to", parcel->stanza->to.full),
             LOG_TEXT("reason", text));
    FOLLOW(parcel->stanza->root, "given back: %s", reason);
    parcel->offer = NULL;
    parcel->fleeting = true;
    if (offer)
        offer_refuse(offer, STANZA_NOT_ACCEPTABLE, reason, 0);
    else
        server_bounce(out->server, parcel->stanza, STANZA_NOT_ACCEPTABLE, reason);
    free(reason);
}

/* The first that it may have choked on. */
static struct parcel *first_open(const struct out *out)
{
    struct parcel *parcel = out->unacked;
    while (parcel && parcel->fleeting)
        parcel = parcel->next;
    return parcel;
}

void suspect_blame(struct out *out, int condition, const char *text)
{
    struct parcel *parcel = first_open(out);
    if (out->ended || condition >= 0 || !text || !parcel || !is_about_us(text))
        return;
    char *id = id_of(parcel);
    struct suspect *suspect = suspect_once_more(out->remote, id);
    free(id);
    if (suspect->streams >= STREAMS_MAX) {
        drop(out->server, suspect);
        give_back(out, parcel, text);
    }
}

void suspect_acquit(const struct parcel *parcel)
{
    struct remote *remote = parcel->pair->remote;
    if (!remote->server->suspects)
        return;
    char *id = id_of(parcel);
    struct suspect *suspect = find(remote, id);
    free(id);
    if (suspect)
        drop(remote->server, suspect);
}

bool suspect_any(const struct remote *remote)
{
    struct server *server = remote->server;
    const struct suspect *suspect;
    while (server->suspects && server->suspects->until_ms <= clock_monotonic_ms())
        drop(server, server->suspects);
    DL_FOREACH (server->suspects, suspect) {
        if (strcmp(suspect->domain, remote->domain) == 0)
            return true;
    }
    return false;
}

void suspect_free_all(struct server *server)
{
    while (server->suspects)
        drop(server, server->suspects);
}
