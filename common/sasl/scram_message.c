/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The messages of SCRAM, by the grammar of RFC 5802 §7.
 */
#include "common/sasl/scram_message.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <unistr.h>

#include "common/base/encode.h"
#include "common/base/error.h"
#include "common/base/memory.h"

/* The attributes that have a meaning; an extension cannot take their names. */
#define DEFINED "amncrsipve"

/* What is left of a message, and which attributes were seen in it. */
struct reader {
    const char *at;
    const char *end;
    uint64_t seen; /* bit (letter - 'A') */
};

static bool is_letter(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* Up to the next comma, which is passed over, or to the end. */
static struct span read_to_comma(struct reader *reader)
{
    size_t left = (size_t)(reader->end - reader->at);
    const char *comma = memchr(reader->at, ',', left);
    struct span span = {reader->at, comma ? (size_t)(comma - reader->at) : left};

    reader->at += span.length + (comma ? 1 : 0);
    return span;
}

/* Any attribute, each at most once: attr-val = ALPHA "=" value. */
static bool read_any(struct reader *reader, char *name, struct span *value)
{
    struct span field = read_to_comma(reader);
    uint64_t bit;

    if (field.length < 3 || !is_letter(field.text[0]) || field.text[1] != '=')
        return false;
    bit = UINT64_C(1) << (field.text[0] - 'A');
    if (reader->seen & bit)
        return false;
    reader->seen |= bit;
    *name = field.text[0];
    *value = (struct span){field.text + 2, field.length - 2};
    return true;
}

static bool read_attribute(struct reader *reader, char name, struct span *value)
{
    char found;

    return read_any(reader, &found, value) && found == name;
}

/* A comma at the end promises an attribute that is missing. */
static bool ends_in_comma(const struct reader *reader)
{
    return reader->at[-1] == ',';
}

/* saslname: "," and "=" come as "=2C" and "=3D", nothing else has a "=". */
static char *decode_name(struct span span)
{
    char *name = xmalloc(span.length + 1);
    size_t length = 0;

    for (size_t i = 0; i < span.length; i++) {
        name[length++] = span.text[i];
        if (span.text[i] != '=')
            continue;
        if (span.length - i < 3 ||
            (memcmp(span.text + i, "=2C", 3) != 0 && memcmp(span.text + i, "=3D", 3) != 0)) {
            free(name);
            return NULL;
        }
        name[length - 1] = span.text[i + 1] == '2' ? ',' : '=';
        i += 2;
    }
    name[length] = '\0';
    return name;
}

/* printable = %x21-2B / %x2D-7E */
static bool is_nonce(struct span span)
{
    for (size_t i = 0; i < span.length; i++) {
        if (span.text[i] < 0x21 || span.text[i] > 0x7E)
            return false;
    }
    return span.length > 0;
}

/* cb-name = 1*(ALPHA / DIGIT / "." / "-") */
static bool is_binding_name(struct span span)
{
    for (size_t i = 0; i < span.length; i++) {
        char c = span.text[i];
        if (!is_letter(c) && !(c >= '0' && c <= '9') && c != '.' && c != '-')
            return false;
    }
    return span.length > 0;
}

static bool is_text(const char *message, size_t length)
{
    return length > 0 && !memchr(message, '\0', length) &&
           !u8_check((const uint8_t *)message, length);
}

static bool read_flag(struct reader *reader, struct scram_client_first *first)
{
    struct span flag = read_to_comma(reader);

    if (flag.length == 0)
        return false;
    first->flag = (enum scram_flag)flag.text[0];
    if (first->flag == SCRAM_NO_BINDING || first->flag == SCRAM_BINDING_UNOFFERED)
        return flag.length == 1;
    if (first->flag != SCRAM_BINDING_USED || flag.length < 3 || flag.text[1] != '=')
        return false;
    first->binding = (struct span){flag.text + 2, flag.length - 2};
    return is_binding_name(first->binding);
}

/* gs2-header = gs2-cbind-flag "," [ authzid ] "," */
static bool read_header(struct reader *reader, struct scram_client_first *first)
{
    const char *start = reader->at;
    struct span authzid;

    if (!read_flag(reader, first) || !ends_in_comma(reader) || reader->at == reader->end)
        return false;
    if (*reader->at == ',') {
        reader->at++;
    } else {
        if (!read_attribute(reader, 'a', &authzid) || !ends_in_comma(reader))
            return false;
        first->authzid = decode_name(authzid);
        if (!first->authzid)
            return false;
    }
    first->header = (struct span){start, (size_t)(reader->at - start)};
    return true;
}

/* Extensions that may be ignored, up to the end. */
static bool skip_extensions(struct reader *reader)
{
    while (reader->at < reader->end) {
        struct span value;
        char name;

        if (!read_any(reader, &name, &value) || strchr(DEFINED, name))
            return false;
    }
    return !ends_in_comma(reader);
}

/* client-first-message-bare = [reserved-mext ","] username "," nonce ["," extensions] */
static bool read_bare(struct reader *reader, struct scram_client_first *first)
{
    struct span user;

    first->bare = (struct span){reader->at, (size_t)(reader->end - reader->at)};
    if (!read_attribute(reader, 'n', &user) || !ends_in_comma(reader))
        return false;
    first->user = decode_name(user);
    return first->user && read_attribute(reader, 'r', &first->nonce) && is_nonce(first->nonce) &&
           skip_extensions(reader);
}

int scram_client_first_parse(const char *message, size_t length, struct scram_client_first *first)
{
    struct reader reader = {.at = message, .end = message + length};

    *first = (struct scram_client_first){0};
    if (is_text(message, length) && read_header(&reader, first) && read_bare(&reader, first))
        return 0;
    scram_client_first_fini(first);
    return ERR_MALFORMED;
}

void scram_client_first_fini(struct scram_client_first *first)
{
    free(first->authzid);
    free(first->user);
    *first = (struct scram_client_first){0};
}

/* What may be between the nonce and the proof, then the proof, which is the last attribute. */
static bool read_to_proof(struct reader *reader, struct span *proof, const char **before)
{
    char name;

    do {
        *before = reader->at - 1;
        if (!read_any(reader, &name, proof))
            return false;
    } while (!strchr(DEFINED, name));
    return name == 'p' && reader->at == reader->end && !ends_in_comma(reader);
}

/* client-final-message = channel-binding "," nonce ["," extensions] "," proof */
static bool read_final(struct reader *reader, struct scram_client_final *final)
{
    const char *start = reader->at;
    const char *before_proof;
    struct span binding;
    struct span proof;

    if (!read_attribute(reader, 'c', &binding) || !read_attribute(reader, 'r', &final->nonce) ||
        !is_nonce(final->nonce) || !read_to_proof(reader, &proof, &before_proof))
        return false;
    final->without_proof = (struct span){start, (size_t)(before_proof - start)};
    return base64_decode(&final->binding, binding.text, binding.length) == 0 &&
           base64_decode(&final->proof, proof.text, proof.length) == 0;
}

int scram_client_final_parse(const char *message, size_t length, struct scram_client_final *final)
{
    struct reader reader = {.at = message, .end = message + length};

    *final = (struct scram_client_final){0};
    if (is_text(message, length) && read_final(&reader, final))
        return 0;
    scram_client_final_fini(final);
    return ERR_MALFORMED;
}

void scram_client_final_fini(struct scram_client_final *final)
{
    buffer_fini(&final->binding);
    buffer_wipe(&final->proof);
    *final = (struct scram_client_final){0};
}

void scram_server_first_format(struct buffer *out, struct span client_nonce,
                               const char *server_nonce, const struct verifier *verifier)
{
    buffer_append_text(out, "r=");
    buffer_append(out, client_nonce.text, client_nonce.length);
    buffer_append_text(out, server_nonce);
    buffer_append_text(out, ",s=");
    base64_encode(out, verifier->salt, verifier->salt_length);
    buffer_printf(out, ",i=%u", verifier->iterations);
}

void scram_server_final_format(struct buffer *out, const uint8_t *signature, size_t length)
{
    buffer_append_text(out, "v=");
    base64_encode(out, signature, length);
}
