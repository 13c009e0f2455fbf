/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The rights of components. Domains are compared whole or at a dot, never by plain suffix.
 */
#include "router/acl.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/error.h"
#include "common/base/memory.h"
#include "common/tls/crypto.h"
#include "common/xmpp/jid.h"

/* Sets of domains that rules speak of. */
enum domains {
    DOMAINS_NONE,
    DOMAINS_LOCAL,   /* what the accounts of this node are under: host, network, [domain …] */
    DOMAINS_PEERS,   /* other hosts of the network */
    DOMAINS_FOREIGN, /* nothing of ours */
    DOMAINS_LISTED,  /* the component's own section */
    DOMAINS_RETURN   /* where s2s hears of answers that came in at other nodes */
};

/* s2s and net are doors: what they bring in from outside goes to somebody here, never out again
 * by the other door or the same one (open relay). */
static const struct role_row {
    const char *name;
    enum domains bind;
    enum domains send;
    unsigned rights;
} ROLE_ROWS[ROLES] = {
    [ROLE_C2S] = {"c2s", DOMAINS_LOCAL, DOMAINS_LOCAL,
                  ACL_SHARED | ACL_PRIVATE | ACL_USE_DEFAULT | ACL_REFLECT | ACL_DURABLE},
    [ROLE_NET] = {"net", DOMAINS_PEERS, DOMAINS_PEERS, ACL_PRIVATE | ACL_DURABLE},
    [ROLE_S2S] = {"s2s", DOMAINS_RETURN, DOMAINS_FOREIGN, ACL_DEFAULT | ACL_DURABLE},
    [ROLE_COMPONENT] = {"component", DOMAINS_LISTED, DOMAINS_LISTED, ACL_USE_DEFAULT | ACL_REFLECT},
};

static const struct {
    const char *word;
    enum acl_right right;
} RIGHT_WORDS[] = {
    {"default", ACL_DEFAULT}, {"private", ACL_PRIVATE}, {"shared", ACL_SHARED},
    {"log", ACL_LOG},         {"durable", ACL_DURABLE},
};

struct list {
    char **items;
    size_t count;
};

struct acl {
    const struct acl_set *set;
    const struct role_row *row;
    unsigned rights;
    struct list bind; /* DOMAINS_LISTED; the component's own domain comes first */
    struct list send;
    char *secret;
};

struct acl_set {
    char *network;
    struct list local; /* the host comes first */
    struct acl roles[ROLES];
    struct acl *components;
    size_t count;
};

static void list_add(struct list *list, const char *item)
{
    list->items = xrealloc(list->items, (list->count + 1) * sizeof(char *));
    list->items[list->count++] = xstrdup(item);
}

static bool list_has(const struct list *list, const char *item)
{
    for (size_t i = 0; i < list->count; i++) {
        if (!strcmp(list->items[i], item))
            return true;
    }
    return false;
}

static void list_fini(struct list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i]);
    free(list->items);
}

static void list_add_config(struct list *list, const struct config *config, const char *instance,
                            const char *key)
{
    size_t count = config_list_size(config, "component", instance, key);
    for (size_t i = 0; i < count; i++)
        list_add(list, config_list_item(config, "component", instance, key, i));
}

static unsigned read_rights(const struct config *config, const char *name)
{
    unsigned rights = ROLE_ROWS[ROLE_COMPONENT].rights;
    size_t count = config_list_size(config, "component", name, "allow");
    for (size_t i = 0; i < count; i++) {
        const char *word = config_list_item(config, "component", name, "allow", i);
        for (size_t row = 0; row < ARRAY_SIZE(RIGHT_WORDS); row++) {
            if (!strcmp(RIGHT_WORDS[row].word, word))
                rights |= RIGHT_WORDS[row].right;
        }
    }
    return rights;
}

static int read_component(struct acl_set *set, const struct config *config, const char *name,
                          char **problem)
{
    struct acl *acl = &set->components[set->count++];
    const char *path = config_text(config, "component", name, "secret-file");
    size_t length;
    acl->set = set;
    acl->row = &ROLE_ROWS[ROLE_COMPONENT];
    acl->rights = read_rights(config, name);
    list_add(&acl->bind, name);
    list_add_config(&acl->bind, config, name, "domain");
    list_add_config(&acl->send, config, name, "from");
    int error = config_read_secret(path, &acl->secret, &length);
    if (error)
        *problem = xasprintf("secret of component %s in %s: %s", name, path, error_text(error));
    return error;
}

/* With the service that c2s has for it. */
static void add_domain(struct acl_set *set, const struct config *config, const char *domain)
{
    list_add(&set->local, domain);
    if (config_bool(config, "domain", domain, "pubsub")) {
        char *service = xasprintf("pubsub.%s", domain);
        list_add(&set->local, service);
        free(service);
    }
}

static void read_world(struct acl_set *set, const struct config *config)
{
    const char *host = config_text(config, "node", NULL, "host");
    const char *network = config_text(config, "node", NULL, "network");
    set->network = xstrdup(network ? network : host);
    list_add(&set->local, host);
    list_add(&set->local, set->network);
    for (size_t i = 0; i < config_instances(config, "domain"); i++)
        add_domain(set, config, config_instance(config, "domain", i));
    for (int role = 0; role < ROLES; role++) {
        set->roles[role] =
            (struct acl){.set = set, .row = &ROLE_ROWS[role], .rights = ROLE_ROWS[role].rights};
    }
}

int acl_set_new(const struct config *config, struct acl_set **result, char **problem)
{
    struct acl_set *set = xcalloc(1, sizeof(*set));
    size_t count = config_instances(config, "component");
    read_world(set, config);
    set->components = xcalloc(count + 1, sizeof(*set->components));
    for (size_t i = 0; i < count; i++) {
        int error = read_component(set, config, config_instance(config, "component", i), problem);
        if (error) {
            acl_set_free(set);
            return error;
        }
    }
    *result = set;
    return 0;
}

void acl_set_free(struct acl_set *set)
{
    if (!set)
        return;
    for (size_t i = 0; i < set->count; i++) {
        struct acl *acl = &set->components[i];
        list_fini(&acl->bind);
        list_fini(&acl->send);
        if (acl->secret)
            crypto_wipe(acl->secret, strlen(acl->secret));
        free(acl->secret);
    }
    free(set->components);
    list_fini(&set->local);
    free(set->network);
    free(set);
}

const char *role_name(enum role role)
{
    return ROLE_ROWS[role].name;
}

const struct acl *acl_of_role(const struct acl_set *set, enum role role)
{
    return &set->roles[role];
}

const struct acl *acl_of_component(const struct acl_set *set, const char *domain)
{
    for (size_t i = 0; i < set->count; i++) {
        if (!strcmp(set->components[i].bind.items[0], domain))
            return &set->components[i];
    }
    return NULL;
}

bool acl_is_local(const struct acl_set *set, const char *domain)
{
    return list_has(&set->local, domain);
}

bool acl_allows(const struct acl *acl, enum acl_right right)
{
    return acl->rights & right;
}

static bool is_listed_anywhere(const struct acl_set *set, const char *domain)
{
    for (size_t i = 0; i < set->count; i++) {
        if (list_has(&set->components[i].bind, domain))
            return true;
    }
    return false;
}

bool acl_is_known(const struct acl_set *set, const char *domain)
{
    return acl_is_local(set, domain) || is_listed_anywhere(set, domain);
}

bool acl_is_network(const struct acl_set *set, const char *domain)
{
    return !strcmp(domain, set->network) || jid_domain_is_below(domain, set->network);
}

/* network_return_door() of our host. */
static bool is_return(const struct acl_set *set, const char *domain)
{
    return !strncmp(domain, "s2s.", 4) && !strcmp(domain + 4, set->local.items[0]);
}

static bool is_in(const struct acl *acl, enum domains domains, const char *domain)
{
    const struct acl_set *set = acl->set;
    switch (domains) {
    case DOMAINS_NONE:
        return false;
    case DOMAINS_LOCAL:
        return acl_is_local(set, domain);
    case DOMAINS_PEERS:
        return acl_is_network(set, domain) && !acl_is_known(set, domain) && !is_return(set, domain);
    case DOMAINS_FOREIGN:
        return !acl_is_network(set, domain) && !acl_is_known(set, domain);
    case DOMAINS_LISTED:
        return list_has(&acl->bind, domain);
    case DOMAINS_RETURN:
        return is_return(set, domain);
    }
    return false;
}

bool acl_may_bind(const struct acl *acl, const char *domain)
{
    return is_in(acl, acl->row->bind, domain);
}

bool acl_may_send(const struct acl *acl, const char *domain)
{
    return is_in(acl, acl->row->send, domain) || list_has(&acl->send, domain);
}

const char *acl_secret(const struct acl *acl)
{
    return acl->secret;
}
