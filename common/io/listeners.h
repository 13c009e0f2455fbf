/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * All the places where a daemon listens, opened as its configuration says, and logged.
 */
#pragma once

#include <stddef.h>

#include "common/config/config.h"
#include "common/io/listener.h"

/* Zeroed: none. */
struct listeners {
    struct listener **list;
    size_t count;
};

typedef void listener_accepted(void *user, int fd, const char *peer);

/* One more; `purpose` is for people. ERR_* as listener_open(): logged. */
MUST_CHECK int listeners_add(struct listeners *listeners, struct loop *loop,
                             const struct listener_settings *settings, const char *purpose,
                             listener_accepted *accepted, void *user);
/* One at each address of this list in the configuration, with the other settings as given. It ends
 * with the first that cannot be opened. */
MUST_CHECK int listeners_add_all(struct listeners *listeners, struct loop *loop,
                                 const struct config *config, const char *section, const char *key,
                                 const struct listener_settings *settings,
                                 listener_accepted *accepted, void *user);
/* All of them; none are left. */
void listeners_close(struct listeners *listeners);
