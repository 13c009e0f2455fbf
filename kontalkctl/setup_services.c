/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Rooms and files: components of the router, each with a secret that is made for it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/error.h"
#include "common/base/memory.h"
#include "common/tls/crypto.h"
#include "kontalkctl/setup.h"

/* Files are fetched by HTTPS, at a port that needs no privilege. */
#define FILES_PORT   5443
#define SECRET_BYTES 20

/* "conference" of "conference.example.net": how the secret is called. */
static const char *secret_file(const struct setup *setup, const char *domain)
{
    return arena_printf(setup->arena, "%s/secrets/components/%.*s", setup->directory,
                        (int)strcspn(domain, "."), domain);
}

static int write_secret(int fd)
{
    char text[2 * SECRET_BYTES + 1];

    crypto_random_hex(text, SECRET_BYTES);
    ssize_t written = write(fd, text, sizeof(text) - 1);
    crypto_wipe(text, sizeof(text));
    return written == (ssize_t)sizeof(text) - 1 ? 0 : -1;
}

/* One that is there stays: the other end may have it already. */
static int make_secret(const struct setup *setup, const char *domain)
{
    const char *path = secret_file(setup, domain);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0 && errno == EEXIST)
        return 0;
    int error = fd < 0 ? -1 : write_secret(fd);
    if (fd >= 0 && close(fd) != 0)
        error = -1;
    if (!error)
        return 0;
    ctl_fail("%s: %s", path, strerror(errno));
    return ERR_INVALID;
}

int setup_secrets(const struct setup *setup)
{
    const char *const services[] = {setup->rooms, setup->files};
    int error = 0;

    mkdir(arena_printf(setup->arena, "%s/secrets", setup->directory), 0700);
    mkdir(arena_printf(setup->arena, "%s/secrets/components", setup->directory), 0700);
    for (size_t i = 0; !error && i < ARRAY_SIZE(services); i++)
        if (services[i])
            error = make_secret(setup, services[i]);
    return error;
}

/* The first name of this server that the certificate is for: what the URLs of files begin with. */
static const char *files_host(const struct setup *setup)
{
    const char *const names[] = {setup->files, setup->host, setup->domain};

    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (setup_covers(setup, names[i]))
            return names[i];
    return setup->files;
}

static void write_rooms(const struct setup *setup, FILE *file)
{
    const char *secret = secret_file(setup, setup->rooms);

    fprintf(file,
            "\n[component \"%s\"]\nsecret-file = %s\nallow = durable\n\n"
            "[muc]\ndomain = %s\nsecret-file = %s\ndurable = yes\n",
            setup->rooms, secret, setup->rooms, secret);
    if (setup->rooms_database)
        fprintf(file, "conninfo = %s\n", setup->rooms_database);
}

static void write_files(const struct setup *setup, FILE *file)
{
    const char *secret = secret_file(setup, setup->files);

    fprintf(file,
            "\n[component \"%s\"]\nsecret-file = %s\n\n"
            "[files]\ndomain = %s\nsecret-file = %s\nlisten-tls = [::]:%u\ncertificate = %s\n"
            "key = %s\npublic-url = https://%s:%u\n",
            setup->files, secret, setup->files, secret, FILES_PORT,
            setup_tls_file(setup, "fullchain.pem"), setup_tls_file(setup, "privkey.pem"),
            files_host(setup), FILES_PORT);
}

void setup_write_services(const struct setup *setup, FILE *file)
{
    if (setup->rooms)
        write_rooms(setup, file);
    if (setup->files)
        write_files(setup, file);
}

void setup_tell_services(const struct setup *setup)
{
    if (setup->rooms)
        printf("Rooms: %s\n", setup->rooms);
    if (setup->rooms && !setup_covers(setup, setup->rooms))
        printf("    The certificate is not for it, so people of other servers may not get into its "
               "rooms:\n    certbot certonly --expand -d %s -d %s\n",
               setup->domain, setup->rooms);
    if (setup->files)
        printf("Files: https://%s:%u\n", files_host(setup), FILES_PORT);
}

void setup_print_service_records(const struct setup *setup)
{
    const char *host = setup->files ? files_host(setup) : setup->host;

    if (setup->rooms)
        setup_print_servers(setup, setup->rooms);
    if (strcmp(host, setup->host) != 0 && strcmp(host, setup->domain) != 0)
        setup_print_addresses(setup, host);
}
