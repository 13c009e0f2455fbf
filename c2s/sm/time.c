/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Entity Time (XEP-0202). Servers live in UTC.
 */
#include "c2s/sm/sm.h"
#include "common/base/clock.h"
#include "common/xmpp/datetime.h"

#define NS_TIME "urn:xmpp:time"

static void answer(struct sm_request *request)
{
    struct stanza *result = stanza_result(request->iq);
    struct element *time = element_add(result->root, NS_TIME, "time");
    char now[DATETIME_SIZE];

    datetime_format(clock_wall_us(), now);
    element_add_with_text(time, NS_TIME, "tzo", "+00:00");
    element_add_with_text(time, NS_TIME, "utc", now);
    sm_reply_take(request, result);
}

static const struct sm_iq iqs[] = {
    {NS_TIME, "time", SM_GET, SM_TO_SERVER, answer},
    {0},
};

static const char *const features[] = {NS_TIME, NULL};
static const struct spec specs[] = {{"XEP-0202", "2.0", NULL}, {0}};

const struct sm_module time_module = {
    .name = "time",
    .specs = specs,
    .server_features = features,
    .iqs = iqs,
};
