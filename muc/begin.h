/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What kontalk-muc reads of its tables before it serves rooms: who has created how many, and which
 * of them have something to say. What cannot be read is read again, later and later.
 */
#pragma once

#include "muc/muc.h"

struct begin;

/* The tables are up to date. known: the creators are known; once, later than this call. */
struct begin *begin_new(struct muc *muc, void (*known)(struct muc *muc));
/* Before the database closes. NULL is allowed. */
void begin_free(struct begin *begin);
