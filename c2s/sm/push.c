/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Push Notifications: which services an account has enabled.
 */
#include "c2s/sm/push.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/limit.h"
#include "common/base/log.h"
#include "common/tls/crypto.h"
#include "common/xmpp/datetime.h"
#include "common/xmpp/form.h"

#define NS_PUBSUB       "http://jabber.org/protocol/pubsub"
#define PUBLISH_OPTIONS NS_PUBSUB "#publish-options"

#define NODE_MAX    1023
#define OPTIONS_MAX 4096

static const struct db_statement load_statement = {
    .name = "push_load",
    .sql = "SELECT service, node, device, options FROM push WHERE owner = $1::bigint"
           " ORDER BY enabled",
    .parameters = 1,
};

static const struct db_statement save_statement = {
    .name = "push_save",
    .sql = "INSERT INTO push (owner, key_hash, service, node, device, options, enabled)"
           " VALUES ($1::bigint, $2::bytea, $3, $4, $5, $6, $7::timestamptz)"
           " ON CONFLICT (owner, key_hash) DO UPDATE SET device = excluded.device,"
           " options = excluded.options, enabled = excluded.enabled",
    .parameters = 7,
};

static const struct db_statement remove_statement = {
    .name = "push_remove",
    .sql = "DELETE FROM push WHERE owner = $1::bigint AND key_hash = $2::bytea",
    .parameters = 2,
};

/* A JID and a node may be longer than an index entry: their key is a hash. No JID has line breaks.
 */
#define KEY(hash) DB_BYTES(hash, crypto_hash_size(CRYPTO_SHA256))

static void make_key(const struct jid *service, const char *node, uint8_t hash[CRYPTO_HASH_MAX])
{
    char *key = xasprintf("%s\n%s", service->full, node);

    crypto_digest(CRYPTO_SHA256, key, strlen(key), hash);
    free(key);
}

/* --- in memory --- */

struct push *push_find(const struct account *account, const struct jid *service, const char *node)
{
    struct push *push;

    DL_FOREACH (account->pushes, push) {
        if (jid_equal(push->service, service) && strcmp(push->node, node) == 0)
            return push;
    }
    return NULL;
}

static void push_free(struct push *push)
{
    push_forget(push);
    DL_DELETE(push->account->pushes, push);
    free(push->service);
    free(push->node);
    free(push->device);
    free(push->options);
    free(push);
}

/* What is known of the service stays: its failures are those of the same service. */
static void add(struct account *account, const struct jid *service, const char *node,
                const char *device, const char *options)
{
    struct push *push = push_find(account, service, node);

    if (!push) {
        push = xcalloc(1, sizeof(*push));
        push->account = account;
        push->service = jid_dup(service);
        push->node = xstrdup(node);
        DL_APPEND(account->pushes, push);
    }
    free(push->device);
    free(push->options);
    push->device = xstrdup(device);
    push->options = options ? xstrdup(options) : NULL;
}

static void loaded(struct account *account, const struct db_result *rows)
{
    struct arena *arena = arena_new();
    struct jid service;

    for (size_t row = 0; row < db_rows(rows); row++) {
        if (jid_parse(arena, db_get_text(rows, row, 0), &service) == 0)
            add(account, &service, db_get_text(rows, row, 1), db_get_text(rows, row, 2),
                db_get_text(rows, row, 3));
    }
    arena_free(arena);
}

static void unload(struct account *account)
{
    while (account->pushes)
        push_free(account->pushes);
}

void push_drop(struct push *push)
{
    struct account *account = push->account;
    struct sm_unit *unit = sm_unit_new(account, SM_WRITE_BEHIND);
    uint8_t hash[CRYPTO_HASH_MAX];

    make_key(push->service, push->node, hash);
    sm_add_values(unit, &remove_statement, DB_INT(account->owner), KEY(hash));
    sm_submit(unit, NULL, NULL);
    push_free(push);
}

/* --- requests --- */

static size_t count(const struct account *account)
{
    const struct push *push;
    size_t result = 0;

    DL_FOREACH (account->pushes, push) {
        result++;
    }
    return result;
}

/* §5: the service, and the node. -1: fine. */
static int read_service(const struct sm_request *request, struct jid *service, const char **node)
{
    const char *text = element_get(request->payload, "jid");

    *node = element_get(request->payload, "node");
    if (!text)
        return STANZA_BAD_REQUEST;
    if (jid_parse(request->iq->arena, text, service) != 0)
        return STANZA_JID_MALFORMED;
    return *node && strlen(*node) > NODE_MAX ? STANZA_NOT_ACCEPTABLE : -1;
}

/* The form to be handed on with each notification; NULL: none. */
static int read_options(const struct sm_request *request, char **options)
{
    const struct element *form = form_submitted(request->payload, PUBLISH_OPTIONS);

    *options = NULL;
    if (!form)
        return element_find(request->payload, NS_DATA_FORM, "x") ? STANZA_BAD_REQUEST : -1;
    *options = sm_format(form);
    return strlen(*options) > OPTIONS_MAX ? STANZA_NOT_ACCEPTABLE : -1;
}

struct enabling {
    struct sm_request *request;
    struct jid service;
    const char *node;
    char *device, *options;
};

static void enabling_end(struct enabling *enabling)
{
    free(enabling->device);
    free(enabling->options);
    free(enabling);
}

static void on_saved(struct account *account, int status, const struct db_result *results UNUSED,
                     void *user)
{
    struct enabling *enabling = user;

    if (status < 0) {
        sm_fail(enabling->request, status);
    } else {
        if (account->state == ACCOUNT_READY)
            add(account, &enabling->service, enabling->node, enabling->device, enabling->options);
        sm_result(enabling->request);
    }
    enabling_end(enabling);
}

static void save(struct enabling *enabling)
{
    struct account *account = enabling->request->account;
    struct sm_unit *unit = sm_unit_new(account, SM_WRITE);
    uint8_t hash[CRYPTO_HASH_MAX];
    char now[DATETIME_SIZE];

    make_key(&enabling->service, enabling->node, hash);
    datetime_format(clock_wall_us(), now);
    sm_add_values(unit, &save_statement, DB_INT(account->owner), KEY(hash),
                  DB_TEXT(enabling->service.full), DB_TEXT(enabling->node),
                  DB_TEXT(enabling->device), DB_TEXT(enabling->options), DB_TEXT(now));
    sm_submit(unit, on_saved, enabling);
}

static bool has_room(const struct enabling *enabling)
{
    const struct sm_request *request = enabling->request;

    if (push_find(request->account, &enabling->service, enabling->node) ||
        count(request->account) < request->sm->limits.push_services)
        return true;
    limit_reached("push-services");
    return false;
}

static int read_enabling(struct enabling *enabling, const char **text)
{
    struct sm_request *request = enabling->request;
    int problem = read_service(request, &enabling->service, &enabling->node);

    if (problem < 0)
        problem = read_options(request, &enabling->options);
    if (problem >= 0)
        return problem;
    enabling->node = enabling->node ? enabling->node : "";
    if (has_room(enabling))
        return -1;
    *text = "too many services are enabled";
    return STANZA_RESOURCE_CONSTRAINT;
}

static void enable(struct sm_request *request)
{
    struct enabling *enabling = xcalloc(1, sizeof(*enabling));

    enabling->request = request;
    const char *text = NULL;
    int problem = request->session ? read_enabling(enabling, &text) : STANZA_BAD_REQUEST;
    if (problem < 0) {
        enabling->device = xstrdup(request->session->jid->resource);
        save(enabling);
        return;
    }
    sm_error(request, (enum stanza_condition)problem, text);
    enabling_end(enabling);
}

static bool is_meant(const struct push *push, const struct jid *service, const char *node)
{
    return jid_equal(push->service, service) && (!node || strcmp(push->node, node) == 0);
}

static void on_removed(struct account *account, int status, const struct db_result *results UNUSED,
                       void *user)
{
    struct sm_request *request = user;
    struct push *push, *next;
    struct jid service;
    const char *node;

    if (status < 0) {
        sm_fail(request, status);
        return;
    }
    if (account->state == ACCOUNT_READY && read_service(request, &service, &node) < 0) {
        DL_FOREACH_SAFE (account->pushes, push, next) {
            if (is_meant(push, &service, node))
                push_free(push);
        }
    }
    sm_result(request);
}

/* §6: without a node all of the service. What is not enabled is disabled already. */
static void disable(struct sm_request *request)
{
    struct account *account = request->account;
    struct sm_unit *unit;
    struct push *push;
    struct jid service;
    const char *node;
    int problem = read_service(request, &service, &node);

    if (problem >= 0) {
        sm_error(request, (enum stanza_condition)problem, NULL);
        return;
    }
    unit = sm_unit_new(account, SM_WRITE);
    DL_FOREACH (account->pushes, push) {
        uint8_t hash[CRYPTO_HASH_MAX];

        if (!is_meant(push, &service, node))
            continue;
        make_key(push->service, push->node, hash);
        sm_add_values(unit, &remove_statement, DB_INT(account->owner), KEY(hash));
    }
    sm_submit(unit, on_removed, request);
}

/* §8: the service tells that it takes no more from the account. */
static bool is_stopped_by(const struct account *account, const struct stanza *message)
{
    const struct element *pubsub = element_find(message->root, NS_PUBSUB, "pubsub");
    const struct element *affiliation =
        pubsub ? element_find(pubsub, NS_PUBSUB, "affiliation") : NULL;
    const char *jid = affiliation ? element_get(affiliation, "jid") : NULL;
    const char *value = affiliation ? element_get(affiliation, "affiliation") : NULL;

    return jid && value && strcmp(jid, account->jid->bare) == 0 && strcmp(value, "none") == 0;
}

static enum sm_verdict stop_push(struct account *account, const struct stanza *message)
{
    const struct element *pubsub = element_find(message->root, NS_PUBSUB, "pubsub");
    const char *node = pubsub ? element_get(pubsub, "node") : NULL;
    struct push *push = push_find(account, &message->from, node ? node : "");

    if (!push || !is_stopped_by(account, message))
        return SM_PASS;
    log_info("push_disabled", LOG_TEXT("account", account->jid->bare),
             LOG_TEXT("service", push->service->full), LOG_TEXT("reason", "the service says so"));
    push_drop(push);
    return SM_HANDLED;
}

static enum sm_verdict incoming(struct account *account, struct stanza *stanza)
{
    if (!account->pushes || !stanza->has_from || stanza->to.resource)
        return SM_PASS;
    if (stanza->type == IQ_RESULT || stanza->type == IQ_ERROR)
        return push_answered(account, stanza) ? SM_HANDLED : SM_PASS;
    if (stanza->kind == STANZA_MESSAGE && stanza->type != MESSAGE_ERROR)
        return stop_push(account, stanza);
    return SM_PASS;
}

static void refuse(struct sm_request *request)
{
    sm_error(request, STANZA_FORBIDDEN, NULL);
}

static const struct sm_iq iqs[] = {
    {NS_PUSH, "enable", SM_SET, SM_TO_SELF, enable},
    {NS_PUSH, "disable", SM_SET, SM_TO_SELF, disable},
    {NS_PUSH, "enable", SM_SET, SM_TO_ACCOUNT | SM_TO_NOBODY, refuse},
    {NS_PUSH, "disable", SM_SET, SM_TO_ACCOUNT | SM_TO_NOBODY, refuse},
    {0},
};

static const char *const features[] = {NS_PUSH, NULL};
static const struct spec specs[] = {{"XEP-0357", "0.4.1", NULL}, {0}};

const struct sm_module push_module = {
    .name = "push",
    .specs = specs,
    .account_features = features,
    .iqs = iqs,
    .start = push_wake_start,
    .stop = push_wake_stop,
    .load = &load_statement,
    .loaded = loaded,
    .unload = unload,
    .session_opened = push_session_seen,
    .unacknowledged = push_unacknowledged,
    .incoming = incoming,
};
