/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Keys and words of server dialback.
 */
#include "s2s/dialback.h"

#include <string.h>

#include "common/base/encode.h"
#include "common/tls/crypto.h"
#include "common/xmpp/element.h"
#include "common/xmpp/namespaces.h"

#define SHA256_SIZE (DIALBACK_KEY_LENGTH / 2)

static struct dialback_key to_hex(const uint8_t *bytes)
{
    struct dialback_key key;
    struct buffer text = {0};
    hex_encode(&text, bytes, SHA256_SIZE);
    memcpy(key.text, text.data, sizeof(key.text));
    buffer_wipe(&text);
    return key;
}

struct dialback_key dialback_key(const char *secret, size_t secret_length, const char *receiving,
                                 const char *originating, const char *stream_id)
{
    uint8_t digest[SHA256_SIZE];
    struct buffer message = {0};
    crypto_digest(CRYPTO_SHA256, secret, secret_length, digest);
    struct dialback_key hashed = to_hex(digest);
    buffer_printf(&message, "%s %s %s", receiving, originating, stream_id);
    crypto_hmac(CRYPTO_SHA256, hashed.text, DIALBACK_KEY_LENGTH, message.data, message.length,
                digest);
    crypto_wipe(&hashed, sizeof(hashed));
    buffer_fini(&message);
    return to_hex(digest);
}

bool dialback_key_equal(const struct dialback_key *key, const char *text)
{
    return strlen(text) == DIALBACK_KEY_LENGTH &&
           crypto_equal(key->text, text, DIALBACK_KEY_LENGTH);
}

static void write_attribute(struct buffer *out, const char *name, const char *value)
{
    if (!value)
        return;
    buffer_printf(out, " %s='", name);
    xml_escape(out, value);
    buffer_append_char(out, '\'');
}

void dialback_write(struct buffer *out, const struct dialback_words *words)
{
    buffer_printf(out, "<db:%s", words->name);
    write_attribute(out, "from", words->from);
    write_attribute(out, "to", words->to);
    write_attribute(out, "id", words->id);
    write_attribute(out, "type", words->type);
    buffer_append_char(out, '>');
    if (words->key)
        xml_escape(out, words->key);
    if (words->type && strcmp(words->type, "error") == 0)
        buffer_printf(out, "<error type='%s'><%s xmlns='" NS_STANZA_ERRORS "'/></error>",
                      stanza_condition_type(words->condition),
                      stanza_condition_name(words->condition));
    buffer_printf(out, "</db:%s>", words->name);
}
