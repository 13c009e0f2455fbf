/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Naming the rooms of our home, page by page.
 */
#include <stdlib.h>
#include <string.h>

#include "c2s/directory/rows.h"
#include "c2s/directory/verify.h"
#include "common/base/error.h"
#include "common/base/memory.h"

struct listing {
    struct directory *directory; /* counted */
    struct control_request *request;
    uint8_t after[GRANT_HASH_SIZE];
    bool begun;
};

static const struct db_statement read_names = {
    .name = "directory_read_rooms",
    .sql = "SELECT jid FROM directory WHERE home = $1 AND NOT deleted AND jid_hash > $2::bytea"
           " AND split_part(jid, '@', 2) NOT IN ('', $3) ORDER BY jid_hash LIMIT $4::bigint",
    .parameters = 4,
};

static void end(struct listing *listing, const char *error)
{
    control_end(listing->request, error);
    directory_free(listing->directory);
    free(listing);
}

static void read_next(struct listing *listing);

static void on_names(void *user, int status, const struct db_result *results, size_t count)
{
    struct listing *listing = user;
    size_t rows = status == 0 ? db_rows(&results[0]) : 0;

    (void)count;
    for (size_t i = 0; i < rows; i++) {
        const char *jid = db_get_text(&results[0], i, 0);
        if (directory_is_room(listing->directory, jid))
            control_print(listing->request, "%s", jid);
        grant_hash(jid, listing->after);
    }
    listing->begun = true;
    if (status != 0 || listing->directory->ended)
        end(listing, error_text(status ? status : ERR_CANCELLED));
    else if (rows == DIRECTORY_BATCH)
        read_next(listing);
    else
        end(listing, NULL);
}

static void read_next(struct listing *listing)
{
    const struct directory *directory = listing->directory;
    const struct db_value values[] = {
        DB_TEXT(directory->home), DB_BYTES(listing->after, listing->begun ? GRANT_HASH_SIZE : 0),
        DB_TEXT(directory->domain), DB_INT(DIRECTORY_BATCH)};

    db_query(directory->settings.db, ROWS_AFFINITY, &read_names, values, on_names, listing);
}

void directory_rooms(struct directory *directory, struct control_request *request)
{
    struct listing *listing;

    if (directory->network == NULL) {
        control_end(request, "there is no network document: this is a network of one");
        return;
    }
    listing = xcalloc(1, sizeof(*listing));
    listing->directory = directory_ref(directory);
    listing->request = request;
    read_next(listing);
}
