/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The resolver as a service: components of the node ask which home a name of the network has
 * (docs/NETWORK.md). Users and other servers do not: whose node somebody's home is is not their
 * business.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "c2s/sm/core.h"
#include "c2s/sm/places.h"
#include "c2s/sm/sm.h"
#include "common/base/error.h"
#include "common/base/macros.h"

/* Enough for any int64_t. */
#define NUMBER_TEXT_SIZE 24

/* The router lets nobody but components of ours speak for names below these. */
static bool may_ask(const struct sm_request *request)
{
    const struct sm *sm = request->sm;
    const struct jid *from = &request->iq->from;

    return request->iq->has_from && !from->local &&
           (strcmp(from->domain, worker_host(sm->worker)) == 0 ||
            jid_domain_is_below(from->domain, worker_host(sm->worker)) ||
            jid_domain_is_below(from->domain, worker_network(sm->worker)));
}

static void answer(struct sm_request *request, const struct directory_place *place)
{
    struct stanza *result = stanza_result(request->iq);
    struct element *home = element_add(result->root, NS_DIRECTORY, "home");
    char epoch[NUMBER_TEXT_SIZE];

    snprintf(epoch, sizeof(epoch), "%" PRId64, place->epoch);
    element_set(home, "name", place->home);
    element_set(home, "host", place->host);
    element_set(home, "epoch", epoch);
    sm_reply_take(request, result);
}

static void on_place(struct sm *sm, const struct directory_place *place, void *user)
{
    (void)sm;
    if (place->answer == DIRECTORY_NOBODY)
        sm_error(user, STANZA_ITEM_NOT_FOUND, NULL);
    else if (place->answer == DIRECTORY_UNKNOWN || place->home == NULL)
        sm_error(user, STANZA_RESOURCE_CONSTRAINT, "not known now");
    else
        answer(user, place);
}

/* In a network of one, and of further domains, every account is here. */
static void ask(struct sm_request *request, const struct jid *jid)
{
    struct directory_place place;

    if (directory_look(request->sm->worker, jid, &place))
        on_place(request->sm, &place, request);
    else
        places_ask(request->sm, jid, on_place, request);
}

static void look_up(struct sm_request *request)
{
    const char *text = element_get(request->payload, "jid");
    struct arena *arena = arena_new();
    struct jid jid;

    if (!may_ask(request))
        sm_error(request, STANZA_FORBIDDEN, NULL);
    else if (text == NULL || jid_parse(arena, text, &jid) != 0 || !jid.local)
        sm_error(request, STANZA_BAD_REQUEST, NULL);
    else if (directory_is_shared(request->sm->worker, jid.domain))
        ask(request, &jid);
    else if (!worker_serves(request->sm->worker, jid.domain))
        sm_error(request, STANZA_ITEM_NOT_FOUND, NULL);
    else
        ask(request, &jid);
    arena_free(arena);
}

/* --- names of rooms --- */

/* The component of a shared service, and only for addresses at its own. */
static bool may_claim(const struct sm_request *request)
{
    const struct jid *from = &request->iq->from;

    return request->iq->has_from && !from->local &&
           directory_is_shared(request->sm->worker, from->domain);
}

static void on_changed(void *user, int status)
{
    struct sm_request *request = user;
    struct sm *sm = request->sm;

    if (status == 0)
        sm_reply_take(request, stanza_result(request->iq));
    else
        sm_error(request, status == ERR_EXISTS ? STANZA_CONFLICT : STANZA_RESOURCE_CONSTRAINT,
                 NULL);
    sm->checks--;
    sm_stop_if_done(sm);
}

static void change_name(struct sm_request *request,
                        void (*change)(struct worker *worker, const struct jid *jid,
                                       directory_claimed *done, void *user))
{
    const char *text = element_get(request->payload, "jid");
    struct arena *arena = arena_new();
    struct jid jid;

    if (!may_claim(request)) {
        sm_error(request, STANZA_FORBIDDEN, NULL);
    } else if (text == NULL || jid_parse(arena, text, &jid) != 0 || !jid.local || jid.resource ||
               strcmp(jid.domain, request->iq->from.domain) != 0) {
        sm_error(request, STANZA_BAD_REQUEST, NULL);
    } else {
        request->sm->checks++;
        change(request->sm->worker, &jid, on_changed, request);
    }
    arena_free(arena);
}

static void claim(struct sm_request *request)
{
    change_name(request, xml_is_true(element_get(request->payload, "lost"))
                             ? directory_claim_lost_room
                             : directory_claim_room);
}

static void release(struct sm_request *request)
{
    change_name(request, directory_release_room);
}

/* --- public rooms --- */

static void on_listed(void *user, const struct element *page)
{
    struct sm_request *request = user;
    struct sm *sm = request->sm;
    struct stanza *result = stanza_result(request->iq);

    element_add_copy(result->root, page);
    sm_reply_take(request, result);
    sm->checks--;
    sm_stop_if_done(sm);
}

static void list_rooms(struct sm_request *request)
{
    struct rsm wish;

    if (!may_claim(request)) {
        sm_error(request, STANZA_FORBIDDEN, NULL);
    } else if (room_page_read(request->payload, &wish) != 0) {
        sm_error(request, STANZA_BAD_REQUEST, NULL);
    } else {
        request->sm->checks++;
        directory_list_rooms(request->sm->worker, request->iq->from.domain, &wish, on_listed,
                             request);
    }
}

static const struct sm_iq iqs[] = {
    {NS_DIRECTORY, "claim", SM_SET, SM_TO_SERVER, claim},
    {NS_DIRECTORY, "release", SM_SET, SM_TO_SERVER, release},
    {NS_DIRECTORY, "lookup", SM_GET, SM_TO_SERVER, look_up},
    {NS_DIRECTORY, "rooms", SM_GET, SM_TO_SERVER, list_rooms},
    {0},
};

const struct sm_module lookup_module = {.name = "lookup", .iqs = iqs};
