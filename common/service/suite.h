/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The compliance suite XEP-0479 ("XMPP Compliance Suites 2023"), the columns for servers: what is
 * in no column for servers is left out.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum suite_level { SUITE_SERVER, SUITE_ADVANCED, SUITE_LEVELS };

struct suite_row {
    const char *category; /* "Core"; every other one requires all of Core as well (§2) */
    const char *feature;
    const char *specs;      /* all of them, with ", " between */
    enum suite_level level; /* from which it is required */
};

/* Both end with a NULL. */
extern const struct suite_row suite_rows[];
extern const char *const suite_categories[];

/* Whether has() knows all specifications of the row. */
bool suite_row_is_met(const struct suite_row *row, bool (*has)(void *user, const char *spec),
                      void *user);
/* Whether all rows of the category, and those of Core, are met at that level. */
bool suite_is_met(const char *category, enum suite_level level,
                  bool (*has)(void *user, const char *spec), void *user);
