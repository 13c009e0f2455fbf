/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Naming all rooms of the database, page by page.
 */
#include "muc/list.h"

#include <inttypes.h>
#include <stdlib.h>

#include "common/base/error.h"
#include "common/base/memory.h"

#define PAGE 1000

struct listing {
    struct muc *muc;
    struct control_request *request;
};

/* Members are all that have an affiliation but outcasts. */
static const struct db_statement read_rooms = {
    "muc_list_rooms",
    "SELECT r.local, (SELECT count(DISTINCT s.nick) FROM session s WHERE s.room = r.room),"
    " (SELECT count(*) FROM affiliation a WHERE a.room = r.room AND a.affiliation"
    " IN ('owner', 'admin', 'member')),"
    " to_char(r.created AT TIME ZONE 'UTC', 'YYYY-MM-DD'), r.creator"
    " FROM room r WHERE r.local > $1 ORDER BY r.local LIMIT $2::bigint",
    2};

static void read_behind(struct listing *listing, const char *local);

static void on_rooms(void *user, int status, const struct db_result *results, size_t count UNUSED)
{
    struct listing *listing = user;
    size_t rows = status == 0 ? db_rows(&results[0]) : 0;

    for (size_t row = 0; row < rows; row++)
        control_print(listing->request, "%s@%s %" PRId64 " %" PRId64 " %s %s",
                      db_get_text(&results[0], row, 0), listing->muc->domain,
                      db_get_int(&results[0], row, 1), db_get_int(&results[0], row, 2),
                      db_get_text(&results[0], row, 3), db_get_text(&results[0], row, 4));
    if (rows == PAGE) {
        read_behind(listing, db_get_text(&results[0], rows - 1, 0));
        return;
    }
    control_end(listing->request, status ? error_text(status) : NULL);
    free(listing);
}

static void read_behind(struct listing *listing, const char *local)
{
    const struct db_value values[] = {DB_TEXT(local), DB_INT(PAGE)};

    db_read(listing->muc->db, &read_rooms, values, on_rooms, listing);
}

void rooms_list(struct muc *muc, struct control_request *request)
{
    struct listing *listing = xcalloc(1, sizeof(*listing));

    *listing = (struct listing){.muc = muc, .request = request};
    read_behind(listing, "");
}
