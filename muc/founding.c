/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Rooms that the administrator makes.
 */
#include "muc/founding.h"

#include <stdlib.h>

#include "common/xmpp/namespaces.h"
#include "muc/enter.h"
#include "muc/modules.h"
#include "muc/store.h"

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

static struct stanza *make_iq(struct muc *muc, const struct jid *room, const struct jid *owner)
{
    struct stanza *iq = stanza_new(STANZA_IQ, IQ_SET);
    struct jid service;

    if (jid_make(iq->arena, NULL, muc->domain, NULL, &service) == 0)
        stanza_set_from(iq, &service);
    stanza_set_to(iq, room);
    element_set(iq->root, "id", "founding");
    element_set(element_add(iq->root, NS_DIRECTORY, "claim"), "jid", owner->bare);
    return iq;
}

void founding_begin(struct muc *muc, struct control_request *request, const char *room,
                    const char *owner)
{
    struct arena *arena = arena_new();
    struct founding *founding;
    struct jid jid, of;

    if (!muc->link || !is_bare(arena, room, &jid) || strcmp(jid.domain, muc->domain) != 0) {
        control_end(request, muc->link ? "not the address of a room here" : "not ready yet");
    } else if (!is_bare(arena, owner, &of) || strcmp(of.domain, muc->domain) == 0) {
        control_end(request, "the owner has to be an account");
    } else {
        founding = xcalloc(1, sizeof(*founding));
        founding->request = request;
        founding->iq = make_iq(muc, &jid, &of);
        LL_PREPEND(muc->foundings, founding);
        room_take(room_get(muc, &jid), founding->iq);
    }
    arena_free(arena);
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
    {NS_DIRECTORY, "claim", IQ_SET, PLACE_ROOM, false, found},
    {0},
};

const struct muc_module founding_module = {.name = "founding", .rows = rows};
