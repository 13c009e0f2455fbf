/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Subscription requests that wait for the user's answer (RFC 6121 §3.1.3; S7 of
 * docs/rules/subscription.md).
 */
#include <stdlib.h>
#include <string.h>

#include "c2s/sm/subscription.h"

/* A request with more than this in it is kept without its children. */
#define PENDING_MAX 4096

char *subscription_pending_text(const struct stanza *request)
{
    char *text = sm_format(request->root);
    struct stanza *plain;

    if (strlen(text) <= PENDING_MAX) {
        return text;
    }
    free(text);
    plain = stanza_new(STANZA_PRESENCE, PRESENCE_SUBSCRIBE);
    stanza_set_from(plain, &request->from);
    stanza_set_to(plain, &request->to);
    text = sm_format(plain->root);
    stanza_unref(plain);
    return text;
}

void subscription_show_pending(struct session *session, bool initial)
{
    struct account *account = session->account;

    if (!initial) {
        return;
    }
    ROSTER_ITEMS (item, account) {
        struct stanza *request = item->pending ? sm_parse_stanza(account->sm, item->pending) : NULL;

        if (request) {
            session_send_take(session, request);
        }
    }
}
