/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Telling presence.
 */
#include "muc/presence.h"

#include <stdio.h>

#include "common/xmpp/namespaces.h"
#include "muc/dispatch.h"

struct stanza *presence_cleaned(const struct stanza *presence)
{
    struct stanza *copy = stanza_copy(presence);
    struct element *next;

    for (struct element *child = element_first(copy->root); child; child = next) {
        next = element_next(child);
        if (strcmp(child->ns, NS_MUC) == 0 || strcmp(child->ns, NS_MUC_USER) == 0 ||
            strcmp(child->ns, NS_OCCUPANT_ID) == 0 || strcmp(child->ns, NS_HATS) == 0)
            element_remove(copy->root, child);
    }
    return copy;
}

bool presence_is_shown(const struct room *room, enum role role)
{
    return role == ROLE_NONE || option_has(room_text(room, OPTION_BROADCAST), role_name(role));
}

/* --- one stanza --- */

static struct stanza *blank(const struct news *news)
{
    struct stanza *stanza =
        news->presence && !news->gone
            ? stanza_copy(news->presence)
            : stanza_new(STANZA_PRESENCE, news->gone ? PRESENCE_UNAVAILABLE : PRESENCE_AVAILABLE);

    if (news->presence && news->gone)
        ELEMENT_FOREACH (child, news->presence->root)
            element_add_copy(stanza->root, child);
    element_set(stanza->root, "id", NULL);
    return stanza;
}

static void add_code(struct element *x, int code)
{
    char text[12];

    snprintf(text, sizeof(text), "%d", code);
    element_set(element_add(x, NS_MUC_USER, "status"), "code", text);
}

static void add_codes(struct element *x, const int *codes)
{
    for (int i = 0; i < NEWS_CODES && codes[i]; i++)
        add_code(x, codes[i]);
}

static void add_item(struct element *x, const struct occupant *occupant, const struct news *news,
                     const struct jid *jid)
{
    struct element *item = element_add(x, NS_MUC_USER, "item");
    enum affiliation affiliation = room_affiliation(occupant->room, occupant->bare);
    bool left = news->gone && !news->nick;

    element_set(item, "affiliation",
                news->destroy ? affiliation_name(AFFILIATION_NONE) : affiliation_name(affiliation));
    element_set(item, "role", role_name(left ? ROLE_NONE : occupant->role));
    element_set(item, "jid", jid ? jid->full : NULL);
    element_set(item, "nick", news->nick);
    if (news->actor)
        element_set(element_add(item, NS_MUC_USER, "actor"), "nick", news->actor);
    if (news->reason)
        element_add_with_text(item, NS_MUC_USER, "reason", news->reason);
}

/* `jid`: the real one, if it is shown. */
static struct stanza *build(const struct occupant *occupant, const struct news *news,
                            const struct jid *jid, bool self)
{
    struct stanza *stanza = blank(news);
    struct element *x, *id;

    stanza_set_from(stanza, occupant->jid);
    stanza_set_to(stanza, NULL);
    id = element_add(stanza->root, NS_OCCUPANT_ID, "occupant-id");
    element_set(id, "id", occupant->id);
    MUC_MODULES(module)
    if (module->decorate)
        module->decorate(occupant->room, occupant, stanza);
    x = element_add(stanza->root, NS_MUC_USER, "x");
    add_item(x, occupant, news, jid);
    if (news->destroy)
        element_add_copy(x, news->destroy);
    add_codes(x, news->codes);
    if (self) {
        add_code(x, STATUS_SELF);
        add_codes(x, news->own_codes);
        element_set(stanza->root, "id", news->own_id);
    }
    return stanza;
}

/* --- to whom --- */

void presence_tell_self(struct turn *turn, const struct session *session, const struct news *news)
{
    struct stanza *stanza = build(session->occupant, news, session->jid, true);

    stanza_set_to(stanza, session->jid);
    turn_send_take(turn, stanza);
}

static void tell_others(struct turn *turn, const struct occupant *occupant, const struct news *news)
{
    struct output *with = NULL, *without = NULL;
    const struct session *session;

    for (session = turn->room->sessions; session; session = session->hh.next) {
        if (session->occupant == occupant)
            continue;
        if (room_shows_jids_to(turn->room, session->occupant)) {
            if (with == NULL)
                with =
                    turn_send_to_take(turn, build(occupant, news, occupant->sessions->jid, false));
            output_add(with, session->jid);
        } else {
            if (without == NULL)
                without = turn_send_to_take(turn, build(occupant, news, NULL, false));
            output_add(without, session->jid);
        }
    }
}

void presence_tell_shown(struct turn *turn, const struct occupant *occupant, bool was_shown)
{
    const struct news here = {.presence = occupant->sessions->presence}, gone = {.gone = true};
    bool shown = presence_is_shown(turn->room, occupant->role);

    if (shown != was_shown)
        tell_others(turn, occupant, shown ? &here : &gone);
}

void presence_tell(struct turn *turn, const struct occupant *occupant, const struct news *news,
                   const struct session *only)
{
    const struct session *session;

    if (presence_is_shown(turn->room, occupant->role))
        tell_others(turn, occupant, news);
    DL_FOREACH (occupant->sessions, session) {
        if (only == NULL || session == only)
            presence_tell_self(turn, session, news);
    }
}

void presence_tell_others(struct turn *turn, const struct session *newcomer)
{
    const struct room *room = turn->room;
    bool shows = room_shows_jids_to(room, newcomer->occupant);
    const struct occupant *occupant;

    for (occupant = room->occupants; occupant; occupant = occupant->hh.next) {
        const struct news news = {.presence = occupant->sessions->presence};
        struct stanza *stanza;

        if (occupant == newcomer->occupant || !presence_is_shown(room, occupant->role))
            continue;
        stanza = build(occupant, &news, shows ? occupant->sessions->jid : NULL, false);
        stanza_set_to(stanza, newcomer->jid);
        turn_send_take(turn, stanza);
    }
}
