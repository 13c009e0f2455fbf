/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Asking and telling all hooks of a node (pubsub.h).
 */
#pragma once

#include "c2s/pubsub/pubsub.h"

int hooks_check(struct account *account, const struct pubsub_item *item);
void hooks_write(struct account *account, const struct pubsub_item *item, struct sm_unit *unit);
void hooks_published(struct account *account, const struct pubsub_item *item, pubsub_done *done,
                     void *user);
void hooks_retracted(struct account *account, const char *node, const char *id);
/* False: no hook minds that there is no such node, and go_on() has not been called. */
bool hooks_absent(struct sm_request *request, const char *node, pubsub_go_on *go_on);
