/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The questions of `kontalkctl setup`. What an option says is not asked; where nobody can be asked
 * the default is taken.
 */
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/error.h"
#include "common/base/memory.h"
#include "common/xmpp/jid.h"
#include "kontalkctl/setup.h"

/* The full name of this machine; NULL: it has none. */
static const char *own_name(struct arena *arena)
{
    char name[256];
    struct addrinfo hints = {.ai_flags = AI_CANONNAME, .ai_socktype = SOCK_STREAM}, *found;
    const char *full = NULL;

    if (gethostname(name, sizeof(name)) != 0 || getaddrinfo(name, NULL, &hints, &found) != 0)
        return NULL;
    if (found->ai_canonname && strchr(found->ai_canonname, '.'))
        full = arena_strdup(arena, found->ai_canonname);
    freeaddrinfo(found);
    return full;
}

/* xmpp.example.net serves example.net; example.net itself. NULL: it cannot be told. */
static const char *guess_domain(struct arena *arena)
{
    const char *name = own_name(arena);
    const char *dot = name ? strchr(name, '.') : NULL;

    return dot && strchr(dot + 1, '.') ? dot + 1 : name;
}

static const char *guess_host(const struct setup *setup)
{
    const char *name = own_name(setup->arena);

    return name && jid_domain_is_below(name, setup->domain)
               ? name
               : arena_printf(setup->arena, "xmpp.%s", setup->domain);
}

static const char *guess_certificate(const struct setup *setup)
{
    const char *found =
        arena_printf(setup->arena, "/etc/letsencrypt/live/%s/fullchain.pem", setup->domain);

    return access(found, R_OK) == 0 ? found : "trial";
}

/* What was typed, or the default; NULL: neither. */
static const char *ask(const struct setup *setup, const char *question, const char *fallback)
{
    char *line = NULL;
    size_t size = 0;
    const char *answer = fallback;

    if (!isatty(STDIN_FILENO))
        return fallback;
    fprintf(stderr, "%s%s%s%s ", question, fallback ? " [" : "", fallback ? fallback : "",
            fallback ? "]:" : ":");
    if (getline(&line, &size, stdin) > 0 && strcspn(line, "\r\n") > 0)
        answer = arena_strndup(setup->arena, line, strcspn(line, "\r\n"));
    free(line);
    return answer;
}

struct options {
    const char *domain, *host, *certificate, *key, *database, *admin, *rooms, *files,
        *rooms_database, *owner_database;
    bool start;
};

static int read_options(struct options *options, size_t argc, const char *const *argv)
{
    const struct {
        const char *name;
        const char **value;
    } known[] = {
        {"--domain", &options->domain},
        {"--host", &options->host},
        {"--certificate", &options->certificate},
        {"--key", &options->key},
        {"--database", &options->database},
        {"--admin", &options->admin},
        {"--rooms", &options->rooms},
        {"--files", &options->files},
        {"--rooms-database", &options->rooms_database},
        {"--owner-database", &options->owner_database},
    };

    for (size_t i = 0; i < argc; i++) {
        size_t at = 0;
        if (strcmp(argv[i], "--start") == 0) {
            options->start = true;
            continue;
        }
        while (at < ARRAY_SIZE(known) && strcmp(argv[i], known[at].name) != 0)
            at++;
        if (at == ARRAY_SIZE(known) || i + 1 == argc) {
            ctl_fail(at == ARRAY_SIZE(known) ? "no option is called '%s'" : "'%s' needs a value",
                     argv[i]);
            return ERR_INVALID;
        }
        *known[at].value = argv[++i];
    }
    return 0;
}

/* The domain as it is compared, and not "localhost", which nobody else can reach. */
static int take_domain(struct setup *setup, const char *given)
{
    struct jid jid;

    if (!given)
        given = ask(setup, "The domain of the addresses, such as example.net",
                    guess_domain(setup->arena));
    if (!given || jid_parse(setup->arena, given, &jid) != 0 || jid.local || jid.resource ||
        !strchr(jid.domain, '.')) {
        ctl_fail(given ? "'%s' is no domain" : "which domain? --domain example.net", given);
        return ERR_INVALID;
    }
    setup->domain = jid.domain;
    return 0;
}

/* privkey.pem beside the chain, as certbot has it. */
static const char *key_beside(const struct setup *setup, const char *certificate)
{
    const char *slash = strrchr(certificate, '/');

    return slash ? arena_printf(setup->arena, "%.*s/privkey.pem", (int)(slash - certificate),
                                certificate)
                 : "privkey.pem";
}

static void take_certificate(struct setup *setup, const struct options *options)
{
    const char *answer = options->certificate;

    if (!answer)
        answer = ask(setup, "Its certificate with its chain, or 'trial' to have one made",
                     guess_certificate(setup));
    if (strcmp(answer, "trial") == 0)
        return;
    setup->certificate = answer;
    setup->key = options->key ? options->key : key_beside(setup, answer);
}

static int take_admin(struct setup *setup, const char *given)
{
    struct jid jid;

    if (!given)
        given = ask(setup, "The address of its administrator, or 'none'",
                    isatty(STDIN_FILENO) ? arena_printf(setup->arena, "admin@%s", setup->domain)
                                         : "none");
    if (strcmp(given, "none") == 0)
        return 0;
    if (jid_parse(setup->arena, given, &jid) != 0 || !jid.local || jid.resource ||
        strcmp(jid.domain, setup->domain) != 0) {
        ctl_fail("'%s' is no address of %s", given, setup->domain);
        return ERR_INVALID;
    }
    setup->admin = jid.bare;
    return 0;
}

/* "conference.example.net" unless it is said otherwise; 'none': there is no such service. */
static int take_service(const struct setup *setup, const char *option, const char *given,
                        const char *label, const char **domain)
{
    struct jid jid;

    if (!given)
        given = arena_printf(setup->arena, "%s.%s", label, setup->domain);
    if (strcmp(given, "none") == 0)
        return 0;
    if (jid_parse(setup->arena, given, &jid) != 0 || jid.local || jid.resource ||
        !strchr(jid.domain, '.') || strcmp(jid.domain, setup->domain) == 0) {
        ctl_fail("%s: '%s' is no domain of its own", option, given);
        return ERR_INVALID;
    }
    *domain = jid.domain;
    return 0;
}

/* Rooms have tables of their own, for which a database elsewhere has a role and a password. */
static int take_services(struct setup *setup, const struct options *options)
{
    int error = take_service(setup, "--rooms", options->rooms, "conference", &setup->rooms);

    if (!error)
        error = take_service(setup, "--files", options->files, "upload", &setup->files);
    setup->rooms_database = options->rooms_database;
    if (error || !setup->rooms || setup->rooms_database || !setup_has_own_database(setup))
        return error;
    if (options->rooms) {
        ctl_fail("--rooms with a database of your own needs --rooms-database CONNINFO");
        return ERR_INVALID;
    }
    fputs("No rooms: with a database of your own they need --rooms-database CONNINFO.\n", stderr);
    setup->rooms = NULL;
    return 0;
}

int setup_ask(struct setup *setup, size_t argc, const char *const *argv)
{
    struct options options = {0};

    if (read_options(&options, argc, argv) || take_domain(setup, options.domain))
        return ERR_INVALID;
    setup->host = options.host ? options.host : guess_host(setup);
    take_certificate(setup, &options);
    setup->database = options.database;
    if (!setup->database)
        setup->database = ask(
            setup, "Its database: 'local', or how to connect (libpq), or 'none' for now", "local");
    setup->owner_database = options.owner_database;
    setup->start = options.start;
    int error = take_admin(setup, options.admin);
    return error ? error : take_services(setup, &options);
}
