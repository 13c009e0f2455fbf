/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Requests of publish-subscribe: what is asked, of which node, by whom; and errors with the
 * conditions of XEP-0060 §12.
 */
#pragma once

#include "c2s/pubsub/access.h"
#include "c2s/pubsub/namespaces.h"
#include "c2s/pubsub/node.h"

/* For the time of one call of a handler; what lives longer is copied from it. */
struct pubsub_call {
    struct sm_request *request; /* to be answered */
    struct account *account;    /* whose nodes these are */
    const struct element *pubsub, *action;
    const char *name;                    /* of the node; NULL: none is named */
    struct pubsub_node *node;            /* NULL: none is named, or there is no such node */
    enum pubsub_affiliation affiliation; /* of who asks, with `node` */
};

/* A row of the table of actions (actions.c). */
struct pubsub_action {
    const char *ns;   /* of <pubsub/> */
    const char *name; /* of its first child */
    unsigned type;    /* SM_GET or SM_SET */
    enum {
        NODE_ANY,    /* as named, if it is; the handler looks */
        NODE_NAMED,  /* it may not exist yet */
        NODE_EXISTS, /* else item-not-found */
        NODE_OWNED   /* … and who asks is an owner, else forbidden */
    } node;
    void (*handle)(struct pubsub_call *call);
};
extern const struct pubsub_action pubsub_actions[]; /* ends with ns NULL */

/* The address that asks. */
const struct jid *call_from(const struct pubsub_call *call);
void pubsub_refuse(struct sm_request *request, struct pubsub_refusal refusal);
/* name: of NS_PUBSUB_ERROR, or NULL. */
void pubsub_error(struct sm_request *request, enum stanza_condition condition, const char *name);
/* feature-not-implemented with <unsupported feature='…'/>. */
void pubsub_unsupported(struct sm_request *request, const char *feature);
/* A result with <pubsub/> of this namespace; *reply goes to sm_reply_take(). */
struct element *pubsub_result(struct sm_request *request, const char *ns, struct stanza **reply);
/* A copy in the arena of the request; ERR_MALFORMED. */
MUST_CHECK int call_jid(const struct pubsub_call *call, const struct element *element,
                        struct jid *jid);
struct pubsub_option_limits pubsub_limits(const struct sm *sm);
