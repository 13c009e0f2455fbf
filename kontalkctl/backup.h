/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * A backup: a directory with a *piece* for each file that is needed to make this server again, and
 * a manifest that names them with their sizes and SHA-256 (docs/INSTALL.md).
 *
 *     manifest                 written last: what has none is no backup
 *     accounts.dump            pg_dump of the tables of c2s
 *     rooms.dump               of those of kontalk-muc, of the same moment
 *     files/…                  index, key and content of kontalk-files
 *     configuration/…          what is in the directory of the main file
 *     system/etc/…             what the configuration names elsewhere
 *
 * backup.c           makes one
 * backup_copy.c      files into it
 * backup_manifest.c  the manifest, and whether all is as it says
 * backup_database.c  the databases, by programs of PostgreSQL
 * restore.c          makes a server of it
 * restore_place.c    files out of it
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "common/base/arena.h"
#include "kontalkctl/ctl.h"

#define BACKUP_MANIFEST      "manifest"
#define BACKUP_ACCOUNTS      "accounts.dump"
#define BACKUP_ROOMS         "rooms.dump"
#define BACKUP_FILES         "files"
#define BACKUP_CONFIGURATION "configuration"
#define BACKUP_SYSTEM        "system"
#define BACKUP_HASH_SIZE     65 /* in hexadecimal digits */

struct backup_piece {
    const char *name; /* in the backup */
    bool is_directory;
    unsigned mode;
    const char *owner, *group; /* names, or numbers that have none */
    uint64_t size;
    const char *sha256; /* "" of directories */
};

/* What the manifest says of the whole; "": nothing. */
enum backup_value {
    BACKUP_CREATED,       /* 2026-01-31T12:00:00Z */
    BACKUP_HOST,          /* of the node */
    BACKUP_NETWORK,       /* the domain of the accounts */
    BACKUP_MAIN_FILE,     /* the name of the configuration: "kontalk.conf" */
    BACKUP_HOME,          /* the name of the home in the database */
    BACKUP_EPOCH,         /* and its epoch */
    BACKUP_ACCOUNTS_STEP, /* the version of the tables of c2s */
    BACKUP_ROOMS_STEP,    /* and of kontalk-muc */
    BACKUP_POSTGRESQL,    /* its version */
    BACKUP_VALUES
};

struct backup_entry;

struct backup {
    struct arena *arena; /* of all texts */
    const char *directory;
    const char *values[BACKUP_VALUES];
    struct backup_piece *pieces;
    size_t count, room;
    struct backup_entry *names; /* which of them has which name: there may be a million */
};

void backup_init(struct backup *backup, const char *directory);
void backup_fini(struct backup *backup);
/* "<directory>/<name>" in the arena. */
const char *backup_path(const struct backup *backup, const char *name);
/* NULL: there is none of that name. */
const struct backup_piece *backup_find(const struct backup *backup, const char *name);
/* Whether the name is in that folder of the backup: then the rest of it, else NULL. */
const char *backup_inside(const char *name, const char *folder);

/* A further one, whose name (copied) no other has, and which the caller fills; valid until the next
 * call. */
struct backup_piece *backup_new_piece(struct backup *backup, const char *name);

/* --- into it; each complains --- */

/* Takes a file of the backup that is written into its list. Owner and mode are those that `as` had
 * here. */
MUST_CHECK int backup_take(struct backup *backup, const char *name, const struct stat *as);
/* Copies a regular file into it, with the directories above its name. ERR_NOT_FOUND: it is not
 * there, which is not said. */
MUST_CHECK int backup_copy(struct backup *backup, const char *path, const char *name);
/* The directory `path` here is `name` in the backup, whose parent is there; once is enough. */
MUST_CHECK int backup_make_directory(struct backup *backup, const char *path, const char *name);
/* The file of passwords that it names ("passfile=/etc/kontalk/pgpass"), or NULL. */
const char *backup_passfile(const struct backup *backup, const char *conninfo);
MUST_CHECK int backup_files(struct backup *backup, const struct config *config);
MUST_CHECK int backup_configuration(struct backup *backup, const struct ctl *ctl);
/* The databases as they are at one moment, which goes on until `end` is called. */
MUST_CHECK int backup_databases(struct backup *backup, const struct ctl *ctl);
/* Last; everything is on the disk then. */
MUST_CHECK int backup_finish(const struct backup *backup);

/* --- out of it; each complains --- */

/* ERR_INVALID: it is no whole backup. */
MUST_CHECK int backup_open(struct backup *backup);
/* Looks at every piece, and names each that is not as it was. */
MUST_CHECK int backup_verify(const struct backup *backup);
/* Whether this release knows the tables, and PostgreSQL's programs can read the dumps. */
MUST_CHECK int backup_verify_databases(const struct backup *backup);
/* Whether somebody has accounts or rooms here. */
MUST_CHECK int restore_is_empty(const struct backup *backup, const struct ctl *ctl);
/* What is in the tables goes. */
MUST_CHECK int restore_databases(const struct backup *backup, const struct ctl *ctl);
/* The bytes of a piece in place of `path`, for the owner that it had. keep: what is there and
 * differs is kept beside it as PATH.before-restore. */
MUST_CHECK int restore_piece(const struct backup *backup, const struct backup_piece *piece,
                             const char *path, bool keep);
/* The directories above a path that are missing; `name` is that of the piece. */
MUST_CHECK int restore_parents(const struct backup *backup, const char *name, const char *path);
/* All that is left to read; -1 (errno). */
MUST_CHECK int backup_copy_bytes(int from, int to);
/* SHA-256 of what is in a file, and how much that is; ERR_NOT_FOUND (errno). */
MUST_CHECK int backup_digest(const char *path, char sha256[BACKUP_HASH_SIZE], uint64_t *size);
