/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Stream errors (RFC 6120 §4.9): ours and the peer's.
 */
#include <string.h>

#include "common/base/utf8.h"
#include "common/stream/stream_internal.h"
#include "common/xmpp/namespaces.h"

/* How much is kept of what a peer says. */
#define PEER_TEXT_MAX 200

struct stream_error {
    enum stream_condition condition;
    const char *text;
    const struct element *app;
};

static void write_text(struct buffer *out, const char *text)
{
    buffer_append_text(out, "<text xmlns='" NS_STREAM_ERRORS "' xml:lang='en'>");
    xml_escape(out, text);
    buffer_append_text(out, "</text>");
}

static void write_condition(struct buffer *out, const struct stream_error *error)
{
    const char *name = stream_condition_name(error->condition);
    buffer_printf(out, "<%s xmlns='" NS_STREAM_ERRORS "'", name);
    if (error->condition != STREAM_SEE_OTHER_HOST || !error->text) {
        buffer_append_text(out, "/>");
        return;
    }
    /* The address is the content (RFC 6120 §4.9.3.19). */
    buffer_append_char(out, '>');
    xml_escape(out, error->text);
    buffer_printf(out, "</%s>", name);
}

static void write_error(const struct stream *stream, struct buffer *out,
                        const struct stream_error *error)
{
    buffer_append_text(out, "<stream:error");
    stream_declare_prefix(stream, out);
    buffer_append_char(out, '>');
    write_condition(out, error);
    if (error->text && error->condition != STREAM_SEE_OTHER_HOST)
        write_text(out, error->text);
    if (error->app)
        element_write(out, error->app, stream_outer_ns(stream));
    buffer_append_text(out, "</stream:error>");
}

static void fail(struct stream *stream, const struct stream_error *error)
{
    struct buffer out = {0};
    if (!stream_is_open(stream))
        return;
    if (!stream->header_sent) {
        stream_write_header(stream, &out);
        stream_end_frame(stream, &out);
    }
    write_error(stream, &out, error);
    stream->condition = error->condition;
    stream_set_reason(stream, error->text);
    stream_enter(stream, STREAM_CLOSING);
    stream_end_frame(stream, &out);
    stream_write_footer(stream, &out);
    stream_write(stream, &out);
}

void stream_fail(struct stream *stream, enum stream_condition condition, const char *text)
{
    fail(stream, &(const struct stream_error){.condition = condition, .text = text});
}

void stream_fail_with(struct stream *stream, enum stream_condition condition, const char *text,
                      const char *app_ns, const char *app_name)
{
    struct arena *arena = arena_new();
    stream_fail_element(stream, condition, text, element_new(arena, app_ns, app_name));
    arena_free(arena);
}

void stream_fail_element(struct stream *stream, enum stream_condition condition, const char *text,
                         const struct element *app)
{
    fail(stream, &(const struct stream_error){condition, text, app});
}

/* The peer's error ends the stream; its footer follows. Never answered with an error. */
void stream_on_error(struct stream *stream, const struct element *error)
{
    const char *name = "undefined-condition";
    const char *text = "";
    struct buffer reason = {0};
    ELEMENT_FOREACH (child, error) {
        if (strcmp(child->ns, NS_STREAM_ERRORS) != 0)
            continue;
        if (strcmp(child->name, "text") == 0)
            text = element_text(child);
        else
            name = child->name;
    }
    buffer_append_text(&reason, name);
    if (text[0] != '\0')
        buffer_printf(&reason, ": %.*s", (int)utf8_cut(text, PEER_TEXT_MAX), text);
    stream_set_reason(stream, reason.data);
    buffer_fini(&reason);
    stream_close(stream);
}
