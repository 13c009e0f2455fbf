/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Who the service and its rooms are (XEP-0045 §6), and that they are there (XEP-0199).
 */
#include <inttypes.h>

#include "common/xmpp/form.h"
#include "common/xmpp/namespaces.h"
#include "common/xmpp/rsm.h"
#include "muc/archive.h"
#include "muc/listing.h"
#include "muc/modules.h"
#include "muc/subject.h"

#define NS_DISCO_INFO "http://jabber.org/protocol/disco#info"
#define NS_PING       "urn:xmpp:ping"
#define ROOM_INFO     NS_MUC "#roominfo"
#define FIELD         "muc#roominfo_"
#define NODE_NICK     "x-roomuser-item"
#define NODE_TRAFFIC  NS_MUC "#traffic"

static void add_identity(struct element *query, const char *type, const char *name)
{
    struct element *identity = element_add(query, NS_DISCO_INFO, "identity");

    element_set(identity, "category", "conference");
    element_set(identity, "type", type);
    element_set(identity, "name", name);
}

static void add_feature(struct element *query, const char *var)
{
    element_set(element_add(query, NS_DISCO_INFO, "feature"), "var", var);
}

static void add_features(struct element *query, const char *const *features)
{
    for (; features && *features; features++)
        add_feature(query, *features);
}

/* --- the service --- */

static void service_info(struct turn *turn, struct stanza *request UNUSED, struct element *payload)
{
    struct element *query;

    if (element_get(payload, "node")) {
        turn_refuse(turn, SITUATION_NODE_UNKNOWN);
        return;
    }
    query = element_add(turn_result(turn)->root, NS_DISCO_INFO, "query");
    add_identity(query, "text", "Rooms");
    MUC_MODULES(module)
    add_features(query, module->service_features);
}

/* --- a room --- */

static const struct option_feature {
    enum option option;
    const char *yes, *no;
} option_features[] = {
    {OPTION_PUBLIC, "muc_public", "muc_hidden"},
    {OPTION_PERSISTENT, "muc_persistent", "muc_temporary"},
    {OPTION_MEMBERS_ONLY, "muc_membersonly", "muc_open"},
    {OPTION_MODERATED, "muc_moderated", "muc_unmoderated"},
    {OPTION_PASSWORD_PROTECTED, "muc_passwordprotected", "muc_unsecured"},
};

static void add_room_features(const struct room *room, struct element *query)
{
    for (size_t i = 0; i < ARRAY_SIZE(option_features); i++)
        add_feature(query, room_is(room, option_features[i].option) ? option_features[i].yes
                                                                    : option_features[i].no);
    add_feature(query, strcmp(room_text(room, OPTION_WHOIS), "anyone") == 0 ? "muc_nonanonymous"
                                                                            : "muc_semianonymous");
    MUC_MODULES(module)
    add_features(query, module->room_features);
}

/* The registered one, that of the example in §6.4, and that of Prosody: clients look for each. */
static const char *const subject_fields[] = {FIELD "subjectmod", "muc#roomconfig_changesubject",
                                             FIELD "changesubject"};

/* The subject is something that was said. */
static void add_room_form(const struct room *room, const struct jid *asks, struct element *query)
{
    struct element *form = form_add(query, "result", ROOM_INFO);
    const char *occupants = arena_printf(query->arena, "%u", HASH_COUNT(room->occupants));

    form_add_field(form, FIELD "description", NULL, room_text(room, OPTION_DESCRIPTION));
    if (archive_may_read(room, asks))
        form_add_field(form, FIELD "subject", NULL, subject_text(room));
    form_add_field(form, FIELD "occupants", NULL, occupants);
    form_add_field(form, FIELD "lang", NULL, room_text(room, OPTION_LANG));
    for (size_t i = 0; i < ARRAY_SIZE(subject_fields); i++)
        form_add_field(form, subject_fields[i], "boolean", room_text(room, OPTION_CHANGE_SUBJECT));
    form_add_field(form, "muc#roomconfig_roomname", NULL, room_text(room, OPTION_NAME));
    form_add_field(form, "muc#maxhistoryfetch", NULL, room_text(room, OPTION_HISTORY));
    MUC_MODULES(module)
    if (module->describe)
        module->describe(room, query, form);
}

/* §7.12 */
static void tell_nick(struct turn *turn, const struct stanza *request)
{
    const struct affiliated *known = room_affiliated(turn->room, request->from.bare);
    struct element *query = element_add(turn_result(turn)->root, NS_DISCO_INFO, "query");

    element_set(query, "node", NODE_NICK);
    if (known && known->nick)
        add_identity(query, "text", known->nick);
}

static void room_info(struct turn *turn, struct stanza *request, struct element *payload)
{
    const struct room *room = turn->room;
    const char *node = element_get(payload, "node"), *name = room_text(room, OPTION_NAME);
    struct element *query;

    if (node && strcmp(node, NODE_NICK) == 0) {
        tell_nick(turn, request);
        return;
    }
    if (node) { /* §18.1.1: every extension may pass */
        turn_refuse(turn,
                    strcmp(node, NODE_TRAFFIC) == 0 ? SITUATION_UNKNOWN : SITUATION_NODE_UNKNOWN);
        return;
    }
    query = element_add(turn_result(turn)->root, NS_DISCO_INFO, "query");
    add_identity(query, "text", *name ? name : room->jid->local);
    add_room_features(room, query);
    add_room_form(room, &request->from, query);
}

/* §6.5: who is in it is shown in the room only. */
static void room_items(struct turn *turn, struct stanza *request UNUSED, struct element *payload)
{
    struct element *query = element_add(turn_result(turn)->root, NS_DISCO_ITEMS, "query");

    element_set(query, "node", element_get(payload, "node"));
}

static void ping(struct turn *turn, struct stanza *request UNUSED, struct element *payload UNUSED)
{
    turn_result(turn);
}

static const struct iq_row rows[] = {
    {NS_DISCO_INFO, "query", IQ_GET, PLACE_SERVICE, false, service_info},
    {NS_DISCO_ITEMS, "query", IQ_GET, PLACE_SERVICE, false, listing_tell},
    {NS_DIRECTORY, "rooms", IQ_GET, PLACE_SERVICE, false, listing_tell_own},
    {NS_DISCO_INFO, "query", IQ_GET, PLACE_ROOM, true, room_info},
    {NS_DISCO_ITEMS, "query", IQ_GET, PLACE_ROOM, true, room_items},
    {NS_PING, "ping", IQ_GET, PLACE_SERVICE | PLACE_ROOM, true, ping},
    {0},
};
static const char *const service_features[] = {
    NS_DISCO_INFO, NS_DISCO_ITEMS, NS_MUC, NS_MUC "#stable_id", NS_PING, NS_RSM, NULL};
static const char *const room_features[] = {NS_DISCO_INFO,
                                            NS_DISCO_ITEMS,
                                            NS_MUC,
                                            NS_MUC "#stable_id",
                                            NS_MUC "#self-ping-optimization",
                                            NS_OCCUPANT_ID,
                                            "urn:xmpp:sid:0",
                                            NS_PING,
                                            NULL};

const struct muc_module disco_module = {
    .name = "disco",
    .rows = rows,
    .service_features = service_features,
    .room_features = room_features,
};
