/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The steps of `kontalkctl setup`. What cannot be done ends it, and is told with how to go on; what
 * was done before stays.
 */
#include "kontalkctl/setup.h"

#include <errno.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/error.h"
#include "common/base/memory.h"
#include "common/xmpp/jid.h"

#define PATIENCE_S 60
#define UNITS_MAX  8

extern char **environ;

/* Its exit status; what it says is seen. */
static int run_program(const char *const *argv)
{
    pid_t pid;
    int status;

    if (posix_spawnp(&pid, argv[0], NULL, NULL, (char *const *)(uintptr_t)argv, environ) != 0)
        return -1;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static const char *site_file(const struct setup *setup)
{
    return arena_printf(setup->arena, "%s/conf.d/site.conf", setup->directory);
}

bool setup_has_own_database(const struct setup *setup)
{
    return strcmp(setup->database, "local") != 0 && strcmp(setup->database, "none") != 0;
}

/* Without a network document rooms that are shared are those of this node. */
static void write_node(const struct setup *setup, FILE *file)
{
    fprintf(file, "[node]\nhost = %s\nnetwork = %s\n", setup->host, setup->domain);
    if (setup->rooms && jid_domain_is_below(setup->rooms, setup->domain))
        fprintf(file, "shared-service = %s\n", setup->rooms);
}

static void write_lines(const struct setup *setup, FILE *file)
{
    fputs("# Written by kontalkctl setup; change it as you like.\n", file);
    write_node(setup, file);
    fprintf(file, "\n[domain \"%s\"]\ncertificate = %s\nkey = %s\n", setup->domain,
            setup_tls_file(setup, "fullchain.pem"), setup_tls_file(setup, "privkey.pem"));
    if (setup->rooms)
        fprintf(file, "service = %s\n", setup->rooms);
    if (setup->files)
        fprintf(file, "service = %s\n", setup->files);
    if (setup->admin)
        fprintf(file, "admin-address = xmpp:%s\nabuse-address = xmpp:%s\n", setup->admin,
                setup->admin);
    if (setup_has_own_database(setup))
        fprintf(file, "\n[database]\nconninfo = %s\n", setup->database);
    if (setup->owner_database)
        fprintf(file, "%sowner-conninfo = %s\n",
                setup_has_own_database(setup) ? "" : "\n[database]\n", setup->owner_database);
    setup_write_services(setup, file);
}

/* A new file, and the directory for it. */
static int write_site(const struct setup *setup)
{
    const char *path = site_file(setup);
    FILE *file;

    mkdir(setup->directory, 0755);
    mkdir(arena_printf(setup->arena, "%s/conf.d", setup->directory), 0755);
    file = fopen(path, "wxe");
    if (!file) {
        ctl_fail("%s: %s", path, strerror(errno));
        return ERR_INVALID;
    }
    write_lines(setup, file);
    bool failed = ferror(file);
    if (fclose(file) != 0 || failed) {
        ctl_fail("%s: %s", path, strerror(errno));
        return ERR_INVALID;
    }
    printf("Written: %s\n", path);
    return 0;
}

/* /usr/sbin/kontalkctl has its helpers in /usr/lib/kontalk. */
static const char *helper(const struct setup *setup, const char *name)
{
    char path[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);

    if (length <= 0)
        return name;
    path[length] = '\0';
    for (int up = 0; up < 2; up++)
        *strrchr(path, '/') = '\0';
    return arena_printf(setup->arena, "%s/lib/kontalk/%s", path, name);
}

/* The configuration with what was just written; NULL: what is wrong has been said. */
static struct config *load(const struct ctl *ctl)
{
    struct config *config = NULL;

    return config_load(ctl->path, stderr, &config) == 0 ? config : NULL;
}

static int make_database(const struct setup *setup, const struct ctl *ctl)
{
    const char *const words[] = {helper(setup, "kontalk-database"), NULL};

    if (strcmp(setup->database, "none") == 0)
        return 0;
    if (setup_has_own_database(setup) ? ctl_run(ctl, "db migrate", 0, NULL) != EXIT_SUCCESS
                                      : run_program(words) != 0) {
        ctl_fail("the database could not be made; try again: %s",
                 setup_has_own_database(setup) ? "kontalkctl db migrate" : words[0]);
        return ERR_INVALID;
    }
    puts("The database is ready.");
    return 0;
}

static int wait_healthy(const struct ctl *ctl, const char *daemon)
{
    static const char *const words[] = {"health"};

    for (int second = 0; second < PATIENCE_S; second++) {
        if (ctl_ask(ctl, daemon, ARRAY_SIZE(words), words) == 0)
            return 0;
        sleep(1);
    }
    ctl_fail("kontalk-%s does not serve yet: systemctl status 'kontalk-*'", daemon);
    return ERR_INVALID;
}

/* systemctl enable --now kontalk.target … */
static size_t start_words(const struct setup *setup, const char *words[UNITS_MAX])
{
    size_t count = 0;

    words[count++] = "systemctl";
    words[count++] = "enable";
    words[count++] = "--now";
    words[count++] = "kontalk.target";
    if (setup->rooms)
        words[count++] = "kontalk-muc";
    if (setup->files)
        words[count++] = "kontalk-files";
    words[count] = NULL;
    return count;
}

static int start_units(const struct setup *setup, const struct ctl *ctl)
{
    const char *words[UNITS_MAX];
    int error = 0;

    start_words(setup, words);
    if (run_program(words) != 0) {
        ctl_fail("the units could not be started");
        return ERR_INVALID;
    }
    error = wait_healthy(ctl, "c2s");
    if (!error && setup->rooms)
        error = wait_healthy(ctl, "muc");
    if (!error && setup->files)
        error = wait_healthy(ctl, "files");
    return error;
}

static void print_start(const struct setup *setup)
{
    const char *words[UNITS_MAX];
    size_t count = start_words(setup, words);

    fputs("Then:", stdout);
    for (size_t i = 0; i < count; i++)
        printf(" %s", words[i]);
    putchar('\n');
}

static int make_admin(const struct setup *setup, const struct ctl *ctl)
{
    const char *const words[] = {setup->admin};

    fprintf(stderr, "A password for %s. ", setup->admin);
    if (ctl_run(ctl, "user add", 1, words) != EXIT_SUCCESS ||
        ctl_run(ctl, "user admin", 1, words) != EXIT_SUCCESS)
        return ERR_INVALID;
    printf("%s is an administrator.\n", setup->admin);
    return 0;
}

static void print_rest(const struct setup *setup)
{
    if (!setup->certificate)
        printf("The certificate is for a trial: clients have to trust %s.\n",
               setup_tls_file(setup, "authority.pem"));
    setup_tell_services(setup);
    setup_print_dns(setup);
    if (setup->start)
        return;
    print_start(setup);
    if (setup->admin)
        printf("      kontalkctl user add %s\n      kontalkctl user admin %s\n"
               "  or: kontalkctl invite --name %s --admin\n",
               setup->admin, setup->admin, setup->admin);
}

static int take_steps(const struct setup *setup, const struct ctl *given)
{
    struct config *config = NULL;
    int error = setup_certificate(setup);

    if (!error)
        error = setup_secrets(setup);
    if (!error)
        error = write_site(setup);
    if (!error && (config = load(given)) == NULL)
        error = ERR_INVALID;
    const struct ctl ctl = {.path = given->path, .config = config};
    if (!error)
        error = make_database(setup, &ctl);
    if (!error && setup->start)
        error = start_units(setup, &ctl);
    if (!error && setup->start && setup->admin)
        error = make_admin(setup, &ctl);
    if (!error)
        print_rest(setup);
    config_free(config);
    return error;
}

/* The directory of the main file. */
static const char *directory_of(struct arena *arena, const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? arena_strndup(arena, path, (size_t)(slash - path)) : ".";
}

static int run(const struct ctl *ctl, size_t argc, const char *const *argv)
{
    struct setup setup = {.arena = arena_new()};

    setup.directory = directory_of(setup.arena, ctl->path);
    int error = setup_ask(&setup, argc, argv);
    if (!error && access(site_file(&setup), F_OK) == 0) {
        ctl_fail("%s is there: this server has been set up", site_file(&setup));
        error = ERR_EXISTS;
    }
    if (!error)
        error = take_steps(&setup, ctl);
    arena_free(setup.arena);
    return error ? EXIT_FAILURE : EXIT_SUCCESS;
}

const struct ctl_verb setup_verbs[] = {
    {"setup", 0, 24, run,
     "[--domain DOMAIN] [--host NAME] [--certificate FILE] [--key FILE] [--database CONNINFO] "
     "[--owner-database CONNINFO] [--rooms DOMAIN] [--rooms-database CONNINFO] [--files DOMAIN] "
     "[--admin JID] [--start]  makes a server of four answers: its domain, its certificate, its "
     "database, its administrator"},
    {0},
};
