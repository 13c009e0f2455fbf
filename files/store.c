/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Content is linked into place before it is known, and unlinked after nobody knows it any more; one
 * lock keeps these two apart.
 */
#include "files/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/base/encode.h"
#include "common/base/error.h"
#include "common/base/memory.h"
#include "common/tls/crypto.h"

#define DIGEST_SIZE 32
#define PATH_SIZE   128 /* relative to the directory */
/* Files that go together: for so long no upload is finished. */
#define EXPIRE_MAX 50

struct store {
    int directory;
    struct index *index;
    uint8_t key[SLOT_KEY_SIZE];
    uint64_t kept_free; /* bytes of the disk */
    pthread_mutex_t writing;
};

struct upload {
    struct store *store;
    int fd;
    uint64_t size, length;
    struct crypto_running *digest;
};

static int error_of(int number)
{
    return number == ENOSPC || number == EDQUOT ? ERR_LIMIT : ERR_SYSTEM;
}

/* --- opening --- */

static int read_key(struct store *store)
{
    int fd = openat(store->directory, "key", O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return errno == ENOENT ? ERR_NOT_FOUND : ERR_SYSTEM;
    ssize_t got = read(fd, store->key, sizeof(store->key));
    close(fd);
    return got == (ssize_t)sizeof(store->key) ? 0 : ERR_SYSTEM;
}

/* Under another name first, so that half a key is never found. */
static int make_key(struct store *store)
{
    int fd = openat(store->directory, "key.new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    if (fd < 0)
        return ERR_SYSTEM;
    crypto_random(store->key, sizeof(store->key));
    bool written =
        write(fd, store->key, sizeof(store->key)) == (ssize_t)sizeof(store->key) && fsync(fd) == 0;
    close(fd);
    return written && renameat(store->directory, "key.new", store->directory, "key") == 0 &&
                   fsync(store->directory) == 0
               ? 0
               : ERR_SYSTEM;
}

static int open_key(struct store *store)
{
    int error = read_key(store);

    return error == ERR_NOT_FOUND ? make_key(store) : error;
}

static int open_directory(struct store *store, const char *path)
{
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return ERR_SYSTEM;
    store->directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (store->directory < 0)
        return ERR_SYSTEM;
    return mkdirat(store->directory, "content", 0700) == 0 || errno == EEXIST ? 0 : ERR_SYSTEM;
}

int store_open(const char *directory, struct store **store, char **problem)
{
    struct store *new = xcalloc(1, sizeof(*new));
    char *index = xasprintf("%s/index.sqlite", directory);
    int error;

    new->directory = -1;
    pthread_mutex_init(&new->writing, NULL);
    error = open_directory(new, directory);
    if (!error)
        error = open_key(new);
    if (error)
        *problem = xstrdup(strerror(errno));
    else
        error = index_open(index, &new->index, problem);
    free(index);
    if (error)
        store_close(new);
    else
        *store = new;
    return error;
}

void store_close(struct store *store)
{
    if (store->index)
        index_close(store->index);
    if (store->directory >= 0)
        close(store->directory);
    pthread_mutex_destroy(&store->writing);
    crypto_wipe(store->key, sizeof(store->key));
    free(store);
}

const uint8_t *store_key(const struct store *store)
{
    return store->key;
}

struct index *store_index(struct store *store)
{
    return store->index;
}

/* "content/ab/ab01…" */
static void content_path(char path[PATH_SIZE], const char *hash)
{
    snprintf(path, PATH_SIZE, "content/%.2s/%s", hash, hash);
}

int store_read(const struct store *store, const struct stored_file *file)
{
    char path[PATH_SIZE];

    content_path(path, file->hash);
    return openat(store->directory, path, O_RDONLY | O_CLOEXEC);
}

/* --- what is free --- */

uint64_t store_free_bytes(const struct store *store)
{
    struct statvfs disk;

    return fstatvfs(store->directory, &disk) == 0 ? (uint64_t)disk.f_bavail * disk.f_frsize : 0;
}

void store_keep_free(struct store *store, uint64_t bytes)
{
    store->kept_free = bytes;
}

bool store_has_room(const struct store *store, uint64_t size)
{
    return store->kept_free == 0 || store_free_bytes(store) >= store->kept_free + size;
}

/* --- uploads --- */

int upload_begin(struct store *store, uint64_t size, struct upload **upload)
{
    int fd, problem;

    if (!store_has_room(store, size)) {
        errno = ENOSPC;
        return ERR_LIMIT;
    }
    fd = openat(store->directory, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    problem = fd < 0 ? errno : 0;
    if (fd >= 0 && size > 0)
        problem = posix_fallocate(fd, 0, (off_t)size);
    if (problem) {
        if (fd >= 0)
            close(fd);
        errno = problem;
        return error_of(problem);
    }
    *upload = xcalloc(1, sizeof(**upload));
    **upload = (struct upload){.store = store, .fd = fd, .size = size};
    (*upload)->digest = crypto_running_new(CRYPTO_SHA256);
    return 0;
}

int upload_write(struct upload *upload, const void *bytes, size_t length)
{
    const char *at = bytes;

    if (length > upload->size - upload->length)
        return ERR_TOO_BIG;
    crypto_running_add(upload->digest, bytes, length);
    while (length > 0) {
        ssize_t written = write(upload->fd, at, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return error_of(errno);
        at += written;
        length -= (size_t)written;
        upload->length += (uint64_t)written;
    }
    return 0;
}

bool upload_is_whole(const struct upload *upload)
{
    return upload->length == upload->size;
}

static void free_upload(struct upload *upload)
{
    close(upload->fd);
    free(upload);
}

void upload_abort(struct upload *upload)
{
    crypto_running_end(upload->digest, NULL);
    free_upload(upload);
}

static char *end_digest(struct upload *upload)
{
    struct buffer hash = {0};
    uint8_t digest[DIGEST_SIZE];

    crypto_running_end(upload->digest, digest);
    hex_encode(&hash, digest, sizeof(digest));
    return buffer_take(&hash);
}

/* The names of a directory are on the disk. */
static int sync_directory(const struct store *store, const char *path)
{
    int fd = openat(store->directory, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int result = fd >= 0 ? fsync(fd) : -1;

    if (fd >= 0)
        close(fd);
    return result == 0 ? 0 : error_of(errno);
}

/* The same content may stand there already. */
static int link_content(const struct upload *upload, const char *hash)
{
    const struct store *store = upload->store;
    char path[PATH_SIZE], folder[PATH_SIZE], self[PATH_SIZE];

    content_path(path, hash);
    snprintf(folder, sizeof(folder), "content/%.2s", hash);
    snprintf(self, sizeof(self), "/proc/self/fd/%d", upload->fd);
    if (mkdirat(store->directory, folder, 0700) == 0) {
        if (sync_directory(store, "content") != 0)
            return ERR_SYSTEM;
    } else if (errno != EEXIST) {
        return error_of(errno);
    }
    if (linkat(AT_FDCWD, self, store->directory, path, AT_SYMLINK_FOLLOW) != 0)
        return errno == EEXIST ? 0 : error_of(errno);
    return sync_directory(store, folder);
}

static void unlink_unknown(void *user, const char *hash)
{
    const struct store *store = user;
    char path[PATH_SIZE];

    content_path(path, hash);
    if (index_count(store->index, hash) == 0)
        unlinkat(store->directory, path, 0);
}

int upload_commit(struct upload *upload, const struct stored_file *file)
{
    struct store *store = upload->store;
    char *hash = end_digest(upload);
    struct stored_file whole = *file;
    int error = fsync(upload->fd) == 0 ? 0 : error_of(errno);

    whole.hash = hash;
    whole.size = upload->size;
    pthread_mutex_lock(&store->writing);
    if (!error)
        error = link_content(upload, hash);
    if (!error) {
        error = index_add(store->index, &whole);
        if (error)
            unlink_unknown(store, hash);
    }
    pthread_mutex_unlock(&store->writing);
    free(hash);
    free_upload(upload);
    return error;
}

int store_expire(struct store *store, int64_t now_us, bool *more)
{
    pthread_mutex_lock(&store->writing);
    int error = index_expire(store->index, now_us, EXPIRE_MAX, unlink_unknown, store, more);
    pthread_mutex_unlock(&store->writing);
    return error;
}

/* Calls each() for what is in a directory below ours. */
static void each_name(struct store *store, const char *path,
                      void (*each)(struct store *store, const char *name))
{
    int fd = openat(store->directory, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = fd >= 0 ? fdopendir(fd) : NULL;

    if (directory == NULL) {
        if (fd >= 0)
            close(fd);
        return;
    }
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;)
        if (entry->d_name[0] != '.')
            each(store, entry->d_name);
    closedir(directory);
}

static void tidy_content(struct store *store, const char *hash)
{
    pthread_mutex_lock(&store->writing);
    unlink_unknown(store, hash);
    pthread_mutex_unlock(&store->writing);
}

static void tidy_folder(struct store *store, const char *name)
{
    char path[PATH_SIZE];

    snprintf(path, sizeof(path), "content/%.64s", name);
    each_name(store, path, tidy_content);
}

void store_tidy(struct store *store)
{
    each_name(store, "content", tidy_folder);
}
