/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Owners change who is what (XEP-0060 §8.8.2, §8.9.2): all of a request, or nothing of it.
 */
#include <stdlib.h>
#include <string.h>

#include "c2s/pubsub/items.h"
#include "c2s/pubsub/notify.h"
#include "c2s/pubsub/people.h"
#include "c2s/pubsub/store.h"
#include "common/base/error.h"
#include "common/base/limit.h"

/* People that one request may name. */
#define PEOPLE_MAX 100

struct person {
    struct jid jid;
    enum pubsub_affiliation affiliation;
    enum pubsub_state state, before;
};

struct change {
    struct arena *arena;
    struct sm_request *request;
    const char *name;
    struct person people[PEOPLE_MAX];
    size_t count;
};

static void change_free(struct change *change)
{
    arena_free(change->arena);
    free(change);
}

static struct change *change_new(struct pubsub_call *call)
{
    struct change *change = xcalloc(1, sizeof(*change));

    change->arena = arena_new();
    change->request = call->request;
    change->name = arena_strdup(change->arena, call->name);
    return change;
}

/* -1, or the condition. Without the attribute nothing changes (§8.8.2.1). */
static int read_person(struct change *change, const struct element *element, const char *attribute,
                       int (*parse)(const char *value, struct person *person))
{
    const char *jid = element_get(element, "jid"), *value = element_get(element, attribute);
    struct person *person = &change->people[change->count];

    if (!value)
        return -1;
    if (change->count >= PEOPLE_MAX)
        return STANZA_NOT_ACCEPTABLE;
    if (!jid || jid_parse(change->arena, jid, &person->jid) < 0 || parse(value, person) < 0)
        return STANZA_NOT_ACCEPTABLE;
    change->count++;
    return -1;
}

static int read_people(struct change *change, const struct pubsub_call *call, const char *name,
                       int (*parse)(const char *value, struct person *person))
{
    int problem = -1;

    ELEMENT_FOREACH (element, call->action) {
        if (problem < 0 && element_is(element, NS_PUBSUB_OWNER, name))
            problem = read_person(change, element, name, parse);
    }
    return problem;
}

static void refuse(struct change *change, int condition)
{
    sm_error(change->request, (enum stanza_condition)condition, NULL);
    change_free(change);
}

/* --- affiliations --- */

static int parse_affiliation(const char *value, struct person *person)
{
    return affiliation_parse(value, &person->affiliation);
}

static void apply_affiliations(const struct change *change, struct pubsub_node *node)
{
    for (size_t i = 0; i < change->count; i++)
        node_affiliate(node, &change->people[i].jid, change->people[i].affiliation);
}

/* §8.9.4 */
static void tell_affiliation(struct account *account, const struct pubsub_node *node,
                             const struct person *person)
{
    struct stanza *message = stanza_new(STANZA_MESSAGE, MESSAGE_HEADLINE);
    struct element *pubsub = element_add(message->root, NS_PUBSUB, "pubsub");
    struct element *list = element_add(pubsub, NS_PUBSUB, "affiliations");
    struct element *affiliation = element_add(list, NS_PUBSUB, "affiliation");

    element_set(list, "node", node->name);
    element_set(affiliation, "jid", person->jid.bare);
    element_set(affiliation, "affiliation", affiliation_name(person->affiliation));
    stanza_set_from(message, account->jid);
    notify_one_take(account, message, &person->jid);
}

static void on_affiliations(struct account *account, int status, const struct db_result *results,
                            void *user)
{
    struct change *change = user;
    struct pubsub_node *node;

    (void)results;
    if (status < 0) {
        sm_fail(change->request, status);
    } else {
        node = node_find(account, change->name);
        apply_affiliations(change, node);
        sm_result(change->request);
        for (size_t i = 0; i < change->count; i++)
            tell_affiliation(account, node, &change->people[i]);
    }
    change_free(change);
}

/* Tried on a node of its own: a node keeps an owner, and there are not too many (§8.2.5.2). */
static int check_affiliations(const struct pubsub_call *call, const struct change *change)
{
    struct pubsub_node *trial = node_new(0, "", pubsub_kind(call->account));
    size_t most =
        MAX(call->account->sm->limits.pubsub_affiliations, HASH_COUNT(call->node->affiliates));
    int problem = -1;

    for (const struct pubsub_affiliate *one = call->node->affiliates; one; one = one->hh.next)
        node_affiliate(trial, one->jid, one->affiliation);
    apply_affiliations(change, trial);
    for (size_t i = 0; i < change->count; i++) {
        if (jid_bare_equal(&change->people[i].jid, call->account->jid))
            problem = STANZA_NOT_ACCEPTABLE;
    }
    if (pubsub_kind(call->account) == PUBSUB_SERVICE && node_owners(trial) == 0)
        problem = STANZA_NOT_ACCEPTABLE;
    if (HASH_COUNT(trial->affiliates) > most) {
        limit_reached("pubsub-affiliations");
        problem = STANZA_POLICY_VIOLATION;
    }
    node_free(trial);
    return problem;
}

void people_change_affiliations(struct pubsub_call *call)
{
    struct change *change = change_new(call);
    struct account *account = call->account;
    struct sm_unit *unit;
    int problem = read_people(change, call, "affiliation", parse_affiliation);

    if (problem < 0)
        problem = check_affiliations(call, change);
    if (problem >= 0) {
        refuse(change, problem);
        return;
    }
    unit = sm_unit_new(account, SM_WRITE);
    for (size_t i = 0; i < change->count; i++)
        store_affiliation(unit, account->owner, call->node->id, &change->people[i].jid,
                          change->people[i].affiliation);
    sm_submit(unit, on_affiliations, change);
}

/* --- subscriptions --- */

static int parse_state(const char *value, struct person *person)
{
    return state_parse(value, &person->state);
}

static bool delivers(const struct pubsub_node *node, const struct person *person)
{
    const struct pubsub_subscriber *one = node_subscriber(node, person->jid.full);

    return !one || one->deliver;
}

static void on_subscriptions(struct account *account, int status, const struct db_result *results,
                             void *user)
{
    struct change *change = user;
    struct pubsub_node *node = status == 0 ? node_find(account, change->name) : NULL;

    (void)results;
    if (status < 0)
        sm_fail(change->request, status);
    else
        sm_result(change->request);
    for (size_t i = 0; node && i < change->count; i++) {
        const struct person *person = &change->people[i];

        if (person->state == person->before)
            continue;
        node_subscribe(node, &person->jid, person->state, delivers(node, person));
        notify_subscription(account, node, &person->jid, person->state);
    }
    change_free(change);
}

void people_change_subscriptions(struct pubsub_call *call)
{
    struct change *change = change_new(call);
    struct account *account = call->account;
    struct sm_unit *unit;
    int problem = read_people(change, call, "subscription", parse_state);

    if (problem < 0 && HASH_COUNT(call->node->subscribers) + change->count >
                           account->sm->limits.pubsub_subscriptions) {
        limit_reached("pubsub-subscriptions");
        problem = STANZA_POLICY_VIOLATION;
    }
    if (problem >= 0) {
        refuse(change, problem);
        return;
    }
    unit = sm_unit_new(account, SM_WRITE);
    for (size_t i = 0; i < change->count; i++) {
        struct person *person = &change->people[i];
        const struct pubsub_subscriber *now = node_subscriber(call->node, person->jid.full);

        person->before = now ? now->state : SUBSCRIPTION_IS_NONE;
        store_subscription(unit, account->owner, call->node->id, &person->jid, person->state,
                           delivers(call->node, person));
    }
    sm_submit(unit, on_subscriptions, change);
}
