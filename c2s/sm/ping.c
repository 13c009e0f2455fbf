/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * XMPP Ping (XEP-0199): the server answers for itself and for the accounts of its own clients.
 */
#include "c2s/sm/sm.h"

#define NS_PING "urn:xmpp:ping"

static const struct sm_iq iqs[] = {
    {NS_PING, "ping", SM_GET, SM_TO_SERVER | SM_TO_SELF, sm_result},
    {0},
};

static const char *const features[] = {NS_PING, NULL};
static const struct spec specs[] = {{"XEP-0199", "2.0.1", NULL}, {0}};

const struct sm_module ping_module = {
    .name = "ping",
    .specs = specs,
    .server_features = features,
    .account_features = features,
    .iqs = iqs,
};
