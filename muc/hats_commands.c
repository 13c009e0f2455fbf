/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Commands of administrators for hats (XEP-0317 §§4 and 5, XEP-0050). Each has one form, which may
 * be sent at once; nothing is kept between form and answer.
 */
#include <string.h>

#include "common/tls/crypto.h"
#include "common/xmpp/form.h"
#include "muc/hats.h"
#include "muc/owner.h"
#include "muc/presence.h"

#define NS_COMMANDS "http://jabber.org/protocol/commands"

#define SESSION_BYTES 8
/* Bytes of a URI, a title or a hue. */
#define TEXT_MAX 1000

enum { FIELD_TITLE = 1, FIELD_URI = 2, FIELD_HUE = 4, FIELD_JID = 8 };

static const struct {
    int bit;
    const char *var, *type;
} fields[] = {
    {FIELD_JID, "hats#jid", "jid-single"},
    {FIELD_TITLE, "hats#title", "text-single"},
    {FIELD_URI, "hats#uri", "text-single"},
    {FIELD_HUE, "hats#hue", "text-single"},
};

/* NULL: not there, empty, or too long. */
static const char *get(const struct element *form, const char *var)
{
    const char *value = form_get(form, var);

    return value && *value && strlen(value) <= TEXT_MAX ? value : NULL;
}

/* -1: done; else why not. */
static int create(struct turn *turn, const struct element *form)
{
    const char *uri = get(form, "hats#uri"), *title = get(form, "hats#title");
    const struct hat *hat;
    size_t count;

    if (uri == NULL || title == NULL)
        return SITUATION_HATS_BAD;
    DL_COUNT(turn->room->hats, hat, count);
    if (count >= HATS_MAX && hat_find(turn->room, uri) == NULL)
        return SITUATION_HATS_TOO_MANY;
    hat_create(turn, uri, title, get(form, "hats#hue"));
    return -1;
}

static struct hat *named(struct turn *turn, const struct element *form)
{
    const char *uri = get(form, "hats#uri");

    if (uri == NULL)
        uri = get(form, "hat"); /* §4.2 has both */
    return uri ? hat_find(turn->room, uri) : NULL;
}

static int destroy(struct turn *turn, const struct element *form)
{
    struct hat *hat = named(turn, form);

    if (hat == NULL)
        return SITUATION_HATS_UNKNOWN;
    hat_destroy(turn, hat);
    return -1;
}

static bool read_jid(struct turn *turn, const struct element *form, struct jid *jid)
{
    const char *text = get(form, "hats#jid");

    return text && jid_parse(turn->request->arena, text, jid) == 0;
}

static int assign(struct turn *turn, const struct element *form)
{
    struct hat *hat = named(turn, form);
    const struct wearer *wearer;
    struct jid jid;
    size_t count;

    if (!read_jid(turn, form, &jid))
        return SITUATION_HATS_BAD;
    if (hat == NULL)
        return SITUATION_HATS_UNKNOWN;
    DL_COUNT(hat->wearers, wearer, count);
    if (count >= WEARERS_MAX && hat_wearer(hat, jid.bare) == NULL)
        return SITUATION_HATS_TOO_MANY;
    hat_assign(turn, hat, &jid);
    return -1;
}

static int unassign(struct turn *turn, const struct element *form)
{
    struct hat *hat = named(turn, form);
    struct wearer *wearer;
    struct jid jid;

    if (!read_jid(turn, form, &jid))
        return SITUATION_HATS_BAD;
    wearer = hat ? hat_wearer(hat, jid.bare) : NULL;
    if (wearer == NULL)
        return SITUATION_HATS_UNKNOWN;
    hat_unassign(turn, hat, wearer);
    return -1;
}

/* --- lists --- */

static void add_row(struct element *form, const struct hat *hat, const struct wearer *wearer)
{
    struct element *item = element_add(form, NS_DATA_FORM, "item");

    if (wearer)
        form_add_field(item, "hats#jid", NULL, wearer->jid);
    form_add_field(item, "hats#title", NULL, hat->title);
    form_add_field(item, "hats#uri", NULL, hat->uri);
    if (hat->hue)
        form_add_field(item, "hats#hue", NULL, hat->hue);
}

static void list(struct turn *turn, struct element *form)
{
    const struct hat *hat;

    DL_FOREACH (turn->room->hats, hat) {
        add_row(form, hat, NULL);
    }
}

static void list_assigned(struct turn *turn, struct element *form)
{
    const struct wearer *wearer;
    const struct hat *hat;

    DL_FOREACH (turn->room->hats, hat) {
        DL_FOREACH (hat->wearers, wearer) {
            add_row(form, hat, wearer);
        }
    }
}

static const struct command {
    const char *name;
    int fields;
    bool changes_list; /* §4: everybody hears that the room has changed */
    int (*change)(struct turn *turn, const struct element *form);
    void (*list)(struct turn *turn, struct element *form);
} commands[] = {
    {"create", FIELD_TITLE | FIELD_URI | FIELD_HUE, true, create, NULL},
    {"destroy", FIELD_URI, true, destroy, NULL},
    {"assign", FIELD_JID | FIELD_URI, false, assign, NULL},
    {"unassign", FIELD_JID | FIELD_URI, false, unassign, NULL},
    {"list", FIELD_TITLE | FIELD_URI | FIELD_HUE, false, NULL, list},
    {"list-assigned", FIELD_JID | FIELD_TITLE | FIELD_URI | FIELD_HUE, false, NULL, list_assigned},
};

static const struct command *find(const char *node)
{
    static const char prefix[] = NS_HATS_COMMANDS ":";

    if (node == NULL || strncmp(node, prefix, sizeof(prefix) - 1) != 0)
        return NULL;
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
        if (strcmp(commands[i].name, node + sizeof(prefix) - 1) == 0)
            return &commands[i];
    return NULL;
}

/* --- answers --- */

static struct element *answer(struct turn *turn, const char *status)
{
    const struct element *asked = stanza_payload(turn->request);
    struct element *command = element_add(turn_result(turn)->root, NS_COMMANDS, "command");
    const char *session = element_get(asked, "sessionid");
    char id[2 * SESSION_BYTES + 1];

    crypto_random_hex(id, SESSION_BYTES);
    element_set(command, "node", element_get(asked, "node"));
    element_set(command, "sessionid", session ? session : id);
    element_set(command, "status", status);
    return command;
}

static void add_hats(struct element *field, const struct room *room)
{
    const struct hat *hat;

    element_set(field, "type", "list-single");
    DL_FOREACH (room->hats, hat) {
        struct element *option = element_add(field, NS_DATA_FORM, "option");

        element_set(option, "label", hat->title);
        element_add_with_text(option, NS_DATA_FORM, "value", hat->uri);
    }
}

static void add_fields(struct turn *turn, struct element *form, const struct command *command)
{
    for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
        struct element *field;

        if (!(command->fields & fields[i].bit))
            continue;
        field = form_add_field(form, fields[i].var, fields[i].type, NULL);
        if (fields[i].bit == FIELD_URI && command->change && command->change != create)
            add_hats(field, turn->room);
    }
}

static void tell_list(struct turn *turn, const struct command *command)
{
    struct element *form = form_add(answer(turn, "completed"), "result", NS_HATS_COMMANDS);

    add_fields(turn, element_add(form, NS_DATA_FORM, "reported"), command);
    command->list(turn, form);
}

static void tell_form(struct turn *turn, const struct command *command)
{
    struct element *told = answer(turn, "executing");

    element_add(element_add(told, NS_COMMANDS, "actions"), NS_COMMANDS, "complete");
    add_fields(turn, form_add(told, "form", NS_HATS_COMMANDS), command);
}

static void change(struct turn *turn, const struct command *command, const struct element *form)
{
    static const int codes[] = {STATUS_CONFIGURED};
    int problem = command->change(turn, form);

    if (problem >= 0) {
        turn_refuse(turn, (enum situation)problem);
        return;
    }
    if (command->changes_list)
        configure_tell(turn, codes, ARRAY_SIZE(codes));
    answer(turn, "completed");
}

void hats_command(struct turn *turn, struct stanza *request, struct element *payload)
{
    const struct command *command = find(element_get(payload, "node"));
    const struct element *form = form_submitted(payload, NS_HATS_COMMANDS);
    const char *action = element_get(payload, "action");

    if (command == NULL)
        turn_refuse(turn, SITUATION_NODE_UNKNOWN);
    else if (room_affiliation(turn->room, &request->from) < AFFILIATION_ADMIN)
        turn_refuse(turn, SITUATION_HATS_FORBIDDEN);
    else if (action && strcmp(action, "cancel") == 0)
        answer(turn, "canceled");
    else if (command->list)
        tell_list(turn, command);
    else if (form)
        change(turn, command, form);
    else
        tell_form(turn, command);
}
