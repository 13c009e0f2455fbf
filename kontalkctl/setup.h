/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * `kontalkctl setup`: four answers make a server (docs/INSTALL.md).
 *
 * setup.c              the steps
 * setup_ask.c          the questions, each with an option and a default
 * setup_certificate.c  a certificate that is found, or made
 * setup_services.c     rooms and files
 * setup_dns.c          what belongs into the DNS
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "common/base/arena.h"
#include "kontalkctl/ctl.h"

struct setup {
    struct arena *arena;   /* of all texts */
    const char *directory; /* "/etc/kontalk" */
    const char *domain;    /* of the addresses */
    const char *host;      /* the machine */
    /* The chain; NULL: a certificate is made for a trial. */
    const char *certificate;
    const char *key;
    const char *database;       /* "local", "none", or as libpq has it */
    const char *owner_database; /* for who changes tables; NULL: the same */
    const char *admin;          /* the address of the first account; NULL: none */
    const char *rooms;          /* their domain; NULL: there are none */
    const char *files;
    const char *rooms_database; /* as libpq has it; NULL: as the main file says */
    bool start;                 /* the units too */
};

/* Not one that is made here. */
bool setup_has_own_database(const struct setup *setup);
/* ERR_INVALID: something is missing or wrong, which has been said. */
MUST_CHECK int setup_ask(struct setup *setup, size_t argc, const char *const *argv);
/* Verifies the certificate and puts it where the daemons read it. ERR_INVALID: said. */
MUST_CHECK int setup_certificate(const struct setup *setup);
/* Whether the certificate that was put there is for that name too. */
bool setup_covers(const struct setup *setup, const char *name);
/* The secrets of rooms and files, unless they are there. ERR_INVALID: said. */
MUST_CHECK int setup_secrets(const struct setup *setup);
/* Their sections of the configuration. */
void setup_write_services(const struct setup *setup, FILE *file);
/* Where they are, and what is missing. */
void setup_tell_services(const struct setup *setup);
/* Prints the records, with the addresses of this machine. */
void setup_print_dns(const struct setup *setup);
/* Those of rooms and files, made of the two below them. */
void setup_print_service_records(const struct setup *setup);
void setup_print_servers(const struct setup *setup, const char *domain);
void setup_print_addresses(const struct setup *setup, const char *host);
/* A service of the DNS, the port it has by itself, and where the configuration says it. */
struct setup_service {
    const char *name; /* "xmpp-client" */
    unsigned port;
    const char *section, *key; /* a list of addresses to listen at */
};
extern const struct setup_service setup_services[]; /* ends with name NULL */
/* The record of a service, in the arena. */
char *setup_service_record(struct arena *arena, const struct setup_service *service,
                           const char *domain, unsigned port, const char *host);
/* A record for each address of the Internet that this machine has, or one that says what is
 * missing. */
void setup_address_records(struct arena *arena, const char *host,
                           void (*each)(void *user, const char *record), void *user);
/* "<directory>/tls/<domain>/<name>" in the arena. */
const char *setup_tls_file(const struct setup *setup, const char *name);
