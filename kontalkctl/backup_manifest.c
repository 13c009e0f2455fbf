/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The manifest: lines of text, of which the last has the SHA-256 of those before it. No secret is
 * in it.
 *
 *     kontalk-backup 1
 *     host alpha.example.net
 *     directory 0755 root root configuration
 *     file 0640 root root 123 e3b0c44298fc1c14… configuration/kontalk.conf
 *     end 9f86d081884c7d65…
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/encode.h"
#include "common/base/error.h"
#include "common/base/memory.h"
#include "common/base/table.h"
#include "common/tls/crypto.h"
#include "kontalkctl/backup.h"

#define FIRST "kontalk-backup 1"

struct backup_entry {
    UT_hash_handle hh;
    size_t at; /* in the pieces */
};

static const char *const keys[BACKUP_VALUES] = {
    [BACKUP_CREATED] = "created",
    [BACKUP_HOST] = "host",
    [BACKUP_NETWORK] = "network",
    [BACKUP_MAIN_FILE] = "main-file",
    [BACKUP_HOME] = "home",
    [BACKUP_EPOCH] = "epoch",
    [BACKUP_ACCOUNTS_STEP] = "accounts-version",
    [BACKUP_ROOMS_STEP] = "rooms-version",
    [BACKUP_POSTGRESQL] = "postgresql",
};

void backup_init(struct backup *backup, const char *directory)
{
    *backup = (struct backup){.arena = arena_new()};
    backup->directory = arena_strdup(backup->arena, directory);
    for (size_t i = 0; i < BACKUP_VALUES; i++)
        backup->values[i] = "";
}

void backup_fini(struct backup *backup)
{
    struct backup_entry *entry, *next;

    HASH_ITER (hh, backup->names, entry, next) {
        HASH_DEL(backup->names, entry);
        free(entry);
    }
    free(backup->pieces);
    arena_free(backup->arena);
}

const char *backup_path(const struct backup *backup, const char *name)
{
    return arena_printf(backup->arena, "%s/%s", backup->directory, name);
}

const struct backup_piece *backup_find(const struct backup *backup, const char *name)
{
    struct backup_entry *entry;

    HASH_FIND_STR(backup->names, name, entry);
    return entry ? &backup->pieces[entry->at] : NULL;
}

const char *backup_inside(const char *name, const char *folder)
{
    size_t length = strlen(folder);

    return strncmp(name, folder, length) == 0 && name[length] == '/' ? name + length + 1 : NULL;
}

static void to_hex(struct crypto_running *running, char text[BACKUP_HASH_SIZE])
{
    uint8_t digest[CRYPTO_HASH_MAX];
    struct buffer hex = {0};

    crypto_running_end(running, digest);
    hex_encode(&hex, digest, crypto_hash_size(CRYPTO_SHA256));
    memcpy(text, hex.data, BACKUP_HASH_SIZE - 1);
    text[BACKUP_HASH_SIZE - 1] = '\0';
    buffer_fini(&hex);
}

int backup_digest(const char *path, char sha256[BACKUP_HASH_SIZE], uint64_t *size)
{
    struct crypto_running *running = crypto_running_new(CRYPTO_SHA256);
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    char bytes[16384];
    ssize_t got = -1;

    *size = 0;
    while (fd >= 0 && (got = read(fd, bytes, sizeof(bytes))) > 0) {
        crypto_running_add(running, bytes, (size_t)got);
        *size += (uint64_t)got;
    }
    int problem = errno;
    to_hex(running, sha256);
    if (fd >= 0)
        close(fd);
    errno = problem;
    return got < 0 ? ERR_NOT_FOUND : 0;
}

/* --- writing --- */

static void write_line(FILE *file, struct crypto_running *running, const char *line)
{
    fprintf(file, "%s\n", line);
    crypto_running_add(running, line, strlen(line));
    crypto_running_add(running, "\n", 1);
}

static void write_lines(const struct backup *backup, FILE *file)
{
    struct crypto_running *running = crypto_running_new(CRYPTO_SHA256);
    struct arena *arena = arena_new();
    char sum[BACKUP_HASH_SIZE];

    write_line(file, running, FIRST);
    for (size_t i = 0; i < BACKUP_VALUES; i++)
        if (*backup->values[i])
            write_line(file, running, arena_printf(arena, "%s %s", keys[i], backup->values[i]));
    for (size_t i = 0; i < backup->count; i++) {
        const struct backup_piece *piece = &backup->pieces[i];
        if (piece->is_directory)
            write_line(file, running,
                       arena_printf(arena, "directory %04o %s %s %s", piece->mode, piece->owner,
                                    piece->group, piece->name));
        else
            write_line(file, running,
                       arena_printf(arena, "file %04o %s %s %" PRIu64 " %s %s", piece->mode,
                                    piece->owner, piece->group, piece->size, piece->sha256,
                                    piece->name));
    }
    to_hex(running, sum);
    fprintf(file, "end %s\n", sum);
    arena_free(arena);
}

/* All that was written into the file system of the backup, not our files alone: there are many. */
static int flush(const char *directory)
{
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int status = fd >= 0 ? syncfs(fd) : -1;

    if (fd >= 0)
        close(fd);
    return status;
}

int backup_finish(const struct backup *backup)
{
    const char *path = backup_path(backup, BACKUP_MANIFEST);
    FILE *file = NULL;
    bool failed = flush(backup->directory) != 0 || (file = fopen(path, "wxe")) == NULL;

    if (!failed) {
        write_lines(backup, file);
        failed = ferror(file) || fflush(file) != 0 || fsync(fileno(file)) != 0;
    }
    if (file && fclose(file) != 0)
        failed = true;
    if (!failed && flush(backup->directory) == 0)
        return 0;
    ctl_fail("%s: %s", path, strerror(errno));
    return ERR_SYSTEM;
}

/* --- reading --- */

/* Whoever can write a manifest can name any path, but not out of the backup. */
static bool is_good_name(const char *name)
{
    return *name && *name != '/' && !strstr(name, "//") && strncmp(name, "../", 3) != 0 &&
           !strstr(name, "/../") &&
           (strlen(name) < 3 || strcmp(name + strlen(name) - 3, "/..") != 0) &&
           strcmp(name, "..") != 0;
}

/* The next word of the line, which is cut there; NULL: there is none. */
static char *word(char **rest)
{
    return *rest && **rest ? strsep(rest, " ") : NULL;
}

struct backup_piece *backup_new_piece(struct backup *backup, const char *name)
{
    struct backup_entry *entry = xcalloc(1, sizeof(*entry));
    const char *copy = arena_strdup(backup->arena, name);

    if (backup->count == backup->room) {
        backup->room = backup->room ? 2 * backup->room : 64;
        backup->pieces = xrealloc(backup->pieces, backup->room * sizeof(*backup->pieces));
    }
    backup->pieces[backup->count] = (struct backup_piece){.name = copy, .sha256 = ""};
    entry->at = backup->count;
    HASH_ADD_KEYPTR(hh, backup->names, copy, strlen(copy), entry);
    return &backup->pieces[backup->count++];
}

static int read_piece(struct backup *backup, bool is_directory, char *rest)
{
    const char *mode = word(&rest), *owner = word(&rest), *group = word(&rest);
    const char *size = is_directory ? "0" : word(&rest);
    const char *sha256 = is_directory ? "" : word(&rest);

    if (!mode || !owner || !group || !size || !sha256 || !rest || !is_good_name(rest) ||
        backup_find(backup, rest))
        return ERR_INVALID;
    struct backup_piece *piece = backup_new_piece(backup, rest);
    piece->is_directory = is_directory;
    /* Nothing of ours runs with the rights of its owner. */
    piece->mode = (unsigned)strtoul(mode, NULL, 8) & (is_directory ? 07777 : 0777);
    piece->owner = arena_strdup(backup->arena, owner);
    piece->group = arena_strdup(backup->arena, group);
    piece->size = strtoull(size, NULL, 10);
    piece->sha256 = arena_strdup(backup->arena, sha256);
    return 0;
}

/* A key that a later release has added is passed over. */
static int read_line(struct backup *backup, char *line)
{
    char *rest = line;
    const char *key = word(&rest);

    if (!key || !rest)
        return ERR_INVALID;
    if (strcmp(key, "directory") == 0 || strcmp(key, "file") == 0)
        return read_piece(backup, *key == 'd', rest);
    for (size_t i = 0; i < BACKUP_VALUES; i++)
        if (strcmp(keys[i], key) == 0)
            backup->values[i] = arena_strdup(backup->arena, rest);
    return 0;
}

static int read_first(const char *line)
{
    if (strcmp(line, FIRST) == 0)
        return 0;
    return strncmp(line, FIRST, sizeof(FIRST) - 2) == 0 ? ERR_UNSUPPORTED : ERR_INVALID;
}

/* Up to the line "end", whose SHA-256 goes to `told`. */
static int read_lines(struct backup *backup, FILE *file, struct crypto_running *running,
                      char told[BACKUP_HASH_SIZE])
{
    char *line = NULL;
    size_t room = 0, number = 0;
    ssize_t length;
    int error = 0;

    *told = '\0';
    while (!error && !*told && (length = getline(&line, &room, file)) > 0) {
        if (strncmp(line, "end ", 4) == 0 && length == 4 + BACKUP_HASH_SIZE) {
            memcpy(told, line + 4, BACKUP_HASH_SIZE - 1);
            told[BACKUP_HASH_SIZE - 1] = '\0';
            break;
        }
        crypto_running_add(running, line, (size_t)length);
        line[length - 1] = '\0';
        error = number++ == 0 ? read_first(line) : read_line(backup, line);
    }
    free(line);
    return error;
}

int backup_open(struct backup *backup)
{
    const char *path = backup_path(backup, BACKUP_MANIFEST);
    struct crypto_running *running = crypto_running_new(CRYPTO_SHA256);
    char told[BACKUP_HASH_SIZE] = "", sum[BACKUP_HASH_SIZE];
    FILE *file = fopen(path, "re");
    int problem = errno;
    int error = file ? read_lines(backup, file, running, told) : ERR_NOT_FOUND;

    to_hex(running, sum);
    if (file)
        fclose(file);
    else
        ctl_fail("%s: %s: this is no whole backup", path, strerror(problem));
    if (file && (error || strcmp(told, sum) != 0)) {
        ctl_fail("%s: %s", path,
                 error == ERR_UNSUPPORTED ? "a later release has made it"
                 : *told                  ? "it has been altered"
                                          : "it is truncated, or no manifest of a backup");
        error = ERR_INVALID;
    }
    return error;
}

/* What is wrong with it, or NULL. */
static const char *verify(const struct backup *backup, const struct backup_piece *piece)
{
    char sha256[BACKUP_HASH_SIZE];
    struct stat as;
    uint64_t size;

    if (lstat(backup_path(backup, piece->name), &as) == 0 && !S_ISREG(as.st_mode))
        return "it is no regular file";
    if (backup_digest(backup_path(backup, piece->name), sha256, &size) != 0)
        return errno == ENOENT ? "it is missing" : strerror(errno);
    if (size < piece->size)
        return "it is truncated";
    return strcmp(sha256, piece->sha256) != 0 ? "it has been altered" : NULL;
}

int backup_verify(const struct backup *backup)
{
    int error = 0;

    for (size_t i = 0; i < backup->count; i++) {
        const struct backup_piece *piece = &backup->pieces[i];
        const char *wrong = piece->is_directory ? NULL : verify(backup, piece);
        if (wrong) {
            ctl_fail("%s: %s", piece->name, wrong);
            error = ERR_INVALID;
        }
    }
    return error;
}
