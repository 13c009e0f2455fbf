/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Access: the models as a table of questions.
 */
#include "c2s/pubsub/access.h"

#include <string.h>

#include "c2s/sm/roster.h"

static const struct pubsub_refusal granted = {.condition = -1};

static bool has_presence(const struct account *account, const struct jid *who)
{
    return jid_bare_equal(account->jid, who) ||
           subscription_from(roster_subscription(account, who->bare));
}

static bool is_listed(const char *list, const char *name)
{
    size_t length = strlen(name);

    for (const char *end; *list; list = *end ? end + 1 : end) {
        end = strchrnul(list, '\n');
        if ((size_t)(end - list) == length && strncmp(list, name, length) == 0)
            return true;
    }
    return false;
}

static bool in_group(const struct account *account, const struct pubsub_node *node,
                     const struct jid *who)
{
    const struct roster_item *item = roster_find(account, who->bare);
    const char *groups = options_get(&node->options, OPTION_ROSTER_GROUPS);

    if (!item || item->removed || !subscription_from(item->subscription))
        return false;
    for (size_t i = 0; i < item->groups_count; i++) {
        if (is_listed(groups, item->groups[i]))
            return true;
    }
    return false;
}

static struct pubsub_refusal by_presence(const struct account *account,
                                         const struct pubsub_node *node, const struct jid *who)
{
    (void)node;
    return has_presence(account, who)
               ? granted
               : (struct pubsub_refusal){STANZA_NOT_AUTHORIZED, "presence-subscription-required",
                                         NULL};
}

static struct pubsub_refusal by_group(const struct account *account, const struct pubsub_node *node,
                                      const struct jid *who)
{
    return in_group(account, node, who)
               ? granted
               : (struct pubsub_refusal){STANZA_NOT_AUTHORIZED, "not-in-roster-group", NULL};
}

static struct pubsub_refusal by_list(const struct account *account, const struct pubsub_node *node,
                                     const struct jid *who)
{
    (void)account;
    (void)node;
    (void)who;
    return (struct pubsub_refusal){STANZA_NOT_ALLOWED, "closed-node", NULL};
}

/* Who is subscribed was approved. */
static struct pubsub_refusal by_approval(const struct account *account,
                                         const struct pubsub_node *node, const struct jid *who)
{
    (void)account;
    return node_has_subscriber(node, who)
               ? granted
               : (struct pubsub_refusal){STANZA_NOT_AUTHORIZED, "not-subscribed", NULL};
}

/* For those whom no affiliation lets in; open: everybody. */
static const struct {
    const char *name;
    struct pubsub_refusal (*ask)(const struct account *account, const struct pubsub_node *node,
                                 const struct jid *who);
} models[] = {
    {"presence", by_presence},
    {"roster", by_group},
    {"whitelist", by_list},
    {"authorize", by_approval},
};

static struct pubsub_refusal ask_model(const struct account *account,
                                       const struct pubsub_node *node, const struct jid *who)
{
    const char *name = options_get(&node->options, OPTION_ACCESS_MODEL);

    for (size_t i = 0; i < ARRAY_SIZE(models); i++) {
        if (strcmp(models[i].name, name) == 0)
            return models[i].ask(account, node, who);
    }
    return granted;
}

/* Members, publishers and owners are on the list whatever the model; who may only publish reads
 * nothing (§4.1, table 1). */
struct pubsub_refusal access_to_read(const struct account *account, const struct pubsub_node *node,
                                     const struct jid *who)
{
    switch (node_affiliation(account, node, who)) {
    case AFFILIATION_OUTCAST:
    case AFFILIATION_PUBLISH_ONLY:
        return (struct pubsub_refusal){STANZA_FORBIDDEN, NULL, NULL};
    case AFFILIATION_NONE:
        return ask_model(account, node, who);
    default:
        return granted;
    }
}

struct pubsub_refusal access_to_subscribe(const struct account *account,
                                          const struct pubsub_node *node, const struct jid *who,
                                          bool *pending)
{
    enum pubsub_affiliation affiliation = node_affiliation(account, node, who);

    *pending = false;
    if (!options_on(&node->options, OPTION_SUBSCRIBE) && affiliation < AFFILIATION_OWNER)
        return (struct pubsub_refusal){STANZA_FEATURE_NOT_IMPLEMENTED, "unsupported", "subscribe"};
    if (affiliation == AFFILIATION_NONE &&
        options_is(&node->options, OPTION_ACCESS_MODEL, "authorize")) {
        *pending = !node_has_subscriber(node, who);
        return granted;
    }
    return access_to_read(account, node, who);
}

bool access_to_publish(const struct account *account, const struct pubsub_node *node,
                       const struct jid *who)
{
    enum pubsub_affiliation affiliation = node_affiliation(account, node, who);

    if (affiliation == AFFILIATION_OUTCAST)
        return false;
    if (affiliation >= AFFILIATION_PUBLISH_ONLY)
        return true;
    if (options_is(&node->options, OPTION_PUBLISH_MODEL, "open"))
        return true;
    return options_is(&node->options, OPTION_PUBLISH_MODEL, "subscribers") &&
           node_has_subscriber(node, who);
}

bool access_to_see(const struct account *account, const struct pubsub_node *node,
                   const struct jid *who)
{
    if (node_affiliation(account, node, who) == AFFILIATION_NONE &&
        options_is(&node->options, OPTION_ACCESS_MODEL, "authorize"))
        return true;
    return access_to_read(account, node, who).condition < 0;
}
