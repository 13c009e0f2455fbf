/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * EXTERNAL with a client certificate (RFC 4422 appendix A, XEP-0178 §3). What the certificate
 * proves is known to the caller; the message may pick one address of several.
 */
#include <string.h>

#include "common/base/error.h"
#include "common/sasl/exchange.h"
#include "common/xmpp/jid.h"

/* XEP-0178 §3: nothing was picked, and the certificate does not say it alone. */
static int take_only_address(struct sasl_exchange *exchange)
{
    if (!exchange->settings->external_user)
        return exchange_refuse(exchange, SASL_INVALID_AUTHZID, false);
    return exchange_set_user(exchange, exchange->settings->external_user);
}

static int take_picked_address(struct sasl_exchange *exchange, const char *authzid)
{
    const struct sasl_settings *settings = exchange->settings;
    struct jid jid;

    if (jid_parse(exchange->arena, authzid, &jid) < 0 || !jid.local || jid.resource ||
        strcmp(jid.domain, settings->domain) != 0 || !settings->external_allows ||
        !settings->external_allows(settings->user, jid.bare))
        return exchange_refuse(exchange, SASL_INVALID_AUTHZID, false);
    return exchange_set_user(exchange, jid.local);
}

static int begin(struct sasl_exchange *exchange)
{
    const struct buffer *message = &exchange->message;

    if (message->length == 0)
        return take_only_address(exchange);
    if (memchr(message->data, '\0', message->length))
        return exchange_refuse(exchange, SASL_MALFORMED_REQUEST, false);
    return take_picked_address(exchange, message->data);
}

static int step(struct sasl_exchange *exchange, const char *message, size_t length)
{
    (void)message;
    (void)length;
    if (exchange->known)
        return SASL_OK;
    exchange_refuse(exchange, SASL_NOT_AUTHORIZED, true);
    return SASL_FAIL;
}

/* Cyrus has an EXTERNAL of its own that cannot be left out; this name keeps them apart. */
const struct mechanism mechanism_external = {
    .plugin_name = "KONTALK-EXTERNAL",
    .hash = -1,
    .begin = begin,
    .step = step,
};
