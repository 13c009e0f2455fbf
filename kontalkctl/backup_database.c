/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The databases: pg_dump writes them and pg_restore reads them, each as the role that owns the
 * tables. Both dumps are of one moment if they are of one database.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "c2s/schema.h"
#include "common/base/error.h"
#include "common/config/number.h"
#include "kontalkctl/backup.h"
#include "muc/schema.h"

#define SNAPSHOT "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

/* A set of tables. */
static const struct store {
    const char *section; /* whose conninfo */
    const char *user;    /* who owns them */
    const char *name;    /* in schema_version */
    const char *dump;
    const char *what;
    enum backup_value step;
    const char *filled; /* "SELECT EXISTS …" */
} stores[] = {
    {"database", CTL_OWNER, "c2s", BACKUP_ACCOUNTS, "accounts", BACKUP_ACCOUNTS_STEP,
     "SELECT EXISTS (SELECT 1 FROM account)"},
    {"muc", "kontalk-muc", "muc", BACKUP_ROOMS, "rooms", BACKUP_ROOMS_STEP,
     "SELECT EXISTS (SELECT 1 FROM room)"},
};
enum { ACCOUNTS, ROOMS, STORES };

static int64_t known(size_t store)
{
    return store == ROOMS ? schema_rooms_version() : schema_version();
}

/* --- programs --- */

static NORETURN void become(const char *user, int in, int out, const char *const *argv)
{
    const struct passwd *entry = user ? getpwnam(user) : NULL;

    if (entry && (initgroups(user, entry->pw_gid) != 0 || setgid(entry->pw_gid) != 0 ||
                  setuid(entry->pw_uid) != 0))
        _exit(126);
    if ((in >= 0 && dup2(in, STDIN_FILENO) < 0) || (out >= 0 && dup2(out, STDOUT_FILENO) < 0) ||
        chdir("/") != 0)
        _exit(126);
    execvp(argv[0], (char *const *)(uintptr_t)argv);
    fprintf(stderr, "kontalkctl: %s: %s (Debian package postgresql-client)\n", argv[0],
            strerror(errno));
    _exit(127);
}

/* It says itself what is wrong. ERR_SYSTEM. */
static int run_program(const char *user, int in, int out, const char *const *argv)
{
    pid_t pid = fork();
    int status = -1;

    if (pid == 0)
        become(user, in, out, argv);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    ctl_fail("%s failed", argv[0]);
    return ERR_SYSTEM;
}

/* --- questions --- */

static int complain(const char *problem, int error)
{
    ctl_fail("%s", problem ? problem : error_text(error));
    return error;
}

/* Its first column, in the arena; NULL: there is no row, or it has no value. */
static int ask(struct db_session *session, struct arena *arena, const char *sql,
               const struct db_value *values, int parameters, const char **answer)
{
    const struct db_statement statement = {"ctl_backup", sql, parameters};
    struct db_result *result;
    const char *problem = NULL;
    int error = db_session_run(session, &statement, values, &result, &problem);

    *answer = NULL;
    if (error)
        return complain(problem, error);
    if (db_rows(result) > 0 && !db_is_null(result, 0, 0))
        *answer = arena_strdup(arena, db_get_text(result, 0, 0));
    db_result_free(result);
    return 0;
}

/* NULL: there are no such tables. The role may see those of others, so the schema counts. */
static int ask_step(struct db_session *session, struct arena *arena, const struct store *store,
                    const char **step)
{
    const struct db_value name = DB_TEXT(store->name);
    const char *there;
    int error = ask(session, arena,
                    "SELECT 1 FROM pg_catalog.pg_tables WHERE schemaname = current_schema()"
                    " AND tablename = 'schema_version'",
                    NULL, 0, &there);

    *step = NULL;
    if (error || !there)
        return error;
    return ask(session, arena, "SELECT version FROM schema_version WHERE name = $1", &name, 1,
               step);
}

/* --- out --- */

static int dump(struct backup *backup, const struct store *store, const char *conninfo,
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
    int error = run_program(ctl_database_user(conninfo, store->user), -1, out, argv);
    if (fstat(out, &as) != 0 || close(out) != 0)
        error = ERR_SYSTEM;
    return error ? error : backup_take(backup, store->dump, &as);
}

static int dump_tables(struct backup *backup, const struct store *store, const char *conninfo,
                       struct db_session *session, const char *snapshot)
{
    const char *schema = NULL, *step = NULL;
    int error = ask_step(session, backup->arena, store, &step);

    if (error || !step) {
        if (!error && store == &stores[ACCOUNTS]) {
            ctl_fail("there are no tables (kontalkctl db migrate)");
            error = ERR_NOT_FOUND;
        }
        return error;
    }
    error = ask(session, backup->arena, "SELECT current_schema()", NULL, 0, &schema);
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
        return complain(problem, error);
    return ask(session, arena, "SELECT pg_export_snapshot()", NULL, 0, snapshot);
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
    if (!(session = ctl_database_as(conninfo, stores[ROOMS].user)))
        return ERR_UNAVAILABLE;
    int error = same_moment(session, backup->arena, &snapshot);
    if (!error)
        error = dump_tables(backup, &stores[ROOMS], conninfo, session, snapshot);
    db_session_close(session);
    return error;
}

static int read_home(struct backup *backup, struct db_session *session)
{
    const struct db_value home = DB_INT(SCHEMA_HOME);
    const char *name = NULL, *epoch = NULL;
    int error = ask(session, backup->arena, "SELECT name FROM home WHERE home_id = $1::bigint",
                    &home, 1, &name);

    if (!error)
        error = ask(session, backup->arena, "SELECT epoch FROM home WHERE home_id = $1::bigint",
                    &home, 1, &epoch);
    backup->values[BACKUP_HOME] = name ? name : "";
    backup->values[BACKUP_EPOCH] = epoch ? epoch : "";
    return error;
}

int backup_databases(struct backup *backup, const struct ctl *ctl)
{
    const char *conninfo = config_text(ctl->config, "database", NULL, "conninfo");
    struct db_session *session = ctl_database(ctl);
    const char *snapshot = NULL;

    if (!session)
        return ERR_UNAVAILABLE;
    int error = export_snapshot(session, backup->arena, &snapshot);
    if (!error)
        error = ask(session, backup->arena, "SELECT current_setting('server_version')", NULL, 0,
                    &backup->values[BACKUP_POSTGRESQL]);
    if (!error)
        error = dump_tables(backup, &stores[ACCOUNTS], conninfo, session, snapshot);
    if (!error)
        error = read_home(backup, session);
    if (!error)
        error = dump_rooms(backup, ctl->config, snapshot);
    db_session_close(session);
    return error;
}

/* --- back --- */

/* "63 public" */
static int read_step(const struct backup *backup, const struct store *store, int64_t *step,
                     const char **schema)
{
    const char *text = backup->values[store->step];
    const char *blank = strchr(text, ' ');

    if (!blank || config_number_parse(CONFIG_NUMBER,
                                      arena_strndup(backup->arena, text, (size_t)(blank - text)),
                                      step) != 0) {
        ctl_fail("the manifest does not say which version the tables of %s have", store->what);
        return ERR_INVALID;
    }
    *schema = blank + 1;
    return 0;
}

static int check_dump(const struct backup *backup, size_t number)
{
    const struct store *store = &stores[number];
    const char *const argv[] = {"pg_restore", "--list", NULL};
    const char *schema;
    int64_t step = 0;
    int error = read_step(backup, store, &step, &schema);

    if (!error && step > known(number)) {
        ctl_fail("%s: its tables have version %" PRId64 ", and this release knows no more than "
                 "%" PRId64 ": restore it with a release that is as new as the one that made it",
                 store->dump, step, known(number));
        error = ERR_UNSUPPORTED;
    }
    if (error)
        return error;
    int in = open(backup_path(backup, store->dump), O_RDONLY | O_CLOEXEC);
    int out = open("/dev/null", O_WRONLY | O_CLOEXEC);
    error = in < 0 || out < 0 ? ERR_SYSTEM : run_program(NULL, in, out, argv);
    if (error)
        ctl_fail("%s: it cannot be read", store->dump);
    if (in >= 0)
        close(in);
    if (out >= 0)
        close(out);
    return error;
}

int backup_verify_databases(const struct backup *backup)
{
    int error = 0;

    if (!backup_find(backup, BACKUP_ACCOUNTS)) {
        ctl_fail("the manifest names no %s", BACKUP_ACCOUNTS);
        return ERR_INVALID;
    }
    for (size_t i = 0; i < STORES; i++)
        if (backup_find(backup, stores[i].dump)) {
            int found = check_dump(backup, i);
            error = error ? error : found;
        }
    return error;
}

static struct db_session *open_store(const struct ctl *ctl, const struct store *store,
                                     const char **conninfo)
{
    *conninfo = config_text(ctl->config, store->section, NULL, "conninfo");
    if (*conninfo)
        return ctl_database_as(*conninfo, store->user);
    ctl_fail("the configuration names no database for %s ([%s] conninfo)", store->what,
             store->section);
    return NULL;
}

static int check_empty(const struct backup *backup, const struct ctl *ctl,
                       const struct store *store)
{
    const char *conninfo, *step = NULL, *filled = "f";
    struct db_session *session = open_store(ctl, store, &conninfo);

    if (!session)
        return ERR_UNAVAILABLE;
    int error = ask_step(session, backup->arena, store, &step);
    if (!error && step)
        error = ask(session, backup->arena, store->filled, NULL, 0, &filled);
    db_session_close(session);
    if (error || *filled != 't')
        return error;
    ctl_fail("there are %s in the database (--force removes them)", store->what);
    return ERR_EXISTS;
}

int restore_is_empty(const struct backup *backup, const struct ctl *ctl)
{
    int error = 0;

    for (size_t i = 0; !error && i < STORES; i++)
        if (backup_find(backup, stores[i].dump))
            error = check_empty(backup, ctl, &stores[i]);
    return error;
}

/* Tables of a later version too, which the dump does not know. */
static const char drop_all[] =
    "DO $$ DECLARE one record; BEGIN"
    " FOR one IN SELECT tablename FROM pg_catalog.pg_tables WHERE schemaname = current_schema()"
    " LOOP EXECUTE format('DROP TABLE %I.%I CASCADE', current_schema(), one.tablename);"
    " END LOOP; END $$";

static int load(const struct backup *backup, const struct store *store, const char *conninfo,
                const char *schema)
{
    const char *const argv[] = {"pg_restore",
                                arena_printf(backup->arena, "--dbname=%s", conninfo),
                                arena_printf(backup->arena, "--schema=%s", schema),
                                "--single-transaction",
                                "--exit-on-error",
                                "--no-owner",
                                "--no-privileges",
                                "--no-password",
                                NULL};
    int in = open(backup_path(backup, store->dump), O_RDONLY | O_CLOEXEC);
    int error = in < 0 ? ERR_NOT_FOUND
                       : run_program(ctl_database_user(conninfo, store->user), in, -1, argv);

    if (in >= 0)
        close(in);
    return error;
}

static int restore_tables(const struct backup *backup, const struct ctl *ctl,
                          const struct store *store)
{
    const char *conninfo, *schema, *here = NULL, *problem = NULL;
    int64_t step;
    int error = read_step(backup, store, &step, &schema);
    struct db_session *session = error ? NULL : open_store(ctl, store, &conninfo);

    if (!session)
        return ERR_UNAVAILABLE;
    error = ask(session, backup->arena, "SELECT current_schema()", NULL, 0, &here);
    if (!error && (!here || strcmp(here, schema) != 0)) {
        ctl_fail("%s is of the schema \"%s\", and that of its role is \"%s\" here", store->dump,
                 schema, here ? here : "");
        error = ERR_INVALID;
    }
    if (!error && (error = db_session_execute(session, drop_all, &problem)) != 0)
        complain(problem, error);
    if (!error)
        error = load(backup, store, conninfo, schema);
    if (!error && (error = db_session_execute(session, "ANALYZE", &problem)) != 0)
        complain(problem, error);
    db_session_close(session);
    return error;
}

int restore_databases(const struct backup *backup, const struct ctl *ctl)
{
    int error = 0;

    for (size_t i = 0; !error && i < STORES; i++)
        if (backup_find(backup, stores[i].dump))
            error = restore_tables(backup, ctl, &stores[i]);
    /* kontalk-muc does it itself. */
    if (!error && ctl_run(ctl, "db migrate", 0, NULL) != EXIT_SUCCESS)
        error = ERR_SYSTEM;
    return error;
}
