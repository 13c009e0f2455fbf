/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What the configuration says about domains.
 */
#include "s2s/policy.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/tls/crypto.h"

#define SECRET_SIZE 32 /* 256 bits, as CVE-2016-1232 teaches */

/* A domain with a certificate. */
struct own {
    char *name;
    struct tls_context *client[2]; /* STARTTLS, direct */
};

struct policy {
    unsigned references;
    struct own *own;
    size_t own_count;
    char **served; /* all names of ours, those of components last */
    size_t served_count, accounts_count;
    char **allow, **deny; /* NULL-terminated */
    bool require_tls, require_certificate;
    struct peer *peers;
    size_t peers_count;
    struct tls_context *server[2]; /* STARTTLS, direct */
    char *secret;
    size_t secret_length;
    bool secret_made;
};

struct peer {
    char *name;
    int require_tls, require_certificate; /* -1: as for all */
    struct resolution *addresses;         /* NULL: ask the DNS */
};

static const char *const direct_alpn[] = {"xmpp-server", NULL};

/* --- names --- */

static void serve(struct policy *policy, const char *name)
{
    policy->served = xrealloc(policy->served, (policy->served_count + 1) * sizeof(*policy->served));
    policy->served[policy->served_count++] = xstrdup(name);
}

static bool has(char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(names[i], name) == 0)
            return true;
    }
    return false;
}

/* The host's name is for servers of the network only, unless it is the network's too. */
static void read_served(struct policy *policy, const struct config *config)
{
    const char *host = config_text(config, "node", NULL, "host");
    const char *network = config_text(config, "node", NULL, "network");
    serve(policy, network);
    for (size_t i = 0; i < config_instances(config, "domain"); i++) {
        const char *name = config_instance(config, "domain", i);
        if (strcmp(name, host) != 0)
            serve(policy, name);
    }
    policy->accounts_count = policy->served_count;
    for (size_t i = 0; i < config_instances(config, "component"); i++) {
        const char *component = config_instance(config, "component", i);
        size_t count = config_list_size(config, "component", component, "domain");
        serve(policy, component);
        for (size_t d = 0; d < count; d++)
            serve(policy, config_list_item(config, "component", component, "domain", d));
    }
}

static char **read_list(const struct config *config, const char *key)
{
    size_t count = config_list_size(config, "s2s", NULL, key);
    char **list = xcalloc(count + 1, sizeof(*list));
    for (size_t i = 0; i < count; i++)
        list[i] = xstrdup(config_list_item(config, "s2s", NULL, key, i));
    return list;
}

static size_t list_length(char *const *list)
{
    size_t count = 0;
    while (list && list[count])
        count++;
    return count;
}

/* --- peers --- */

static int read_choice(const struct config *config, const char *name, const char *key)
{
    const char *word = config_text(config, "peer", name, key);
    if (strcmp(word, "default") == 0)
        return -1;
    return strcmp(word, "yes") == 0;
}

static void add_addresses(const struct config *config, const char *name, const char *key,
                          bool direct, struct resolution *addresses)
{
    size_t count = config_list_size(config, "peer", name, key);
    struct target *target = &addresses->targets[addresses->targets_count];
    if (count == 0)
        return;
    *target = (struct target){.direct_tls = direct};
    for (size_t i = 0; i < count; i++) {
        struct address address;
        if (address_parse(config_list_item(config, "peer", name, key, i), &address) == 0)
            target_add_address(target, &address);
    }
    addresses->targets_count++;
}

static struct resolution *read_addresses(const struct config *config, const char *name)
{
    struct resolution *addresses = xcalloc(1, sizeof(*addresses));
    add_addresses(config, name, "address-tls", true, addresses);
    add_addresses(config, name, "address", false, addresses);
    if (addresses->targets_count > 0)
        return addresses;
    free(addresses);
    return NULL;
}

static void read_peers(struct policy *policy, const struct config *config)
{
    size_t count = config_instances(config, "peer");
    policy->peers = xcalloc(count + 1, sizeof(*policy->peers));
    for (size_t i = 0; i < count; i++) {
        const char *name = config_instance(config, "peer", i);
        policy->peers[policy->peers_count++] = (struct peer){
            .name = xstrdup(name),
            .require_tls = read_choice(config, name, "require-tls"),
            .require_certificate = read_choice(config, name, "require-certificate"),
            .addresses = read_addresses(config, name),
        };
    }
}

static const struct peer *find_peer(const struct policy *policy, const char *name)
{
    for (size_t i = 0; i < policy->peers_count; i++) {
        if (strcmp(policy->peers[i].name, name) == 0)
            return &policy->peers[i];
    }
    return NULL;
}

/* --- TLS --- */

static int add_certificate(const struct config *config, const char *name,
                           struct tls_context *context)
{
    const char *certificate = config_text(config, "domain", name, "s2s-certificate");
    const char *key = config_text(config, "domain", name, "s2s-key");
    const char *problem = NULL;
    if (!certificate || !key) {
        certificate = config_text(config, "domain", name, "certificate");
        key = config_text(config, "domain", name, "key");
    }
    int error = tls_context_add_certificate(context, name, certificate, key, &problem);
    if (error)
        log_error("certificate_refused", LOG_TEXT("domain", name), LOG_TEXT("file", certificate),
                  LOG_TEXT("reason", problem));
    return error;
}

static int new_context(const struct config *config, enum tls_role role, bool direct,
                       struct tls_context **context)
{
    const struct tls_settings settings = {
        .role = role,
        .alpn = direct ? direct_alpn : NULL,
        .request_certificate = role == TLS_SERVER,
        .ca_file = config_text(config, "s2s", NULL, "ca-file"),
    };
    const char *problem = NULL;
    int error = tls_context_new(&settings, context, &problem);
    if (error)
        log_error("tls_setup_failed", LOG_TEXT("reason", problem));
    return error;
}

static int load_server_tls(struct policy *policy, const struct config *config, bool direct)
{
    int error = new_context(config, TLS_SERVER, direct, &policy->server[direct]);
    for (size_t i = 0; !error && i < config_instances(config, "domain"); i++)
        error =
            add_certificate(config, config_instance(config, "domain", i), policy->server[direct]);
    return error;
}

static int load_own(const struct config *config, const char *name, struct own *own)
{
    int error = 0;
    own->name = xstrdup(name);
    for (int direct = 0; !error && direct < 2; direct++) {
        error = new_context(config, TLS_CLIENT, direct, &own->client[direct]);
        if (!error)
            error = add_certificate(config, name, own->client[direct]);
    }
    return error;
}

static int load_tls(struct policy *policy, const struct config *config)
{
    size_t count = config_instances(config, "domain");
    int error = load_server_tls(policy, config, false);
    if (!error)
        error = load_server_tls(policy, config, true);
    policy->own = xcalloc(count + 1, sizeof(*policy->own));
    for (size_t i = 0; !error && i < count; i++)
        error = load_own(config, config_instance(config, "domain", i),
                         &policy->own[policy->own_count++]);
    return error;
}

/* --- the secret of dialback --- */

static int load_secret(struct policy *policy, const struct config *config,
                       const struct policy *before)
{
    const char *file = config_text(config, "s2s", NULL, "dialback-secret-file");
    if (file) {
        int error = config_read_secret(file, &policy->secret, &policy->secret_length);
        if (error)
            log_error("secret_unreadable", LOG_TEXT("file", file), LOG_ERROR(error));
        return error;
    }
    policy->secret_made = true;
    policy->secret = xmalloc(SECRET_SIZE);
    policy->secret_length = SECRET_SIZE;
    if (before && before->secret_made)
        memcpy(policy->secret, before->secret, SECRET_SIZE);
    else
        crypto_random(policy->secret, SECRET_SIZE);
    return 0;
}

int policy_load(const struct config *config, const struct policy *before, struct policy **policy)
{
    struct policy *new = xcalloc(1, sizeof(*new));
    new->references = 1;
    new->require_tls = config_bool(config, "s2s", NULL, "require-tls");
    new->require_certificate = config_bool(config, "s2s", NULL, "require-certificate");
    new->allow = read_list(config, "allow");
    new->deny = read_list(config, "deny");
    read_served(new, config);
    read_peers(new, config);
    int error = load_secret(new, config, before);
    if (!error)
        error = load_tls(new, config);
    if (!error && new->own_count == 0) {
        log_error("no_domain_configured");
        error = ERR_INVALID;
    }
    if (error) {
        policy_unref(new);
        return ERR_INVALID;
    }
    *policy = new;
    return 0;
}

struct policy *policy_ref(struct policy *policy)
{
    policy->references++;
    return policy;
}

static void free_list(char **list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(list[i]);
    free(list);
}

void policy_unref(struct policy *policy)
{
    if (!policy || --policy->references > 0)
        return;
    for (size_t i = 0; i < policy->own_count; i++) {
        free(policy->own[i].name);
        for (int direct = 0; direct < 2; direct++)
            tls_context_unref(policy->own[i].client[direct]);
    }
    for (size_t i = 0; i < policy->peers_count; i++) {
        free(policy->peers[i].name);
        free(policy->peers[i].addresses);
    }
    for (int direct = 0; direct < 2; direct++)
        tls_context_unref(policy->server[direct]);
    free_list(policy->served, policy->served_count);
    free_list(policy->allow, list_length(policy->allow));
    free_list(policy->deny, list_length(policy->deny));
    if (policy->secret)
        crypto_wipe(policy->secret, policy->secret_length);
    free(policy->secret);
    free(policy->own);
    free(policy->peers);
    free(policy);
}

/* --- questions --- */

bool policy_is_ours(const struct policy *policy, const char *domain)
{
    return has(policy->served, policy->served_count, domain);
}

bool policy_has_accounts(const struct policy *policy, const char *domain)
{
    return has(policy->served, policy->accounts_count, domain);
}

bool policy_admits(const struct policy *policy, const char *domain)
{
    size_t allowed = list_length(policy->allow);
    if (has(policy->deny, list_length(policy->deny), domain))
        return false;
    return allowed == 0 || has(policy->allow, allowed, domain);
}

bool policy_requires_tls(const struct policy *policy, const char *domain)
{
    const struct peer *peer = find_peer(policy, domain);
    return peer && peer->require_tls >= 0 ? peer->require_tls > 0 : policy->require_tls;
}

bool policy_requires_certificate(const struct policy *policy, const char *domain)
{
    const struct peer *peer = find_peer(policy, domain);
    return peer && peer->require_certificate >= 0 ? peer->require_certificate > 0
                                                  : policy->require_certificate;
}

struct resolution *policy_addresses(const struct policy *policy, const char *domain)
{
    const struct peer *peer = find_peer(policy, domain);
    if (!peer || !peer->addresses)
        return NULL;
    struct resolution *copy = xmalloc(sizeof(*copy));
    *copy = *peer->addresses;
    copy->count = targets_candidates(copy->targets, copy->targets_count, copy->candidates,
                                     ARRAY_SIZE(copy->candidates));
    return copy;
}

struct tls_context *policy_server_tls(const struct policy *policy, bool direct)
{
    return policy->server[direct];
}

struct tls_context *policy_client_tls(const struct policy *policy, const char *local, bool direct)
{
    for (size_t i = 0; i < policy->own_count; i++) {
        if (strcmp(policy->own[i].name, local) == 0)
            return policy->own[i].client[direct];
    }
    return policy->own[0].client[direct];
}

const char *policy_secret(const struct policy *policy, size_t *length)
{
    *length = policy->secret_length;
    return policy->secret;
}
