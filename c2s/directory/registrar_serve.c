/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What other homes ask of the registrar: <claim/>, <release/>, <lookup/>.
 */
#include <stdlib.h>
#include <string.h>

#include "c2s/directory/registrar.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/memory.h"

struct serving {
    struct directory *directory;
    struct stanza *message;
    struct element *payload;
    const char *jids[DIRECTORY_BATCH]; /* in the message's arena */
    size_t count;
};

static void serving_free(struct serving *serving)
{
    stanza_unref(serving->message);
    free(serving);
}

static void wait(struct serving *serving, const char *reason)
{
    directory_reply_wait(serving->directory, serving->message, serving->payload, reason);
    serving_free(serving);
}

static struct serving *serving_new(struct directory *directory, struct stanza *message,
                                   struct element *payload)
{
    struct serving *serving = xcalloc(1, sizeof(*serving));

    serving->directory = directory;
    serving->message = message;
    serving->payload = payload;
    return serving;
}

static bool is_name(const struct directory *directory, const struct jid *jid)
{
    return jid->local ? strcmp(jid->domain, directory->domain) == 0 ||
                            directory_shares(directory, jid->domain)
                      : directory_service(directory, jid->domain) != NULL;
}

/* Only names of the network, as preparing leaves them. */
static bool read_names(struct serving *serving)
{
    ELEMENT_FOREACH (name, serving->payload) {
        const char *text = element_get(name, "jid");
        struct jid jid;
        if (serving->count == DIRECTORY_BATCH || text == NULL ||
            jid_parse(serving->message->arena, text, &jid) != 0 || jid.resource ||
            strcmp(jid.bare, text) != 0 || !is_name(serving->directory, &jid))
            return false;
        serving->jids[serving->count++] = text;
    }
    return serving->count > 0;
}

/* What keeps the registrar from changing anything now; NULL: nothing. Both have to have the same
 * document: else a name could be asked for at an old registrar and at a new one. */
static const char *obstacle(const struct serving *serving, bool release)
{
    const struct directory *directory = serving->directory;
    const struct network_member *member =
        network_member_by_host(directory->network, serving->message->from.domain);
    int64_t now = (int64_t)(clock_wall_us() / 1000000), document;

    if (!registrar_is_open(directory->registrar))
        return "registrar-closed";
    if (words_get_number(serving->payload, "document", &document) != 0 ||
        document != (int64_t)directory->network->serial)
        return "other-document";
    if (network_is_expired(directory->network, now))
        return "document-expired";
    if (member == NULL ||
        (!release && network_member_state(directory->network, member, now) != NETWORK_ACTIVE))
        return "not-active";
    return NULL;
}

static void add_named(struct element *reply, const char *jid, const struct named *named)
{
    struct element *refused;

    if (named->naming == NAMING_GRANTED) {
        words_add_grant(reply, &named->grant, 0);
        return;
    }
    refused = element_add(reply, NS_DIRECTORY, "refused");
    element_set(refused, "jid", jid);
    element_set(refused, "reason", named->naming == NAMING_TAKEN ? "taken" : "reserved");
}

static void on_named(void *user, int status, const struct named *named, size_t count)
{
    struct serving *serving = user;
    struct element *payload;
    struct stanza *reply;

    if (status != 0) {
        wait(serving, "registrar-closed");
        return;
    }
    reply = directory_reply(serving->message, serving->payload, "granted", &payload);
    for (size_t i = 0; i < count; i++)
        add_named(payload, serving->jids[i], &named[i]);
    directory_send_take(serving->directory, reply);
    serving_free(serving);
}

/* Somebody asks for a home that is not his: no mistake of ours would do that. */
static void reject(struct serving *serving, const char *home)
{
    log_error("directory_forbidden", LOG_TEXT("host", serving->message->from.domain),
              LOG_TEXT("home", home), LOG_TEXT("word", serving->payload->name));
    wait(serving, "not-your-home");
}

static void change(struct directory *directory, struct stanza *message, struct element *payload,
                   bool release)
{
    struct serving *serving = serving_new(directory, message, payload);
    const char *home = element_get(payload, "home");
    const char *reason = obstacle(serving, release);
    int64_t epoch;

    if (reason) {
        wait(serving, reason);
    } else if (home == NULL || words_get_number(payload, "epoch", &epoch) != 0 ||
               !directory_speaks_for(directory, message->from.domain, home, epoch)) {
        reject(serving, home);
    } else if (!read_names(serving)) {
        wait(serving, "malformed");
    } else {
        const struct names names = {release, serving->jids, serving->count,
                                    xml_is_true(element_get(payload, "lost"))};
        const struct namer namer = {home, epoch};
        registrar_name(directory, &namer, &names, on_named, serving);
    }
}

static void on_claim(struct directory *directory, struct stanza *message, struct element *payload)
{
    change(directory, message, payload, false);
}

static void on_release(struct directory *directory, struct stanza *message, struct element *payload)
{
    change(directory, message, payload, true);
}

static void on_found(void *user, int status, const struct grant *grant)
{
    struct serving *serving = user;
    struct element *payload;
    struct stanza *reply;

    if (status != 0) {
        wait(serving, "database");
        return;
    }
    reply = directory_reply(serving->message, serving->payload, "found", &payload);
    if (grant)
        words_add_grant(payload, grant, 0);
    directory_send_take(serving->directory, reply);
    serving_free(serving);
}

static void on_lookup(struct directory *directory, struct stanza *message, struct element *payload)
{
    struct serving *serving = serving_new(directory, message, payload);
    const char *jid = element_get(payload, "jid");

    if (jid == NULL || strlen(jid) > JID_MAX)
        wait(serving, "malformed");
    else if (!registrar_read(directory, jid, on_found, serving))
        wait(serving, "registrar-closed");
}

const struct directory_word registrar_words[] = {
    {"claim", on_claim},
    {"release", on_release},
    {"lookup", on_lookup},
    {0},
};
