/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Several listeners in a row.
 */
#include "common/io/listeners.h"

#include <stdlib.h>

#include "common/base/log.h"
#include "common/base/memory.h"

int listeners_add(struct listeners *listeners, struct loop *loop,
                  const struct listener_settings *settings, const char *purpose,
                  listener_accepted *accepted, void *user)
{
    struct listener *listener;
    const char *problem = NULL;
    int error = listener_open(loop, settings, accepted, user, &listener, &problem);

    if (error) {
        log_error("listen_failed", LOG_TEXT("addr", settings->address),
                  LOG_TEXT("reason", problem));
        return error;
    }
    log_info("listening", LOG_TEXT("addr", listener_address(listener)), LOG_TEXT("for", purpose));
    listeners->list = xrealloc(listeners->list, (listeners->count + 1) * sizeof(struct listener *));
    listeners->list[listeners->count++] = listener;
    return 0;
}

int listeners_add_all(struct listeners *listeners, struct loop *loop, const struct config *config,
                      const char *section, const char *key,
                      const struct listener_settings *settings, listener_accepted *accepted,
                      void *user)
{
    size_t count = config_list_size(config, section, NULL, key);
    int error = 0;

    for (size_t i = 0; i < count && error == 0; i++) {
        struct listener_settings one = *settings;
        one.address = config_list_item(config, section, NULL, key, i);
        error = listeners_add(listeners, loop, &one, key, accepted, user);
    }
    return error;
}

void listeners_close(struct listeners *listeners)
{
    for (size_t i = 0; i < listeners->count; i++)
        listener_close(listeners->list[i]);
    free(listeners->list);
    *listeners = (struct listeners){0};
}
