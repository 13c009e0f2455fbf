// SPDX-License-Identifier: AGPL-3.0-or-later
//
// A disk without room, for a program that has this preloaded (ld.so(8)): as long as the file exists
// that FULL_DISK names, no other file grows. What is there already can be written over, as on a
// real disk.

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

// Whether it may not be as long as that.
static bool lacks_room(int fd, off_t end)
{
    struct stat status;
    const char *flag = getenv("FULL_DISK");
    if (fd == STDERR_FILENO || !flag || fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))
        return false;
    return end > status.st_size && access(flag, F_OK) == 0;
}

static bool refuses(int fd, off_t end)
{
    int before = errno;
    bool yes = lacks_room(fd, end);
    errno = yes ? ENOSPC : before;
    return yes;
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at)
{
    return refuses(fd, at + (off_t)size) ? -1 : REAL(pwrite)(fd, data, size, at);
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at)
{
    size_t size = 0;
    for (int i = 0; i < count; i++)
        size += parts[i].iov_len;
    return refuses(fd, at + (off_t)size) ? -1 : REAL(pwritev)(fd, parts, count, at);
}

ssize_t write(int fd, const void *data, size_t size)
{
    off_t at = lseek(fd, 0, SEEK_CUR);
    return at >= 0 && refuses(fd, at + (off_t)size) ? -1 : REAL(write)(fd, data, size);
}

int posix_fallocate(int fd, off_t at, off_t size)
{
    return refuses(fd, at + size) ? ENOSPC : REAL(posix_fallocate)(fd, at, size);
}

int ftruncate(int fd, off_t size)
{
    return refuses(fd, size) ? -1 : REAL(ftruncate)(fd, size);
}
