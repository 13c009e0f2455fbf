/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Stream headers (RFC 6120 §4.7): ours, and the judgement of the peer's.
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "common/stream/framing.h"
#include "common/stream/stream_internal.h"
#include "common/tls/crypto.h"
#include "common/xmpp/namespaces.h"

#define ID_BYTES     16 /* 128 random bits (RFC 6120 §4.7.3) */
#define DEFAULT_LANG "en"

void stream_new_id(struct stream *stream)
{
    free(stream->id);
    stream->id = xmalloc(2 * ID_BYTES + 1);
    crypto_random_hex(stream->id, ID_BYTES);
}

static void write_attribute(struct buffer *out, const char *name, const char *value)
{
    if (!value)
        return;
    buffer_printf(out, " %s='", name);
    xml_escape(out, value);
    buffer_append_char(out, '\'');
}

void stream_write_header(struct stream *stream, struct buffer *out)
{
    const struct stream_profile *profile = stream->profile;
    if (profile->framed) {
        buffer_append_text(out, "<open xmlns='" NS_FRAMING "'");
    } else {
        buffer_append_text(out, "<?xml version='1.0'?><stream:stream");
        write_attribute(out, "xmlns", profile->content_ns);
        write_attribute(out, "xmlns:stream", NS_STREAM);
    }
    if (profile->declares)
        buffer_printf(out, " %s", profile->declares);
    if (profile->role == STREAM_ACCEPTOR)
        write_attribute(out, "id", stream->id);
    write_attribute(out, "from", stream->local_from);
    write_attribute(out, "to", stream->local_to);
    if (profile->has_version) {
        write_attribute(out, "version", "1.0");
        write_attribute(out, "xml:lang", DEFAULT_LANG);
    }
    buffer_append_text(out, profile->framed ? "/>" : ">");
    stream->header_sent = true;
}

void stream_write_footer(struct stream *stream, struct buffer *out)
{
    buffer_append_text(out, stream->profile->framed ? "<close xmlns='" NS_FRAMING "'/>"
                                                    : "</stream:stream>");
}

/* "<major>.<minor>" with a major number of at least 1 (RFC 6120 §4.7.5). */
static bool version_is_supported(const char *version)
{
    if (!version)
        return false;
    size_t major = strspn(version, "0123456789");
    if (version[major] != '.' || strspn(version, "0") == major)
        return false;
    size_t minor = strspn(version + major + 1, "0123456789");
    return minor > 0 && version[major + 1 + minor] == '\0';
}

/* The stream error, or -1. */
static int judge_header(const struct stream *stream, const struct element *header)
{
    if (!stream->profile->framed) {
        const char *content_ns = element_get(header, "xmlns");
        if (strcmp(header->name, "stream"))
            return STREAM_BAD_FORMAT;
        if (strcmp(header->ns, NS_STREAM))
            return STREAM_INVALID_NAMESPACE;
        if (!content_ns || strcmp(content_ns, stream->profile->content_ns))
            return STREAM_INVALID_NAMESPACE;
    }
    if (stream->profile->has_version && !version_is_supported(element_get(header, "version")))
        return STREAM_UNSUPPORTED_VERSION;
    return -1;
}

static void remember_header(struct stream *stream, const struct stream_header *header)
{
    free(stream->lang);
    stream->lang = xstrdup_or_null(header->lang);
    if (stream->profile->role == STREAM_ACCEPTOR)
        return;
    free(stream->id);
    stream->id = xstrdup_or_null(header->id);
}

static void answer_header(struct stream *stream)
{
    struct buffer out = {0};
    stream_write_header(stream, &out);
    stream_end_frame(stream, &out);
    if (stream->profile->has_version)
        stream_write_features(stream, &out);
    stream_write(stream, &out);
}

void stream_on_header(void *user, const struct element *element, bool prefixes_foreign)
{
    struct stream *stream = user;
    if (stream->state == STREAM_OPENING && !stream->priming)
        stream_take_header(stream, element, prefixes_foreign);
}

void stream_take_header(struct stream *stream, const struct element *element, bool prefixes_foreign)
{
    int condition = judge_header(stream, element);
    if (condition >= 0) {
        stream_fail(stream, condition, NULL);
        return;
    }
    const struct stream_header header = {
        .to = element_get(element, "to"),
        .from = element_get(element, "from"),
        .id = element_get(element, "id"),
        .lang = element_get_ns(element, NS_XML, "lang"),
        .version = element_get(element, "version"),
        .prefixes_foreign = prefixes_foreign,
    };
    remember_header(stream, &header);
    stream_enter(stream, STREAM_NEGOTIATING);
    condition = stream->ops->header(stream->user, &header);
    if (condition >= 0)
        stream_fail(stream, condition, NULL);
    if (stream_is_open(stream) && stream->profile->role == STREAM_ACCEPTOR)
        answer_header(stream);
}
