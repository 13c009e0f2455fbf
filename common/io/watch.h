/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Hears of changes of a file: written, or another one moved into its place. What happens within a
 * moment is one change. The file need not exist; its directory has to.
 */
#pragma once

#include "common/io/loop.h"

struct watch;

/* ERR_SYSTEM: the directory cannot be watched. */
MUST_CHECK int watch_new(struct loop *loop, const char *path, void (*changed)(void *user),
                         void *user, struct watch **watch);
/* NULL is allowed. No callback runs after it. */
void watch_close(struct watch *watch);
