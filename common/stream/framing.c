/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Streams whose elements come one in a frame (RFC 7395 §3.3): <open/> and <close/> stand for the
 * header and the footer. The parser is given a header of our own, so that contexts, limits and
 * rules are those of any other stream.
 */
#include "common/stream/framing.h"

#include <string.h>

#include "common/base/log.h"
#include "common/stream/stream_internal.h"
#include "common/xmpp/namespaces.h"

void stream_prime_parser(struct stream *stream)
{
    struct buffer header = {0};

    if (!stream->profile->framed)
        return;
    buffer_printf(&header, "<stream:stream xmlns='%s' xmlns:stream='" NS_STREAM "'>",
                  stream->profile->content_ns);
    stream->priming = true;
    if (parser_feed(stream->parser, header.data, header.length) != 0)
        log_error("stream_unprimed", LOG_TEXT("sid", stream->id));
    stream->priming = false;
    buffer_fini(&header);
}

/* Nothing can be understood of what is framed wrongly. */
static void refuse(struct stream *stream, const char *text)
{
    stream_fail(stream, STREAM_BAD_FORMAT, text);
    stream_end(stream, false);
}

bool stream_frames_element(struct stream *stream, const struct element *root)
{
    if (!stream->profile->framed)
        return true;
    stream->frame_elements++;
    if (stream->frame_elements == 1 &&
        (stream->state != STREAM_OPENING || strcmp(root->ns, NS_FRAMING) == 0))
        return true;
    if (stream->frame_elements == 1)
        stream_fail(stream, STREAM_BAD_FORMAT, "the stream is not open");
    return false;
}

bool stream_on_framing(struct stream *stream, const struct element *root)
{
    if (!stream->profile->framed || strcmp(root->ns, NS_FRAMING) != 0)
        return false;
    if (strcmp(root->name, "close") == 0)
        stream_on_footer(stream);
    else if (strcmp(root->name, "open") == 0 && stream->state == STREAM_OPENING)
        stream_take_header(stream, root, false);
    else
        refuse(stream, "not now");
    return true;
}

static bool is_whole(struct stream *stream)
{
    static const char blanks[] = " \t\r\n";
    const struct buffer *pending = &stream->pending;

    return stream->frame_elements == 1 && parser_is_between(stream->parser) &&
           (pending->length == 0 || strspn(pending->data, blanks) == pending->length);
}

void stream_feed_frame(struct stream *stream, const char *bytes, size_t length, bool last)
{
    if (!stream->in_frame && (length > 0 || last)) {
        stream->in_frame = true;
        stream->frame_elements = 0;
        if (length == 0 || bytes[0] != '<') { /* RFC 7395 §3.3.3 */
            refuse(stream, "a frame begins with an element");
            return;
        }
    }
    stream_feed(stream, bytes, length);
    if (!last)
        return;
    stream->in_frame = false;
    if (stream_is_open(stream) && !is_whole(stream))
        refuse(stream, "a frame is one element");
    buffer_fini(&stream->pending);
}
