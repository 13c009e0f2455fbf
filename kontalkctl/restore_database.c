/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Databases out of a backup: pg_restore reads them as the role that owns the tables.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "c2s/schema.h"
#include "common/config/number.h"
#include "kontalkctl/backup_store.h"
#include "muc/schema.h"

static int64_t known(size_t store)
{
    return store == BACKUP_STORE_ROOMS ? schema_rooms_version() : schema_version();
}

/* "63 public" */
static int read_step(const struct backup *backup, const struct backup_store *store, int64_t *step,
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
    const struct backup_store *store = &backup_stores[number];
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
    error = in < 0 || out < 0 ? ERR_SYSTEM : backup_run(NULL, in, out, argv);
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
    for (size_t i = 0; i < BACKUP_STORES; i++)
        if (backup_find(backup, backup_stores[i].dump)) {
            int found = check_dump(backup, i);
            error = error ? error : found;
        }
    return error;
}

static struct db_session *open_store(const struct ctl *ctl, const struct backup_store *store,
                                     const char **conninfo)
{
    *conninfo = ctl_conninfo(ctl->config, store->section);
    if (*conninfo)
        return ctl_database_as(*conninfo, store->user);
    ctl_fail("the configuration names no database for %s ([%s] conninfo)", store->what,
             store->section);
    return NULL;
}

static int check_empty(const struct backup *backup, const struct ctl *ctl,
                       const struct backup_store *store)
{
    const char *conninfo, *step = NULL, *filled = "f";
    struct db_session *session = open_store(ctl, store, &conninfo);

    if (!session)
        return ERR_UNAVAILABLE;
    int error = backup_ask_step(session, backup->arena, store, &step);
    if (!error && step)
        error = backup_ask(session, backup->arena, store->filled, NULL, 0, &filled);
    db_session_close(session);
    if (error || *filled != 't')
        return error;
    ctl_fail("there are %s in the database (--force removes them)", store->what);
    return ERR_EXISTS;
}

int restore_is_empty(const struct backup *backup, const struct ctl *ctl)
{
    int error = 0;

    for (size_t i = 0; !error && i < BACKUP_STORES; i++)
        if (backup_find(backup, backup_stores[i].dump))
            error = check_empty(backup, ctl, &backup_stores[i]);
    return error;
}

/* Tables of a later version too, which the dump does not know. */
static const char drop_all[] =
    "DO $$ DECLARE one record; BEGIN"
    " FOR one IN SELECT tablename FROM pg_catalog.pg_tables WHERE schemaname = current_schema()"
    " LOOP EXECUTE format('DROP TABLE %I.%I CASCADE', current_schema(), one.tablename);"
    " END LOOP; END $$";

static int load(const struct backup *backup, const struct backup_store *store, const char *conninfo,
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
    int error =
        in < 0 ? ERR_NOT_FOUND : backup_run(ctl_database_user(conninfo, store->user), in, -1, argv);

    if (in >= 0)
        close(in);
    return error;
}

static int restore_tables(const struct backup *backup, const struct ctl *ctl,
                          const struct backup_store *store)
{
    const char *conninfo, *schema, *here = NULL, *problem = NULL;
    int64_t step;
    int error = read_step(backup, store, &step, &schema);
    struct db_session *session = error ? NULL : open_store(ctl, store, &conninfo);

    if (!session)
        return ERR_UNAVAILABLE;
    error = backup_ask(session, backup->arena, "SELECT current_schema()", NULL, 0, &here);
    if (!error && (!here || strcmp(here, schema) != 0)) {
        ctl_fail("%s is of the schema \"%s\", and that of its role is \"%s\" here", store->dump,
                 schema, here ? here : "");
        error = ERR_INVALID;
    }
    if (!error && (error = db_session_execute(session, drop_all, &problem)) != 0)
        backup_complain(problem, error);
    if (!error)
        error = load(backup, store, conninfo, schema);
    if (!error && (error = db_session_execute(session, "ANALYZE", &problem)) != 0)
        backup_complain(problem, error);
    db_session_close(session);
    return error;
}

int restore_databases(const struct backup *backup, const struct ctl *ctl)
{
    int error = 0;

    for (size_t i = 0; !error && i < BACKUP_STORES; i++)
        if (backup_find(backup, backup_stores[i].dump))
            error = restore_tables(backup, ctl, &backup_stores[i]);
    /* kontalk-muc does it itself. */
    if (!error && ctl_run(ctl, "db migrate", 0, NULL) != EXIT_SUCCESS)
        error = ERR_SYSTEM;
    return error;
}
