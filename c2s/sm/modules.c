/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The modules of the session manager in the order of their hooks. The order is protocol, so it is
 * code: each line says why it stands where it stands.
 */
#include "c2s/sm/sm.h"

const struct sm_module *const sm_modules[] = {
    NULL,
};
