/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Features: what is announced (RFC 6120 §4.3.2), and the one gate that every top-level element
 * which is no stanza has to pass (CVE-2014-8760).
 */
#include <inttypes.h>

#include "common/stream/stream_internal.h"
#include "common/xmpp/namespaces.h"

static bool exists_now(const struct stream *stream, const struct stream_feature *feature)
{
    return (stream->flags & feature->requires) == feature->requires &&
           !(stream->flags & feature->excludes);
}

static struct element *features_tree(struct stream *stream, struct arena *arena)
{
    struct element *features = element_new(arena, NS_STREAM, "features");
    const struct stream_feature *const *row = stream->profile->features;
    for (; row && *row; row++) {
        if ((*row)->advertise && exists_now(stream, *row))
            (*row)->advertise(stream->user, features);
    }
    return features;
}

const struct element *stream_features_tree(struct stream *stream, struct arena *arena)
{
    return features_tree(stream, arena);
}

void stream_advertise_limits(struct element *features, size_t bytes, uint64_t idle_ms)
{
    static const char ns[] = "urn:xmpp:stream-limits:0";
    struct element *limits = element_add(features, ns, "limits");

    element_add_with_text(limits, ns, "max-bytes", arena_printf(features->arena, "%zu", bytes));
    if (idle_ms > 0)
        element_add_with_text(limits, ns, "idle-seconds",
                              arena_printf(features->arena, "%" PRIu64, idle_ms / 1000));
}

void stream_write_features(struct stream *stream, struct buffer *out)
{
    struct arena *arena = arena_new();
    struct buffer text = {0};
    static const char name[] = "<stream:features";
    element_write(&text, features_tree(stream, arena), stream_outer_ns(stream));
    buffer_append_text(out, name);
    stream_declare_prefix(stream, out);
    buffer_append_text(out, text.data + sizeof(name) - 1);
    buffer_fini(&text);
    arena_free(arena);
}

static const struct stream_element *find_element(const struct stream_feature *feature,
                                                 const struct element *element)
{
    const struct stream_element *row = feature->elements;
    for (; row && row->ns; row++) {
        if (element_is(element, row->ns, row->name))
            return row;
    }
    return NULL;
}

static void refuse(struct stream *stream, const struct stream_feature *feature,
                   struct element *element)
{
    int condition =
        stream_has_flag(stream, STREAM_BOUND) ? STREAM_POLICY_VIOLATION : STREAM_NOT_AUTHORIZED;
    if (feature->refuse)
        condition = feature->refuse(stream->user, element);
    if (condition >= 0)
        stream_fail(stream, condition, NULL);
}

static bool taken(struct stream *stream, struct element *element)
{
    const struct stream_feature *const *feature = stream->profile->features;
    for (; feature && *feature; feature++) {
        if ((*feature)->take && exists_now(stream, *feature) &&
            (*feature)->take(stream->user, element))
            return true;
    }
    return false;
}

const struct stream_feature *stream_early_feature(const struct stream *stream)
{
    const struct stream_feature *const *feature = stream->profile->features;
    for (; feature && *feature; feature++) {
        if ((*feature)->early && exists_now(stream, *feature))
            return *feature;
    }
    return NULL;
}

void stream_dispatch(struct stream *stream, struct element *element)
{
    const struct stream_feature *refusing = NULL;
    const struct stream_feature *const *feature = stream->profile->features;
    for (; feature && *feature; feature++) {
        const struct stream_element *row = find_element(*feature, element);
        if (!row)
            continue;
        if (exists_now(stream, *feature)) {
            row->handle(stream->user, element);
            return;
        }
        refusing = refusing ? refusing : *feature;
    }
    if (refusing)
        refuse(stream, refusing, element);
    else if (!taken(stream, element))
        stream_fail(stream, STREAM_UNSUPPORTED_STANZA_TYPE, NULL);
}
