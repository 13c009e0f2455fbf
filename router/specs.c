/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What the router implements for components.
 */
#include "common/service/spec.h"

const struct spec router_specs[] = {
    {"XEP-0114", "1.6", NULL},
    {0},
};
