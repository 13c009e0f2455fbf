/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What is looked at where something is decided, apart from what is behind it: who has no control
 * socket, as unit tests, has only this.
 */
#include "common/service/follow.h"

struct follow_watch *follow_watches;
void (*follow_hop)(const struct element *root, const char *format, ...);
