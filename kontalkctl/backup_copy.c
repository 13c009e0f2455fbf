/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Files into a backup: those of kontalk-files, the configuration, and what that names.
 */
#include <dirent.h>
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
#include "common/base/memory.h"
#include "files/index.h"
#include "kontalkctl/backup.h"

static int complain(const char *path)
{
    ctl_fail("%s: %s", path, strerror(errno));
    return ERR_SYSTEM;
}

static struct backup_piece *list(struct backup *backup, const char *name, const struct stat *as)
{
    const struct passwd *owner = getpwuid(as->st_uid);
    const struct group *group = getgrgid(as->st_gid);
    struct backup_piece *piece = backup_new_piece(backup, name);

    piece->mode = as->st_mode & 07777;
    piece->owner = owner ? arena_strdup(backup->arena, owner->pw_name)
                         : arena_printf(backup->arena, "%u", as->st_uid);
    piece->group = group ? arena_strdup(backup->arena, group->gr_name)
                         : arena_printf(backup->arena, "%u", as->st_gid);
    return piece;
}

int backup_take(struct backup *backup, const char *name, const struct stat *as)
{
    char sha256[BACKUP_HASH_SIZE];
    uint64_t size;

    if (backup_digest(backup_path(backup, name), sha256, &size) != 0)
        return complain(backup_path(backup, name));
    struct backup_piece *piece = list(backup, name, as);
    piece->size = size;
    piece->sha256 = arena_strdup(backup->arena, sha256);
    return 0;
}

int backup_make_directory(struct backup *backup, const char *path, const char *name)
{
    struct stat as;

    if (backup_find(backup, name))
        return 0;
    if (stat(path, &as) != 0)
        return complain(path);
    if (mkdir(backup_path(backup, name), 0700) != 0)
        return complain(backup_path(backup, name));
    list(backup, name, &as)->is_directory = true;
    return 0;
}

/* "configuration/tls/a.pem" from "/etc/kontalk/tls/a.pem": the same steps up from both. Where
 * `name` has no more of them only the backup needs the directory. */
static int make_parents(struct backup *backup, const char *path, const char *name)
{
    const char *name_slash = strrchr(name, '/'), *path_slash = strrchr(path, '/');

    if (!name_slash)
        return 0;
    const char *name_parent = arena_strndup(backup->arena, name, (size_t)(name_slash - name));
    const char *path_parent = path_slash && path_slash > path
                                  ? arena_strndup(backup->arena, path, (size_t)(path_slash - path))
                                  : "/";
    int error = make_parents(backup, path_parent, name_parent);
    return error ? error : backup_make_directory(backup, path_parent, name_parent);
}

int backup_copy_bytes(int from, int to)
{
    char bytes[16384];
    ssize_t got;

    while ((got = read(from, bytes, sizeof(bytes))) > 0)
        for (ssize_t done = 0, put; done < got; done += put)
            if ((put = write(to, bytes + done, (size_t)(got - done))) < 0)
                return -1;
    return got < 0 ? -1 : 0;
}

static int copy(struct backup *backup, int from, const char *path, const char *name)
{
    const char *target = backup_path(backup, name);
    struct stat as;
    int to = -1, error = 0;

    if (fstat(from, &as) != 0)
        return complain(path);
    if (!S_ISREG(as.st_mode)) {
        ctl_fail("%s: it is no regular file", path);
        return ERR_INVALID;
    }
    if ((to = open(target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) < 0 ||
        backup_copy_bytes(from, to) != 0)
        error = complain(target);
    if (to >= 0 && close(to) != 0 && !error)
        error = complain(target);
    return error ? error : backup_take(backup, name, &as);
}

int backup_copy(struct backup *backup, const char *path, const char *name)
{
    int from, error;

    if (backup_find(backup, name))
        return 0;
    if ((from = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)) < 0)
        return errno == ENOENT ? ERR_NOT_FOUND : complain(path);
    error = make_parents(backup, path, name);
    if (!error)
        error = copy(backup, from, path, name);
    close(from);
    return error;
}

/* --- kontalk-files --- */

/* Of its user, who is not trusted with what root can read: no links. Content is named by its
 * SHA-256. */
static int copy_content(struct backup *backup, const char *directory, const char *name)
{
    const char *path = arena_printf(backup->arena, "%s/%s", directory, strchr(name, '/') + 1);
    int from = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);

    if (from < 0)
        return errno == ENOENT ? 0 : complain(path);
    int error = make_parents(backup, path, name);
    if (!error)
        error = copy(backup, from, path, name);
    close(from);
    if (!error && strcmp(backup->pieces[backup->count - 1].sha256, strrchr(name, '/') + 1) != 0)
        fprintf(stderr, "%s: it is not what was uploaded: is the disk damaged?\n", path);
    return error;
}

static bool is_hexadecimal(const char *name)
{
    return *name && name[strspn(name, "0123456789abcdef")] == '\0';
}

/* "files/content", then "files/content/ab". */
static int walk(struct backup *backup, const char *directory, const char *name, unsigned depth)
{
    const char *path = arena_printf(backup->arena, "%s/%s", directory, strchr(name, '/') + 1);
    DIR *open_directory = opendir(path);
    struct dirent *entry;
    int error = 0;

    if (!open_directory)
        return errno == ENOENT ? 0 : complain(path);
    while (!error && (entry = readdir(open_directory)) != NULL) {
        if (!is_hexadecimal(entry->d_name))
            continue;
        const char *inner = arena_printf(backup->arena, "%s/%s", name, entry->d_name);
        error =
            depth == 0 ? walk(backup, directory, inner, 1) : copy_content(backup, directory, inner);
    }
    closedir(open_directory);
    return error;
}

int backup_files(struct backup *backup, const struct config *config)
{
    static const char name[] = BACKUP_FILES "/index.sqlite";
    const char *directory = config_text(config, "files", NULL, "directory");
    const char *path = arena_printf(backup->arena, "%s/index.sqlite", directory);
    char *problem = NULL;
    struct stat as;

    if (stat(path, &as) != 0)
        return errno == ENOENT ? 0 : complain(path);
    int error = make_parents(backup, path, name);
    if (!error && index_copy(path, backup_path(backup, name), &problem) != 0) {
        ctl_fail("%s: %s", path, problem);
        error = ERR_SYSTEM;
    }
    free(problem);
    if (!error)
        error = backup_take(backup, name, &as);
    if (!error)
        error = copy_content(backup, directory, BACKUP_FILES "/key");
    return error ? error : walk(backup, directory, BACKUP_FILES "/content", 0);
}

/* --- the configuration --- */

/* In the directory of the main file they keep their place beside it, wherever it is put back. */
static int copy_configured(struct backup *backup, const char *root, const char *path)
{
    size_t length = strlen(root);
    const char *name =
        strncmp(path, root, length) == 0 && path[length] == '/'
            ? arena_printf(backup->arena, "%s%s", BACKUP_CONFIGURATION, path + length)
            : arena_printf(backup->arena, "%s%s", BACKUP_SYSTEM, path);
    struct stat as;

    if (stat(path, &as) == 0 && !S_ISREG(as.st_mode))
        return 0;
    int error = backup_copy(backup, path, name);
    return error == ERR_NOT_FOUND ? 0 : error;
}

const char *backup_passfile(const struct backup *backup, const char *conninfo)
{
    const char *begin = conninfo ? strstr(conninfo, "passfile=") : NULL;

    if (!begin)
        return NULL;
    begin += strlen("passfile=");
    begin += *begin == '\'';
    return arena_strndup(backup->arena, begin, strcspn(begin, " '&"));
}

static int copy_value(struct backup *backup, const char *root, const struct config_item *item,
                      const char *value)
{
    int error;

    if (item->type == CONFIG_CONNINFO)
        value = backup_passfile(backup, value);
    else if (item->type != CONFIG_FILE && item->type != CONFIG_FILE_SECRET)
        return 0;
    if (!value || *value != '/')
        return 0;
    error = copy_configured(backup, root, value);
    /* The documents that led to this one (docs/NETWORK.md). */
    if (!error && strcmp(item->key, "document") == 0)
        error = copy_configured(backup, root, arena_printf(backup->arena, "%s.history", value));
    return error;
}

static int copy_item(struct backup *backup, const struct config *config, const char *root,
                     const struct config_item *item, const char *instance)
{
    int error = 0;

    if (!(item->flags & CONFIG_LIST)) {
        if (item->type != CONFIG_FILE && item->type != CONFIG_FILE_SECRET &&
            item->type != CONFIG_CONNINFO)
            return 0;
        return copy_value(backup, root, item,
                          config_text(config, item->section, instance, item->key));
    }
    for (size_t i = 0; !error && i < config_list_size(config, item->section, instance, item->key);
         i++)
        error = copy_value(backup, root, item,
                           config_list_item(config, item->section, instance, item->key, i));
    return error;
}

static int copy_named(struct backup *backup, const struct config *config, const char *root)
{
    int error = 0;

    for (size_t s = 0; s < config_sections_count; s++) {
        const struct config_section *section = &config_sections[s];
        size_t instances = section->named ? config_instances(config, section->name) : 1;
        for (size_t i = 0; i < instances; i++) {
            const char *instance =
                section->named ? config_instance(config, section->name, i) : NULL;
            for (const struct config_item *item = section->items; !error && item->key; item++)
                error = copy_item(backup, config, root, item, instance);
        }
    }
    return error;
}

static int copy_further(struct backup *backup, const char *root)
{
    const char *path = arena_printf(backup->arena, "%s/conf.d", root);
    struct dirent **names = NULL;
    int count = scandir(path, &names, NULL, alphasort), error = 0;

    for (int i = 0; i < count; i++) {
        size_t length = strlen(names[i]->d_name);
        if (!error && length > 5 && strcmp(names[i]->d_name + length - 5, ".conf") == 0)
            error = copy_configured(backup, root,
                                    arena_printf(backup->arena, "%s/%s", path, names[i]->d_name));
        free(names[i]);
    }
    free(names);
    return error;
}

int backup_configuration(struct backup *backup, const struct ctl *ctl)
{
    char *whole = realpath(ctl->path, NULL);
    int error;

    if (!whole)
        return complain(ctl->path);
    const char *root = arena_strndup(backup->arena, whole, (size_t)(strrchr(whole, '/') - whole));
    backup->values[BACKUP_MAIN_FILE] = arena_strdup(backup->arena, strrchr(whole, '/') + 1);
    error = copy_configured(backup, root, arena_strdup(backup->arena, whole));
    free(whole);
    if (!error)
        error = copy_further(backup, root);
    return error ? error : copy_named(backup, ctl->config, root);
}
