/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The areas, in the order in which one would look.
 */
#include "kontalkctl/check/check.h"

const struct check_area check_areas[] = {
    {"config", check_config, false},
    {"dns", check_dns, false},
    {"tls", check_tls, false},
    {"ports", check_ports, false},
    {"database", check_database, false},
    {"clock", check_clock, false},
    {"limits", check_limits, false},
    {"services", check_services, false},
    {"web", check_web, false},
    {"upload", check_upload, false},
    {"turn", check_turn, false},
    {"network", check_network, false},
    {"push", check_push, false},
    {"features", check_features, false},
    {"s2s", check_s2s, true},
    {0},
};
