/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What owners do with their room: configure it, and destroy it (XEP-0045 §§10.1, 10.2 and 10.9).
 */
#include "muc/owner.h"
#include "common/xmpp/form.h"
#include "common/xmpp/namespaces.h"
#include "muc/enter.h"
#include "muc/message.h"
#include "muc/modules.h"
#include "muc/store.h"

/* --- the form --- */

static void add_choices(struct element *field, const struct option_choice *choices)
{
    for (; choices && choices->value; choices++) {
        struct element *option = element_add(field, NS_DATA_FORM, "option");

        element_set(option, "label", choices->label);
        element_add_with_text(option, NS_DATA_FORM, "value", choices->value);
    }
}

static void add_jids(struct element *form, const struct room *room, const char *var,
                     enum affiliation affiliation)
{
    const struct affiliated *affiliated;
    struct buffer jids = {0};

    for (affiliated = room->affiliations; affiliated; affiliated = affiliated->hh.next) {
        if (affiliated->affiliation != affiliation)
            continue;
        if (jids.length > 0)
            buffer_append_char(&jids, '\n');
        buffer_append_text(&jids, affiliated->jid);
    }
    form_add_field(form, var, "jid-multi", jids.data);
    buffer_fini(&jids);
}

static void tell_form(struct turn *turn)
{
    const struct room *room = turn->room;
    struct element *query = element_add(turn_result(turn)->root, NS_MUC_OWNER, "query");
    struct element *form = form_add(query, "form", NS_ROOM_CONFIG);
    const char *name = room_text(room, OPTION_NAME);

    element_add_with_text(
        form, NS_DATA_FORM, "title",
        arena_printf(form->arena, "Configuration of %s", *name ? name : room->jid->bare));
    element_add_with_text(form, NS_DATA_FORM, "instructions",
                          "What is left out of the form stays as it is.");
    for (int i = 0; i < OPTIONS; i++) {
        struct element *field = form_add_field(form, option_rows[i].field, option_rows[i].type,
                                               room_text(room, (enum option)i));

        element_set(field, "label", option_rows[i].label);
        add_choices(field, option_choices((enum option)i));
    }
    add_jids(form, room, FIELD_ADMINS, AFFILIATION_ADMIN);
    add_jids(form, room, FIELD_OWNERS, AFFILIATION_OWNER);
}

/* --- destruction --- */

/* Only what §10.9 knows goes to the others. */
static void destroy(struct turn *turn, const struct element *asked)
{
    struct arena *arena = arena_new();
    struct element *told = element_new(arena, NS_MUC_USER, "destroy");
    const char *reason = element_child_text(asked, NS_MUC_OWNER, "reason");
    const char *password = element_child_text(asked, NS_MUC_OWNER, "password");

    element_set(told, "jid", element_get(asked, "jid"));
    if (reason)
        element_add_with_text(told, NS_MUC_USER, "reason", reason);
    if (password)
        element_add_with_text(told, NS_MUC_USER, "password", password);
    room_destroy(turn, told);
    turn_result(turn);
    arena_free(arena);
}

/* §10.1.3: a room that was never configured goes. */
static void cancel(struct turn *turn)
{
    if (turn->room->locked)
        room_destroy(turn, NULL);
    turn_result(turn);
}

/* --- requests --- */

static bool is_owner(struct turn *turn, const struct stanza *request)
{
    if (room_affiliation(turn->room, &request->from) == AFFILIATION_OWNER)
        return true;
    turn_refuse(turn, SITUATION_OWNER_FORBIDDEN);
    return false;
}

static void get(struct turn *turn, struct stanza *request, struct element *payload UNUSED)
{
    if (is_owner(turn, request))
        tell_form(turn);
}

static void set(struct turn *turn, struct stanza *request, struct element *payload)
{
    const struct element *asked = element_find(payload, NS_MUC_OWNER, "destroy");
    const struct element *form = form_submitted(payload, NS_ROOM_CONFIG);

    if (!is_owner(turn, request))
        return;
    if (asked)
        destroy(turn, asked);
    else if (form)
        configure(turn, form);
    else if (form_is_cancelled(payload))
        cancel(turn);
    else
        turn_refuse(turn, SITUATION_CONFIG_NO_FORM);
}

static const struct iq_row rows[] = {
    {NS_MUC_OWNER, "query", IQ_GET, PLACE_ROOM, true, get},
    {NS_MUC_OWNER, "query", IQ_SET, PLACE_ROOM, true, set},
    {0},
};

const struct muc_module owner_module = {.name = "owner", .rows = rows};
