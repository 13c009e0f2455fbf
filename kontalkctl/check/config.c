/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Mistakes in the configuration.
 */
#include <string.h>

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

/* Of one process. */
struct pending {
    struct check *check;
    const char *process;
    size_t count;
    bool restart;
};

static void add_pending(const struct pending *pending)
{
    if (pending->count > 0)
        check_add(pending->check, CHECK_NOTE, pending->process,
                  pending->restart
                      ? arena_printf(pending->check->arena,
                                     "systemctl restart %s; kontalkctl conf diff", pending->process)
                      : "kontalkctl reload",
                  "%zu of its settings are not in force as the files have them", pending->count);
}

static void on_change(void *user, const char *process, const struct config_change *change)
{
    struct pending *pending = user;

    if (!pending->process || strcmp(pending->process, process) != 0) {
        add_pending(pending);
        pending->process = arena_strdup(pending->check->arena, process);
        pending->count = 0;
        pending->restart = false;
    }
    pending->count++;
    pending->restart |= change->item && (change->item->flags & CONFIG_RESTART);
}

void check_config(struct check *check)
{
    struct counting counting = {check, 0};

    ctl_check_config(check->ctl->path, add_mistake, &counting);
    if (counting.count == 0)
        check_add(check, CHECK_OK, check->ctl->path, NULL, "nothing is wrong");
    if (!check->config)
        return;
    struct pending pending = {.check = check};
    ctl_diff_config(check->ctl, on_change, &pending);
    add_pending(&pending);
}
