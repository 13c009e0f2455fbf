/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Reading secret files.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/buffer.h"
#include "common/base/error.h"
#include "common/base/memory.h"
#include "common/config/config.h"

#define SECRET_MAX 4096

static int error_from_errno(void)
{
    if (errno == ENOENT || errno == ENOTDIR) {
        return ERR_NOT_FOUND;
    }
    return errno == EACCES || errno == EPERM ? ERR_DENIED : ERR_SYSTEM;
}

static int check_file(int fd)
{
    struct stat status;

    if (fstat(fd, &status) < 0) {
        return ERR_SYSTEM;
    }
    if (!S_ISREG(status.st_mode)) {
        return ERR_INVALID;
    }
    return status.st_mode & S_IRWXO ? ERR_DENIED : 0;
}

/* One byte more than may be there is enough to know. */
static int read_all(int fd, struct buffer *content)
{
    ssize_t count;

    buffer_reserve(content, SECRET_MAX + 1);
    do {
        size_t room = SECRET_MAX + 1 - content->length;
        count = read(fd, content->data + content->length, room);
        if (count < 0 && errno != EINTR) {
            return ERR_SYSTEM;
        }
        buffer_added(content, count > 0 ? (size_t)count : 0);
    } while (count != 0 && content->length <= SECRET_MAX);
    return content->length > SECRET_MAX ? ERR_TOO_BIG : 0;
}

static int read_checked(int fd, struct buffer *content)
{
    int error = check_file(fd);

    if (!error) {
        error = read_all(fd, content);
    }
    if (error) {
        return error;
    }
    if (content->length > 0 && content->data[content->length - 1] == '\n') {
        content->data[--content->length] = '\0';
    }
    return content->length == 0 ? ERR_INVALID : 0;
}

/* Without O_NONBLOCK a pipe would be waited for. */
static int open_plain(const char *path)
{
    return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

/* The last two parts of a path with "_" between: LoadCredential=c2s:/etc/kontalk/secrets/c2s makes
 * such names of the files in that directory. -1: there is none. */
static int open_credential(const char *path)
{
    const char *credentials = getenv("CREDENTIALS_DIRECTORY");
    const char *file = strrchr(path, '/');
    const char *directory = file && file > path ? memrchr(path, '/', (size_t)(file - path)) : NULL;

    if (credentials == NULL || directory == NULL)
        return -1;
    char *name =
        xasprintf("%s/%.*s_%s", credentials, (int)(file - directory - 1), directory + 1, file + 1);
    int fd = open_plain(name);
    free(name);
    return fd;
}

int config_read_secret(const char *path, char **secret, size_t *length)
{
    struct buffer content = {0};
    int fd = open_credential(path);

    if (fd < 0)
        fd = open_plain(path);

    if (fd < 0) {
        return error_from_errno();
    }
    int error = read_checked(fd, &content);
    close(fd);
    if (error) {
        buffer_wipe(&content);
        return error;
    }
    *length = content.length;
    *secret = buffer_take(&content);
    return 0;
}
