/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Taking out what is forged.
 */
#include "c2s/sm/forged.h"

#include <stdlib.h>
#include <string.h>

#define NS_ARCHIVES "urn:xmpp:mam:"
#define NS_CARBONS  "urn:xmpp:carbons:"

/* An archive elsewhere (a room's, XEP-0313 §3.3) that a client has asked and that has not answered
 * yet: until then its results are for it. */
struct asked {
    char *jid;
    char *id;
    struct asked *prev, *next;
};

/* Who asks more archives at once does not get all of it. */
#define ASKED_MAX 32

struct context {
    struct sm *sm;
    struct stanza *stanza;
    bool asked; /* the receiving session waits for results from the sender */
};

static bool parse(const struct context *context, const char *text, struct jid *jid)
{
    return text && jid_parse(context->stanza->arena, text, jid) == 0;
}

/* In any form that is prepared to the same address. What was displayed (XEP-0490 §4.1) names the id
 * of another message, which is no word about this one. */
static bool is_by_us(const struct context *context, const struct element *id)
{
    struct jid by;

    return !element_is(id->parent, "urn:xmpp:mds:displayed:0", "displayed") &&
           parse(context, element_get(id, "by"), &by) && sm_is_ours(context->sm, &by);
}

static bool is_from_server(const struct context *context, const struct element *delay)
{
    struct jid from;

    return parse(context, element_get(delay, "from"), &from) && sm_is_server(context->sm, &from);
}

static bool is_not_asked(const struct context *context, const struct element *result)
{
    (void)result;
    return !context->asked;
}

static const struct forgery {
    const char *ns; /* how it begins: all versions */
    const char *name;
    bool message; /* only in messages */
    bool nested;  /* wherever it stands */
    bool (*is)(const struct context *context, const struct element *element);
} forgeries[] = {
    {"urn:xmpp:sid:0", "stanza-id", true, true, is_by_us},
    {"urn:xmpp:delay", "delay", false, false, is_from_server},
    {NS_CARBONS, "sent", true, false, NULL},
    {NS_CARBONS, "received", true, false, NULL},
    {NS_ARCHIVES, "result", true, false, is_not_asked},
};

static bool begins_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

static bool is_forged(const struct context *context, const struct element *element)
{
    bool nested = element->parent != context->stanza->root;

    for (size_t i = 0; i < ARRAY_SIZE(forgeries); i++) {
        const struct forgery *forgery = &forgeries[i];
        if (begins_with(element->ns, forgery->ns) && strcmp(element->name, forgery->name) == 0)
            return (!forgery->message || context->stanza->kind == STANZA_MESSAGE) &&
                   (!nested || forgery->nested) && (!forgery->is || forgery->is(context, element));
    }
    return false;
}

/* The next in the order of the text that is not inside `element`. */
static struct element *after(const struct element *root, const struct element *element)
{
    while (element != root) {
        struct element *next = element_next(element);
        if (next)
            return next;
        element = element->parent;
    }
    return NULL;
}

static void strip(const struct context *context)
{
    struct element *root = context->stanza->root, *element = element_first(root);

    while (element) {
        struct element *next;
        if (is_forged(context, element)) {
            next = after(root, element);
            element_remove(element->parent, element);
        } else {
            struct element *first = element_first(element);
            next = first ? first : after(root, element);
        }
        element = next;
    }
}

static void forget(struct session *session, struct asked *asked)
{
    DL_DELETE(session->asked, asked);
    free(asked->jid);
    free(asked->id);
    free(asked);
}

/* A question to an archive elsewhere; what the account's own answers does not come by the router.
 */
static void note_question(struct session *session, const struct stanza *iq)
{
    const struct element *query = iq->type == IQ_SET ? stanza_payload(iq) : NULL;
    struct asked *asked;
    unsigned count = 0;

    if (!query || !begins_with(query->ns, NS_ARCHIVES) || !iq->has_to)
        return;
    DL_COUNT(session->asked, asked, count);
    if (count >= ASKED_MAX)
        forget(session, session->asked);
    asked = xcalloc(1, sizeof(*asked));
    asked->jid = xstrdup(iq->to.full);
    asked->id = xstrdup(stanza_id(iq));
    DL_APPEND(session->asked, asked);
}

void forged_strip_sent(struct session *session, struct stanza *stanza)
{
    const struct context context = {session->account->sm, stanza, false};

    strip(&context);
    note_question(session, stanza);
}

static struct session *receiver_of(struct sm *sm, const struct stanza *stanza)
{
    struct account *account = account_lookup(sm, stanza->to.bare);

    return account && stanza->to.resource ? account_session(account, stanza->to.resource) : NULL;
}

static bool waits_for(const struct session *session, const struct stanza *stanza)
{
    const struct asked *asked;

    DL_FOREACH (session->asked, asked) {
        if (strcmp(asked->jid, stanza->from.full) == 0)
            return true;
    }
    return false;
}

static void note_answer(struct session *session, const struct stanza *iq)
{
    struct asked *asked, *next;

    DL_FOREACH_SAFE (session->asked, asked, next) {
        if (strcmp(asked->jid, iq->from.full) == 0 && strcmp(asked->id, stanza_id(iq)) == 0)
            forget(session, asked);
    }
}

void forged_strip_arrived(struct sm *sm, struct stanza *stanza)
{
    struct session *session = receiver_of(sm, stanza);
    const struct context context = {sm, stanza, session && waits_for(session, stanza)};

    strip(&context);
    if (session && stanza->kind == STANZA_IQ && stanza_is_reply(stanza) && stanza_id(stanza))
        note_answer(session, stanza);
}

void forged_strip_shared(struct sm *sm, struct stanza *stanza)
{
    const struct context context = {sm, stanza, false};

    strip(&context);
}

static void leave(struct session *session)
{
    struct asked *asked, *next;

    DL_FOREACH_SAFE (session->asked, asked, next) {
        forget(session, asked);
    }
}

const struct sm_module forged_module = {
    .name = "forged",
    .session_closed = leave,
};
