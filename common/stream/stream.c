/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Streams: life, states, sending.
 */
#include "common/stream/stream.h"

#include <stdlib.h>

#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/stream/framing.h"
#include "common/stream/stream_internal.h"
#include "common/xmpp/namespaces.h"

#define CLOSING_TIMEOUT_MS 5000
/* Behind an error of ours nothing is waited for: the stream is beyond recovery (RFC 6120
 * §4.9.1.1). Not at once, since the owner may be in the middle of something. */
#define FAILED_TIMEOUT_MS 1

static const char *const STATE_NAMES[STREAM_STATES] = {
    [STREAM_OPENING] = "opening", [STREAM_NEGOTIATING] = "negotiating", [STREAM_READY] = "ready",
    [STREAM_CLOSING] = "closing", [STREAM_CLOSED] = "closed",
};

/* Where a state may go: the picture in stream.h. */
static const unsigned LEGAL[STREAM_STATES] = {
    [STREAM_OPENING] = 1 << STREAM_NEGOTIATING | 1 << STREAM_CLOSING | 1 << STREAM_CLOSED,
    [STREAM_NEGOTIATING] =
        1 << STREAM_OPENING | 1 << STREAM_READY | 1 << STREAM_CLOSING | 1 << STREAM_CLOSED,
    [STREAM_READY] = 1 << STREAM_CLOSING | 1 << STREAM_CLOSED,
    [STREAM_CLOSING] = 1 << STREAM_CLOSED,
    [STREAM_CLOSED] = 0,
};

const char *stream_state_name(enum stream_state state)
{
    return STATE_NAMES[state];
}

enum stream_state stream_state(const struct stream *stream)
{
    return stream->state;
}

bool stream_is_open(const struct stream *stream)
{
    return stream->state < STREAM_CLOSING;
}

/* One time span for all of negotiation, which neither bytes nor restarts extend (XEP-0205). */
static void arm_timer(struct stream *stream)
{
    uint64_t after_ms = stream->profile->timeout_ms[stream->state];
    switch (stream->state) {
    case STREAM_OPENING:
        return;
    case STREAM_NEGOTIATING:
        if (stream->timed || after_ms == 0)
            return;
        stream->timed = true;
        break;
    case STREAM_CLOSING:
        after_ms = after_ms ? after_ms : CLOSING_TIMEOUT_MS;
        after_ms = stream->condition >= 0 ? FAILED_TIMEOUT_MS : after_ms;
        break;
    default:
        break;
    }
    stream->ops->arm(stream->user, after_ms);
}

/* The peer's footer must be read even if nobody releases any more. */
static void drop_holds(struct stream *stream)
{
    if (stream->holds == 0)
        return;
    stream->holds = 0;
    stream->ops->hold(stream->user, false);
}

void stream_enter(struct stream *stream, enum stream_state state)
{
    if (!(LEGAL[stream->state] & 1U << state)) {
        log_error("stream_transition_illegal", LOG_TEXT("sid", stream->id),
                  LOG_TEXT("from", STATE_NAMES[stream->state]), LOG_TEXT("to", STATE_NAMES[state]));
        return;
    }
    log_debug("stream_state", LOG_TEXT("sid", stream->id),
              LOG_TEXT("from", STATE_NAMES[stream->state]), LOG_TEXT("to", STATE_NAMES[state]));
    stream->state = state;
    arm_timer(stream);
    if (state >= STREAM_CLOSING)
        drop_holds(stream);
}

struct stream *stream_new(const struct stream_profile *profile, struct parser_pool *pool,
                          const struct parser_limits *limits, const struct stream_ops *ops,
                          void *user)
{
    struct stream *stream = xcalloc(1, sizeof(*stream));
    stream->profile = profile;
    stream->ops = ops;
    stream->user = user;
    stream->condition = -1;
    stream->parser = parser_new(pool, limits, profile->keep_bytes, &stream_parser_ops, stream);
    stream_prime_parser(stream);
    if (profile->role == STREAM_ACCEPTOR)
        stream_new_id(stream);
    return stream;
}

void stream_free(struct stream *stream)
{
    if (!stream)
        return;
    parser_free(stream->parser);
    if (stream->deferred.root)
        arena_free(stream->deferred.root->arena);
    buffer_fini(&stream->deferred.bytes);
    buffer_fini(&stream->pending);
    free(stream->id);
    free(stream->lang);
    free(stream->local_from);
    free(stream->local_to);
    free(stream->reason);
    free(stream);
}

static void send_header(struct stream *stream)
{
    struct buffer out = {0};
    stream_write_header(stream, &out);
    stream_write(stream, &out);
}

void stream_open(struct stream *stream, const char *to, const char *from)
{
    stream_set_local(stream, from, to);
    stream->ops->arm(stream->user, stream->profile->timeout_ms[STREAM_OPENING]);
    if (stream->profile->role == STREAM_INITIATOR)
        send_header(stream);
}

void stream_set_local(struct stream *stream, const char *from, const char *to)
{
    char *new_from = xstrdup_or_null(from);
    char *new_to = xstrdup_or_null(to);
    free(stream->local_from);
    free(stream->local_to);
    stream->local_from = new_from;
    stream->local_to = new_to;
}

void stream_restart(struct stream *stream)
{
    if (stream->state != STREAM_NEGOTIATING)
        return;
    stream_enter(stream, STREAM_OPENING);
    stream->header_sent = false;
    if (stream->in_parser) {
        stream->restart_wanted = true;
    } else {
        parser_reset(stream->parser);
        stream_prime_parser(stream);
    }
    if (stream->profile->role == STREAM_ACCEPTOR)
        stream_new_id(stream);
    else
        send_header(stream);
}

static bool can_send(const struct stream *stream)
{
    return stream_is_open(stream) && stream->header_sent;
}

void stream_send_features(struct stream *stream)
{
    struct buffer out = {0};
    if (!can_send(stream))
        return;
    stream_write_features(stream, &out);
    stream_write(stream, &out);
}

void stream_ready(struct stream *stream)
{
    if (stream->state == STREAM_NEGOTIATING)
        stream_enter(stream, STREAM_READY);
}

void stream_timeout(struct stream *stream)
{
    if (stream_is_open(stream))
        stream_fail(stream, STREAM_CONNECTION_TIMEOUT, NULL);
    else if (stream->state == STREAM_CLOSING)
        stream_end(stream, false);
}

void stream_set_flag(struct stream *stream, enum stream_flag flag)
{
    stream->flags |= flag;
}

bool stream_has_flag(const struct stream *stream, enum stream_flag flag)
{
    return stream->flags & flag;
}

void stream_set_limits(struct stream *stream, const struct parser_limits *limits)
{
    parser_set_limits(stream->parser, limits);
}

void stream_write(struct stream *stream, struct buffer *out)
{
    if (out->length > 0)
        stream->ops->write(stream->user, out->data, out->length);
    buffer_fini(out);
}

void stream_end_frame(struct stream *stream, struct buffer *out)
{
    if (stream->profile->framed)
        stream_write(stream, out);
}

void stream_declare_prefix(const struct stream *stream, struct buffer *out)
{
    if (stream->profile->framed)
        buffer_append_text(out, " xmlns:stream='" NS_STREAM "'");
}

const char *stream_outer_ns(const struct stream *stream)
{
    return stream->profile->framed ? "" : stream->profile->content_ns;
}

void stream_send(struct stream *stream, const struct stanza *stanza)
{
    struct buffer out = {0};
    if (!can_send(stream))
        return;
    if (stream->profile->framed)
        element_write(&out, stanza->root, "");
    else
        stanza_write(&out, stanza, stream->profile->content_ns);
    stream_write(stream, &out);
}

void stream_send_element(struct stream *stream, const struct element *element)
{
    struct buffer out = {0};
    if (!can_send(stream))
        return;
    element_write(&out, element, stream_outer_ns(stream));
    stream_write(stream, &out);
}

void stream_send_bytes(struct stream *stream, const char *bytes, size_t length)
{
    if (can_send(stream))
        stream->ops->write(stream->user, bytes, length);
}

void stream_close(struct stream *stream)
{
    struct buffer out = {0};
    if (!stream_is_open(stream))
        return;
    if (!stream->header_sent) {
        stream_end(stream, false);
        return;
    }
    stream_write_footer(stream, &out);
    stream_enter(stream, STREAM_CLOSING);
    stream_write(stream, &out);
}

void stream_set_reason(struct stream *stream, const char *text)
{
    free(stream->reason);
    stream->reason = xstrdup_or_null(text);
}

void stream_end(struct stream *stream, bool abrupt)
{
    if (stream->state == STREAM_CLOSED)
        return;
    stream_enter(stream, STREAM_CLOSED);
    stream->ops->ended(stream->user, stream->condition, stream->reason, abrupt);
}

const char *stream_id(const struct stream *stream)
{
    return stream->id;
}

const char *stream_lang(const struct stream *stream)
{
    return stream->lang;
}
