/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Software Version (XEP-0092). The operating system is nobody's business (XEP-0092 §4).
 */
#include "c2s/sm/sm.h"
#include "common/service/service.h"

#define NS_VERSION "jabber:iq:version"

static void answer(struct sm_request *request)
{
    struct stanza *result = stanza_result(request->iq);
    struct element *query = element_add(result->root, NS_VERSION, "query");

    element_add_with_text(query, NS_VERSION, "name", "Kontalk");
    element_add_with_text(query, NS_VERSION, "version", service_version());
    sm_reply_take(request, result);
}

static const struct sm_iq iqs[] = {
    {NS_VERSION, "query", SM_GET, SM_TO_SERVER, answer},
    {0},
};

static const char *const features[] = {NS_VERSION, NULL};
static const struct spec specs[] = {{"XEP-0092", "1.1", NULL}, {0}};

const struct sm_module version_module = {
    .name = "version",
    .specs = specs,
    .server_features = features,
    .iqs = iqs,
};
