/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Roster requests of clients: get, set and remove (RFC 6121 §2.1 to §2.6).
 */
#include <stdlib.h>
#include <string.h>

#include "c2s/sm/roster.h"
#include "c2s/sm/smacks_row.h"
#include "c2s/sm/subscription.h"
#include "common/base/error.h"
#include "common/base/limit.h"

#define NS_ROSTER_VERSIONS "urn:xmpp:features:rosterver"

/* Our versions are decimal numbers; anything else is a version we do not know (§2.6.2). */
static int64_t parse_version(const char *text)
{
    char *end;
    long long version = strtoll(text, &end, 10);

    return *text >= '0' && *text <= '9' && *end == '\0' ? (int64_t)version : -1;
}

/* Whether all that happened since is still known. */
static bool can_catch_up(const struct roster *roster, const char *version_text, int64_t *version)
{
    *version = version_text ? parse_version(version_text) : -1;
    return *version >= 0 && *version >= roster->floor && *version <= roster->version;
}

static struct stanza *whole_roster(const struct sm_request *request)
{
    const struct account *account = request->account;
    struct stanza *reply = stanza_result(request->iq);
    struct element *query = element_add(reply->root, NS_ROSTER, "query");

    element_set(query, "ver",
                arena_printf(reply->arena, "%lld", (long long)account->roster->version));
    ROSTER_ITEMS (item, account) {
        if (!item->removed) {
            roster_add_item(query, item);
        }
    }
    return reply;
}

/* §2.6.3: who knows a version gets an empty result and what changed since as pushes. */
static void handle_get(struct sm_request *request)
{
    struct session *session = request->session;
    int64_t version;

    if (session) {
        session->roster_interested = true;
        smacks_row_touch(session);
    }
    if (!can_catch_up(request->account->roster, element_get(request->payload, "ver"), &version)) {
        sm_reply_take(request, whole_roster(request));
        if (session) {
            pushed_sent(&session->roster, session->account->roster->version, smacks_sent(session));
        }
        return;
    }
    sm_result(request);
    if (session) {
        pushed_set(&session->roster, version);
        roster_push_since(session, version);
    }
}

/* The item of a set, or NULL if there is not exactly one (§2.1.5). */
static const struct element *only_item(const struct element *query)
{
    const struct element *only = NULL;

    ELEMENT_FOREACH (item, query) {
        if (only || !element_is(item, NS_ROSTER, "item")) {
            return NULL;
        }
        only = item;
    }
    return only;
}

static bool text_fits(const char *text)
{
    return strlen(text) <= ROSTER_TEXT_MAX;
}

static bool has_group(const struct roster_item *item, const char *group)
{
    for (size_t i = 0; i < item->groups_count; i++) {
        if (strcmp(item->groups[i], group) == 0) {
            return true;
        }
    }
    return false;
}

static void clear_groups(struct roster_item *item)
{
    for (size_t i = 0; i < item->groups_count; i++) {
        free(item->groups[i]);
    }
    free(item->groups);
    item->groups = NULL;
    item->groups_count = 0;
}

/* -1, or what is wrong (§2.3.3). */
static int set_groups(struct roster_item *item, const struct element *element, size_t limit)
{
    clear_groups(item);
    ELEMENT_FOREACH (child, element) {
        const char *group = element_text(child);

        if (!element_is(child, NS_ROSTER, "group")) {
            continue;
        }
        if (*group == '\0' || !text_fits(group)) {
            return STANZA_NOT_ACCEPTABLE;
        }
        if (has_group(item, group)) {
            return STANZA_BAD_REQUEST;
        }
        if (item->groups_count >= limit) {
            limit_reached("roster-groups");
            return STANZA_POLICY_VIOLATION;
        }
        item->groups = xrealloc(item->groups, (item->groups_count + 1) * sizeof(*item->groups));
        item->groups[item->groups_count++] = xstrdup(group);
    }
    return -1;
}

/* 'subscription' and 'ask' of a set mean nothing: only presence stanzas change them (§2.1.2.5). */
static int set_item(struct roster_change *change, const struct element *element)
{
    struct roster_item *item = change->item;
    const char *name = element_get(element, "name");

    if (name && !text_fits(name)) {
        return STANZA_NOT_ACCEPTABLE;
    }
    if (roster_change_show(change) < 0) {
        return STANZA_RESOURCE_CONSTRAINT;
    }
    free(item->name);
    item->name = name && *name ? xstrdup(name) : NULL;
    return set_groups(item, element, change->account->sm->limits.roster_groups);
}

static void answer(struct account *account, int status, void *user)
{
    struct sm_request *request = user;

    (void)account;
    if (status < 0) {
        sm_fail(request, status);
    } else {
        sm_result(request);
    }
}

/* Of set_item() only limits have these conditions. */
static const char *limit_text(int problem)
{
    if (problem == STANZA_RESOURCE_CONSTRAINT)
        return "too many contacts";
    return problem == STANZA_POLICY_VIOLATION ? "too many groups" : NULL;
}

static void update(struct sm_request *request, const struct jid *jid, const struct element *element)
{
    struct roster_change *change = roster_change_begin(request->account, jid);
    int problem = set_item(change, element);

    if (problem >= 0) {
        roster_change_cancel(change);
        sm_error(request, (enum stanza_condition)problem, limit_text(problem));
        return;
    }
    change->push = true;
    roster_change_submit(change, NULL, answer, request);
}

/* §2.5. A request of the contact that waits is not answered by this: it stays. */
static void item_remove(struct sm_request *request, const struct jid *jid)
{
    const struct roster_item *old = roster_find(request->account, jid->full);
    struct roster_change *change;

    if (!old || old->removed) {
        sm_error(request, STANZA_ITEM_NOT_FOUND, NULL);
        return;
    }
    change = roster_change_begin(request->account, jid);
    clear_groups(change->item);
    free(change->item->name);
    change->item->name = NULL;
    change->item->approved = false;
    change->item->removed = true;
    if (subscription_remove(change, answer, request) < 0) {
        roster_change_cancel(change);
        sm_error(request, STANZA_RESOURCE_CONSTRAINT, NULL);
    }
}

static void handle_set(struct sm_request *request)
{
    const struct element *element = only_item(request->payload);
    const char *address = element ? element_get(element, "jid") : NULL;
    const char *subscription = element ? element_get(element, "subscription") : NULL;
    struct jid jid;

    if (!address) {
        sm_error(request, STANZA_BAD_REQUEST, NULL);
    } else if (jid_parse(request->iq->arena, address, &jid) < 0) {
        sm_error(request, STANZA_JID_MALFORMED, NULL);
    } else if (jid_bare_equal(&jid, request->account->jid)) {
        sm_error(request, STANZA_NOT_ALLOWED, "an account needs no entry of itself");
    } else if (subscription && strcmp(subscription, "remove") == 0) {
        item_remove(request, &jid);
    } else {
        update(request, &jid, element);
    }
}

/* §2.1.5, §2.3.3: a roster belongs to its account alone. */
static void handle_foreign(struct sm_request *request)
{
    sm_error(request, STANZA_FORBIDDEN, NULL);
}

/* Roster requests to a client look like pushes, which only its own server may send. */
static enum sm_verdict roster_incoming(struct account *account, struct stanza *stanza)
{
    const struct element *payload = stanza->kind == STANZA_IQ ? stanza_payload(stanza) : NULL;

    if (stanza_is_reply(stanza) || !payload || !stanza->to.resource ||
        strcmp(payload->ns, NS_ROSTER) != 0) {
        return SM_PASS;
    }
    sm_refuse(account->sm, stanza, STANZA_SERVICE_UNAVAILABLE, NULL);
    return SM_HANDLED;
}

static void roster_loaded(struct account *account, const struct db_result *rows)
{
    account->roster = roster_load(rows);
}

static void roster_unload(struct account *account)
{
    roster_free(account->roster);
    account->roster = NULL;
}

static void roster_stream_features(struct sm *sm, struct element *features)
{
    (void)sm;
    element_add(features, NS_ROSTER_VERSIONS, "ver");
}

static const struct sm_iq iqs[] = {
    {NS_ROSTER, "query", SM_GET, SM_TO_SELF, handle_get},
    {NS_ROSTER, "query", SM_SET, SM_TO_SELF, handle_set},
    {NS_ROSTER, "query", SM_GET | SM_SET, SM_TO_ACCOUNT, handle_foreign},
    {0},
};

const struct sm_module roster_module = {
    .name = "roster",
    .iqs = iqs,
    .stream_features = roster_stream_features,
    .load = &roster_load_statement,
    .loaded = roster_loaded,
    .unload = roster_unload,
    .incoming = roster_incoming,
    .tell_anew = roster_tell_anew,
};
