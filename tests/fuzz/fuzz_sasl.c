/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * A SASL exchange: the first byte is the mechanism, lines are the messages. Nobody without the
 * password ever gets in.
 */
#include <string.h>

#include "common/sasl/sasl.h"
#include "tests/fuzz/fuzz.h"

#define BINDING "0123456789abcdef0123456789abcdef"

static const struct sasl_binding bindings[] = {
    {"tls-exporter", BINDING, sizeof(BINDING) - 1},
};

static bool nobody(void *user, const char *bare_jid)
{
    (void)user;
    (void)bare_jid;
    return false;
}

static const struct sasl_settings settings = {
    .domain = "h.test",
    .offered = (1U << SASL_MECHANISMS) - 1,
    .bindings = bindings,
    .bindings_count = 1,
    .decoy_secret = "secret",
    .decoy_secret_length = 6,
    .external_allows = nobody,
};

/* Every user exists, with a password that no input contains. */
static const struct verifier *verifier_of(enum crypto_hash hash)
{
    static struct verifier verifiers[3];
    static bool made[3];

    if (!made[hash]) {
        const char iterations[] = "correct horse battery staple";
        MUST(verifier_make(hash, iterations, &verifiers[hash]) == 0);
        made[hash] = true;
    }
    return &verifiers[hash];
}

static enum sasl_step settle(struct sasl_exchange *exchange, enum sasl_step step,
                             struct buffer *out)
{
    if (step == SASL_STEP_CREDENTIALS) {
        int hash = sasl_exchange_wanted_hash(exchange);
        MUST(sasl_exchange_user(exchange) != NULL);
        if (sasl_exchange_wants_tokens(exchange))
            step = sasl_exchange_tokens(exchange, NULL, 0, out);
        else
            step = sasl_exchange_credentials(
                exchange, verifier_of(hash < 0 ? CRYPTO_SHA256 : (enum crypto_hash)hash), true,
                out);
    }
    if (step == SASL_STEP_PASSWORD) {
        sasl_exchange_check_password(exchange);
        step = sasl_exchange_checked(exchange, out);
    }
    return step;
}

static void talk(struct sasl_exchange *exchange, enum sasl_mechanism mechanism, const char *text,
                 size_t length)
{
    const char *end = text + length, *line_end = memchr(text, '\n', length);
    struct buffer out = {0};
    size_t first = line_end ? (size_t)(line_end - text) : length;
    enum sasl_step step =
        settle(exchange, sasl_exchange_start(exchange, mechanism, text, first, true, &out), &out);

    while (step == SASL_STEP_CHALLENGE && line_end && line_end + 1 < end) {
        const char *line = line_end + 1;
        line_end = memchr(line, '\n', (size_t)(end - line));
        size_t size = (size_t)((line_end ? line_end : end) - line);
        step = settle(exchange, sasl_exchange_step(exchange, line, size, &out), &out);
    }
    MUST(step == SASL_STEP_CHALLENGE || step == SASL_STEP_FAILED);
    buffer_fini(&out);
}

/* The upper half has those that came later, so that older inputs keep their meaning. */
static enum sasl_mechanism choose(uint8_t byte)
{
    unsigned before = SASL_HT_SHA_512_EXPR;

    return byte < 0x80 ? byte % before : before + byte % (SASL_MECHANISMS - before);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static bool started;

    if (!started) {
        MUST(sasl_library_start() == 0);
        started = true;
    }
    if (length < 1)
        return 0;
    struct sasl_exchange *exchange = sasl_exchange_new(&settings);
    talk(exchange, choose(bytes[0]), (const char *)bytes + 1, length - 1);
    sasl_exchange_free(exchange);
    return 0;
}
