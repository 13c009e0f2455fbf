/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Who may say what.
 */
#include "net/judge.h"

#include <string.h>

#include "common/config/number.h"
#include "common/xmpp/namespaces.h"
#include "net/names.h"

/* Documents may differ for a moment when a home has moved, so that may be true again later. */
static const struct {
    const char *name;
    enum stanza_condition condition;
    const char *type;
} ROWS[REJECTIONS] = {
    [REJECT_FROM] = {"from", STANZA_FORBIDDEN, "cancel"},
    [REJECT_TO] = {"to", STANZA_FORBIDDEN, "cancel"},
    [REJECT_KIND] = {"kind", STANZA_NOT_ACCEPTABLE, "cancel"},
    [REJECT_STAGE] = {"stage", STANZA_NOT_ACCEPTABLE, "cancel"},
    [REJECT_HOME] = {"home", STANZA_CONFLICT, "wait"},
    [REJECT_EPOCH] = {"epoch", STANZA_CONFLICT, "wait"},
    [REJECT_ROLE] = {"role", STANZA_FORBIDDEN, "wait"},
    [REJECT_UNKNOWN] = {"not-understood", STANZA_FEATURE_NOT_IMPLEMENTED, "cancel"},
};

const char *rejection_name(enum rejection rejection)
{
    return ROWS[rejection].name;
}

enum stanza_condition rejection_condition(enum rejection rejection)
{
    return ROWS[rejection].condition;
}

const char *rejection_type(enum rejection rejection)
{
    return ROWS[rejection].type;
}

/* --- addresses --- */

/* Whole names, prepared: nothing that only looks alike. */
static int judge_addresses(const struct judge *judge, const struct jid *from, const struct jid *to)
{
    if (!from || !from->domain || strcmp(from->domain, judge->peer) != 0)
        return REJECT_FROM;
    if (!to || !to->domain || strcmp(to->domain, judge->host) != 0)
        return REJECT_TO;
    return -1;
}

int judge_answer(const struct judge *judge, const struct durable *answer)
{
    return judge_addresses(judge, &answer->from, &answer->to);
}

/* --- envelopes --- */

/* The home of the sender vouches for it. */
static int judge_home(const struct judge *judge, const struct element *envelope)
{
    const char *name = element_get(envelope, "home"), *text = element_get(envelope, "epoch");
    const struct network_home *home = name ? network_home_by_name(judge->network, name) : NULL;
    int64_t epoch;
    if (!home || strcmp(home->member->host, judge->peer) != 0)
        return REJECT_HOME;
    if (!text || config_number_parse(CONFIG_NUMBER, text, &epoch) || (uint64_t)epoch != home->epoch)
        return REJECT_EPOCH;
    return -1;
}

static int judge_role(const struct judge *judge, enum network_role role)
{
    const struct network_member *member = network_member_by_host(judge->network, judge->peer);
    return member && network_member_may(judge->network, member, role, judge->now) ? -1
                                                                                  : REJECT_ROLE;
}

/* What it says it comes from: a user of the network comes from a home, all others from s2s. */
static bool is_of_network(const struct judge *judge, const struct element *inner)
{
    const char *text = element_get(inner, "from");
    struct jid from;
    return text && jid_parse(inner->arena, text, &from) == 0 &&
           strcmp(from.domain, judge->network->domain) == 0;
}

static int judge_gateway(const struct judge *judge, const struct element *envelope)
{
    ELEMENT_FOREACH (inner, envelope) {
        if (strcmp(inner->ns, NS_CLIENT) == 0 && is_of_network(judge, inner))
            return REJECT_STAGE;
    }
    int rejection = judge_role(judge, NETWORK_S2S);
    return rejection >= 0 ? rejection : judge_home(judge, envelope);
}

static int judge_envelope(const struct judge *judge, struct element *envelope)
{
    const char *stage = element_get(envelope, "stage");
    element_set(envelope, "peer", judge->peer);
    if (stage && strcmp(stage, "home") == 0)
        return judge_home(judge, envelope);
    if (stage && strcmp(stage, "gateway") == 0)
        return judge_gateway(judge, envelope);
    return REJECT_STAGE;
}

/* --- messages --- */

static struct element *payload_of(const struct stanza *stanza)
{
    return stanza->kind == STANZA_MESSAGE ? element_first(stanza->root) : NULL;
}

bool judge_is_node_message(const struct stanza *stanza)
{
    static const char *const namespaces[] = {NS_NET, NS_TRUNK, NS_DIRECTORY};
    const struct element *payload = payload_of(stanza);
    for (size_t i = 0; payload && i < ARRAY_SIZE(namespaces); i++) {
        if (strcmp(payload->ns, namespaces[i]) == 0)
            return true;
    }
    return false;
}

int judge_stanza(const struct judge *judge, const struct stanza *stanza)
{
    int rejection = judge_addresses(judge, stanza->has_from ? &stanza->from : NULL,
                                    stanza->has_to ? &stanza->to : NULL);
    if (rejection >= 0)
        return rejection;
    if (!judge_is_node_message(stanza))
        return REJECT_KIND;
    struct element *payload = payload_of(stanza);
    bool is_envelope = element_is(payload, NS_NET, "envelope");
    if (!is_envelope || stanza_is_error(stanza)) /* errors bring back what is ours */
        return -1;
    return judge_envelope(judge, payload);
}
