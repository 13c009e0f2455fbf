/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Rooms that the administrator makes, gives to somebody, or ends.
 */
#include "muc/founding.h"

#include <stdlib.h>

#include "common/base/log.h"
#include "common/xmpp/namespaces.h"
#include "muc/affiliation.h"
#include "muc/enter.h"
#include "muc/modules.h"
#include "muc/store.h"

#define CLAIM   "claim"
#define DESTROY "destroy"
#define GRANT   "grant"

struct founding {
    struct stanza *iq;
    struct control_request *request;
    struct founding *next;
};

bool founding_is(const struct muc *muc, const struct stanza *stanza)
{
    const struct founding *founding;

    LL_FOREACH (muc->foundings, founding) {
        if (founding->iq == stanza)
            return true;
    }
    return false;
}

static void end(struct muc *muc, struct founding *founding, const char *problem)
{
    LL_DELETE(muc->foundings, founding);
    control_end(founding->request, problem);
    stanza_unref(founding->iq);
    free(founding);
}

void foundings_stop(struct muc *muc)
{
    while (muc->foundings)
        end(muc, muc->foundings, "kontalk-muc stops");
}

/* --- asked --- */

static bool is_bare(struct arena *arena, const char *text, struct jid *jid)
{
    return jid_parse(arena, text, jid) == 0 && jid->local && !jid->resource;
}

/* With a payload of this name. */
static struct stanza *make_iq(struct muc *muc, const struct jid *room, const char *name)
{
    struct stanza *iq = stanza_new(STANZA_IQ, IQ_SET);
    struct jid service;

    if (jid_make(iq->arena, NULL, muc->domain, NULL, &service) == 0)
        stanza_set_from(iq, &service);
    stanza_set_to(iq, room);
    element_set(iq->root, "id", "founding");
    element_add(iq->root, NS_DIRECTORY, name);
    return iq;
}

/* NULL: it has been told why not. The room takes it when it has its payload. */
static struct founding *begin(struct muc *muc, struct control_request *request, const char *room,
                              const char *name)
{
    struct arena *arena = arena_new();
    struct founding *founding = NULL;
    struct jid jid;

    if (!muc->link || !is_bare(arena, room, &jid) || strcmp(jid.domain, muc->domain) != 0) {
        control_end(request, muc->link ? "not the address of a room here" : "not ready yet");
    } else {
        founding = xcalloc(1, sizeof(*founding));
        founding->request = request;
        founding->iq = make_iq(muc, &jid, name);
        LL_PREPEND(muc->foundings, founding);
    }
    arena_free(arena);
    return founding;
}

static void go(struct muc *muc, const struct founding *founding)
{
    room_take(room_get(muc, &founding->iq->to), founding->iq);
}

static void begin_for(struct muc *muc, struct control_request *request, const char *room,
                      const char *name, const char *owner)
{
    struct arena *arena = arena_new();
    struct founding *founding;
    struct jid of;

    if (!is_bare(arena, owner, &of) || strcmp(of.domain, muc->domain) == 0) {
        control_end(request, "the owner has to be an account");
    } else if ((founding = begin(muc, request, room, name))) {
        element_set(stanza_payload(founding->iq), "jid", of.bare);
        go(muc, founding);
    }
    arena_free(arena);
}

void founding_begin(struct muc *muc, struct control_request *request, const char *room,
                    const char *owner)
{
    begin_for(muc, request, room, CLAIM, owner);
}

void founding_grant(struct muc *muc, struct control_request *request, const char *room,
                    const char *owner)
{
    begin_for(muc, request, room, GRANT, owner);
}

void founding_destroy(struct muc *muc, struct control_request *request, const char *room,
                      const char *reason)
{
    struct founding *founding = begin(muc, request, room, DESTROY);

    if (founding) {
        element_set(stanza_payload(founding->iq), "reason", reason);
        go(muc, founding);
    }
}

bool founding_makes(const struct stanza *stanza)
{
    return element_is(stanza_payload(stanza), NS_DIRECTORY, CLAIM);
}

/* --- done --- */

static void found(struct turn *turn, struct stanza *request, struct element *payload)
{
    struct jid owner;

    if (!founding_is(turn->muc, request)) {
        turn_refuse(turn, SITUATION_UNKNOWN);
    } else if (turn->room->exists) {
        turn_refuse(turn, SITUATION_FOUNDING_THERE);
    } else if (jid_parse(request->arena, element_get(payload, "jid"), &owner) == 0) {
        enter_make_room(turn, &owner, false);
        turn->room->options[OPTION_PERSISTENT] = xstrdup("1");
        store_option(turn, OPTION_PERSISTENT);
        turn_result(turn);
    }
}

static void destroy(struct turn *turn, struct stanza *request, struct element *payload)
{
    struct element *told = element_new(request->arena, NS_MUC_USER, "destroy");
    const char *reason = element_get(payload, "reason");

    if (!founding_is(turn->muc, request)) {
        turn_refuse(turn, SITUATION_UNKNOWN);
        return;
    }
    if (reason)
        element_add_with_text(told, NS_MUC_USER, "reason", reason);
    log_info("muc_room_destroyed", LOG_TEXT("room", turn->room->jid->bare));
    room_destroy(turn, told);
    turn_result(turn);
}

static void grant(struct turn *turn, struct stanza *request, struct element *payload)
{
    struct jid owner;

    if (!founding_is(turn->muc, request) ||
        jid_parse(request->arena, element_get(payload, "jid"), &owner) != 0) {
        turn_refuse(turn, SITUATION_UNKNOWN);
    } else if (affiliation_is_full(turn->room, owner.bare)) {
        turn_refuse(turn, SITUATION_ADMIN_TOO_MANY);
    } else {
        log_info("muc_room_granted", LOG_TEXT("room", turn->room->jid->bare),
                 LOG_TEXT("jid", owner.bare));
        affiliation_set(turn, &owner, AFFILIATION_OWNER, NULL, NULL);
        turn_result(turn);
    }
}

/* --- answered --- */

static struct founding *asked_by(const struct muc *muc, const struct stanza *answer)
{
    struct founding *founding;

    LL_FOREACH (muc->foundings, founding) {
        if (strcmp(founding->iq->to.bare, answer->from.bare) == 0)
            return founding;
    }
    return NULL;
}

bool founding_answered(struct muc *muc, const struct stanza *answer)
{
    struct founding *founding;
    const struct element *error;
    const char *text = NULL;

    if (answer->kind != STANZA_IQ || !stanza_is_reply(answer) || !answer->has_from ||
        answer->to.local || strcmp(answer->to.domain, muc->domain) != 0)
        return false;
    founding = asked_by(muc, answer);
    error = element_find(answer->root, NS_CLIENT, "error");
    if (error)
        text = element_child_text(error, NS_STANZA_ERRORS, "text");
    if (founding)
        end(muc, founding, error ? (text ? text : "it was refused") : NULL);
    return true;
}

static const struct iq_row rows[] = {
    {NS_DIRECTORY, CLAIM, IQ_SET, PLACE_ROOM, false, found},
    {NS_DIRECTORY, DESTROY, IQ_SET, PLACE_ROOM, true, destroy},
    {NS_DIRECTORY, GRANT, IQ_SET, PLACE_ROOM, true, grant},
    {0},
};

const struct muc_module founding_module = {.name = "founding", .rows = rows};
