/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Where rooms and files are kept: the database of kontalk-muc, with its tables, and the index of
 * kontalk-files, as far as that can read it.
 */
#include <inttypes.h>
#include <string.h>

#include "kontalkctl/check/database.h"
#include "muc/schema.h"

static void judge_version(struct check *check, int64_t version)
{
    if (version < schema_rooms_version())
        check_add(check, CHECK_ERROR, "tables of rooms",
                  "systemctl restart kontalk-muc; journalctl -u kontalk-muc",
                  "their version is %" PRId64 ", this program needs %" PRId64, version,
                  schema_rooms_version());
    else if (version > schema_rooms_version())
        check_add(check, CHECK_WARNING, "tables of rooms", "upgrade the programs of Kontalk",
                  "their version %" PRId64 " is newer than %" PRId64 ", which this program knows",
                  version, schema_rooms_version());
    else
        check_add(check, CHECK_OK, "tables of rooms", NULL, "version %" PRId64, version);
}

static void check_tables(struct check *check, struct db_session *session)
{
    const char *problem = NULL;
    struct db_result *result = database_ask(
        check, session, "SELECT version FROM schema_version WHERE name = 'muc'", &problem);

    if (result)
        judge_version(check, db_rows(result) > 0 ? db_get_int(result, 0, 0) : 0);
    else
        check_add(check, CHECK_ERROR, "tables of rooms",
                  "systemctl restart kontalk-muc, which makes them; journalctl -u kontalk-muc",
                  "they cannot be read: %s", problem);
    db_result_free(result);
}

void check_rooms(struct check *check)
{
    const char *conninfo = config_text(check->config, "muc", NULL, "conninfo");
    struct db_session *session = NULL;
    const char *problem = "[muc] conninfo names none";

    if (conninfo && ctl_database_quietly(conninfo, CTL_ROOMS_OWNER, &session, &problem) == 0)
        check_tables(check, session);
    else
        check_add(check, CHECK_ERROR, "rooms",
                  "systemctl status postgresql; kontalkctl conf explain muc.conninfo",
                  "the database of rooms cannot be reached: %s", problem);
    db_session_close(session);
}

/* By the daemon, whose files these are: who else opens them may leave some that it cannot read. */
void check_index(struct check *check)
{
    static const char *const words[] = {"show", "counts"};
    const char *answer = NULL;

    if (check_ask(check, "files", ARRAY_SIZE(words), words, &answer) == 0)
        check_add(check, CHECK_OK, "files", NULL, "the index can be read: %.*s",
                  (int)strcspn(answer, "\n"), answer);
    else
        check_add(check, CHECK_ERROR, "files", "systemctl status kontalk-files",
                  "kontalk-files does not tell what it has: %s",
                  answer ? answer : "it is not running");
}
