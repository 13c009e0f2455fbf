/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * URLs of services: where they lead.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/macros.h"

struct url {
    bool tls; /* https, wss */
    const char *host;
    uint16_t port;
    const char *path; /* "/" at least */
};

/* "https://files.example.net:8443/path", also http, ws and wss. ERR_INVALID. */
MUST_CHECK int url_read(struct arena *arena, const char *text, struct url *url);
