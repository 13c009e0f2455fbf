/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What kontalk-muc implements.
 */
#include "muc/muc.h"

const struct spec muc_specs[] = {
    {"XEP-0045", "1.35.1", NULL},
    {0},
};
