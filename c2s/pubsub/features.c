/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Known hashes, questions, and who waits for the answers.
 */
#include "c2s/pubsub/features.h"

#include <stdlib.h>
#include <string.h>

#include "c2s/sm/caps.h"
#include "c2s/sm/disco.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/tls/crypto.h"

#define NS_CAPS "http://jabber.org/protocol/caps"
#define SUFFIX  "+notify"

/* Of one client: nodes it wants, bytes of their names; bytes of a hash or node of XEP-0115. */
#define NODES_MAX      256
#define NODE_BYTES_MAX (16 * 1024)
#define KEY_MAX        1024
/* Who waits for one answer; of more than that some are not told of what was before. */
#define WAITING_MAX 10000
/* How long an answer is waited for. */
#define ANSWER_MS 30000

struct waiting {
    char *account, *full;
    struct waiting *prev, *next;
};

struct features {
    char *key; /* "algorithm hash" */
    char *node;
    enum crypto_hash algorithm;
    const char *hash; /* in key */
    bool known;
    char **nodes; /* that are wanted */
    size_t nodes_count;
    unsigned references;
    char *asked; /* full JID; NULL: nobody is being asked */
    char *asker; /* bare or domain: who waits for the answer */
    char *id;
    uint64_t asked_ms;
    struct waiting *waiting;
    size_t waiting_count;
    struct features *prev, *next; /* table->unused, oldest first */
    UT_hash_handle hh;            /* table->all, by key */
    UT_hash_handle hh_id;         /* table->questions, by id */
};

struct features_table {
    struct features *all, *questions;
    struct features *unused;
    features_known *tell;
};

static const struct {
    const char *name;
    enum crypto_hash hash;
} algorithms[] = {{"sha-1", CRYPTO_SHA1}, {"sha-256", CRYPTO_SHA256}, {"sha-512", CRYPTO_SHA512}};

void features_start(struct sm *sm, features_known *known)
{
    sm->features = xcalloc(1, sizeof(*sm->features));
    sm->features->tell = known;
}

static void waiting_free(struct features *features, struct waiting *waiting)
{
    DL_DELETE(features->waiting, waiting);
    features->waiting_count--;
    free(waiting->account);
    free(waiting->full);
    free(waiting);
}

static void forget_question(struct sm *sm, struct features *features)
{
    if (features->asked)
        HASH_DELETE(hh_id, sm->features->questions, features);
    free(features->asked);
    free(features->asker);
    free(features->id);
    features->asked = features->asker = features->id = NULL;
}

static void features_free(struct sm *sm, struct features *features)
{
    forget_question(sm, features);
    while (features->waiting)
        waiting_free(features, features->waiting);
    HASH_DEL(sm->features->all, features);
    for (size_t i = 0; i < features->nodes_count; i++)
        free(features->nodes[i]);
    free(features->nodes);
    free(features->node);
    free(features->key);
    free(features);
}

void features_stop(struct sm *sm)
{
    struct features *features, *next;

    HASH_ITER (hh, sm->features->all, features, next) {
        features_free(sm, features);
    }
    free(sm->features);
    sm->features = NULL;
}

/* --- in use, and not --- */

/* Whoever uses it again takes it from those that nobody does. */
static void take(struct sm *sm, struct features *features)
{
    if (features->references == 0)
        DL_DELETE(sm->features->unused, features);
    features->references++;
}

/* Those that are in use are bounded by the contacts and sessions that use them. */
static void forget_oldest(struct sm *sm)
{
    while (sm->features->unused && HASH_COUNT(sm->features->all) > sm->limits.pubsub_clients) {
        struct features *oldest = sm->features->unused;

        DL_DELETE(sm->features->unused, oldest);
        features_free(sm, oldest);
    }
}

void features_unref(struct sm *sm, struct features *features)
{
    if (!features || --features->references > 0)
        return;
    DL_APPEND(sm->features->unused, features);
    forget_oldest(sm);
}

static int algorithm_of(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(algorithms); i++) {
        if (strcmp(algorithms[i].name, name) == 0)
            return (int)i;
    }
    return -1;
}

static struct features *features_new(struct sm *sm, const char *key, size_t algorithm,
                                     const char *node)
{
    struct features *features = xcalloc(1, sizeof(*features));

    features->key = xstrdup(key);
    features->hash = strchr(features->key, ' ') + 1;
    features->algorithm = algorithms[algorithm].hash;
    features->node = xstrdup(node);
    HASH_ADD_KEYPTR(hh, sm->features->all, features->key, strlen(features->key), features);
    return features;
}

struct features *features_of(struct sm *sm, const struct stanza *presence)
{
    const struct element *c = element_find(presence->root, NS_CAPS, "c");
    const char *node = c ? element_get(c, "node") : NULL;
    const char *ver = c ? element_get(c, "ver") : NULL;
    const char *name = c ? element_get(c, "hash") : NULL;
    int algorithm = name ? algorithm_of(name) : -1;
    struct features *features;
    char *key;

    if (!node || !ver || algorithm < 0 || strlen(node) > KEY_MAX || strlen(ver) > KEY_MAX)
        return NULL;
    key = xasprintf("%s %s", name, ver);
    HASH_FIND_STR(sm->features->all, key, features);
    if (!features) {
        features = features_new(sm, key, (size_t)algorithm, node);
        DL_APPEND(sm->features->unused, features);
    }
    free(key);
    take(sm, features);
    return features;
}

bool features_want(const struct features *features, const char *node)
{
    for (size_t i = 0; features && features->known && i < features->nodes_count; i++) {
        if (strcmp(features->nodes[i], node) == 0)
            return true;
    }
    return false;
}

/* --- asking --- */

static void ask(struct sm *sm, struct features *features, const struct jid *full,
                const struct jid *asker)
{
    struct stanza *iq = stanza_new(STANZA_IQ, IQ_GET);
    struct element *query = element_add(iq->root, NS_DISCO_INFO, "query");
    char *node = xasprintf("%s#%s", features->node, features->hash);
    char id[2 * 12 + 1];

    crypto_random_hex(id, 12);
    element_set(iq->root, "id", id);
    element_set(query, "node", node);
    stanza_set_from(iq, asker);
    stanza_set_to(iq, full);
    features->asked = xstrdup(full->full);
    features->asker = xstrdup(asker->bare);
    features->id = xstrdup(id);
    features->asked_ms = clock_monotonic_ms();
    HASH_ADD_KEYPTR(hh_id, sm->features->questions, features->id, strlen(features->id), features);
    sm_route_take(sm, iq);
    free(node);
}

bool features_listen(struct sm *sm, struct features *features, const struct jid *account,
                     const struct jid *full, const struct jid *asker)
{
    struct waiting *waiting;

    if (features->known)
        return true;
    if (features->waiting_count < WAITING_MAX) {
        waiting = xcalloc(1, sizeof(*waiting));
        waiting->account = xstrdup(account->bare);
        waiting->full = xstrdup(full->full);
        DL_APPEND(features->waiting, waiting);
        features->waiting_count++;
    }
    if (features->asked && features->asked_ms + ANSWER_MS < clock_monotonic_ms())
        forget_question(sm, features);
    if (!features->asked)
        ask(sm, features, full, asker);
    return false;
}

/* --- the answer --- */

/* All that wait are told, and the list is empty then: known() may make it grow for others. */
static void tell_all(struct sm *sm, struct features *features)
{
    take(sm, features);
    while (features->waiting) {
        struct waiting *first = features->waiting;

        sm->features->tell(sm, first->account, first->full);
        waiting_free(features, first);
    }
    features_unref(sm, features);
}

static void take_nodes(struct features *features, const struct element *query)
{
    size_t bytes = 0;

    ELEMENT_FOREACH (feature, query) {
        const char *var = element_get(feature, "var");
        size_t length = var ? strlen(var) : 0, suffix = strlen(SUFFIX);

        if (!element_is(feature, NS_DISCO_INFO, "feature") || length <= suffix ||
            strcmp(var + length - suffix, SUFFIX) != 0)
            continue;
        bytes += length;
        if (features->nodes_count >= NODES_MAX || bytes > NODE_BYTES_MAX)
            return;
        features->nodes =
            xrealloc(features->nodes, (features->nodes_count + 1) * sizeof(*features->nodes));
        features->nodes[features->nodes_count++] = xstrndup(var, length - suffix);
    }
    features->known = true;
}

/* '<' divides what is hashed, so within it could make two answers look the same. */
static bool is_ambiguous(const struct element *query)
{
    ELEMENT_FOREACH (child, query) {
        for (const struct attribute *one = child->attributes; one; one = one->next) {
            if (strchr(one->value, '<'))
                return true;
        }
    }
    return false;
}

static bool is_true(const struct features *features, const struct element *query)
{
    char *hash = is_ambiguous(query) ? NULL : caps_hash_with(query, features->algorithm);
    bool is = hash && strcmp(hash, features->hash) == 0;

    free(hash);
    return is;
}

/* Who has not told the truth waits no longer; somebody else with the same hash may. */
static void ask_next(struct sm *sm, struct features *features, const char *liar)
{
    struct waiting *waiting, *next;
    struct arena *arena = arena_new();
    struct jid full, asker;

    DL_FOREACH_SAFE (features->waiting, waiting, next) {
        if (strcmp(waiting->full, liar) == 0)
            waiting_free(features, waiting);
    }
    if (features->waiting && jid_parse(arena, features->waiting->full, &full) == 0 &&
        jid_parse(arena, features->waiting->account, &asker) == 0)
        ask(sm, features, &full, &asker);
    arena_free(arena);
}

static void take_answer(struct sm *sm, struct features *features, const struct stanza *stanza)
{
    const struct element *query =
        stanza->type == IQ_RESULT ? element_find(stanza->root, NS_DISCO_INFO, "query") : NULL;
    char *asked = xstrdup(features->asked);

    forget_question(sm, features);
    if (query && is_true(features, query)) {
        take_nodes(features, query);
        features->known = true;
        tell_all(sm, features);
    } else {
        log_debug("pubsub_client_unknown", LOG_TEXT("from", asked));
        ask_next(sm, features, asked);
    }
    free(asked);
}

bool features_answered(struct sm *sm, const struct stanza *stanza)
{
    const char *id =
        stanza->kind == STANZA_IQ && stanza_is_reply(stanza) ? stanza_id(stanza) : NULL;
    struct features *features;

    if (!id || !sm->features->questions)
        return false;
    HASH_FIND(hh_id, sm->features->questions, id, strlen(id), features);
    if (!features || !stanza->has_from || strcmp(stanza->from.full, features->asked) != 0)
        return false;
    take_answer(sm, features, stanza);
    return true;
}
