/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What kontalk-files implements.
 */
#include "files/files.h"

const struct spec files_specs[] = {
    {"XEP-0363", "1.2.0", NULL},
    {0},
};
