/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Looking up homes, in order for each address.
 */
#include "c2s/sm/places.h"

#include <stdlib.h>
#include <string.h>

#include "c2s/node_message.h"
#include "common/base/log.h"

/* That wait for one address, and for all of them. */
#define WAITING_MAX     1000
#define WAITING_MAX_ALL 20000

struct waiting {
    places_found *found;
    void *user;
    struct waiting *next;
};

/* An address that is being looked up. */
struct asked {
    UT_hash_handle hh; /* by bare */
    struct sm *sm;
    struct jid *jid;
    struct directory_question *question;
    struct waiting *waiting;
    size_t count;
};

struct places {
    struct asked *asked;
    size_t count;
};

static const struct directory_place unknown = {.answer = DIRECTORY_UNKNOWN};

bool places_is_account(const struct sm *sm, const struct jid *jid)
{
    return jid->local && strcmp(jid->domain, worker_network(sm->worker)) == 0;
}

/* Further domains and hosts of nodes are no services. */
bool places_is_networked(const struct sm *sm, const struct jid *jid)
{
    return places_is_account(sm, jid) ||
           (jid_domain_is_below(jid->domain, worker_network(sm->worker)) &&
            !worker_serves(sm->worker, jid->domain) && !node_is_host(sm->worker, jid->domain));
}

static struct asked *find(const struct sm *sm, const struct jid *jid)
{
    struct asked *asked = NULL;

    if (sm->places)
        HASH_FIND_STR(sm->places->asked, jid->bare, asked);
    return asked;
}

bool places_look(struct sm *sm, const struct jid *jid, struct directory_place *place)
{
    *place = (struct directory_place){.answer = DIRECTORY_HERE};
    if (!places_is_networked(sm, jid))
        return true;
    return !find(sm, jid) && directory_look(sm->worker, jid, place);
}

/* Those who are told may ask again: for them the address is not being looked up any more. */
static void tell_all(struct asked *asked, const struct directory_place *place)
{
    struct sm *sm = asked->sm;
    struct waiting *waiting, *next;

    HASH_DEL(sm->places->asked, asked);
    sm->places->count -= asked->count;
    LL_FOREACH_SAFE (asked->waiting, waiting, next) {
        waiting->found(sm, place, waiting->user);
        free(waiting);
    }
    free(asked->jid);
    free(asked);
}

static void on_found(void *user, const struct directory_place *place)
{
    tell_all(user, place);
}

static struct asked *ask(struct sm *sm, const struct jid *jid)
{
    struct asked *asked = xcalloc(1, sizeof(*asked));

    asked->sm = sm;
    asked->jid = jid_dup_with_resource(jid, NULL);
    HASH_ADD_KEYPTR(hh, sm->places->asked, asked->jid->bare, strlen(asked->jid->bare), asked);
    asked->question = directory_ask(sm->worker, asked->jid, on_found, asked);
    return asked;
}

static void wait_for(struct asked *asked, places_found *found, void *user)
{
    struct waiting *waiting = xcalloc(1, sizeof(*waiting));

    waiting->found = found;
    waiting->user = user;
    LL_APPEND(asked->waiting, waiting);
    asked->count++;
    asked->sm->places->count++;
}

void places_ask(struct sm *sm, const struct jid *jid, places_found *found, void *user)
{
    struct directory_place place;
    struct asked *asked = places_is_networked(sm, jid) ? find(sm, jid) : NULL;

    if (!asked && places_look(sm, jid, &place)) {
        found(sm, &place, user);
        return;
    }
    if (sm->stopped || sm->places->count >= WAITING_MAX_ALL ||
        (asked && asked->count >= WAITING_MAX)) {
        log_info("places_limit", LOG_TEXT("account", jid->bare));
        found(sm, &unknown, user);
        return;
    }
    wait_for(asked ? asked : ask(sm, jid), found, user);
}

static void start(struct sm *sm)
{
    sm->places = xcalloc(1, sizeof(*sm->places));
}

static void stop(struct sm *sm)
{
    struct asked *asked, *next;

    HASH_ITER (hh, sm->places->asked, asked, next) {
        directory_cancel(asked->question);
        tell_all(asked, &unknown);
    }
    free(sm->places);
    sm->places = NULL;
}

const struct sm_module places_module = {.name = "places", .start = start, .stop = stop};
