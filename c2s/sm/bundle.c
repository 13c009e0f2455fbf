/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Bundles of presence.
 */
#include "c2s/sm/bundle.h"

#include <stdlib.h>
#include <string.h>

#include "c2s/sm/envelope.h"
#include "c2s/sm/far.h"
#include "c2s/sm/homes.h"
#include "common/base/buffer.h"

/* Of one envelope: the router and the link take stanzas of some size only. */
#define RECIPIENTS_BYTES ((size_t)32 * 1024)
/* That wait at the same time. */
#define BUNDLES_MAX 32

/* What waits for a node in the same words. */
struct bundle {
    struct bundle *prev, *next;
    char *host;
    struct directory_place place; /* with `host`; the home does not matter any more */
    struct stanza *presence;      /* for the first recipient */
    uint64_t version;             /* of all it says (far.h), or 0 */
    struct buffer others;         /* the addresses of further ones, each with its NUL */
};

struct bundles {
    struct bundle *list; /* in the order in which they were begun */
    size_t count;
    struct loop_task *task;
};

/* --- the same words --- */

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static const struct attribute *skip_to(const struct attribute *attribute, bool root)
{
    while (attribute && root && !attribute->ns && strcmp(attribute->name, "to") == 0)
        attribute = attribute->next;
    return attribute;
}

static bool same_attributes(const struct element *a, const struct element *b, bool root)
{
    const struct attribute *of_a = skip_to(a->attributes, root);
    const struct attribute *of_b = skip_to(b->attributes, root);

    while (of_a && of_b) {
        if (!same_text(of_a->ns, of_b->ns) || !same_text(of_a->name, of_b->name) ||
            !same_text(of_a->value, of_b->value))
            return false;
        of_a = skip_to(of_a->next, root);
        of_b = skip_to(of_b->next, root);
    }
    return !of_a && !of_b;
}

static bool same_start(const struct node *a, const struct node *b, bool root)
{
    if (a->type != b->type)
        return false;
    if (a->type == NODE_TEXT)
        return same_text(((const struct text *)a)->data, ((const struct text *)b)->data);
    return same_text(((const struct element *)a)->ns, ((const struct element *)b)->ns) &&
           same_text(((const struct element *)a)->name, ((const struct element *)b)->name) &&
           same_attributes((const struct element *)a, (const struct element *)b, root);
}

static const struct node *first_inside(const struct node *node)
{
    return node->type == NODE_ELEMENT ? ((const struct element *)node)->first : NULL;
}

/* Depth is bounded by what parsers let through. */
static bool same(const struct node *a, const struct node *b, bool root)
{
    if (!same_start(a, b, root))
        return false;
    a = first_inside(a);
    b = first_inside(b);
    for (; a && b; a = a->next, b = b->next) {
        if (!same(a, b, false))
            return false;
    }
    return !a && !b;
}

/* --- bundles --- */

static bool has(const struct bundle *bundle, const struct jid *to)
{
    if (strcmp(bundle->presence->to.full, to->full) == 0)
        return true;
    for (size_t at = 0; at < bundle->others.length; at += strlen(bundle->others.data + at) + 1) {
        if (strcmp(bundle->others.data + at, to->full) == 0)
            return true;
    }
    return false;
}

/* One that says the same, behind which nothing else waits for this recipient. The latest first. */
static struct bundle *find(const struct sm *sm, const struct stanza *presence, const char *host)
{
    struct bundle *first = sm->bundles->list, *bundle = first ? first->prev : NULL;

    for (; bundle; bundle = bundle == first ? NULL : bundle->prev) {
        if (strcmp(bundle->host, host) != 0)
            continue;
        if (bundle->others.length < RECIPIENTS_BYTES &&
            bundle->presence->says_all == presence->says_all &&
            same(&bundle->presence->root->node, &presence->root->node, true))
            return bundle;
        if (has(bundle, &presence->to))
            return NULL;
    }
    return NULL;
}

static struct stanza *for_all(struct sm *sm, const struct bundle *bundle)
{
    struct stanza *presence, *message;
    struct arena *arena;
    struct jid to;

    if (bundle->others.length == 0)
        return homes_wrap(sm, bundle->presence, &bundle->place);
    presence = stanza_copy(bundle->presence);
    stanza_set_to(presence, NULL);
    message = homes_wrap(sm, presence, &bundle->place);
    stanza_unref(presence);
    if (!message)
        return NULL;
    envelope_add(message, &bundle->presence->to);
    arena = arena_new();
    for (size_t at = 0; at < bundle->others.length; at += strlen(bundle->others.data + at) + 1) {
        if (jid_parse(arena, bundle->others.data + at, &to) == 0)
            envelope_add(message, &to);
    }
    arena_free(arena);
    return message;
}

static void send(struct sm *sm, struct bundle *bundle)
{
    struct stanza *message = for_all(sm, bundle);

    if (message && bundle->presence->says_all)
        envelope_set_version(message, bundle->version);
    if (!message || worker_route(sm->worker, message) < 0)
        far_lost(sm, bundle->presence, bundle->host);
    stanza_unref(message);
    DL_DELETE(sm->bundles->list, bundle);
    sm->bundles->count--;
    stanza_unref(bundle->presence);
    buffer_fini(&bundle->others);
    free(bundle->host);
    free(bundle);
}

static void send_all(void *user)
{
    struct sm *sm = user;

    sm->bundles->task = NULL;
    while (sm->bundles->list)
        send(sm, sm->bundles->list);
}

static void begin(struct sm *sm, struct stanza *presence, const char *host)
{
    struct bundle *bundle = xcalloc(1, sizeof(*bundle));

    bundle->host = xstrdup(host);
    bundle->place.answer = DIRECTORY_ELSEWHERE;
    bundle->place.host = bundle->host;
    bundle->presence = stanza_ref(presence);
    if (presence->says_all) {
        const struct account *account = account_find(sm, presence->from.bare);
        bundle->version = account ? far_version(account) : 0;
        far_said(sm, presence, host);
    }
    DL_APPEND(sm->bundles->list, bundle);
    sm->bundles->count++;
    if (!sm->bundles->task)
        sm->bundles->task = loop_defer(sm->loop, send_all, sm);
}

void bundle_add(struct sm *sm, struct stanza *presence, const struct directory_place *place)
{
    struct bundle *bundle = find(sm, presence, place->host);

    if (bundle)
        buffer_append(&bundle->others, presence->to.full, strlen(presence->to.full) + 1);
    else
        begin(sm, presence, place->host);
    if (sm->bundles->count > BUNDLES_MAX)
        send(sm, sm->bundles->list);
}

void bundle_flush(struct sm *sm, const char *host)
{
    struct bundle *bundle, *next;

    DL_FOREACH_SAFE (sm->bundles->list, bundle, next) {
        if (strcmp(bundle->host, host) == 0)
            send(sm, bundle);
    }
}

/* --- life --- */

static void start(struct sm *sm)
{
    sm->bundles = xcalloc(1, sizeof(*sm->bundles));
}

static void stop(struct sm *sm)
{
    if (sm->bundles->task)
        loop_defer_cancel(sm->bundles->task);
    send_all(sm);
    free(sm->bundles);
    sm->bundles = NULL;
}

const struct sm_module bundle_module = {.name = "bundle", .start = start, .stop = stop};
