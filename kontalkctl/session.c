/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Sessions of accounts that an administrator ends.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "kontalkctl/ctl.h"
#include "kontalkctl/json.h"

/* What each worker says. */
static void count(void *user, const char *line)
{
    json_int_t *ended = user;
    json_t *answer = json_object();

    if (json_match("ended #sessions", line, answer))
        *ended += json_integer_value(json_object_get(answer, "sessions"));
    json_decref(answer);
}

static int end(const struct ctl *ctl, size_t argc UNUSED, const char *const *argv)
{
    const char *const words[] = {"session", "end", argv[0]};
    json_int_t ended = 0;
    int error = ctl_follow(ctl, "c2s", ARRAY_SIZE(words), words, count, &ended);

    if (error)
        return ctl_asked("c2s", error);
    if (ended == 0)
        return ctl_fail("%s has no session", argv[0]);
    printf("%" JSON_INTEGER_FORMAT " ended\n", ended);
    return EXIT_SUCCESS;
}

const struct ctl_verb session_verbs[] = {
    {"session end", 1, 1, end,
     "JID  ends the sessions of an account, or the one of a resource; it may log in again"},
    {0},
};
