/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Answers to stanzas: errors (RFC 6120 §8.3) and empty results.
 */
#include <string.h>

#include "common/xmpp/namespaces.h"
#include "common/xmpp/stanza.h"

/* Above this an error goes without the original's children (which are a MAY, RFC 6120 §8.3.1), so
 * that the error to a stanza at the size limit is not itself above it. */
#define ORIGINAL_MAX 65536

static enum stanza_type error_type(enum stanza_kind kind)
{
    static const enum stanza_type types[] = {
        [STANZA_MESSAGE] = MESSAGE_ERROR,
        [STANZA_PRESENCE] = PRESENCE_ERROR,
        [STANZA_IQ] = IQ_ERROR,
    };
    return types[kind];
}

/* An answer of that type with the addresses swapped and the same id. */
static struct stanza *answer(const struct stanza *original, enum stanza_type type)
{
    struct stanza *reply = stanza_new(original->kind, type);

    element_set(reply->root, "id", stanza_id(original));
    if (original->has_to) {
        stanza_set_from(reply, &original->to);
    }
    if (original->has_from) {
        stanza_set_to(reply, &original->from);
    }
    return reply;
}

static void copy_children(struct stanza *reply, const struct stanza *original)
{
    if (arena_size(original->arena) > ORIGINAL_MAX) {
        return;
    }
    ELEMENT_FOREACH (child, original->root) {
        element_add_copy(reply->root, child);
    }
}

struct stanza *stanza_error(const struct stanza *original, enum stanza_condition condition,
                            const char *text)
{
    return stanza_error_typed(original, condition, stanza_condition_type(condition), text);
}

struct stanza *stanza_error_typed(const struct stanza *original, enum stanza_condition condition,
                                  const char *type, const char *text)
{
    if (stanza_is_reply(original)) {
        return NULL;
    }
    struct stanza *reply = answer(original, error_type(original->kind));
    copy_children(reply, original);

    struct element *error = element_add(reply->root, NS_CLIENT, "error");
    element_set(error, "type", type);
    element_add(error, NS_STANZA_ERRORS, stanza_condition_name(condition));
    if (text) {
        struct element *child = element_add_with_text(error, NS_STANZA_ERRORS, "text", text);
        element_set_ns(child, NS_XML, "lang", "en");
    }
    return reply;
}

struct element *stanza_error_element(const struct stanza *error)
{
    /* The last one: children of the original stand in front. */
    struct element *found = NULL;

    ELEMENT_FOREACH (child, error->root) {
        if (element_is(child, NS_CLIENT, "error")) {
            found = child;
        }
    }
    return found;
}

struct stanza *stanza_result(const struct stanza *request)
{
    return answer(request, IQ_RESULT);
}
