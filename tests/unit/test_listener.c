/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Unit tests of listening sockets.
 */
#include "common/io/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <uv.h>

#include "common/base/error.h"
#include "common/base/memory.h"
#include "common/io/address.h"
#include "tests/unit/unit.h"

struct world {
    struct loop *loop;
    char directory[32];
    char *path, *address; /* of a unix socket */
    struct listener *listener;
    int accepted;
    char *peer;
};

static int setup(void **state)
{
    static struct world world;
    world = (struct world){.loop = loop_new(), .directory = "/tmp/kontalk-listen-XXXXXX"};
    assert_non_null(mkdtemp(world.directory));
    world.path = xasprintf("%s/x.sock", world.directory);
    world.address = xasprintf("unix:%s", world.path);
    *state = &world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    if (world->listener) {
        listener_close(world->listener);
    }
    loop_free(world->loop);
    unlink(world->path);
    assert_int_equal(rmdir(world->directory), 0);
    free(world->path);
    free(world->address);
    free(world->peer);
    return 0;
}

static void on_accepted(void *user, int fd, const char *peer)
{
    struct world *world = user;
    assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    world->accepted++;
    free(world->peer);
    world->peer = xstrdup(peer);
    close(fd);
}

static int try_open(struct world *world, const struct listener_settings *settings,
                    const char **problem)
{
    *problem = "";
    return listener_open(world->loop, settings, on_accepted, world, &world->listener, problem);
}

static void must_open(struct world *world, const struct listener_settings *settings)
{
    const char *problem;
    if (try_open(world, settings, &problem) < 0) {
        fail_msg("%s: %s", settings->address, problem);
    }
}

static void shut(struct world *world)
{
    listener_close(world->listener);
    world->listener = NULL;
    uv_run(loop_uv(world->loop), UV_RUN_NOWAIT);
}

static int dial(const char *text)
{
    struct address address;
    assert_int_equal(address_parse(text, &address), 0);
    int fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, &address.any, address.length), 0);
    return fd;
}

static void turn(struct world *world)
{
    uv_run(loop_uv(world->loop), UV_RUN_NOWAIT);
}

static void test_many_connections_in_a_turn(void **state)
{
    struct world *world = *state;
    must_open(world, &(struct listener_settings){.address = "127.0.0.1:0"});
    assert_string_not_equal(listener_address(world->listener), "127.0.0.1:0");
    int fds[100];
    for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
        fds[i] = dial(listener_address(world->listener));
    }
    turn(world);
    assert_int_equal(world->accepted, 64); /* the others on the loop have their turn too */
    turn(world);
    assert_int_equal(world->accepted, 100);
    assert_string_equal(world->peer, "127.0.0.1");
    for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
        close(fds[i]);
    }
}

static void test_rights_of_a_unix_socket(void **state)
{
    static const struct {
        mode_t asked, is;
    } rows[] = {{0, 0660}, {0600, 0600}, {0666, 0666}};
    struct world *world = *state;
    const struct group *own = getgrgid(getgid());
    assert_non_null(own);
    char *group = xstrdup(own->gr_name);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        must_open(world, &(struct listener_settings){
                             .address = world->address, .mode = rows[i].asked, .group = group});
        struct stat file;
        assert_int_equal(stat(world->path, &file), 0);
        assert_int_equal(file.st_mode & 07777, rows[i].is);
        assert_int_equal(file.st_gid, getgid());
        assert_string_equal(listener_address(world->listener), world->address);
        close(dial(world->address));
        turn(world);
        assert_string_equal(world->peer, "unix");
        shut(world);
        assert_int_equal(access(world->path, F_OK), -1);
    }
    free(group);
}

static void test_what_cannot_be_opened(void **state)
{
    struct world *world = *state;
    const struct {
        struct listener_settings settings;
        int result;
    } rows[] = {
        {{.address = "nonsense"}, ERR_INVALID},
        {{.address = "example.test:5222"}, ERR_INVALID},
        {{.address = "192.0.2.1:0"}, ERR_SYSTEM}, /* not ours */
        {{.address = "unix:/nobody/here/x.sock"}, ERR_SYSTEM},
        {{.address = world->address, .group = "no such group"}, ERR_NOT_FOUND},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const char *problem;
        assert_int_equal(try_open(world, &rows[i].settings, &problem), rows[i].result);
        assert_string_not_equal(problem, "");
        assert_null(world->listener);
        assert_int_equal(access(world->path, F_OK), -1);
    }
}

static void test_the_port_is_taken(void **state)
{
    struct world *world = *state;
    must_open(world, &(struct listener_settings){.address = "127.0.0.1:0"});
    struct listener *first = world->listener;
    const char *problem;
    assert_int_equal(
        try_open(world, &(struct listener_settings){.address = listener_address(first)}, &problem),
        ERR_SYSTEM);
    assert_string_equal(problem, "Address already in use");
}

static void test_workers_share_a_port(void **state)
{
    struct world *world = *state;
    must_open(world, &(struct listener_settings){.address = "127.0.0.1:0", .reuse_port = 1});
    struct listener *first = world->listener;
    must_open(world,
              &(struct listener_settings){.address = listener_address(first), .reuse_port = 1});
    assert_string_equal(listener_address(first), listener_address(world->listener));
    listener_close(first);
}

/* The file that a killed process leaves behind. */
static void leave_stale(struct world *world)
{
    struct address address;
    assert_int_equal(address_parse(world->address, &address), 0);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, &address.any, address.length), 0);
    assert_int_equal(listen(fd, 1), 0);
    close(fd);
    assert_int_equal(access(world->path, F_OK), 0);
}

static void test_stale_files_are_replaced(void **state)
{
    struct world *world = *state;
    leave_stale(world);
    must_open(world, &(struct listener_settings){.address = world->address});
    close(dial(world->address));
    turn(world);
    assert_int_equal(world->accepted, 1);
}

static void test_living_sockets_are_not_replaced(void **state)
{
    struct world *world = *state;
    must_open(world, &(struct listener_settings){.address = world->address});
    struct listener *first = world->listener;
    const char *problem;
    assert_int_equal(
        try_open(world, &(struct listener_settings){.address = world->address}, &problem),
        ERR_SYSTEM);
    assert_ptr_equal(world->listener, first);
    close(dial(world->address));
    turn(world);
    turn(world);
    assert_true(world->accepted >= 1);
}

static void test_other_files_are_not_replaced(void **state)
{
    struct world *world = *state;
    int fd = open(world->path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, "precious", 8), 8);
    close(fd);
    const char *problem;
    assert_int_equal(
        try_open(world, &(struct listener_settings){.address = world->address}, &problem),
        ERR_SYSTEM);
    struct stat file;
    assert_int_equal(stat(world->path, &file), 0);
    assert_int_equal(file.st_size, 8);
}

/* A successor has put its own socket in the same place. */
static void test_closing_leaves_the_file_of_another(void **state)
{
    struct world *world = *state;
    must_open(world, &(struct listener_settings){.address = world->address});
    unlink(world->path);
    leave_stale(world);
    shut(world);
    assert_int_equal(access(world->path, F_OK), 0);
}

/* sd_listen_fds(3) */
static void hand_over(int fd, int pid)
{
    char *count = xasprintf("%d", fd - 3 + 1);
    char *owner = xasprintf("%d", pid);
    setenv("LISTEN_FDS", count, 1);
    setenv("LISTEN_PID", owner, 1);
    free(count);
    free(owner);
}

static void test_descriptors_of_systemd(void **state)
{
    struct world *world = *state;
    static const char *const addresses[] = {"127.0.0.1:0", "[::1]:0", NULL};
    for (size_t i = 0; i < ARRAY_SIZE(addresses); i++) {
        struct address address;
        assert_int_equal(address_parse(addresses[i] ? addresses[i] : world->address, &address), 0);
        int fd = socket(address.any.sa_family, SOCK_STREAM, 0);
        assert_int_equal(bind(fd, &address.any, address.length), 0);
        assert_int_equal(listen(fd, 8), 0);
        assert_int_equal(address_of_socket(fd, &address), 0);
        char *text = address_text(&address);
        const char *problem;

        hand_over(fd, getpid() + 1); /* meant for another process */
        assert_int_equal(try_open(world, &(struct listener_settings){.address = text}, &problem),
                         ERR_SYSTEM);
        hand_over(fd, getpid());
        must_open(world, &(struct listener_settings){.address = text});
        assert_string_equal(listener_address(world->listener), text);
        assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
        int client = dial(text);
        int before = world->accepted;
        turn(world);
        assert_true(world->accepted > before);
        close(client);
        shut(world);
        assert_int_equal(fcntl(fd, F_GETFD), -1); /* it was that descriptor */
        free(text);
        unsetenv("LISTEN_FDS");
        unsetenv("LISTEN_PID");
    }
    assert_int_equal(access(world->path, F_OK), 0); /* systemd's file stays */
}

/* Out of descriptors: refused politely, and the loop can sleep again. */
static void test_out_of_descriptors(void **state)
{
    struct world *world = *state;
    must_open(world, &(struct listener_settings){.address = world->address});
    int client = dial(world->address), second = dial(world->address);
    struct rlimit before, none;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    int used[64];
    size_t count = 0;
    none.rlim_cur = 40;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    while (count < ARRAY_SIZE(used) && (used[count] = dup(client)) >= 0) {
        count++;
    }
    assert_int_equal(errno, EMFILE);
    turn(world);
    assert_int_equal(world->accepted, 0);
    char byte;
    assert_int_equal(recv(client, &byte, 1, MSG_DONTWAIT), 0);
    assert_int_equal(recv(second, &byte, 1, MSG_DONTWAIT), 0);
    while (count > 0) {
        close(used[--count]);
    }
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    close(client);
    close(second);
    close(dial(world->address));
    turn(world);
    assert_int_equal(world->accepted, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_many_connections_in_a_turn),
        TEST(test_rights_of_a_unix_socket),
        TEST(test_what_cannot_be_opened),
        TEST(test_the_port_is_taken),
        TEST(test_workers_share_a_port),
        TEST(test_stale_files_are_replaced),
        TEST(test_living_sockets_are_not_replaced),
        TEST(test_other_files_are_not_replaced),
        TEST(test_closing_leaves_the_file_of_another),
        TEST(test_descriptors_of_systemd),
        TEST(test_out_of_descriptors),
#undef TEST
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
