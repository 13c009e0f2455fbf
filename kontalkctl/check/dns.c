/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Whether clients and other servers find this one (RFC 6120 §3.2, RFC 2782, XEP-0368).
 */
#include <ifaddrs.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/error.h"
#include "common/tls/verify.h"
#include "kontalkctl/check/check.h"
#include "kontalkctl/check/names.h"
#include "kontalkctl/check/url.h"
#include "kontalkctl/setup.h"

struct dns_check {
    struct check *check;
    struct names *names;
    const char *host; /* of this node */
    bool is_alone;    /* no other node serves its domains */
};

/* As the DNS has it, in the arena. */
static const char *ascii_of(struct check *check, const char *name)
{
    char *ascii = tls_name_ascii(name);
    const char *copy = arena_strdup(check->arena, ascii);

    free(ascii);
    return copy;
}

static const char *service_remedy(struct dns_check *dns, const char *what,
                                  const struct setup_service *service, const char *domain,
                                  unsigned port)
{
    struct check *check = dns->check;

    return arena_printf(
        check->arena, "%s the zone: %s", what,
        setup_service_record(check->arena, service, ascii_of(check, domain), port, dns->host));
}

static bool is_answered(int error)
{
    return error == 0 || error == ERR_NOT_FOUND;
}

/* What to do when the DNS itself does not answer. */
static void add_silence(struct dns_check *dns, const char *subject, int error)
{
    check_add(dns->check, CHECK_ERROR, subject,
              "look at [s2s] dns-server and /etc/resolv.conf: kontalkctl conf explain dns-server",
              "the DNS does not answer (%s)", error_text(error));
}

/* --- addresses --- */

static void keep_record(void *user, const char *record)
{
    const char **first = user;

    if (!*first)
        *first = record;
}

static const char *address_remedy(struct check *check, const char *host)
{
    const char *record = NULL;

    setup_address_records(check->arena, host, keep_record, &record);
    return arena_printf(check->arena, "add to the zone: %s", record);
}

static bool same_host(const struct sockaddr *own, const struct address *address)
{
    if (own->sa_family != address->any.sa_family)
        return false;
    if (own->sa_family == AF_INET)
        return ((const struct sockaddr_in *)own)->sin_addr.s_addr == address->ip4.sin_addr.s_addr;
    return memcmp(&((const struct sockaddr_in6 *)own)->sin6_addr, &address->ip6.sin6_addr,
                  sizeof(struct in6_addr)) == 0;
}

static bool is_here(const struct names_addresses *addresses)
{
    struct ifaddrs *all = NULL;
    bool found = false;

    if (getifaddrs(&all) != 0)
        return true;
    for (const struct ifaddrs *at = all; at && !found; at = at->ifa_next)
        for (size_t i = 0; at->ifa_addr && i < addresses->count && !found; i++)
            found = (at->ifa_addr->sa_family == AF_INET || at->ifa_addr->sa_family == AF_INET6) &&
                    same_host(at->ifa_addr, &addresses->list[i]);
    freeifaddrs(all);
    return found;
}

static const char *list_addresses(struct check *check, const struct names_addresses *addresses)
{
    const char *text = "";

    for (size_t i = 0; i < addresses->count; i++) {
        char *host = address_host(&addresses->list[i]);
        text = arena_printf(check->arena, "%s%s%s", text, i > 0 ? ", " : "", host);
        free(host);
    }
    return text;
}

/* A name that leads to this machine. */
static void check_host(struct dns_check *dns, const char *host)
{
    struct check *check = dns->check;
    struct names_addresses addresses;
    int error = names_find_addresses(dns->names, host, 0, &addresses);

    if (!is_answered(error))
        add_silence(dns, host, error);
    else if (error)
        check_add(check, CHECK_ERROR, host, address_remedy(check, host), "it has no address");
    else if (!is_here(&addresses))
        check_add(check, CHECK_NOTE, host, NULL,
                  "leads to %s, which is no address of this machine: right behind NAT or a proxy",
                  list_addresses(check, &addresses));
    else
        check_add(check, CHECK_OK, host, NULL, "leads to %s", list_addresses(check, &addresses));
}

/* --- services --- */

/* The port of the first place where it listens; 0: nowhere. */
static unsigned port_of(const struct config *config, const struct setup_service *service)
{
    size_t count = config_list_size(config, service->section, NULL, service->key);
    struct address address;

    if (count == 0 ||
        address_parse(config_list_item(config, service->section, NULL, service->key, 0),
                      &address) != 0)
        return 0;
    return address_port(&address);
}

static bool listens_at(const struct config *config, const struct setup_service *service,
                       unsigned port)
{
    size_t count = config_list_size(config, service->section, NULL, service->key);
    struct address address;

    for (size_t i = 0; i < count; i++)
        if (address_parse(config_list_item(config, service->section, NULL, service->key, i),
                          &address) == 0 &&
            address_port(&address) == port)
            return true;
    return false;
}

/* Without a record one goes to the domain itself and the usual port (RFC 6120 §3.2.2), which there
 * is not for TLS at once. */
static void add_missing(struct dns_check *dns, const struct setup_service *service,
                        const char *domain, const char *subject, unsigned port)
{
    struct check *check = dns->check;
    struct names_addresses addresses;
    const char *remedy = service_remedy(dns, "add to", service, domain, port);
    bool is_extra = strncmp(service->name, "xmpps-", 6) == 0;

    if (is_extra)
        check_add(check, CHECK_WARNING, subject, remedy,
                  "there is no such record: nobody connects with TLS at once (XEP-0368)");
    else if (port == service->port &&
             names_find_addresses(dns->names, domain, 0, &addresses) == 0 && is_here(&addresses))
        check_add(check, CHECK_WARNING, subject, remedy,
                  "there is no such record; it works since %s leads here itself", domain);
    else
        check_add(check, CHECK_ERROR, subject, remedy,
                  "there is no such record: this server is not found");
}

/* What a record leads to; whether it is this node. */
static bool check_target(struct dns_check *dns, const struct setup_service *service,
                         const char *subject, const struct srv *srv)
{
    struct check *check = dns->check;
    struct names_addresses addresses;
    bool is_ours = strcasecmp(srv->target, dns->host) == 0;
    int error = names_find_addresses(dns->names, srv->target, srv->port, &addresses);

    if (!is_answered(error))
        add_silence(dns, srv->target, error);
    else if (error)
        check_add(check, CHECK_ERROR, subject, address_remedy(check, srv->target),
                  "leads to %s, which has no address", srv->target);
    else if (addresses.aliases > 0)
        check_add(check, CHECK_WARNING, subject, address_remedy(check, srv->target),
                  "leads to %s, which is an alias: some do not follow these (RFC 2782)",
                  srv->target);
    if (error || (!is_ours && !is_here(&addresses)))
        return is_ours;
    if (!listens_at(check->config, service, srv->port))
        check_add(check, CHECK_WARNING, subject,
                  arena_printf(check->arena,
                               "change the port of the record to %u, or let [%s] %s "
                               "be at port %u",
                               port_of(check->config, service), service->section, service->key,
                               srv->port),
                  "leads to port %u, where kontalk-%s does not listen", srv->port,
                  service->section);
    else
        check_add(check, CHECK_OK, subject, NULL, "leads to %s port %u", srv->target, srv->port);
    return true;
}

static void check_records(struct dns_check *dns, const struct setup_service *service,
                          const char *domain, const char *subject, const struct names_srv *srv)
{
    const unsigned port = port_of(dns->check->config, service);
    bool found = false;

    for (size_t i = 0; i < srv->count; i++)
        found |= srv->list[i].target[0] && check_target(dns, service, subject, &srv->list[i]);
    if (srv->count > 0 && !srv->list[0].target[0])
        check_add(dns->check, CHECK_ERROR, subject,
                  service_remedy(dns, "replace it in", service, domain, port),
                  "its target is \".\", which says that there is no such service here");
    else if (!found)
        check_add(dns->check, dns->is_alone ? CHECK_WARNING : CHECK_NOTE, subject,
                  service_remedy(dns, "add to", service, domain, port),
                  "leads to %s, but not to this node (%s)", srv->list[0].target, dns->host);
}

/* False: the DNS is silent, and so would it be when asked further. */
static bool check_service(struct dns_check *dns, const struct setup_service *service,
                          const char *domain)
{
    struct check *check = dns->check;
    const char *name = arena_printf(check->arena, "_%s._tcp", service->name);
    const char *subject = arena_printf(check->arena, "%s.%s", name, domain);
    const unsigned port = port_of(check->config, service);
    struct names_srv srv;
    int error = names_find_srv(dns->names, name, domain, &srv);

    if (!is_answered(error)) {
        add_silence(dns, subject, error);
        return false;
    }
    if (error && port)
        add_missing(dns, service, domain, subject, port);
    else if (!error && !port && srv.list[0].target[0])
        check_add(check, CHECK_WARNING, subject, "remove the record from the zone",
                  "there is a record, but [%s] %s is empty", service->section, service->key);
    else if (!error && port)
        check_records(dns, service, domain, subject, &srv);
    return true;
}

/* --- components, which other servers have to find too --- */

static void check_component(struct dns_check *dns, const char *domain)
{
    static const struct setup_service service = {"xmpp-server", 5269, "s2s", "listen"};
    struct names_addresses addresses;
    struct names_srv srv;

    if (names_find_srv(dns->names, "_xmpp-server._tcp", domain, &srv) == 0 ||
        names_find_addresses(dns->names, domain, 0, &addresses) == 0)
        return;
    check_add(
        dns->check, CHECK_WARNING, domain,
        service_remedy(dns, "add to", &service, domain, port_of(dns->check->config, &service)),
        "other servers do not find it: it has no record");
}

static void check_components(struct dns_check *dns)
{
    const struct config *config = dns->check->config;

    if (check_has(dns->check, "muc"))
        check_component(dns, config_text(config, "muc", NULL, "domain"));
    if (check_has(dns->check, "files")) {
        struct url url;
        check_component(dns, config_text(config, "files", NULL, "domain"));
        if (url_read(dns->check->arena, config_text(config, "files", NULL, "public-url"), &url) ==
            0)
            check_host(dns, url.host);
    }
}

static void check_domains(struct dns_check *dns)
{
    const struct config *config = dns->check->config;

    for (size_t i = 0; i < config_instances(config, "domain"); i++)
        for (const struct setup_service *service = setup_services; service->name; service++)
            if (!check_service(dns, service, config_instance(config, "domain", i)))
                return;
    check_host(dns, dns->host);
    check_components(dns);
}

void check_dns(struct check *check)
{
    struct dns_check dns = {
        .check = check,
        .names = names_new(check->config),
        .host = ascii_of(check, config_text(check->config, "node", NULL, "host")),
        .is_alone = config_text(check->config, "node", NULL, "document") == NULL,
    };

    if (dns.names)
        check_domains(&dns);
    else
        add_silence(&dns, "dns", ERR_UNAVAILABLE);
    names_free(dns.names);
}
