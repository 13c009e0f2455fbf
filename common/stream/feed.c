/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Bytes in, elements out. Stanzas are delivered from inside the parser; every other element stops
 * the parser and is handled behind it, so that its handler sees exactly what came after it and may
 * restart the stream.
 */
#include <string.h>

#include "common/base/error.h"
#include "common/base/limit.h"
#include "common/stream/framing.h"
#include "common/stream/stream_internal.h"
#include "common/xmpp/namespaces.h"

static bool is_stanza(const struct stream *stream, const struct element *root)
{
    static const char *const names[] = {"message", "presence", "iq"};
    if (strcmp(root->ns, stream->profile->content_ns))
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (!strcmp(root->name, names[i]))
            return true;
    }
    return false;
}

/* Before stanzas may come, at a feature that takes some (XEP-0077 §3.1). */
static bool deliver_early(struct stream *stream, struct element *root)
{
    const struct stream_feature *feature = stream_early_feature(stream);
    struct stanza *stanza;
    int problem;

    if (!feature) {
        arena_free(root->arena);
        return false;
    }
    if (stanza_from_element_take(root, stream->profile->content_ns, &stanza, &problem) != 0)
        return false;
    bool taken = feature->early(stream->user, stanza, problem);
    stanza_unref(stanza);
    return taken;
}

static void deliver_stanza(struct stream *stream, struct element *root, const char *bytes,
                           size_t length)
{
    unsigned required = stream->profile->stanzas_require;
    struct stanza *stanza;
    int problem;
    if ((stream->flags & required) != required) {
        if (!deliver_early(stream, root))
            stream_fail(stream, STREAM_NOT_AUTHORIZED, NULL);
        return;
    }
    int error = stanza_from_element_take(root, stream->profile->content_ns, &stanza, &problem);
    if (error == ERR_MALFORMED)
        stream_fail(stream, STREAM_INVALID_FROM, NULL);
    else if (error)
        stream_fail(stream, STREAM_UNSUPPORTED_STANZA_TYPE, NULL);
    else
        stream->ops->stanza(stream->user, stanza, problem, bytes, length);
}

static void handle_element(struct stream *stream, struct element *root)
{
    bool is_features = element_is(root, NS_STREAM, "features");
    if (stream_on_framing(stream, root)) {
        arena_free(root->arena);
        return;
    }
    if (element_is(root, NS_STREAM, "error"))
        stream_on_error(stream, root);
    else if (is_features && stream->profile->role == STREAM_INITIATOR && stream->ops->features)
        stream->ops->features(stream->user, root);
    else
        stream_dispatch(stream, root);
    arena_free(root->arena);
}

static void defer(struct stream *stream, struct element *root, const char *bytes, size_t length)
{
    stream->deferred.root = root;
    if (bytes)
        buffer_append(&stream->deferred.bytes, bytes, length);
    parser_stop(stream->parser);
}

static void on_element(void *user, struct element *root, const char *bytes, size_t length)
{
    struct stream *stream = user;
    if (!stream_is_open(stream) || !stream_frames_element(stream, root)) {
        arena_free(root->arena);
        return;
    }
    if (stream->holds > 0 || !is_stanza(stream, root)) {
        defer(stream, root, bytes, length);
        return;
    }
    deliver_stanza(stream, root, bytes, length);
    if (stream->holds > 0 || stream->restart_wanted)
        parser_stop(stream->parser);
}

/* What comes behind the footer is ignored (RFC 6120 §4.4). */
void stream_on_footer(struct stream *stream)
{
    stream_close(stream);
    stream_end(stream, false);
}

/* Of a framed stream it would end the header that we made ourselves. */
static void on_footer(void *user)
{
    struct stream *stream = user;
    if (stream->profile->framed)
        stream_fail(stream, STREAM_BAD_FORMAT, NULL);
    stream_on_footer(stream);
}

const struct parser_ops stream_parser_ops = {stream_on_header, on_element, on_footer};

static void on_parser_error(struct stream *stream)
{
    const struct parser_error *error = parser_error(stream->parser);
    if (error->limit)
        limit_reached(error->limit);
    if (error->too_big)
        stream_fail_with(stream, error->condition, error->text, NS_APP_ERRORS, "stanza-too-big");
    else
        stream_fail(stream, error->condition, error->text);
    /* Nothing more can be understood, so no footer is awaited. */
    stream_end(stream, false);
}

static void feed_parser(struct stream *stream)
{
    const char *bytes = stream->input;
    size_t length = stream->input_length;
    stream->in_parser = true;
    int error = parser_feed(stream->parser, bytes, length);
    stream->in_parser = false;
    if (error) {
        on_parser_error(stream);
        return;
    }
    stream->input = parser_rest(stream->parser, &stream->input_length);
    if (stream->restart_wanted) {
        parser_reset(stream->parser);
        stream_prime_parser(stream);
    }
    stream->restart_wanted = false;
}

static void handle_deferred(struct stream *stream)
{
    struct stream_deferred deferred = stream->deferred;
    stream->deferred = (struct stream_deferred){0};
    stream->handled = &deferred.bytes;
    if (!stream_is_open(stream))
        arena_free(deferred.root->arena);
    else if (is_stanza(stream, deferred.root))
        deliver_stanza(stream, deferred.root, deferred.bytes.data, deferred.bytes.length);
    else
        handle_element(stream, deferred.root);
    stream->handled = NULL;
    buffer_fini(&deferred.bytes);
}

const char *stream_bytes(const struct stream *stream, size_t *length)
{
    *length = stream->handled ? stream->handled->length : 0;
    return *length > 0 ? stream->handled->data : NULL;
}

/* A stream that is closing is not held any more: only the footer counts. */
static bool may_deliver(const struct stream *stream)
{
    return stream->state != STREAM_CLOSED && (stream->holds == 0 || !stream_is_open(stream));
}

/* Puts what was not read in front of what came meanwhile. */
static void keep_input(struct stream *stream)
{
    struct buffer kept = {0};
    if (stream->input_length == 0 || stream->state == STREAM_CLOSED)
        return;
    buffer_append(&kept, stream->input, stream->input_length);
    if (stream->pending.length > 0)
        buffer_append(&kept, stream->pending.data, stream->pending.length);
    buffer_fini(&stream->pending);
    stream->pending = kept;
}

void stream_pump(struct stream *stream, const char *bytes, size_t length)
{
    struct buffer taken = {0};
    stream->pumping = true;
    stream->input = bytes;
    stream->input_length = length;
    while (may_deliver(stream)) {
        if (stream->deferred.root) {
            handle_deferred(stream);
        } else if (stream->input_length > 0) {
            feed_parser(stream);
        } else if (stream->pending.length > 0) {
            buffer_fini(&taken);
            taken = stream->pending;
            stream->pending = (struct buffer){0};
            stream->input = taken.data;
            stream->input_length = taken.length;
        } else {
            break;
        }
    }
    keep_input(stream);
    stream->input = NULL;
    stream->input_length = 0;
    buffer_fini(&taken);
    stream->pumping = false;
}

void stream_feed(struct stream *stream, const char *bytes, size_t length)
{
    if (stream->state == STREAM_CLOSED || length == 0)
        return;
    bool waits = stream->pumping || !may_deliver(stream);
    if (!waits && stream->pending.length == 0) {
        stream_pump(stream, bytes, length);
        return;
    }
    buffer_append(&stream->pending, bytes, length);
    if (!waits)
        stream_pump(stream, NULL, 0);
}

void stream_hold(struct stream *stream)
{
    if (stream->holds++ == 0)
        stream->ops->hold(stream->user, true);
}

void stream_release(struct stream *stream)
{
    if (stream->holds == 0 || --stream->holds > 0)
        return;
    stream->ops->hold(stream->user, false);
    if (!stream->pumping)
        stream_pump(stream, NULL, 0);
}

static bool is_blank(const char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (!memchr(" \t\r\n", bytes[i], 4))
            return false;
    }
    return true;
}

bool stream_is_clean(struct stream *stream)
{
    const struct buffer *pending = &stream->pending;
    if (!is_blank(stream->input, stream->input_length) ||
        !is_blank(pending->data, pending->length)) {
        stream_end(stream, true);
        return false;
    }
    stream->input_length = 0;
    buffer_fini(&stream->pending);
    return true;
}
