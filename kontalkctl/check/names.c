/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Asking the DNS and waiting.
 */
#include "kontalkctl/check/names.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/error.h"
#include "common/base/memory.h"
#include "common/tls/verify.h"

struct names {
    struct loop *loop;
    struct dns *dns;
};

/* Whether answers are signed is for those who believe them; here one sees what everybody sees. */
struct names *names_new(const struct config *config)
{
    struct names *names = xcalloc(1, sizeof(*names));

    names->loop = loop_new();
    if (dns_unbound_configured(names->loop, config, false, &names->dns) == 0)
        return names;
    names->dns = NULL;
    names_free(names);
    return NULL;
}

void names_free(struct names *names)
{
    if (!names)
        return;
    if (names->dns)
        dns_unbound_free(names->dns);
    loop_free(names->loop);
    free(names);
}

/* What an answer is turned into, inside the callback. */
struct question {
    struct names *names;
    enum dns_type type;
    uint16_t port;
    struct names_srv *srv;
    struct names_addresses *addresses;
    int status;
};

static void take_srv(struct question *question, const struct dns_record *record)
{
    struct names_srv *srv = question->srv;

    if (srv->count < RECORDS_SRV_MAX && record_srv(record, &srv->list[srv->count]) == 0)
        srv->count++;
}

static void take_address(struct question *question, const struct dns_record *record)
{
    struct names_addresses *found = question->addresses;

    if (found->count < ARRAY_SIZE(found->list) &&
        record_address(question->type, record, question->port, &found->list[found->count]) == 0)
        found->count++;
}

static void on_answer(void *user, const struct dns_answer *answer)
{
    struct question *question = user;

    question->status = answer->status;
    for (size_t i = 0; answer->status == 0 && i < answer->count; i++)
        (question->srv ? take_srv : take_address)(question, &answer->records[i]);
    if (question->addresses)
        question->addresses->aliases += answer->aliases;
    loop_stop(question->names->loop);
}

static int ask(struct question *question, const char *name)
{
    struct dns *dns = question->names->dns;
    char *ascii = tls_name_ascii(name);

    if (dns->ops->ask(dns, ascii, question->type, on_answer, question))
        loop_run(question->names->loop);
    free(ascii);
    return question->status;
}

int names_find_srv(struct names *names, const char *service, const char *domain,
                   struct names_srv *srv)
{
    struct question question = {.names = names, .type = DNS_SRV, .srv = srv};
    char *name = xasprintf("%s.%s", service, domain);

    *srv = (struct names_srv){0};
    int error = ask(&question, name);
    free(name);
    return error == 0 && srv->count == 0 ? ERR_NOT_FOUND : error;
}

int names_find_addresses(struct names *names, const char *host, uint16_t port,
                         struct names_addresses *addresses)
{
    static const enum dns_type types[] = {DNS_A, DNS_AAAA};
    int error = 0;

    *addresses = (struct names_addresses){0};
    for (size_t i = 0; i < ARRAY_SIZE(types) && (error == 0 || error == ERR_NOT_FOUND); i++) {
        struct question question = {
            .names = names, .type = types[i], .port = port, .addresses = addresses};
        error = ask(&question, host);
    }
    if (addresses->count > 0)
        return 0;
    return error == 0 ? ERR_NOT_FOUND : error;
}

int names_find_host(struct names *names, const char *host, uint16_t port, struct address *address)
{
    char *text = xasprintf(strchr(host, ':') ? "[%s]:%u" : "%s:%u", host, port);
    struct names_addresses addresses;
    int error = address_parse(text, address);

    free(text);
    if (!error)
        return 0;
    error = names ? names_find_addresses(names, host, port, &addresses) : ERR_UNAVAILABLE;
    if (!error)
        *address = addresses.list[0];
    return error;
}
