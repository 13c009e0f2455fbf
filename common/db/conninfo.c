/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Whether a connection string names its hosts so that connecting never blocks.
 */
#include <arpa/inet.h>
#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/error.h"
#include "common/base/memory.h"
#include "common/db/connection.h"
#include "common/db/db.h"

static bool is_numeric(const char *host)
{
    unsigned char address[sizeof(struct in6_addr)];

    return inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
}

/* "localhost" is in /etc/hosts. */
static bool is_local(const char *host)
{
    return host[0] == '\0' || host[0] == '/' || host[0] == '@' || strcmp(host, "localhost") == 0;
}

static bool needs_resolving(const char *hosts)
{
    char *list = xstrdup(hosts), *rest = list, *host;
    bool needs = false;

    while ((host = strsep(&rest, ",")) != NULL) {
        needs = needs || !(is_local(host) || is_numeric(host));
    }
    free(list);
    return needs;
}

static const char *option(const PQconninfoOption *options, const char *keyword)
{
    for (; options->keyword != NULL; options++) {
        if (strcmp(options->keyword, keyword) == 0 && options->val != NULL) {
            return options->val;
        }
    }
    return "";
}

int db_check_conninfo(const char *conninfo, char **problem)
{
    PQconninfoOption *options = PQconninfoParse(conninfo, NULL);
    int error = 0;

    *problem = NULL;
    if (options == NULL) {
        /* libpq would quote the place, which may be the password. */
        *problem = xstrdup("not a connection string of libpq");
        return ERR_INVALID;
    }
    if (option(options, "hostaddr")[0] == '\0' && needs_resolving(option(options, "host"))) {
        *problem = xasprintf("host=%s would have to be looked up: add hostaddr= with its address",
                             option(options, "host"));
        error = ERR_INVALID;
    }
    PQconninfoFree(options);
    return error;
}

/* Behind what the operator gives, so that it is in force beside it. */
char *db_reader_options(const char *conninfo, unsigned deadline_ms)
{
    PQconninfoOption *options = PQconninfoParse(conninfo, NULL);
    char *text = xasprintf("%s -c statement_timeout=%u", options ? option(options, "options") : "",
                           deadline_ms);

    PQconninfoFree(options);
    return text;
}
