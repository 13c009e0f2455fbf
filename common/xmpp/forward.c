/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Messages inside of messages.
 */
#include "common/xmpp/forward.h"

struct element *forward_message(struct element *parent, const struct element *message,
                                const char *stamp)
{
    struct element *forwarded = element_add(parent, NS_FORWARD, "forwarded");

    if (stamp)
        element_set(element_add(forwarded, "urn:xmpp:delay", "delay"), "stamp", stamp);
    return element_add_copy(forwarded, message);
}
