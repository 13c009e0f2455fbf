/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Mistakes in the configuration.
 */
#include "kontalkctl/check/check.h"

struct counting {
    struct check *check;
    size_t count;
};

static void add_mistake(void *user, const struct config_finding *finding)
{
    struct counting *counting = user;

    counting->count++;
    check_add(counting->check, CHECK_ERROR,
              arena_printf(counting->check->arena, "%s:%zu:%zu", finding->file, finding->line,
                           finding->column),
              "kontalkctl conf check", "%s", finding->text);
}

void check_config(struct check *check)
{
    struct counting counting = {check, 0};

    ctl_check_config(check->ctl->path, add_mistake, &counting);
    if (counting.count == 0)
        check_add(check, CHECK_OK, check->ctl->path, NULL, "nothing is wrong");
}
