/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Reading the settings.
 */
#include "c2s/promise.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"

/* `local` waits for the own disk, which is enough unless a standby is meant to have it too. */
static const struct db_statement read_statement = {
    .name = "promise_settings",
    .sql = "SELECT name || '=' || setting FROM pg_settings s"
           " WHERE (name IN ('fsync', 'full_page_writes', 'synchronous_commit')"
           " AND setting = 'off') OR (name = 'synchronous_commit' AND setting = 'local'"
           " AND EXISTS (SELECT 1 FROM pg_settings WHERE name = 'synchronous_standby_names'"
           " AND setting <> '')) ORDER BY name",
    .parameters = 0,
};

struct check {
    promise_read *done;
    void *user;
};

static void on_read(void *user, int status, const struct db_result *results, size_t count)
{
    struct check *check = user;
    struct buffer weak = {0};

    (void)count;
    buffer_append_text(&weak, "");
    for (size_t row = 0; status == 0 && row < db_rows(&results[0]); row++)
        buffer_printf(&weak, "%s%s", row > 0 ? " " : "", db_get_text(&results[0], row, 0));
    if (status == 0)
        check->done(check->user, weak.data);
    buffer_fini(&weak);
    free(check);
}

void promise_check(struct db *db, promise_read *done, void *user)
{
    struct check *check = xmalloc(sizeof(*check));

    *check = (struct check){.done = done, .user = user};
    db_read(db, &read_statement, NULL, on_read, check);
}
