/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Rooms: what there is, and what only an administrator may do to them.
 */
#include <stdlib.h>

#include "kontalkctl/ctl.h"
#include "kontalkctl/json.h"

/* With one argument or two. */
static int ask(const struct ctl *ctl, const char *word, size_t argc, const char *const *argv)
{
    const char *const words[] = {"room", word, argv[0], argc > 1 ? argv[1] : NULL};

    return ctl_asked("muc", ctl_ask(ctl, "muc", argc + 2, words));
}

static int claim(const struct ctl *ctl, size_t argc, const char *const *argv)
{
    return ask(ctl, "claim", argc, argv);
}

static int owner(const struct ctl *ctl, size_t argc, const char *const *argv)
{
    return ask(ctl, "owner", argc, argv);
}

static int destroy(const struct ctl *ctl, size_t argc, const char *const *argv)
{
    return ask(ctl, "destroy", argc, argv);
}

static void add_room(void *user, const char *line)
{
    json_t *row = json_object();

    if (json_match("$room #occupants #members $created $creator", line, row))
        json_array_append(user, row);
    json_decref(row);
}

static int list(const struct ctl *ctl, size_t argc, const char *const *argv)
{
    static const char *const words[] = {"room", "list"};
    static const struct ctl_column columns[] = {{"room", "ROOM"},       {"occupants", "OCCUPANTS"},
                                                {"members", "MEMBERS"}, {"created", "CREATED"},
                                                {"creator", "BY"},      {NULL, NULL}};
    json_t *rows = json_array();
    bool json;

    if (ctl_is_json(argc, argv, &json))
        return EXIT_FAILURE;
    int error = ctl_follow(ctl, "muc", ARRAY_SIZE(words), words, add_room, rows);
    if (!error)
        return ctl_show(rows, columns, json);
    json_decref(rows);
    return ctl_asked("muc", error);
}

const struct ctl_verb room_verbs[] = {
    {"room list", 0, 1, list,
     "[--json]  the rooms of this node: how many are in each, and have a part in it"},
    {"room claim", 2, 2, claim,
     "JID OWNER  makes a room at this node, also one whose home in the network is lost for ever"},
    {"room owner", 2, 2, owner, "JID OWNER  makes an account an owner of a room of this node"},
    {"room destroy", 1, 2, destroy, "JID [REASON]  ends a room of this node, with its archive"},
    {0},
};
