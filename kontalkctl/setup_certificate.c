/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * A certificate for the domain, verified before it is taken.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/error.h"
#include "common/tls/tls.h"
#include "common/tls/trial.h"
#include "kontalkctl/setup.h"

/* Who may read certificates and keys, where the units are installed. */
#define TLS_GROUP "kontalk-tls"

const char *setup_tls_file(const struct setup *setup, const char *name)
{
    return arena_printf(setup->arena, "%s/tls/%s%s%s", setup->directory, setup->domain,
                        *name ? "/" : "", name);
}

/* It has to be what a daemon would take. */
static int verify(const char *name, const char *certificate, const char *key, const char **problem)
{
    const struct tls_settings settings = {.role = TLS_SERVER};
    struct tls_context *context;

    int error = tls_context_new(&settings, &context, problem);
    if (!error) {
        error = tls_context_add_certificate(context, name, certificate, key, problem);
        tls_context_unref(context);
    }
    return error;
}

bool setup_covers(const struct setup *setup, const char *name)
{
    const char *problem;

    return verify(name, setup_tls_file(setup, "fullchain.pem"),
                  setup_tls_file(setup, "privkey.pem"), &problem) == 0;
}

static int make_directory(const char *path)
{
    if (mkdir(path, 0755) == 0 || errno == EEXIST)
        return 0;
    ctl_fail("%s: %s", path, strerror(errno));
    return ERR_INVALID;
}

/* For root and the daemons; elsewhere for whoever makes it. */
static int share(const char *path)
{
    const struct group *group = getgrnam(TLS_GROUP);

    if (geteuid() != 0 || !group)
        return chmod(path, 0600);
    return chown(path, 0, group->gr_gid) == 0 ? chmod(path, 0640) : -1;
}

static int copy_bytes(FILE *from, FILE *to)
{
    char bytes[4096];
    size_t got;

    while ((got = fread(bytes, 1, sizeof(bytes), from)) > 0)
        if (fwrite(bytes, 1, got, to) != got)
            return -1;
    return ferror(from) ? -1 : 0;
}

static int copy_file(const char *source, const char *path)
{
    FILE *from = fopen(source, "re");
    int fd = from ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;
    FILE *to = fd >= 0 ? fdopen(fd, "w") : NULL;
    int error = to ? copy_bytes(from, to) : -1;

    if (to && fclose(to) != 0)
        error = -1;
    if (from)
        fclose(from);
    return error;
}

static int copy_pair(const struct setup *setup)
{
    const struct {
        const char *from, *to;
    } files[] = {{setup->key, setup_tls_file(setup, "privkey.pem")},
                 {setup->certificate, setup_tls_file(setup, "fullchain.pem")}};

    for (size_t i = 0; i < ARRAY_SIZE(files); i++)
        if (copy_file(files[i].from, files[i].to) != 0 || share(files[i].to) != 0) {
            ctl_fail("%s: %s", files[i].to, strerror(errno));
            return ERR_INVALID;
        }
    return 0;
}

static int make_trial(const struct setup *setup)
{
    const char *names[4] = {setup->domain, setup->host};
    size_t count = 2;
    const char *key = setup_tls_file(setup, "privkey.pem");
    const char *problem;

    if (setup->rooms)
        names[count++] = setup->rooms;
    if (setup->files)
        names[count++] = setup->files;
    int error = tls_trial_make(names, count, setup_tls_file(setup, "authority.pem"),
                               setup_tls_file(setup, "fullchain.pem"), key, &problem);
    if (!error && share(key) == 0)
        return 0;
    ctl_fail("%s: %s", setup_tls_file(setup, ""), error ? problem : strerror(errno));
    return ERR_INVALID;
}

int setup_certificate(const struct setup *setup)
{
    const char *problem = NULL;

    if (setup->certificate &&
        verify(setup->domain, setup->certificate, setup->key, &problem) != 0) {
        ctl_fail("%s: %s", setup->certificate, problem);
        return ERR_INVALID;
    }
    if (make_directory(arena_printf(setup->arena, "%s/tls", setup->directory)) ||
        make_directory(setup_tls_file(setup, "")))
        return ERR_INVALID;
    return setup->certificate ? copy_pair(setup) : make_trial(setup);
}
