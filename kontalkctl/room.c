/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Rooms: what there is, and what only an administrator may do to them.
 */
#include <stdlib.h>

#include "common/base/error.h"
#include "kontalkctl/ctl.h"
#include "kontalkctl/json.h"

static int failed(int error)
{
    if (error == ERR_UNAVAILABLE)
        return ctl_fail("kontalk-muc is not running");
    return error ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int claim(const struct ctl *ctl, size_t argc UNUSED, const char *const *argv)
{
    const char *const words[] = {"room", "claim", argv[0], argv[1]};

    return failed(ctl_ask(ctl, "muc", ARRAY_SIZE(words), words));
}

static int destroy(const struct ctl *ctl, size_t argc, const char *const *argv)
{
    const char *const words[] = {"room", "destroy", argv[0], argc > 1 ? argv[1] : NULL};

    return failed(ctl_ask(ctl, "muc", argc + 2, words));
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
    return failed(error);
}

const struct ctl_verb room_verbs[] = {
    {"room list", 0, 1, list,
     "[--json]  the rooms of this node: how many are in each, and have a part in it"},
    {"room claim", 2, 2, claim,
     "JID OWNER  makes a room at this node, also one whose home in the network is lost for ever"},
    {"room destroy", 1, 2, destroy, "JID [REASON]  ends a room of this node, with its archive"},
    {0},
};
