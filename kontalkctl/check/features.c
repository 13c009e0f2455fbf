/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Which levels of the compliance suite (XEP-0479) the server does not meet, and why.
 */
#include "kontalkctl/check/check.h"

struct counting {
    struct check *check;
    size_t count;
};

static void on_level(void *user, const char *category, const char *level, const char *missing)
{
    struct counting *counting = user;

    if (!missing)
        return;
    counting->count++;
    check_add(counting->check, CHECK_NOTE,
              arena_printf(counting->check->arena, "%s, %s", category, level),
              "kontalkctl check features", "XEP-0479 is not met: %s",
              *missing ? missing : "Core is not");
}

void check_features(struct check *check)
{
    struct counting counting = {check, 0};

    if (ctl_check_suite(check->ctl, on_level, &counting) != 0)
        check_add(check, CHECK_NOTE, "features", "kontalkctl status",
                  "not all daemons run: what the server serves is not known");
    else if (counting.count == 0)
        check_add(check, CHECK_OK, "features", NULL, "all levels of XEP-0479 are met");
}
