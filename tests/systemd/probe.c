/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What a daemon would try that has been taken over, from inside of its sandbox. Each argument is an
 * attempt, "read=/etc/shadow"; each is answered by a line: "read=/etc/shadow refused 13", or
 * "done".
 */
#define _GNU_SOURCE

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static int read_file(const char *path)
{
    char byte;
    int fd = open(path, O_RDONLY);

    return fd < 0 ? -1 : (int)read(fd, &byte, 1);
}

static int list_directory(const char *path)
{
    return open(path, O_RDONLY | O_DIRECTORY);
}

static int write_file(const char *path)
{
    return open(path, O_WRONLY | O_CREAT, 0600);
}

/* Of a program that ends well by itself if it runs. */
static int execute(const char *path)
{
    int status = 0, pipes[2], problem = 0;

    if (pipe(pipes) != 0)
        return -1;
    pid_t pid = fork();
    if (pid == 0) {
        fcntl(pipes[1], F_SETFD, FD_CLOEXEC);
        execl(path, path, "-c", "exit 0", (char *)NULL);
        problem = errno;
        (void)!write(pipes[1], &problem, sizeof(problem));
        _exit(1);
    }
    close(pipes[1]);
    (void)!read(pipes[0], &problem, sizeof(problem));
    waitpid(pid, &status, 0);
    errno = problem;
    return problem ? -1 : 0;
}

/* A program of its own, where it may write. */
static int execute_own(const char *path)
{
    static char bytes[4 * 1024 * 1024];
    int from = open("/proc/self/exe", O_RDONLY), to = open(path, O_WRONLY | O_CREAT, 0700);
    ssize_t got = from < 0 || to < 0 ? -1 : read(from, bytes, sizeof(bytes));

    if (got < 0 || write(to, bytes, (size_t)got) != got)
        return -1;
    close(to);
    int status = execute(path), problem = errno;
    unlink(path);
    errno = problem;
    return status;
}

static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    memcpy(address.sun_path, path, strlen(path) + 1);
    return fd < 0 ? -1 : connect(fd, (struct sockaddr *)&address, sizeof(address));
}

static int open_socket(const char *family)
{
    static const struct {
        const char *name;
        int family, type;
    } known[] = {{"inet", AF_INET, SOCK_STREAM},
                 {"inet6", AF_INET6, SOCK_DGRAM},
                 {"raw", AF_INET, SOCK_RAW},
                 {"netlink", AF_NETLINK, SOCK_RAW},
                 {"packet", AF_PACKET, SOCK_RAW}};

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (strcmp(known[i].name, family) == 0)
            return socket(known[i].family, known[i].type, known[i].type == SOCK_RAW ? 1 : 0);
    abort();
}

static int trace(const char *pid)
{
    return (int)ptrace(PTRACE_SEIZE, atoi(pid), NULL, NULL);
}

static int call(const char *name)
{
    if (strcmp(name, "setuid") == 0)
        return setuid(0);
    if (strcmp(name, "mount") == 0)
        return mount("none", "/tmp", "tmpfs", 0, NULL);
    if (strcmp(name, "unshare") == 0)
        return unshare(CLONE_NEWUSER);
    if (strcmp(name, "chroot") == 0)
        return chroot("/");
    if (strcmp(name, "code") == 0)
        return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                    0) == MAP_FAILED
                   ? -1
                   : 0;
    abort();
}

static const struct {
    const char *name;
    int (*attempt)(const char *what);
} attempts[] = {{"read", read_file},     {"list", list_directory}, {"write", write_file},
                {"execute", execute},    {"own", execute_own},     {"connect", connect_to},
                {"socket", open_socket}, {"trace", trace},         {"call", call}};

static void try(const char *argument)
{
    const char *what = strchr(argument, '=') + 1;

    for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++) {
        size_t length = strlen(attempts[i].name);
        if (strncmp(argument, attempts[i].name, length) != 0 || argument[length] != '=')
            continue;
        if (attempts[i].attempt(what) >= 0)
            printf("%s done\n", argument);
        else
            printf("%s refused %d\n", argument, errno);
        return;
    }
    abort();
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        try(argv[i]);
    return 0;
}
