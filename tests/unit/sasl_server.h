/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * A server for the tests of common/sasl: what it offers, whom it knows, and what it does between
 * the messages of a client.
 */
#pragma once

#include <stdlib.h>
#include <string.h>

#include "common/base/encode.h"
#include "common/base/macros.h"
#include "common/base/memory.h"
#include "common/sasl/exchange.h"
#include "common/sasl/sasl.h"
#include "tests/unit/unit.h"

/* Of the server, where it is fixed. */
#define NONCE "server0nonce"
#define ALL   ((1U << SASL_MECHANISMS) - 1)
#define PLUSSES                                                                                    \
    (1U << SASL_SCRAM_SHA_512_PLUS | 1U << SASL_SCRAM_SHA_256_PLUS | 1U << SASL_SCRAM_SHA_1_PLUS)
#define EXPORTER  "exporter\0of 32 bytes, as RFC 926"
#define END_POINT "end-point\0of 32 bytes, as RFC 59"
#define DATA_SIZE 32

#define MESSAGE(text) text, sizeof(text) - 1

static const struct sasl_binding bindings[] = {
    {"tls-exporter", EXPORTER, DATA_SIZE},
    {"tls-server-end-point", END_POINT, DATA_SIZE},
};

UNUSED static bool allows(void *user, const char *bare_jid)
{
    return strcmp(user, bare_jid) == 0;
}

static const struct sasl_settings settings = {
    .domain = "h.test",
    .offered = ALL,
    .bindings = bindings,
    .bindings_count = ARRAY_SIZE(bindings),
    .decoy_secret = "decoy",
    .decoy_secret_length = 5,
    .external_user = "user",
    .external_allows = allows,
    .user = (void *)"user@h.test",
};

/* RFC 5802 §5, RFC 7677 §3; the one for SHA-512 from Python's hashlib. The password is "pencil". */
static const char *const verifiers[] = {
    [CRYPTO_SHA1] = "SCRAM-SHA-1$4096:QSXCR+Q6sek8bf92$6dlGYMOdZcOPutkcNY8U2g7vK9Y=:"
                    "D+CSWLOshSulAsxiupA+qs2/fTE=",
    [CRYPTO_SHA256] = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$"
                      "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
                      "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
    [CRYPTO_SHA512] =
        "SCRAM-SHA-512$4096:Yin2FuHTt/M0kJWb0t9OI32n2VmOGi3m+JfjOvuDF88=$"
        "ERxGuwQnAHA2amc01Vb1Qb9WPqMb68u8swldhuOn4MR7udux+oQ/DNrgcAy5c0/SEZybLeGYZ5jFkWH5ELNOXA==:"
        "gFCGdO8qeAVvqKCfFpqPXI2n2596CVtax0k6IH3gzt94xA9+DgAD6NwrELJ0AjguZNc0dWJxduOe037HEcD1UA==",
};

UNUSED static int start_library(void **state)
{
    (void)state;
    /* A5: where Cyrus would look for plugins; they have to be there for the test to mean anything.
     */
    setenv("SASL_PATH", "/usr/lib/x86_64-linux-gnu/sasl2:/usr/lib/sasl2", 1);
    return sasl_library_start();
}

UNUSED static int stop_library(void **state)
{
    (void)state;
    sasl_library_stop();
    return 0;
}

/* The store knows one account, "user", with one verifier for each hash. */
UNUSED static enum sasl_step look_up(struct sasl_exchange *exchange, struct buffer *out)
{
    int hash = sasl_exchange_wanted_hash(exchange);
    struct verifier verifier;

    if (sasl_exchange_wants_tokens(exchange))
        return sasl_exchange_tokens(exchange, NULL, 0, out);
    if (strcmp(sasl_exchange_user(exchange), "user") != 0)
        return sasl_exchange_credentials(exchange, NULL, false, out);
    assert_int_equal(verifier_parse(verifiers[hash < 0 ? CRYPTO_SHA256 : hash], &verifier), 0);
    return sasl_exchange_credentials(exchange, &verifier, true, out);
}

/* What the server does on its side, up to the next message or the end. */
UNUSED static enum sasl_step settle(struct sasl_exchange *exchange, enum sasl_step step,
                                    struct buffer *out)
{
    if (step == SASL_STEP_CREDENTIALS)
        step = look_up(exchange, out);
    if (step == SASL_STEP_PASSWORD) {
        sasl_exchange_check_password(exchange);
        step = sasl_exchange_checked(exchange, out);
    }
    return step;
}

UNUSED static enum sasl_step start(struct sasl_exchange *exchange, enum sasl_mechanism mechanism,
                                   const char *message, size_t length, struct buffer *out)
{
    buffer_clear(out);
    return settle(exchange, sasl_exchange_start(exchange, mechanism, message, length, true, out),
                  out);
}

UNUSED static enum sasl_step respond(struct sasl_exchange *exchange, const char *message,
                                     size_t length, struct buffer *out)
{
    buffer_clear(out);
    return settle(exchange, sasl_exchange_step(exchange, message, length, out), out);
}

UNUSED static void check_failure(const struct sasl_exchange *exchange,
                                 enum sasl_condition condition, bool counts, const char *row)
{
    if (sasl_exchange_failure(exchange) != condition)
        fail_msg("%s: condition %d instead of %d", row, sasl_exchange_failure(exchange), condition);
    if (sasl_exchange_failure_counts(exchange) != counts)
        fail_msg("%s: should %scount", row, counts ? "" : "not ");
    assert_null(sasl_exchange_authenticated(exchange));
}

/* How rows of the tables end. */
#define DONE      .result = SASL_STEP_DONE
#define REFUSED   .result = SASL_STEP_FAILED, .failure = SASL_NOT_AUTHORIZED
#define MALFORMED .result = SASL_STEP_FAILED, .failure = SASL_MALFORMED_REQUEST
#define AUTHZID   .result = SASL_STEP_FAILED, .failure = SASL_INVALID_AUTHZID
