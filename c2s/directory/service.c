/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Names of services: domains under the network's, which one home has.
 */
#include <stdlib.h>
#include <string.h>

#include "c2s/directory/claims.h"
#include "c2s/directory/core.h"
#include "c2s/directory/resolver.h"
#include "c2s/directory/rows.h"
#include "c2s/worker.h"
#include "common/base/error.h"
#include "common/base/memory.h"

const char *directory_service(const struct directory *directory, const char *domain)
{
    const char *network = directory->domain;
    size_t length = strlen(domain), below = strlen(network);

    if (!directory->network || length <= below + 1 || domain[length - below - 1] != '.' ||
        strcmp(domain + length - below, network) != 0 ||
        network_member_by_host(directory->network, domain))
        return NULL;
    return domain;
}

bool directory_shares(const struct directory *directory, const char *domain)
{
    const struct directory_settings *settings = &directory->settings;

    return directory_service(directory, domain) && settings->is_shared &&
           settings->is_shared(settings->user, domain);
}

bool directory_is_room(const struct directory *directory, const char *name)
{
    const char *at = strchr(name, '@');

    return at && directory_shares(directory, at + 1);
}

/* --- claimed --- */

struct claiming {
    struct directory *directory;
    bool release, lost;
    struct jid *jid;
    directory_claimed *done;
    void *user;
};

static void finish(struct claiming *claiming, int status)
{
    directory_claimed *done = claiming->done;
    void *user = claiming->user;

    resolver_forget(claiming->directory, claiming->jid->bare);
    fellows_forget(claiming->directory, (const char *const[]){claiming->jid->bare}, 1);
    free(claiming->jid);
    free(claiming);
    done(user, status);
}

static void on_stored(void *user, int status, const struct db_result *results, size_t count)
{
    struct claiming *claiming = user;

    (void)results;
    (void)count;
    if (status == 0)
        publish_changed(claiming->directory);
    finish(claiming, status == 0 ? 0 : ERR_UNAVAILABLE);
}

static void on_named(void *user, int status, const struct named *named, size_t count)
{
    struct claiming *claiming = user;
    struct db_unit *unit;

    (void)count;
    if (status != 0 || claiming->directory->ended) {
        finish(claiming, ERR_UNAVAILABLE);
    } else if (named->naming != NAMING_GRANTED) {
        finish(claiming, ERR_EXISTS);
    } else {
        unit = db_unit_new(claiming->directory->settings.db, ROWS_AFFINITY);
        rows_add_own(unit, &named->grant);
        db_submit(unit, on_stored, claiming);
    }
}

static void ask(struct claiming *claiming)
{
    const struct names names = {
        .release = claiming->release,
        .lost = claiming->lost,
        .jids = (const char *const[]){claiming->jid->bare},
        .count = 1,
    };

    claims_ask(claiming->directory, &names, on_named, claiming);
}

static void on_found(void *user, const struct directory_place *place)
{
    struct claiming *claiming = user;

    if (place->answer == DIRECTORY_HERE)
        finish(claiming, 0);
    else if (place->answer == DIRECTORY_ELSEWHERE)
        finish(claiming, ERR_EXISTS);
    else if (place->answer == DIRECTORY_NOBODY && !claiming->directory->ended)
        ask(claiming);
    else
        finish(claiming, ERR_UNAVAILABLE);
}

static struct claiming *begin(struct worker *worker, const struct jid *jid, directory_claimed *done,
                              void *user)
{
    struct claiming *claiming = xcalloc(1, sizeof(*claiming));

    claiming->directory = worker->directory;
    claiming->jid = jid_dup(jid);
    claiming->done = done;
    claiming->user = user;
    return claiming;
}

void directory_claim(struct worker *worker, const struct jid *jid, directory_claimed *done,
                     void *user)
{
    struct claiming *claiming = begin(worker, jid, done, user);

    (void)!resolver_ask(worker->directory, claiming->jid, on_found, claiming);
}

/* --- rooms --- */

/* What the copy says of it may be outdated: of names that can be given anew only the registrar
 * knows whose they are. Without a network everything is here. */
static void ask_for_room(struct claiming *claiming)
{
    if (claiming->directory->network)
        ask(claiming);
    else
        (void)!resolver_ask(claiming->directory, claiming->jid, on_found, claiming);
}

void directory_claim_room(struct worker *worker, const struct jid *jid, directory_claimed *done,
                          void *user)
{
    ask_for_room(begin(worker, jid, done, user));
}

void directory_claim_lost_room(struct worker *worker, const struct jid *jid,
                               directory_claimed *done, void *user)
{
    struct claiming *claiming = begin(worker, jid, done, user);

    claiming->lost = true;
    ask_for_room(claiming);
}

void directory_release_room(struct worker *worker, const struct jid *jid, directory_claimed *done,
                            void *user)
{
    struct claiming *claiming = begin(worker, jid, done, user);

    claiming->release = true;
    ask_for_room(claiming);
}
