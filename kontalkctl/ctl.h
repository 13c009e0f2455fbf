/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * kontalkctl: one verb is one row. A verb returns the exit status; it has said on standard error
 * what was wrong.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "common/base/macros.h"
#include "common/config/config.h"
#include "common/db/db.h"
#include "common/xmpp/jid.h"

struct ctl {
    const char *path;            /* of the configuration */
    const struct config *config; /* NULL for verbs that do without */
    bool json;                   /* its lines become JSON (json.h) */
};

struct ctl_verb {
    const char *words; /* "user add" */
    size_t arguments_min, arguments_max;
    int (*run)(const struct ctl *ctl, size_t argc, const char *const *argv);
    const char *help;
};

extern const struct ctl_verb user_verbs[]; /* each table ends with words NULL */
extern const struct ctl_verb invite_verbs[];
extern const struct ctl_verb database_verbs[];
extern const struct ctl_verb backup_verbs[];
extern const struct ctl_verb daemon_verbs[];
extern const struct ctl_verb drain_verbs[];
extern const struct ctl_verb s2s_verbs[];
extern const struct ctl_verb show_verbs[];
extern const struct ctl_verb trace_verbs[];
extern const struct ctl_verb directory_verbs[];
extern const struct ctl_verb room_verbs[];
extern const struct ctl_verb session_verbs[];
extern const struct ctl_verb network_verbs[];
extern const struct ctl_verb features_verbs[];
extern const struct ctl_verb conf_show_verbs[];
/* These look after the configuration themselves, or do without. */
extern const struct ctl_verb check_verbs[];
extern const struct ctl_verb conf_check_verbs[];
extern const struct ctl_verb conf_explain_verbs[];
extern const struct ctl_verb completion_verbs[];
extern const struct ctl_verb setup_verbs[];
extern const struct ctl_verb restore_verbs[];

struct ctl_table {
    const struct ctl_verb *verbs;
    bool without_config;
};

extern const struct ctl_table ctl_tables[]; /* ends with verbs NULL */

/* Prints "kontalkctl: …" on standard error; returns EXIT_FAILURE. */
int ctl_fail(const char *format, ...) PRINTF_LIKE(1, 2);

/* Runs another verb, by its words. */
int ctl_run(const struct ctl *ctl, const char *words, size_t argc, const char *const *argv);
/* Asks a daemon over its control socket and prints its answer. ERR_UNAVAILABLE: it is not running,
 * nothing was printed. ERR_INVALID: it refused, which has been printed. */
MUST_CHECK int ctl_ask(const struct ctl *ctl, const char *daemon, size_t argc,
                       const char *const *argv);
/* The exit status for what a daemon was asked so; tells that it is not running. */
int ctl_asked(const char *daemon, int error);
/* As ctl_ask(), but each line of the answer goes to `line`, as soon as it comes. */
MUST_CHECK int ctl_follow(const struct ctl *ctl, const char *daemon, size_t argc,
                          const char *const *argv, void (*line)(void *user, const char *text),
                          void *user);
/* The same, but why it refused is in *problem, or NULL; free() it. */
MUST_CHECK int ctl_follow_quietly(const struct ctl *ctl, const char *daemon, size_t argc,
                                  const char *const *argv,
                                  void (*line)(void *user, const char *text), void *user,
                                  char **problem);
/* The control sockets of all processes of a daemon, whether they still run or not. */
void ctl_processes(const struct ctl *ctl, const char *daemon,
                   void (*process)(void *user, const char *path), void *user);
/* How to connect as the owner of the tables of [database] or [muc]; NULL: it is not said. */
const char *ctl_conninfo(const struct config *config, const char *section);
/* A session of its own with the database; complains and returns NULL if there is none. */
struct db_session *ctl_database(const struct ctl *ctl);
/* The system's user that owns the tables where nobody is named: PostgreSQL knows its clients by
 * their users (peer authentication), and root is none of them. */
#define CTL_OWNER "kontalk"
/* The same of those of rooms. */
#define CTL_ROOMS_OWNER "kontalk-muc"
/* Whom root has to be for that database: `user`, or NULL if the conninfo names somebody, there is
 * no such user, or we are not root. */
const char *ctl_database_user(const char *conninfo, const char *user);
/* The same with another database, as that user. */
struct db_session *ctl_database_as(const char *conninfo, const char *user);
/* Reads the bare JID of an account of this node; is_new: its name has to be registrable. Returns
 * what is wrong with it (static), or NULL. */
const char *ctl_read_account(const struct ctl *ctl, struct arena *arena, const char *text,
                             bool is_new, struct jid *jid);
/* Its name has to be claimed at the registrar of the network before there may be such an account.
 */
bool ctl_is_networked(const struct ctl *ctl, const struct jid *jid);
/* The first line of standard input, or what is typed without echo; NULL (complained) if empty. */
char *ctl_read_password(void);
/* The daemons, in the order in which they are asked; ends with NULL. */
extern const char *const ctl_daemons[];
/* Whether the only argument is "--json". ERR_INVALID: it is something else, which has been said. */
MUST_CHECK int ctl_is_json(size_t argc, const char *const *argv, bool *json);
/* A table: rows of cells, one behind another, below their heads. */
void ctl_print_table(const char *const *heads, size_t columns, const char *const *cells,
                     size_t rows);
/* The same of an array of objects, or the array itself; consumes it. Columns end with a row without
 * a key. */
struct ctl_column {
    const char *key, *head;
};
int ctl_show(json_t *rows, const struct ctl_column *columns, bool json);
/* Prints it, and lets go of it. */
void ctl_print_json(json_t *value);
/* Accounts as portable data (portable.c), into a new file; out of one. */
int user_export(const struct ctl *ctl, size_t argc, const char *const *argv);
int portable_import(const struct ctl *ctl, const char *name);
/* A running c2s may know by heart that there is no such account. */
void ctl_tell_imported(const struct ctl *ctl);
/* Calls back for every mistake in the configuration, also for files that it names and that are not
 * there. */
void ctl_check_config(const char *path,
                      void (*each)(void *user, const struct config_finding *finding), void *user);
/* Calls back for each difference between what a running process, "kontalk-c2s@c2s-1", has in force
 * and what the files say. */
typedef void ctl_change(void *user, const char *process, const struct config_change *change);
void ctl_diff_config(const struct ctl *ctl, ctl_change *tell, void *user);
/* Calls back for each level of the compliance suite with what the running daemons lack for it, or
 * NULL. ERR_UNAVAILABLE: not all of them run. */
MUST_CHECK int ctl_check_suite(const struct ctl *ctl,
                               void (*each)(void *user, const char *category, const char *level,
                                            const char *missing),
                               void *user);
/* As ctl_database(), without complaining: *session is set either way, and always closed. */
MUST_CHECK int ctl_database_quietly(const char *conninfo, const char *user,
                                    struct db_session **session, const char **problem);
/* Whether each room of this node has its name in the directory, and the other way round: prints
 * what differs. EXIT_FAILURE: a room has not. */
int directory_compare_rooms(const struct ctl *ctl);
/* Adds one account after another from FILE (import.c), of lines or portable data. */
int user_import(const struct ctl *ctl, size_t argc, const char *const *argv);
