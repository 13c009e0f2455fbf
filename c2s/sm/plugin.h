/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The session manager as a plugin of c2s: the one that is linked in.
 */
#pragma once

#include "c2s/plugin.h"

extern const struct c2s_plugin sm_plugin;
