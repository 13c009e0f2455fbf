/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * XEP-0479 §§2.1 to 2.5, row by row.
 */
#include "common/service/suite.h"

#include <stdio.h>
#include <string.h>

#define CORE   "Core"
#define WEB    "Web"
#define IM     "IM"
#define MOBILE "Mobile"
#define CALLS  "A/V"

#define SPEC_SIZE 16 /* "XEP-0198" */

const char *const suite_categories[] = {CORE, WEB, IM, MOBILE, CALLS, NULL};

const struct suite_row suite_rows[] = {
    {CORE, "Core features", "RFC 6120", SUITE_SERVER},
    {CORE, "TLS", "RFC 7590", SUITE_SERVER},
    {CORE, "Feature discovery", "XEP-0030", SUITE_SERVER},
    {CORE, "Server extensibility", "XEP-0114", SUITE_SERVER},
    {CORE, "Direct TLS", "XEP-0368", SUITE_ADVANCED},
    {CORE, "Feature broadcasts", "XEP-0115", SUITE_ADVANCED},
    {CORE, "Event publishing", "XEP-0163", SUITE_ADVANCED},

    {WEB, "Web connections", "RFC 7395, XEP-0206, XEP-0124", SUITE_SERVER},

    {IM, "Core features", "RFC 6121", SUITE_SERVER},
    {IM, "vcard-temp", "XEP-0054", SUITE_SERVER},
    {IM, "Outbound message synchronisation", "XEP-0280", SUITE_SERVER},
    {IM, "Group chat", "XEP-0045, XEP-0249", SUITE_SERVER},
    {IM, "File upload", "XEP-0363", SUITE_SERVER},
    {IM, "User avatar compatibility", "XEP-0398, XEP-0153", SUITE_ADVANCED},
    {IM, "User blocking", "XEP-0191", SUITE_ADVANCED},
    {IM, "Advanced group chat", "XEP-0048, XEP-0313, XEP-0402, XEP-0410", SUITE_ADVANCED},
    {IM, "Private data by pubsub", "XEP-0223", SUITE_ADVANCED},
    {IM, "Private XML storage", "XEP-0049", SUITE_ADVANCED},
    {IM, "Stream management", "XEP-0198", SUITE_ADVANCED},
    {IM, "Message archives", "XEP-0313", SUITE_ADVANCED},

    {MOBILE, "Stream management", "XEP-0198", SUITE_SERVER},
    {MOBILE, "Client state indication", "XEP-0352", SUITE_SERVER},
    {MOBILE, "Third-party push", "XEP-0357", SUITE_ADVANCED},

    {CALLS, "STUN/TURN discovery", "XEP-0215", SUITE_SERVER},
    {0},
};

bool suite_row_is_met(const struct suite_row *row, bool (*has)(void *user, const char *spec),
                      void *user)
{
    for (const char *at = row->specs; *at;) {
        char spec[SPEC_SIZE];
        size_t length = strcspn(at, ",");

        snprintf(spec, sizeof(spec), "%.*s", (int)length, at);
        if (!has(user, spec))
            return false;
        at += length;
        at += strspn(at, ", ");
    }
    return true;
}

bool suite_is_met(const char *category, enum suite_level level,
                  bool (*has)(void *user, const char *spec), void *user)
{
    for (const struct suite_row *row = suite_rows; row->category; row++)
        if (row->level <= level &&
            (strcmp(row->category, category) == 0 || strcmp(row->category, CORE) == 0) &&
            !suite_row_is_met(row, has, user))
            return false;
    return true;
}
