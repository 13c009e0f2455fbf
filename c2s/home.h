/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What a home has once: its secret, from which the keys of its accounts' data come. It is in the
 * database with the data that needs it, so that it moves and is restored with them.
 */
#pragma once

#include <stdint.h>

#include "common/db/db.h"

#define HOME_SECRET_SIZE 32

/* Reads the secret, which is drawn and written first if there is none yet. status as db_callback;
 * ERR_NOT_FOUND: there is no home, or what it has is no secret. `secret` is valid if status is 0,
 * during the call. */
typedef void home_secret_read(void *user, int status, const uint8_t secret[HOME_SECRET_SIZE]);
void home_read_secret(struct db *db, home_secret_read *done, void *user);
