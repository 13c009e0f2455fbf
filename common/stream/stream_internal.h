/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The inside of a stream, for common/stream only. stream.c moves the states, header.c, features.c
 * and error.c write and judge their part of the protocol, feed.c takes bytes apart.
 */
#pragma once

#include "common/base/buffer.h"
#include "common/stream/stream.h"

/* A top-level element that waits: it is no stanza, or the stream is held. */
struct stream_deferred {
    struct element *root; /* NULL: none; its arena is ours */
    struct buffer bytes;  /* as received, with profile->keep_bytes */
};

struct stream {
    const struct stream_profile *profile;
    const struct stream_ops *ops;
    void *user;
    struct parser *parser;
    enum stream_state state;
    unsigned flags;
    unsigned holds;

    char *id;
    char *lang;
    char *local_from;
    char *local_to;
    bool header_sent;
    bool timed; /* the timer of negotiation has been armed */

    bool pumping;   /* inside stream_pump(): what is fed now waits in `pending` */
    bool in_parser; /* inside parser_feed() */
    bool restart_wanted;
    bool in_frame;           /* framed: a frame has begun … */
    bool priming;            /* … the parser reads the header that we make for it */
    unsigned frame_elements; /* … in which so many have come */
    const char *input;       /* while pumping: what the parser has not read */
    size_t input_length;
    struct buffer pending;
    struct stream_deferred deferred;
    const struct buffer *handled; /* the bytes of the element that is being handled, or NULL */

    int condition; /* the stream error we sent, or -1 */
    char *reason;
};

/* stream.c: the only place where the state changes. */
void stream_enter(struct stream *stream, enum stream_state state);
bool stream_is_open(const struct stream *stream);
void stream_write(struct stream *stream, struct buffer *out);
/* One element is written, another follows: each goes alone if the stream is framed. */
void stream_end_frame(struct stream *stream, struct buffer *out);
/* xmlns:stream, in the tag being written, if no header declares it. */
void stream_declare_prefix(const struct stream *stream, struct buffer *out);
/* The default namespace in force where elements go. */
const char *stream_outer_ns(const struct stream *stream);
/* Both sides are done: ops->ended. */
void stream_end(struct stream *stream, bool abrupt);
void stream_set_reason(struct stream *stream, const char *text);

/* header.c */
void stream_new_id(struct stream *stream);
void stream_write_header(struct stream *stream, struct buffer *out);
void stream_write_footer(struct stream *stream, struct buffer *out);
/* Judges and answers the peer's header, or what stands for it. */
void stream_take_header(struct stream *stream, const struct element *header, bool prefixes_foreign);
void stream_on_header(void *user, const struct element *header, bool prefixes_foreign);

/* features.c */
void stream_write_features(struct stream *stream, struct buffer *out);
/* Hands the element to its feature; it is borrowed. */
void stream_dispatch(struct stream *stream, struct element *element);
/* The feature that takes stanzas now before they may come (stream_feature.early); NULL: none. */
const struct stream_feature *stream_early_feature(const struct stream *stream);

/* error.c */
void stream_on_error(struct stream *stream, const struct element *error);

/* feed.c */
void stream_on_footer(struct stream *stream);
extern const struct parser_ops stream_parser_ops;
void stream_pump(struct stream *stream, const char *bytes, size_t length);
