/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Messages inside of messages.
 */
#include "common/xmpp/forward.h"

#include <string.h>

#include "common/base/error.h"
#include "common/xmpp/namespaces.h"

struct element *forward_message(struct element *parent, const struct element *message,
                                const char *stamp)
{
    struct element *forwarded = element_add(parent, NS_FORWARD, "forwarded");

    if (stamp)
        element_set(element_add(forwarded, "urn:xmpp:delay", "delay"), "stamp", stamp);
    return element_add_copy(forwarded, message);
}

static const struct element *find_stanza(const struct element *element)
{
    ELEMENT_FOREACH (child, element) {
        if (strcmp(child->ns, NS_CLIENT) == 0)
            return child;
    }
    return NULL;
}

int forward_open(const struct element *wrapper, struct stanza **stanza)
{
    const struct element *inner = find_stanza(wrapper);
    int problem;

    if (!inner ||
        stanza_from_element_take(element_copy(arena_new(), inner), NS_CLIENT, stanza, &problem) < 0)
        return ERR_MALFORMED;
    if (problem < 0 && (*stanza)->has_from)
        return 0;
    stanza_unref(*stanza);
    *stanza = NULL;
    return ERR_MALFORMED;
}
