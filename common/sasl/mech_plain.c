/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * PLAIN (RFC 4616), checked against a SCRAM verifier: the server keeps no passwords.
 */
#include <string.h>

#include "common/base/error.h"
#include "common/sasl/exchange.h"

/* message = [authzid] NUL authcid NUL passwd; the buffer adds a NUL behind the last. */
static bool split(const struct buffer *message, const char *fields[3])
{
    const char *at = message->data;
    const char *end = message->data + message->length;

    for (size_t i = 0; i < 3; i++) {
        fields[i] = at;
        at += strlen(at) + 1;
        if ((i < 2) != (at <= end))
            return false;
    }
    return true;
}

static int begin(struct sasl_exchange *exchange)
{
    const char *fields[3];

    if (!split(&exchange->message, fields))
        return exchange_refuse(exchange, SASL_MALFORMED_REQUEST, false);
    exchange->password = fields[2];
    /* No account has an empty password; whoever is asked for one is not to be tempted. */
    if (exchange->password[0] == '\0')
        return exchange_refuse(exchange, SASL_NOT_AUTHORIZED, true);
    if (exchange_set_user(exchange, fields[1]) < 0)
        return ERR_DENIED;
    return fields[0][0] != '\0' ? exchange_check_authzid(exchange, fields[0]) : 0;
}

/* Cyrus is asked when the password has been checked. */
static int step(struct sasl_exchange *exchange, const char *message, size_t length)
{
    (void)message;
    (void)length;
    if (exchange->known && exchange->password_result == 0)
        return SASL_OK;
    exchange_refuse(exchange, SASL_NOT_AUTHORIZED, true);
    return SASL_FAIL;
}

const struct mechanism mechanism_plain = {
    .plugin_name = "PLAIN",
    .hash = -1,
    .needs_verifier = true,
    .checks_password = true,
    .begin = begin,
    .step = step,
};
