/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Reads files into a struct config and reports every mistake; for config.c only.
 */
#pragma once

#include "common/config/store.h"

struct config_loader {
    struct config *config;
    const char *directory; /* of the main file */
    /* Where it will be, if that is not here: then nobody looks whether secrets are there. */
    const char *elsewhere;
    void (*report)(void *user, const struct config_finding *finding);
    void *user;
    size_t mistakes;
    struct config_place start;  /* of the main file: for what stands nowhere */
    struct config_place place;  /* the line being read */
    struct config_group *group; /* NULL: before the first section, or in one that is not known */
    bool in_section;
};

/* ERR_NOT_FOUND if it cannot be read, which is reported too. */
MUST_CHECK int config_loader_read(struct config_loader *loader, const char *path);
/* Once all files are read: which settings are missing; if there was no mistake, the defaults. */
void config_loader_finish(struct config_loader *loader);
void config_loader_report(struct config_loader *loader, const struct config_place *place,
                          const char *format, ...) PRINTF_LIKE(3, 4);
