/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The name, the epoch and the secret of a home.
 */
#include "c2s/home.h"

#include <stdlib.h>

#include "c2s/schema.h"
#include "common/base/error.h"
#include "common/base/memory.h"
#include "common/tls/crypto.h"

/* The row is locked and looked at again by whoever comes second: all workers read the same. */
static const struct db_statement draw = {
    "home_draw_secret",
    "UPDATE home SET secret = $2::bytea WHERE home_id = $1::bigint AND secret IS NULL",
    2,
};
static const struct db_statement read_secret = {
    "home_read_secret",
    "SELECT secret FROM home WHERE home_id = $1::bigint",
    1,
};

struct reading {
    home_secret_read *done;
    void *user;
};

static void on_read(void *user, int status, const struct db_result *results, size_t count)
{
    struct reading *reading = user;
    struct buffer secret = {0};

    (void)count;
    if (status == 0 && db_rows(&results[1]) > 0)
        db_get_bytes(&results[1], 0, 0, &secret);
    if (status == 0 && secret.length != HOME_SECRET_SIZE)
        status = ERR_NOT_FOUND;
    reading->done(reading->user, status, status == 0 ? (const uint8_t *)secret.data : NULL);
    buffer_wipe(&secret);
    free(reading);
}

void home_read_secret(struct db *db, home_secret_read *done, void *user)
{
    struct reading *reading = xcalloc(1, sizeof(*reading));
    struct db_unit *unit = db_unit_new(db, 0);
    uint8_t secret[HOME_SECRET_SIZE];

    reading->done = done;
    reading->user = user;
    crypto_random(secret, sizeof(secret));
    db_unit_add_values(unit, &draw, DB_INT(SCHEMA_HOME), DB_BYTES(secret, sizeof(secret)));
    db_unit_add_values(unit, &read_secret, DB_INT(SCHEMA_HOME));
    db_submit(unit, on_read, reading);
    crypto_wipe(secret, sizeof(secret));
}

/* As the schema made it. */
#define UNNAMED "home"

static const struct db_statement name_home = {
    "home_name",
    "UPDATE home SET name = $2 WHERE home_id = $1::bigint AND name = '" UNNAMED "'",
    2,
};
static const struct db_statement read_home = {
    "home_read",
    "SELECT name, epoch FROM home WHERE home_id = $1::bigint",
    1,
};

struct looking {
    home_was_read *done;
    void *user;
};

static void on_home_read(void *user, int status, const struct db_result *results, size_t count)
{
    struct looking looking = *(struct looking *)user;

    (void)count;
    free(user);
    if (status == 0 && db_rows(&results[1]) == 0)
        status = ERR_NOT_FOUND;
    looking.done(looking.user, status, status == 0 ? db_get_text(&results[1], 0, 0) : NULL,
                 status == 0 ? db_get_int(&results[1], 0, 1) : 0);
}

void home_read(struct db *db, const char *ours, home_was_read *done, void *user)
{
    struct looking *looking = xcalloc(1, sizeof(*looking));
    struct db_unit *unit = db_unit_new(db, 0);

    *looking = (struct looking){done, user};
    db_unit_add_values(unit, &name_home, DB_INT(SCHEMA_HOME), DB_TEXT(ours));
    db_unit_add_values(unit, &read_home, DB_INT(SCHEMA_HOME));
    db_submit(unit, on_home_read, looking);
}
