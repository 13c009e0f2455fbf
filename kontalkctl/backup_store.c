/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The tables that a backup has, and the programs for them.
 */
#include "kontalkctl/backup_store.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

const struct backup_store backup_stores[BACKUP_STORES] = {
    {"database", CTL_OWNER, "c2s", BACKUP_ACCOUNTS, "accounts", BACKUP_ACCOUNTS_STEP,
     "SELECT EXISTS (SELECT 1 FROM account)"},
    {"muc", CTL_ROOMS_OWNER, "muc", BACKUP_ROOMS, "rooms", BACKUP_ROOMS_STEP,
     "SELECT EXISTS (SELECT 1 FROM room)"},
};

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

int backup_run(const char *user, int in, int out, const char *const *argv)
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

int backup_complain(const char *problem, int error)
{
    ctl_fail("%s", problem ? problem : error_text(error));
    return error;
}

int backup_ask(struct db_session *session, struct arena *arena, const char *sql,
               const struct db_value *values, int parameters, const char **answer)
{
    const struct db_statement statement = {"ctl_backup", sql, parameters};
    struct db_result *result;
    const char *problem = NULL;
    int error = db_session_run(session, &statement, values, &result, &problem);

    *answer = NULL;
    if (error)
        return backup_complain(problem, error);
    if (db_rows(result) > 0 && !db_is_null(result, 0, 0))
        *answer = arena_strdup(arena, db_get_text(result, 0, 0));
    db_result_free(result);
    return 0;
}

/* The role may see tables of others, so the schema counts. */
int backup_ask_step(struct db_session *session, struct arena *arena,
                    const struct backup_store *store, const char **step)
{
    const struct db_value name = DB_TEXT(store->name);
    const char *there;
    int error = backup_ask(session, arena,
                           "SELECT 1 FROM pg_catalog.pg_tables WHERE schemaname = current_schema()"
                           " AND tablename = 'schema_version'",
                           NULL, 0, &there);

    *step = NULL;
    if (error || !there)
        return error;
    return backup_ask(session, arena, "SELECT version FROM schema_version WHERE name = $1", &name,
                      1, step);
}
