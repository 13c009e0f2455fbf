/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Asking the registrar for names, which may be ourselves.
 */
#include <stdlib.h>
#include <string.h>

#include "c2s/directory/claims.h"
#include "c2s/directory/resolver.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/memory.h"

struct asking {
    struct directory *directory;
    char **jids;
    size_t count;
    struct named named[DIRECTORY_BATCH];
    bool answered[DIRECTORY_BATCH];
    struct loop_task *refusal;
    registrar_named *done;
    void *user;
};

static void finish(struct asking *asking, int status)
{
    asking->done(asking->user, status, asking->named, status == 0 ? asking->count : 0);
    for (size_t i = 0; i < asking->count; i++)
        free(asking->jids[i]);
    free(asking->jids);
    free(asking);
}

static int find(const struct asking *asking, const char *jid)
{
    for (size_t i = 0; jid && i < asking->count; i++)
        if (!asking->answered[i] && strcmp(asking->jids[i], jid) == 0)
            return (int)i;
    return -1;
}

/* The registrar may not give our names to others in the same breath. */
static int take_grant(struct asking *asking, struct element *entry)
{
    struct directory *directory = asking->directory;
    struct grant grant;
    int64_t serial;
    int error = words_read_grant(entry, &grant, &serial);
    int at = error ? -1 : find(asking, grant.jid);

    if (at < 0 || strcmp(grant.home, directory->home) != 0 || directory->network == NULL ||
        !grant_is_good(&grant, directory->network->registrar->member->signing_key))
        return ERR_MALFORMED;
    grant.jid = asking->jids[at];
    grant.home = directory->home;
    asking->named[at] = (struct named){NAMING_GRANTED, grant};
    asking->answered[at] = true;
    return 0;
}

static int take_refusal(struct asking *asking, const struct element *refused)
{
    const char *reason = element_get(refused, "reason");
    int at = find(asking, element_get(refused, "jid"));

    if (at < 0 || reason == NULL)
        return ERR_MALFORMED;
    asking->named[at].naming = strcmp(reason, "reserved") == 0 ? NAMING_RESERVED : NAMING_TAKEN;
    asking->answered[at] = true;
    return 0;
}

/* All names have to be answered: what is not certain is asked again. */
static int read_answer(struct asking *asking, const struct element *answer)
{
    size_t answered = 0;

    ELEMENT_FOREACH (child, answer) {
        int error = strcmp(child->name, "entry") == 0 ? take_grant(asking, child)
                                                      : take_refusal(asking, child);
        if (error)
            return error;
        answered++;
    }
    return answered == asking->count ? 0 : ERR_MALFORMED;
}

static void on_answer(void *user, int status, struct element *answer)
{
    struct asking *asking = user;
    const char *reason = error_text(status);

    if (status == 0 && strcmp(answer->name, "granted") == 0) {
        status = read_answer(asking, answer);
        reason = "bad answer";
    } else if (status == 0) {
        status = ERR_UNAVAILABLE;
        reason = element_get(answer, "reason");
    }
    if (status)
        log_warn("registrar_away", LOG_TEXT("reason", reason));
    finish(asking, status ? ERR_UNAVAILABLE : 0);
}

static void on_own(void *user, int status, const struct named *named, size_t count)
{
    struct asking *asking = user;

    for (size_t i = 0; status == 0 && i < count; i++) {
        asking->named[i] = named[i];
        asking->named[i].grant.jid = asking->jids[i];
        asking->named[i].grant.home = asking->directory->home;
    }
    finish(asking, status ? ERR_UNAVAILABLE : 0);
}

static void refuse(void *user)
{
    struct asking *asking = user;

    asking->refusal = NULL;
    log_warn("registrar_away", LOG_TEXT("reason", "there is none in the document"));
    finish(asking, ERR_UNAVAILABLE);
}

static void send_names(struct asking *asking, const char *host, const struct names *names)
{
    struct directory *directory = asking->directory;
    const struct network_home *home = directory_home(directory);
    struct element *payload;
    struct stanza *message = words_message(host, names->release ? "release" : "claim", &payload);

    words_set_number(payload, "document", (int64_t)directory->network->serial);
    element_set(payload, "home", home->name);
    words_set_number(payload, "epoch", (int64_t)home->epoch);
    if (names->lost)
        element_set(payload, "lost", "true");
    for (size_t i = 0; i < asking->count; i++)
        element_set(element_add(payload, NS_DIRECTORY, "name"), "jid", asking->jids[i]);
    request_send_take(directory, host, message, payload, on_answer, asking);
}

void claims_ask(struct directory *directory, const struct names *names, registrar_named *done,
                void *user)
{
    struct asking *asking = xcalloc(1, sizeof(*asking));
    const char *host = directory_registrar_host(directory);
    const struct network_home *own = directory_home(directory);

    asking->directory = directory;
    asking->count = MIN(names->count, DIRECTORY_BATCH);
    asking->jids = xcalloc(asking->count + 1, sizeof(*asking->jids));
    for (size_t i = 0; i < asking->count; i++)
        asking->jids[i] = xstrdup(names->jids[i]);
    asking->done = done;
    asking->user = user;
    if (directory_is_registrar(directory) && own)
        registrar_name(directory, &(struct namer){own->name, (int64_t)own->epoch},
                       &(struct names){names->release, (const char *const *)asking->jids,
                                       asking->count, names->lost},
                       on_own, asking);
    else if (host == NULL || strcmp(host, directory->host) == 0 || !own)
        asking->refusal = loop_defer(directory->settings.loop, refuse, asking);
    else
        send_names(asking, host, names);
}
