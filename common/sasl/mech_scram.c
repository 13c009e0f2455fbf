/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * SCRAM-SHA-1, -256 and -512, with and without -PLUS (RFC 5802, RFC 7677, RFC 9266): what follows
 * from the messages. XMPP has no place for the "e=" of the server's last message (RFC 6120 §6.4.5);
 * every refusal is a SASL failure.
 */
#include <string.h>

#include "common/base/encode.h"
#include "common/base/error.h"
#include "common/base/memory.h"
#include "common/sasl/exchange.h"

#define NONCE_SIZE 24

static bool offers_plus(const struct sasl_settings *settings)
{
    for (int i = 0; i < SASL_MECHANISMS; i++) {
        if (settings->offered & 1U << i && sasl_mechanism_is_plus((enum sasl_mechanism)i))
            return true;
    }
    return false;
}

/* RFC 5802 §6: whether the client's flag goes with the mechanism and with what was offered. A
 * client that believes -PLUS was not offered, although it was, has somebody in between. */
static bool flag_acceptable(const struct sasl_exchange *exchange)
{
    const struct scram_client_first *first = &exchange->scram.first;

    if (sasl_mechanism_is_plus(exchange->mechanism))
        return first->flag == SCRAM_BINDING_USED &&
               exchange_binding(exchange->settings, first->binding);
    if (first->flag == SCRAM_BINDING_UNOFFERED)
        return !offers_plus(exchange->settings);
    return first->flag == SCRAM_NO_BINDING;
}

static int begin(struct sasl_exchange *exchange)
{
    struct scram_client_first *first = &exchange->scram.first;

    if (scram_client_first_parse(exchange->message.data, exchange->message.length, first) < 0)
        return exchange_refuse(exchange, SASL_MALFORMED_REQUEST, false);
    if (!flag_acceptable(exchange))
        return exchange_refuse(exchange, SASL_NOT_AUTHORIZED, false);
    if (exchange_set_user(exchange, first->user) < 0)
        return ERR_DENIED;
    return first->authzid ? exchange_check_authzid(exchange, first->authzid) : 0;
}

static char *make_nonce(void)
{
    struct buffer text = {0};
    uint8_t bytes[NONCE_SIZE];

    crypto_random(bytes, sizeof(bytes));
    base64_encode(&text, bytes, sizeof(bytes));
    return buffer_take(&text);
}

/* XEP-0474: what was advertised becomes part of what both sides prove, so that nobody in between
 * can have taken anything out of it. */
static void add_announcement(struct sasl_exchange *exchange)
{
    const char *announced = exchange->settings->announced;
    struct buffer *out = &exchange->scram.server_first;
    uint8_t digest[CRYPTO_HASH_MAX];

    if (!announced)
        return;
    crypto_digest(exchange->verifier.hash, announced, strlen(announced), digest);
    buffer_append_text(out, ",h=");
    base64_encode(out, digest, crypto_hash_size(exchange->verifier.hash));
}

static int challenge(struct sasl_exchange *exchange)
{
    struct scram *scram = &exchange->scram;

    if (!scram->server_nonce)
        scram->server_nonce = make_nonce();
    scram_server_first_format(&scram->server_first, scram->first.nonce, scram->server_nonce,
                              &exchange->verifier);
    add_announcement(exchange);
    buffer_append(&exchange->reply, scram->server_first.data, scram->server_first.length);
    return SASL_CONTINUE;
}

static bool nonce_fits(const struct scram *scram, struct span nonce)
{
    size_t ours = strlen(scram->server_nonce);
    size_t theirs = scram->first.nonce.length;

    return nonce.length == theirs + ours &&
           crypto_equal(nonce.text, scram->first.nonce.text, theirs) &&
           crypto_equal(nonce.text + theirs, scram->server_nonce, ours);
}

/* "c=" repeats the GS2 header as it came, and has the data of the binding behind it. */
static bool binding_fits(const struct sasl_exchange *exchange, const struct buffer *sent)
{
    const struct scram_client_first *first = &exchange->scram.first;
    struct buffer expected = {0};
    bool fits;

    buffer_append(&expected, first->header.text, first->header.length);
    if (first->flag == SCRAM_BINDING_USED) {
        const struct sasl_binding *binding = exchange_binding(exchange->settings, first->binding);
        buffer_append(&expected, binding->data, binding->length);
    }
    fits =
        sent->length == expected.length && crypto_equal(sent->data, expected.data, expected.length);
    buffer_fini(&expected);
    return fits;
}

/* AuthMessage of RFC 5802 §3. */
static void join_messages(struct buffer *joined, const struct scram *scram,
                          struct span without_proof)
{
    buffer_append(joined, scram->first.bare.text, scram->first.bare.length);
    buffer_append_char(joined, ',');
    buffer_append(joined, scram->server_first.data, scram->server_first.length);
    buffer_append_char(joined, ',');
    buffer_append(joined, without_proof.text, without_proof.length);
}

/* Whether the proof is made of a key that hashes to the StoredKey. */
static bool proof_fits(const struct verifier *verifier, const struct buffer *joined,
                       const struct buffer *proof)
{
    size_t size = crypto_hash_size(verifier->hash);
    uint8_t key[CRYPTO_HASH_MAX];
    uint8_t digest[CRYPTO_HASH_MAX];
    bool fits;

    if (proof->length != size)
        return false;
    crypto_hmac(verifier->hash, verifier->stored_key, size, joined->data, joined->length, key);
    for (size_t i = 0; i < size; i++)
        key[i] ^= (uint8_t)proof->data[i];
    crypto_digest(verifier->hash, key, size, digest);
    fits = crypto_equal(digest, verifier->stored_key, size);
    crypto_wipe(key, sizeof(key));
    return fits;
}

static void sign(struct sasl_exchange *exchange, const struct buffer *joined)
{
    const struct verifier *verifier = &exchange->verifier;
    size_t size = crypto_hash_size(verifier->hash);
    uint8_t signature[CRYPTO_HASH_MAX];

    crypto_hmac(verifier->hash, verifier->server_key, size, joined->data, joined->length,
                signature);
    scram_server_final_format(&exchange->reply, signature, size);
}

/* Everything is looked at in any case, so that an unknown user fails no sooner than others. */
static int judge(struct sasl_exchange *exchange, const struct scram_client_final *final)
{
    bool acceptable = nonce_fits(&exchange->scram, final->nonce);
    struct buffer joined = {0};

    acceptable &= binding_fits(exchange, &final->binding);
    join_messages(&joined, &exchange->scram, final->without_proof);
    acceptable &= proof_fits(&exchange->verifier, &joined, &final->proof);
    acceptable &= exchange->known;
    if (acceptable)
        sign(exchange, &joined);
    else
        exchange_refuse(exchange, SASL_NOT_AUTHORIZED, true);
    buffer_fini(&joined);
    return acceptable ? SASL_OK : SASL_FAIL;
}

static int step(struct sasl_exchange *exchange, const char *message, size_t length)
{
    struct scram_client_final final;
    int result;

    if (exchange->scram.server_first.length == 0)
        return challenge(exchange);
    if (scram_client_final_parse(message, length, &final) < 0) {
        exchange_refuse(exchange, SASL_MALFORMED_REQUEST, false);
        return SASL_FAIL;
    }
    result = judge(exchange, &final);
    scram_client_final_fini(&final);
    return result;
}

#define SCRAM(the_name, the_hash)                                                                  \
    {                                                                                              \
        .plugin_name = (the_name), .hash = (the_hash), .needs_verifier = true, .begin = begin,     \
        .step = step                                                                               \
    }

const struct mechanism mechanism_scram_sha_1 = SCRAM("SCRAM-SHA-1", CRYPTO_SHA1);
const struct mechanism mechanism_scram_sha_256 = SCRAM("SCRAM-SHA-256", CRYPTO_SHA256);
const struct mechanism mechanism_scram_sha_512 = SCRAM("SCRAM-SHA-512", CRYPTO_SHA512);
