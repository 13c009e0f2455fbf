/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What a client may still ask of the binding once it has its resource: nothing (RFC 6120 §7.5), or
 * the session of RFC 3921 §3, which has no meaning any more.
 */
#include "c2s/sm/sm.h"

static void bind_again(struct sm_request *request)
{
    sm_error(request, STANZA_NOT_ALLOWED, NULL);
}

static const struct sm_iq iqs[] = {
    {NS_BIND, "bind", SM_SET, SM_TO_SELF, bind_again},
    {NS_SESSION, "session", SM_SET, SM_TO_SELF, sm_result},
    {0},
};

const struct sm_module binding_module = {
    .name = "binding",
    .iqs = iqs,
};
