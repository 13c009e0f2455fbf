/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What is too old goes from the archives of rooms ([muc] archive-retention).
 */
#pragma once

#include "muc/muc.h"

struct retention *retention_start(struct muc *muc);
/* NULL is allowed. */
void retention_stop(struct retention *retention);
