/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What a home has once: its secret, from which the keys of its accounts' data come. It is in the
 * database with the data that needs it, so that it moves and is restored with them.
 */
#pragma once

#include <stdint.h>

#include "common/db/db.h"

#define HOME_SECRET_SIZE 32

/* The home that the database holds. One that has no name yet gets the name `ours`. status as
 * db_callback, or ERR_NOT_FOUND: there is none. `name` is valid during the call. */
typedef void home_was_read(void *user, int status, const char *name, int64_t epoch);
void home_read(struct db *db, const char *ours, home_was_read *done, void *user);

/* Reads the secret, which is drawn and written first if there is none yet. status as db_callback;
 * ERR_NOT_FOUND: there is no home, or what it has is no secret. `secret` is valid if status is 0,
 * during the call. */
typedef void home_secret_read(void *user, int status, const uint8_t secret[HOME_SECRET_SIZE]);
void home_read_secret(struct db *db, home_secret_read *done, void *user);
