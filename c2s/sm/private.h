/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What private storage (XEP-0049) has of bookmarks (XEP-0048), for those who convert them.
 */
#pragma once

#include "c2s/sm/sm.h"

/* The result has no row, or one with the XML of <storage/>. The account is held. */
void private_read_bookmarks(struct account *account, sm_done *done, void *user);
/* All but the rooms of it. */
void private_write_bookmarks(struct account *account, const struct element *storage, sm_done *done,
                             void *user);
