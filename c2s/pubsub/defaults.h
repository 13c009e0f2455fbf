/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What nodes with a meaning of their own are like when an account makes them, where that differs
 * from the defaults of XEP-0163 §5: one table. What a client asks for (<configure/>,
 * <publish-options/>) comes above it.
 */
#pragma once

#include "c2s/pubsub/pubsub.h"

/* Ends with var NULL; NULL: nothing is said of this node. */
const struct pubsub_setting *defaults_of(const char *node);
