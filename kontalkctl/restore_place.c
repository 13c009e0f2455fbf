/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Files out of a backup, for their owners.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/error.h"
#include "kontalkctl/backup.h"

static int complain(const char *path)
{
    ctl_fail("%s: %s", path, strerror(errno));
    return ERR_SYSTEM;
}

/* Users of a name may have another number on this machine; who is not here does not own anything:
 * root does. Only root can give something away. */
static int give(int fd, const struct backup_piece *piece)
{
    const struct passwd *owner = getpwnam(piece->owner);
    const struct group *group = getgrnam(piece->group);

    if (geteuid() == 0 && fchown(fd, owner ? owner->pw_uid : 0, group ? group->gr_gid : 0) != 0)
        return -1;
    return fchmod(fd, piece->mode);
}

static int make_directory(const struct backup *backup, const char *name, const char *path)
{
    const struct backup_piece *piece = name ? backup_find(backup, name) : NULL;
    int fd;

    if (mkdir(path, piece ? 0700 : 0755) != 0)
        return errno == EEXIST ? 0 : complain(path);
    if (!piece)
        return 0;
    fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int status = fd >= 0 ? give(fd, piece) : -1;
    if (fd >= 0)
        close(fd);
    return status != 0 ? complain(path) : 0;
}

static const char *parent_of(const struct backup *backup, const char *path)
{
    const char *slash = path ? strrchr(path, '/') : NULL;

    return slash && slash > path ? arena_strndup(backup->arena, path, (size_t)(slash - path))
                                 : NULL;
}

int restore_parents(const struct backup *backup, const char *name, const char *path)
{
    const char *parent = parent_of(backup, path), *parent_name = parent_of(backup, name);

    if (!parent || access(parent, F_OK) == 0)
        return 0;
    int error = restore_parents(backup, parent_name ? parent_name : "", parent);
    return error ? error : make_directory(backup, parent_name, parent);
}

/* Nobody sees half of it, and nobody else reads it before it belongs to its owner. */
static int write_new(const char *source, const char *path, const struct backup_piece *piece)
{
    int from = open(source, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    int to = from < 0 ? -1 : open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    int status = to < 0 ? -1 : backup_copy_bytes(from, to);

    if (status == 0 && (give(to, piece) != 0 || fsync(to) != 0))
        status = -1;
    if (from >= 0)
        close(from);
    if (to >= 0 && close(to) != 0)
        status = -1;
    return status;
}

/* What is there is the same, or goes out of the way. */
static int make_way(const struct backup *backup, const struct backup_piece *piece, const char *path)
{
    char sha256[BACKUP_HASH_SIZE];
    uint64_t size;

    if (backup_digest(path, sha256, &size) == 0 && strcmp(sha256, piece->sha256) == 0)
        return 0;
    const char *aside = arena_printf(backup->arena, "%s.before-restore", path);
    if (rename(path, aside) != 0)
        return errno == ENOENT ? 0 : complain(path);
    printf("Kept: %s\n", aside);
    return 0;
}

int restore_piece(const struct backup *backup, const struct backup_piece *piece, const char *path,
                  bool keep)
{
    const char *new = arena_printf(backup->arena, "%s.restored", path);
    int error = restore_parents(backup, piece->name, path);

    if (!error && keep)
        error = make_way(backup, piece, path);
    if (error)
        return error;
    (void)!unlink(new);
    if (write_new(backup_path(backup, piece->name), new, piece) != 0 || rename(new, path) != 0)
        return complain(path);
    return 0;
}
