/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The session manager as a plugin of c2s: what c2s tells, handed on.
 */
#include "c2s/sm/plugin.h"

#include <string.h>

#include "c2s/node_message.h"
#include "c2s/sm/admin.h"
#include "c2s/sm/batches.h"
#include "c2s/sm/begin.h"
#include "c2s/sm/core.h"
#include "c2s/sm/csi.h"
#include "c2s/sm/far.h"
#include "c2s/sm/forged.h"
#include "c2s/sm/gateway.h"
#include "c2s/sm/homes.h"
#include "c2s/sm/outbox.h"
#include "c2s/sm/outgoing.h"
#include "c2s/sm/returns.h"
#include "c2s/sm/route.h"
#include "c2s/sm/services.h"
#include "c2s/sm/shared.h"
#include "c2s/sm/smacks.h"
#include "c2s/sm/smacks_row.h"
#include "c2s/sm/taker.h"
#include "common/stream/ack.h"

static int plugin_start(struct worker *worker, void **state)
{
    *state = sm_start(worker);
    return 0;
}

static void plugin_stop(void *state, void (*stopped)(void *user), void *user)
{
    sm_stop(state, stopped, user);
}

static void plugin_reload(void *state, const struct config *config)
{
    (void)config;
    sm_reload(state);
}

static void plugin_features(void *state, struct element *features)
{
    SM_MODULES (module)
        if (module->stream_features) {
            module->stream_features(state, features);
        }
}

static void plugin_bind(void *state, struct client *client, const struct jid *account,
                        const char *resource)
{
    session_bind(state, client, account, resource);
}

static void plugin_stanza(void *state, void *session, struct stanza *stanza, int problem)
{
    (void)state;
    outgoing_stanza(session, stanza, problem);
    stanza_unref(stanza);
}

static void plugin_silent(void *state, void *session)
{
    (void)state;
    session_ask(session);
}

static void plugin_closed(void *state, void *session, enum client_end how)
{
    (void)state;
    session_closed(session, how);
}

static void plugin_client_gone(void *state, struct client *client)
{
    session_bind_cancelled(state, client);
}

static void plugin_writable(void *state, void *session)
{
    (void)state;
    smacks_writable(session);
    session_tell_writable(session);
}

/* What is for an account of another home is looked at there, where it is known what it has asked.
 */
static void arrived_here(struct sm *sm, struct stanza *stanza)
{
    forged_strip_arrived(sm, stanza);
    sm_arrived(sm, stanza);
}

/* Behind this everything has both addresses. */
static void plugin_routed(void *state, struct stanza *stanza, int problem)
{
    if (problem >= 0) {
        sm_refuse(state, stanza, (enum stanza_condition)problem, NULL);
    } else if (stanza->has_to && stanza->has_from && !shared_arrived(state, NULL, stanza) &&
               !returns_take(state, stanza) && !homes_arrived(state, NULL, stanza)) {
        homes_route(state, stanza, arrived_here);
    }
    stanza_unref(stanza);
}

static void plugin_undelivered(void *state, struct stanza *stanza)
{
    sm_undelivered(state, stanza);
    stanza_unref(stanza);
}

static void plugin_offered(void *state, const struct durable *offer, struct stanza *stanza)
{
    if (!shared_arrived(state, offer, stanza) && !homes_arrived(state, offer, stanza))
        gateway_offered(state, offer, stanza);
    stanza_unref(stanza);
}

static void plugin_answered(void *state, const struct durable *answer)
{
    struct durable words = *answer;

    words.id = homes_id(state, answer->id);
    if (answer->kind != DURABLE_FORGET) {
        if (!gateway_answered(state, &words))
            outbox_answered(state, &words);
    } else if (!gateway_forget(state, answer)) {
        homes_forget(state, answer, taker_forget);
    }
}

static void plugin_batch(void *state, const struct batch *batch, struct stanza *stanza)
{
    if (batch->kind == DURABLE_OFFER) {
        batches_offered(state, batch, stanza);
        stanza_unref(stanza);
        return;
    }
    for (size_t i = 0; i < batch->count; i++) {
        const struct durable word = batch_word(batch, i);

        plugin_answered(state, &word);
    }
}

static void plugin_offer_full(void *state, const char *id)
{
    outbox_full(state, homes_id(state, id));
}

static void plugin_reachable(void *state, enum c2s_reach how, const char *name)
{
    struct sm *sm = state;

    if (name && (how == C2S_REACH_ROUTE || how == C2S_REACH_LOST) &&
        strcmp(name, worker_host(sm->worker)) != 0 && node_is_host(sm->worker, name))
        far_node_reachable(sm, name, how == C2S_REACH_ROUTE);
    if (how == C2S_REACH_DURABLE)
        services_note(sm, name);
    else if (how != C2S_REACH_LOST)
        outbox_reachable(state, how, name);
}

static void plugin_slots_changed(void *state)
{
    sm_slots_changed(state);
    smacks_slots_changed(state);
}

static void plugin_work(void *state, enum account_change change, const struct jid *account,
                        const char *password, void (*done)(void *user, const char *problem),
                        void *user)
{
    admin_work(state, change, account, password, done, user);
}

static void plugin_account_changed(void *state, const struct jid *account, bool may_stay,
                                   struct client *keep)
{
    sm_account_changed(state, account, may_stay, keep);
}

static void plugin_specs(void (*add)(const struct spec *specs, const char *where))
{
    SM_MODULES (module)
        if (module->specs) {
            add(module->specs, module->name);
        }
}

static const struct c2s_element elements[] = {
    {NS_SM, "enable", STREAM_BOUND, 0, smacks_on_enable, smacks_refuse},
    {NS_SM, "resume", STREAM_AUTHENTICATED, STREAM_BOUND, smacks_on_resume, smacks_refuse},
    {NS_SM, "r", STREAM_BOUND, 0, smacks_on_r, smacks_refuse},
    {NS_SM, "a", STREAM_BOUND, 0, smacks_on_a, smacks_refuse},
    {NS_CSI, "active", STREAM_BOUND, 0, csi_on_active, NULL},
    {NS_CSI, "inactive", STREAM_BOUND, 0, csi_on_inactive, NULL},
    {0},
};

const struct c2s_plugin sm_plugin = {
    .abi = C2S_PLUGIN_ABI,
    .size = sizeof(struct c2s_plugin),
    .name = "sm",
    .start = plugin_start,
    .stop = plugin_stop,
    .reload = plugin_reload,
    .features = plugin_features,
    .bind = plugin_bind,
    .inline_features = begin_inline_features,
    .begin = begin_start,
    .stanza = plugin_stanza,
    .elements = elements,
    .silent = plugin_silent,
    .closed = plugin_closed,
    .client_gone = plugin_client_gone,
    .writable = plugin_writable,
    .routed = plugin_routed,
    .undelivered = plugin_undelivered,
    .offered = plugin_offered,
    .answered = plugin_answered,
    .batch = plugin_batch,
    .offer_full = plugin_offer_full,
    .reachable = plugin_reachable,
    .slots_changed = plugin_slots_changed,
    .account_changed = plugin_account_changed,
    .work = plugin_work,
    .commands = sm_commands,
    .metrics = sm_metrics,
    .specs = plugin_specs,
};
