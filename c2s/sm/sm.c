/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The session manager as a whole: start, stop, limits, slots, and what an administrator changes.
 */
#include "c2s/sm/sm.h"

#include <stdlib.h>

#include "c2s/pubsub/service.h"
#include "c2s/slots.h"
#include "c2s/sm/core.h"
#include "c2s/sm/dispatch.h"
#include "c2s/sm/outbox.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/xmpp/parser.h"

#define SWEEP_MS 10000

static void read_limits(struct sm *sm)
{
    const struct config *config = worker_config(sm->worker);
    static const struct {
        const char *section, *key;
        size_t at;
    } keys[] = {
        {"c2s", "resources-per-user", offsetof(struct sm_limits, resources)},
        {"sm", "roster-size", offsetof(struct sm_limits, roster_items)},
        {"sm", "roster-groups", offsetof(struct sm_limits, roster_groups)},
        {"sm", "blocklist-size", offsetof(struct sm_limits, blocklist_items)},
        {"sm", "directed-presence", offsetof(struct sm_limits, directed)},
        {"sm", "unacknowledged-stanzas", offsetof(struct sm_limits, unacked_stanzas)},
        {"sm", "unacknowledged-size", offsetof(struct sm_limits, unacked_bytes)},
        {"sm", "offline-messages", offsetof(struct sm_limits, offline_messages)},
        {"sm", "offline-size", offsetof(struct sm_limits, offline_bytes)},
        {"sm", "vcard-size", offsetof(struct sm_limits, vcard_bytes)},
        {"sm", "private-size", offsetof(struct sm_limits, private_bytes)},
        {"sm", "private-elements", offsetof(struct sm_limits, private_elements)},
        {"sm", "outbox-domain", offsetof(struct sm_limits, outbox_domain)},
        {"sm", "outbox-sender", offsetof(struct sm_limits, outbox_sender)},
        {"sm", "archive-queries", offsetof(struct sm_limits, archive_queries)},
        {"sm", "push-services", offsetof(struct sm_limits, push_services)},
        {"sm", "pubsub-nodes", offsetof(struct sm_limits, pubsub_nodes)},
        {"sm", "pubsub-items", offsetof(struct sm_limits, pubsub_items)},
        {"sm", "pubsub-item-size", offsetof(struct sm_limits, pubsub_item_bytes)},
        {"sm", "pubsub-size", offsetof(struct sm_limits, pubsub_bytes)},
        {"sm", "pubsub-affiliations", offsetof(struct sm_limits, pubsub_affiliations)},
        {"sm", "pubsub-subscriptions", offsetof(struct sm_limits, pubsub_subscriptions)},
        {"sm", "pubsub-contacts", offsetof(struct sm_limits, pubsub_contacts)},
        {"sm", "pubsub-clients", offsetof(struct sm_limits, pubsub_clients)},
    };

    sm->limits.outbox_expiry_ms = (uint64_t)config_number(config, "sm", NULL, "outbox-expiry");
    sm->limits.shortcut = config_bool(config, "sm", NULL, "shortcut");
    sm->limits.presence_ms = (uint64_t)config_number(config, "sm", NULL, "presence-timeout");
    sm->limits.resume_ms = (uint64_t)config_number(config, "sm", NULL, "resume-time");
    sm->limits.command_ms = (uint64_t)config_number(config, "sm", NULL, "command-time");
    sm->limits.push_retry_ms = (uint64_t)config_number(config, "sm", NULL, "push-retry");
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        size_t *limit = (size_t *)((char *)&sm->limits + keys[i].at);

        *limit = (size_t)config_number(config, keys[i].section, NULL, keys[i].key);
    }
}

static void sweep(void *user)
{
    accounts_sweep(user);
}

struct sm *sm_start(struct worker *worker)
{
    struct sm *sm = xcalloc(1, sizeof(*sm));

    sm->worker = worker;
    sm->loop = worker_loop(worker);
    sm->db = worker_db(worker);
    sm->slots = worker_slots(worker);
    sm->started_ms = clock_monotonic_ms();
    sm->parsers = parser_pool_new();
    read_limits(sm);
    dispatch_start(sm);
    SM_MODULES (module)
        if (module->start) {
            module->start(sm);
        }
    sm->sweep = timer_new(sm->loop, sweep, sm);
    timer_start(sm->sweep, SWEEP_MS, SWEEP_MS);
    return sm;
}

void sm_reload(struct sm *sm)
{
    read_limits(sm);
    SM_MODULES (module)
        if (module->configured) {
            module->configured(sm);
        }
}

static void finish(void *user)
{
    struct sm *sm = user;
    void (*stopped)(void *) = sm->stopped;
    void *stopped_user = sm->stopped_user;

    SM_MODULES (module)
        if (module->stop) {
            module->stop(sm);
        }
    dispatch_stop(sm);
    parser_pool_free(sm->parsers);
    free(sm);
    stopped(stopped_user);
}

void sm_stop_if_done(struct sm *sm)
{
    if (sm->stopped && sm->accounts_alive == 0 && sm->checks == 0 && !sm->finishing) {
        sm->finishing = true;
        loop_defer(sm->loop, finish, sm);
    }
}

void sm_stop(struct sm *sm, void (*stopped)(void *user), void *user)
{
    struct account *account, *next;

    timer_close(sm->sweep);
    db_stop_repeating(sm->db);
    sm->stopped = stopped;
    sm->stopped_user = user;
    HASH_ITER (hh, sm->accounts, account, next) {
        account_drop(account, STREAM_SYSTEM_SHUTDOWN);
    }
    sm_stop_if_done(sm);
}

static bool is_ours(const struct sm *sm, const struct account *account)
{
    return slots_owned(sm->slots, account->slot) &&
           slots_epoch(sm->slots, account->slot) == account->epoch;
}

/* Of an account that could not be read there is nothing that could be out of date. */
static bool is_empty(const struct account *account)
{
    return account->state == ACCOUNT_FAILED && !account->sessions;
}

void sm_slots_changed(struct sm *sm)
{
    struct account *account, *next;

    outbox_slots_changed(sm);
    services_slots_changed(sm);
    HASH_ITER (hh, sm->accounts, account, next) {
        if (!is_empty(account) && !is_ours(sm, account)) {
            log_info("account_lost", LOG_TEXT("account", account->jid->bare),
                     LOG_INT("slot", account->slot));
            account_drop(account, STREAM_RESET);
        }
    }
}

bool sm_asks_server(const struct sm *sm, const struct stanza *stanza)
{
    return (stanza->type == IQ_SET || stanza->type == IQ_GET) && stanza->has_to &&
           !stanza->to.resource && sm_is_server(sm, &stanza->to);
}

bool sm_is_near(const struct session *session)
{
    return session->client &&
           strcmp(client_node(session->client), worker_host(session->account->sm->worker)) == 0;
}

void sm_account_changed(struct sm *sm, const struct jid *jid, bool may_stay, struct client *keep)
{
    struct account *account = account_lookup(sm, jid->bare);
    struct session *session, *next;

    if (!account) {
        return;
    }
    account_ref(account);
    DL_FOREACH_SAFE (account->sessions, session, next) {
        if (!may_stay && (!keep || session->client != keep)) {
            session_kick(session, STREAM_NOT_AUTHORIZED, NULL);
        }
    }
    if (!account->sessions) {
        account_drop(account, STREAM_NOT_AUTHORIZED);
    }
    account_unref(account);
}
