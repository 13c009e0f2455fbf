/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Databases into a backup: pg_dump writes them as the role that owns the tables. Dumps of one
 * database are of one moment.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "c2s/schema.h"
#include "kontalkctl/backup_store.h"

#define SNAPSHOT "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

static int dump(struct backup *backup, const struct backup_store *store, const char *conninfo,
                const char *schema, const char *snapshot)
{
    const char *path = backup_path(backup, store->dump);
    const char *const argv[] = {"pg_dump",
                                arena_printf(backup->arena, "--dbname=%s", conninfo),
                                arena_printf(backup->arena, "--snapshot=%s", snapshot),
                                arena_printf(backup->arena, "--schema=\"%s\"", schema),
                                "--format=custom",
                                "--no-owner",
                                "--no-privileges",
                                "--no-password",
                                NULL};
    int out = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    struct stat as;

    if (out < 0) {
        ctl_fail("%s: %s", path, strerror(errno));
        return ERR_SYSTEM;
    }
    int error = backup_run(ctl_database_user(conninfo, store->user), -1, out, argv);
    if (fstat(out, &as) != 0 || close(out) != 0)
        error = ERR_SYSTEM;
    return error ? error : backup_take(backup, store->dump, &as);
}

static int dump_tables(struct backup *backup, const struct backup_store *store,
                       const char *conninfo, struct db_session *session, const char *snapshot)
{
    const char *schema = NULL, *step = NULL;
    int error = backup_ask_step(session, backup->arena, store, &step);

    if (error || !step) {
        if (!error && store == &backup_stores[BACKUP_STORE_ACCOUNTS]) {
            ctl_fail("there are no tables (kontalkctl db migrate)");
            error = ERR_NOT_FOUND;
        }
        return error;
    }
    error = backup_ask(session, backup->arena, "SELECT current_schema()", NULL, 0, &schema);
    if (error)
        return error;
    backup->values[store->step] = arena_printf(backup->arena, "%s %s", step, schema);
    return dump(backup, store, conninfo, schema, snapshot);
}

static int export_snapshot(struct db_session *session, struct arena *arena, const char **snapshot)
{
    const char *problem = NULL;
    int error = db_session_execute(session, SNAPSHOT, &problem);

    if (error)
        return backup_complain(problem, error);
    return backup_ask(session, arena, "SELECT pg_export_snapshot()", NULL, 0, snapshot);
}

/* Another database has a moment of its own. */
static int same_moment(struct db_session *session, struct arena *arena, const char **snapshot)
{
    const char *problem = NULL;
    const char *set = arena_printf(arena, "SET TRANSACTION SNAPSHOT '%s'", *snapshot);

    if (db_session_execute(session, SNAPSHOT, &problem) == 0 &&
        db_session_execute(session, set, &problem) == 0)
        return 0;
    (void)!db_session_execute(session, "ROLLBACK", &problem);
    return export_snapshot(session, arena, snapshot);
}

/* What a package's configuration names is not there on a server without rooms. */
static bool has_rooms(const struct config *config)
{
    return config_text(config, "muc", NULL, "conninfo") &&
           config_text(config, "muc", NULL, "secret-file");
}

static int dump_rooms(struct backup *backup, const struct config *config, const char *snapshot)
{
    const char *conninfo = config_text(config, "muc", NULL, "conninfo");
    struct db_session *session;

    if (!has_rooms(config))
        return 0;
    if (!(session = ctl_database_as(conninfo, backup_stores[BACKUP_STORE_ROOMS].user)))
        return ERR_UNAVAILABLE;
    int error = same_moment(session, backup->arena, &snapshot);
    if (!error)
        error =
            dump_tables(backup, &backup_stores[BACKUP_STORE_ROOMS], conninfo, session, snapshot);
    db_session_close(session);
    return error;
}

static int read_home(struct backup *backup, struct db_session *session)
{
    const struct db_value home = DB_INT(SCHEMA_HOME);
    const char *name = NULL, *epoch = NULL;
    int error = backup_ask(session, backup->arena,
                           "SELECT name FROM home WHERE home_id = $1::bigint", &home, 1, &name);

    if (!error)
        error = backup_ask(session, backup->arena,
                           "SELECT epoch FROM home WHERE home_id = $1::bigint", &home, 1, &epoch);
    backup->values[BACKUP_HOME] = name ? name : "";
    backup->values[BACKUP_EPOCH] = epoch ? epoch : "";
    return error;
}

int backup_databases(struct backup *backup, const struct ctl *ctl)
{
    const char *conninfo = ctl_conninfo(ctl->config, "database");
    struct db_session *session = ctl_database(ctl);
    const char *snapshot = NULL;

    if (!session)
        return ERR_UNAVAILABLE;
    int error = export_snapshot(session, backup->arena, &snapshot);
    if (!error)
        error = backup_ask(session, backup->arena, "SELECT current_setting('server_version')", NULL,
                           0, &backup->values[BACKUP_POSTGRESQL]);
    if (!error)
        error =
            dump_tables(backup, &backup_stores[BACKUP_STORE_ACCOUNTS], conninfo, session, snapshot);
    if (!error)
        error = read_home(backup, session);
    if (!error)
        error = dump_rooms(backup, ctl->config, snapshot);
    db_session_close(session);
    return error;
}
