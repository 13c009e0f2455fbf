/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Domains from the configuration.
 */
#include "c2s/domain.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/sasl/sasl.h"
#include "common/tls/crypto.h"

#define RANDOM_SECRET_SIZE 32

/* A domain that names none offers all we have. */
static unsigned read_mechanisms(const struct config *config, const char *name)
{
    size_t count = config_list_size(config, "domain", name, "sasl-mechanism");
    unsigned mechanisms = 0;

    for (size_t i = 0; i < count; i++) {
        const char *mechanism = config_list_item(config, "domain", name, "sasl-mechanism", i);
        mechanisms |= 1U << sasl_mechanism_parse(mechanism);
    }
    return count > 0 ? mechanisms : ((1U << SASL_MECHANISMS) - 1) & ~SASL_TOKEN_MECHANISMS;
}

/* The node's host name is an address of servers; it only may have a certificate of its own. */
static bool has_accounts(const struct config *config, const char *name)
{
    return strcmp(name, config_text(config, "node", NULL, "host")) != 0 ||
           strcmp(name, config_text(config, "node", NULL, "network")) == 0;
}

static int read_client_ca(const struct config *config, struct domain *domain)
{
    const char *file = config_text(config, "domain", domain->name, "client-ca");
    const char *problem = NULL;

    if (file == NULL) {
        domain->mechanisms &= ~(1U << SASL_EXTERNAL);
        return 0;
    }
    int error = tls_authorities_load(file, &domain->client_ca, &problem);
    if (error)
        log_error("certificate_refused", LOG_TEXT("domain", domain->name), LOG_TEXT("file", file),
                  LOG_TEXT("reason", problem));
    return error;
}

static int read_domain(const struct config *config, const char *name, struct domain *domain)
{
    domain->name = xstrdup(name);
    domain->channel_binding = config_bool(config, "domain", name, "channel-binding");
    domain->invitations = config_bool(config, "domain", name, "invitations");
    domain->invite_page = xstrdup_or_null(config_text(config, "domain", name, "invite-page"));
    domain->plain_in_network = config_bool(config, "domain", name, "plain-in-network");
    domain->mechanisms = read_mechanisms(config, name);
    domain->tokens =
        config_number(config, "domain", name, "token-lifetime") > 0 ? SASL_TOKEN_MECHANISMS : 0;
    for (unsigned m = 0; m < SASL_MECHANISMS; m++) {
        if (sasl_mechanism_is_plus(m) && !domain->channel_binding)
            domain->mechanisms &= ~(1U << m);
        if (sasl_mechanism_binding(m) && !domain->channel_binding)
            domain->tokens &= ~(1U << m);
    }
    return read_client_ca(config, domain);
}

/* Clients are asked for a certificate if any domain knows CAs for them; which domain a client wants
 * is not known yet when TLS begins without SNI. What it is worth is judged by the domain's own. */
static const char *find_client_ca(const struct config *config)
{
    for (size_t i = 0; i < config_instances(config, "domain"); i++) {
        const char *name = config_instance(config, "domain", i);
        const char *file = config_text(config, "domain", name, "client-ca");
        if (file)
            return file;
    }
    return NULL;
}

static int add_certificates(const struct config *config, struct tls_context *context)
{
    for (size_t i = 0; i < config_instances(config, "domain"); i++) {
        const char *name = config_instance(config, "domain", i);
        const char *certificate = config_text(config, "domain", name, "certificate");
        const char *key = config_text(config, "domain", name, "key");
        const char *problem = NULL;
        int error = tls_context_add_certificate(context, name, certificate, key, &problem);
        if (error) {
            log_error("certificate_refused", LOG_TEXT("domain", name),
                      LOG_TEXT("file", certificate), LOG_TEXT("reason", problem));
            return error;
        }
    }
    return 0;
}

static int make_context(const struct config *config, const char *const *alpn, const char *ca,
                        struct tls_context **context)
{
    const struct tls_settings settings = {
        .role = TLS_SERVER,
        .alpn = alpn,
        .request_certificate = ca != NULL,
        .ca_file = ca,
        .tickets = true,
    };
    const char *problem = NULL;
    int error = tls_context_new(&settings, context, &problem);

    if (error) {
        log_error("tls_setup_failed", LOG_TEXT("reason", problem));
        return error;
    }
    return add_certificates(config, *context);
}

static int read_decoy_secret(const struct config *config, struct domains *domains)
{
    const char *file = config_text(config, "node", NULL, "secret-file");

    if (file) {
        int error = config_read_secret(file, &domains->decoy_secret, &domains->decoy_secret_length);
        if (error)
            log_error("secret_unreadable", LOG_TEXT("file", file), LOG_ERROR(error));
        return error;
    }
    domains->decoy_secret = xmalloc(RANDOM_SECRET_SIZE);
    domains->decoy_secret_length = RANDOM_SECRET_SIZE;
    crypto_random(domains->decoy_secret, RANDOM_SECRET_SIZE);
    return 0;
}

static int read_domains(const struct config *config, struct domains *set)
{
    int error = 0;

    set->list = xcalloc(config_instances(config, "domain") + 1, sizeof(*set->list));
    for (size_t i = 0; error == 0 && i < config_instances(config, "domain"); i++) {
        const char *name = config_instance(config, "domain", i);
        if (has_accounts(config, name))
            error = read_domain(config, name, &set->list[set->count++]);
    }
    if (error == 0 && set->count == 0) {
        log_error("no_domain_configured");
        error = ERR_INVALID;
    }
    return error;
}

int domains_load(const struct config *config, struct domains **domains)
{
    static const char *const alpn[] = {"xmpp-client", NULL};
    static const char *const http[] = {"http/1.1", NULL};
    const char *ca = find_client_ca(config);
    struct domains *set = xcalloc(1, sizeof(*set));

    set->references = 1;
    int error = read_domains(config, set);
    if (error == 0)
        error = read_decoy_secret(config, set);
    if (error == 0)
        error = make_context(config, NULL, ca, &set->starttls);
    if (error == 0)
        error = make_context(config, alpn, ca, &set->direct);
    if (error == 0)
        error = make_context(config, http, NULL, &set->https);
    if (error) {
        domains_unref(set);
        return ERR_INVALID;
    }
    *domains = set;
    return 0;
}

struct domains *domains_ref(struct domains *domains)
{
    domains->references++;
    return domains;
}

void domains_unref(struct domains *domains)
{
    if (--domains->references > 0)
        return;
    for (size_t i = 0; i < domains->count; i++) {
        free(domains->list[i].name);
        free(domains->list[i].invite_page);
        tls_authorities_free(domains->list[i].client_ca);
    }
    free(domains->list);
    if (domains->starttls)
        tls_context_unref(domains->starttls);
    if (domains->direct)
        tls_context_unref(domains->direct);
    if (domains->https)
        tls_context_unref(domains->https);
    if (domains->decoy_secret)
        crypto_wipe(domains->decoy_secret, domains->decoy_secret_length);
    free(domains->decoy_secret);
    free(domains);
}

const struct domain *domains_find(const struct domains *domains, const char *name)
{
    for (size_t i = 0; i < domains->count; i++)
        if (strcmp(domains->list[i].name, name) == 0)
            return &domains->list[i];
    return NULL;
}
