/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * One end of a stream without I/O: writes down what it sends and what happens, as text. Random ids
 * appear as "ID".
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "common/stream/stream.h"
#include "common/xmpp/namespaces.h"
#include "tests/unit/unit.h"

struct end {
    struct stream *stream;
    struct parser_pool *pool;
    struct end *peer; /* gets what is sent; NULL: nobody */
    struct buffer sent;
    struct buffer events;
    int refuse_header; /* what ops->header returns */
    const char *local; /* the name it answers as */
    bool hold_on_auth;
    bool hold_on_stanza;
    bool close_on_stanza;
    bool keeps_header_id;
    uint64_t armed_ms;
};

static void end_note(struct end *end, const char *format, ...) PRINTF_LIKE(2, 3);

static void end_note(struct end *end, const char *format, ...)
{
    char *text;
    va_list arguments;
    va_start(arguments, format);
    assert_true(vasprintf(&text, format, arguments) >= 0);
    va_end(arguments);
    buffer_append_text(&end->events, text);
    buffer_append_char(&end->events, ' ');
    free(text);
}

static inline const char *end_events(const struct end *end)
{
    return end->events.data ? end->events.data : "";
}

/* What was sent, with each 128-bit id replaced by "ID". */
static inline const char *end_sent(struct end *end)
{
    static const char mark[] = " id='";
    char *at = end->sent.data ? strstr(end->sent.data, mark) : NULL;
    for (; at; at = strstr(at + 1, mark)) {
        char *id = at + sizeof(mark) - 1;
        if (strspn(id, "0123456789abcdef") != 32)
            continue;
        memcpy(id, "ID", 2);
        memmove(id + 2, id + 32, strlen(id + 32) + 1);
        end->sent.length -= 30;
    }
    return end->sent.data ? end->sent.data : "";
}

static inline void end_forget(struct end *end)
{
    buffer_clear(&end->sent);
    buffer_clear(&end->events);
}

static void end_on_write(void *user, const char *bytes, size_t length)
{
    struct end *end = user;
    buffer_append(&end->sent, bytes, length);
    if (end->peer)
        stream_feed(end->peer->stream, bytes, length);
}

static int end_on_header(void *user, const struct stream_header *header)
{
    struct end *end = user;
    end_note(end, "header(to=%s from=%s lang=%s%s)", header->to ? header->to : "-",
             header->from ? header->from : "-", header->lang ? header->lang : "-",
             header->prefixes_foreign ? " foreign" : "");
    if (end->local)
        stream_set_local(end->stream, end->local, header->from);
    return end->refuse_header;
}

static void end_on_features(void *user, struct element *features)
{
    struct end *end = user;
    struct buffer text = {0};
    ELEMENT_FOREACH (feature, features) {
        buffer_append_text(&text, text.length ? "," : "");
        buffer_append_text(&text, feature->name);
    }
    end_note(end, "features(%s)", text.length ? text.data : "");
    buffer_fini(&text);
}

static void end_on_stanza(void *user, struct stanza *stanza, int problem, const char *bytes,
                          size_t length)
{
    struct end *end = user;
    const char *id = stanza_id(stanza);
    end_note(end, "%s(%s%s%s)", stanza_kind_name(stanza->kind), id ? id : "",
             problem >= 0 ? " " : "",
             problem >= 0 ? stanza_condition_name((enum stanza_condition)problem) : "");
    if (bytes)
        end_note(end, "[%.*s]", (int)length, bytes);
    stanza_unref(stanza);
    if (end->hold_on_stanza)
        stream_hold(end->stream);
    if (end->close_on_stanza)
        stream_close(end->stream);
}

static void end_on_hold(void *user, bool hold)
{
    end_note(user, hold ? "hold" : "release");
}

static void end_on_arm(void *user, uint64_t after_ms)
{
    struct end *end = user;
    end->armed_ms = after_ms;
}

static void end_on_ended(void *user, int condition, const char *text, bool abrupt)
{
    struct end *end = user;
    end_note(end, "ended(%s%s%s%s)",
             condition < 0 ? "-" : stream_condition_name((enum stream_condition)condition),
             text ? " " : "", text ? text : "", abrupt ? " abrupt" : "");
}

static const struct stream_ops end_ops = {
    .write = end_on_write,
    .header = end_on_header,
    .features = end_on_features,
    .stanza = end_on_stanza,
    .hold = end_on_hold,
    .arm = end_on_arm,
    .ended = end_on_ended,
};

static inline struct end *end_new(const struct stream_profile *profile)
{
    struct end *end = xcalloc(1, sizeof(*end));
    end->refuse_header = -1;
    end->local = "h.test";
    end->pool = parser_pool_new();
    end->stream = stream_new(profile, end->pool, &parser_limits_before_auth, &end_ops, end);
    return end;
}

static inline void end_free(struct end *end)
{
    stream_free(end->stream);
    assert_int_equal(parser_pool_lent(end->pool), 0);
    parser_pool_free(end->pool);
    buffer_fini(&end->sent);
    buffer_fini(&end->events);
    free(end);
}

/* Feeds whole (cut 0), byte by byte (cut -1) or in two pieces. */
static inline void end_feed(struct end *end, const char *bytes, int cut)
{
    size_t length = strlen(bytes);
    if (cut < 0) {
        for (size_t i = 0; i < length; i++)
            stream_feed(end->stream, bytes + i, 1);
        return;
    }
    stream_feed(end->stream, bytes, (size_t)cut);
    stream_feed(end->stream, bytes + cut, length - (size_t)cut);
}

/* --- features as a client stream has them --- */

#define NS_TEST "urn:test"

static void advertise_tls(void *user, struct element *features)
{
    (void)user;
    element_add(features, NS_TLS, "starttls");
}

static void on_starttls(void *user, struct element *element)
{
    static const char proceed[] = "<proceed xmlns='" NS_TLS "'/>";
    struct end *end = user;
    (void)element;
    end_note(end, "starttls");
    if (!stream_is_clean(end->stream))
        return;
    stream_send_bytes(end->stream, proceed, sizeof(proceed) - 1);
    stream_set_flag(end->stream, STREAM_SECURE);
    stream_restart(end->stream);
}

static void advertise_auth(void *user, struct element *features)
{
    (void)user;
    element_add(features, NS_SASL, "mechanisms");
}

static inline void end_authenticate(struct end *end)
{
    static const char success[] = "<success xmlns='" NS_SASL "'/>";
    stream_send_bytes(end->stream, success, sizeof(success) - 1);
    stream_set_flag(end->stream, STREAM_AUTHENTICATED);
    stream_set_limits(end->stream, &parser_limits_after_auth);
    stream_restart(end->stream);
}

static void on_auth(void *user, struct element *element)
{
    struct end *end = user;
    (void)element;
    end_note(end, "auth");
    if (end->hold_on_auth)
        stream_hold(end->stream);
    else
        end_authenticate(end);
}

/* Questions may come before authentication. */
static bool auth_early(void *user, struct stanza *stanza, int problem)
{
    if (stanza->kind != STANZA_IQ || problem >= 0)
        return false;
    end_note(user, "early(%s)", stanza_id(stanza));
    return true;
}

static void advertise_bind(void *user, struct element *features)
{
    (void)user;
    element_add(features, NS_BIND, "bind");
}

static void on_bind(void *user, struct element *element)
{
    struct end *end = user;
    (void)element;
    end_note(end, "bind");
    stream_set_flag(end->stream, STREAM_BOUND);
    stream_ready(end->stream);
}

static void on_test(void *user, struct element *element)
{
    end_note(user, "%s", element->name);
}

static int refuse_test(void *user, struct element *element)
{
    end_note(user, "refused(%s)", element->name);
    return strcmp(element->name, "quiet") ? STREAM_UNSUPPORTED_FEATURE : -1;
}

static const struct stream_element tls_elements[] = {{NS_TLS, "starttls", on_starttls}, {0}};
static const struct stream_element auth_elements[] = {{NS_SASL, "auth", on_auth}, {0}};
static const struct stream_element bind_elements[] = {{NS_BIND, "bind", on_bind}, {0}};
static const struct stream_element test_elements[] = {
    {NS_TEST, "r", on_test}, {NS_TEST, "quiet", on_test}, {0}};

static const struct stream_feature tls_feature = {.name = "starttls",
                                                  .excludes = STREAM_SECURE,
                                                  .advertise = advertise_tls,
                                                  .elements = tls_elements};
static const struct stream_feature auth_feature = {.name = "auth",
                                                   .requires = STREAM_SECURE,
                                                   .excludes = STREAM_AUTHENTICATED,
                                                   .advertise = advertise_auth,
                                                   .elements = auth_elements,
                                                   .early = auth_early};
static const struct stream_feature bind_feature = {.name = "bind",
                                                   .requires = STREAM_SECURE | STREAM_AUTHENTICATED,
                                                   .excludes = STREAM_BOUND,
                                                   .advertise = advertise_bind,
                                                   .elements = bind_elements};
static const struct stream_feature test_feature = {.name = "test",
                                                   .requires = STREAM_SECURE |
                                                               STREAM_AUTHENTICATED | STREAM_BOUND,
                                                   .elements = test_elements,
                                                   .refuse = refuse_test};

static const struct stream_feature *const end_features[] = {&tls_feature, &auth_feature,
                                                            &bind_feature, &test_feature, NULL};

static const struct stream_profile acceptor_profile = {
    .role = STREAM_ACCEPTOR,
    .content_ns = NS_CLIENT,
    .has_version = true,
    .stanzas_require = STREAM_AUTHENTICATED | STREAM_BOUND,
    .features = end_features,
    .timeout_ms = {[STREAM_OPENING] = 30000},
};
