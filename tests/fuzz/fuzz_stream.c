/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * An accepting stream of a client that may do everything: it always ends in order, once, and never
 * delivers a stanza before it may.
 */
#include <string.h>

#include "common/stream/stream.h"
#include "common/xmpp/namespaces.h"
#include "tests/fuzz/fuzz.h"

struct side {
    struct stream *stream;
    unsigned ended;
    unsigned held;
};

static void advance(void *user, struct element *element)
{
    struct side *side = user;

    (void)element;
    if (!stream_has_flag(side->stream, STREAM_SECURE)) {
        if (!stream_is_clean(side->stream))
            return;
        stream_set_flag(side->stream, STREAM_SECURE);
        stream_restart(side->stream);
    } else {
        stream_set_flag(side->stream, STREAM_AUTHENTICATED);
        stream_hold(side->stream); /* an answer that takes time */
        side->held++;
        stream_restart(side->stream);
    }
}

static const struct stream_element starttls_elements[] = {{NS_TLS, "starttls", advance}, {0}};
static const struct stream_element sasl_elements[] = {{NS_SASL, "auth", advance}, {0}};
static const struct stream_feature starttls = {
    .name = "starttls", .excludes = STREAM_SECURE, .elements = starttls_elements};
static const struct stream_feature sasl = {.name = "sasl",
                                           .requires = STREAM_SECURE,
                                           .excludes = STREAM_AUTHENTICATED,
                                           .elements = sasl_elements};
static const struct stream_feature *const features[] = {&starttls, &sasl, NULL};
static const struct stream_profile profile = {
    .role = STREAM_ACCEPTOR,
    .content_ns = NS_CLIENT,
    .has_version = true,
    .stanzas_require = STREAM_SECURE | STREAM_AUTHENTICATED,
    .features = features,
};

static void on_write(void *user, const char *bytes, size_t length)
{
    const struct side *side = user;

    MUST(side->ended == 0 && length > 0 && bytes != NULL);
}

static int on_header(void *user, const struct stream_header *header)
{
    struct side *side = user;

    if (header->to == NULL)
        return STREAM_IMPROPER_ADDRESSING;
    stream_set_local(side->stream, header->to, header->from);
    return -1;
}

static void on_stanza(void *user, struct stanza *stanza, int problem, const char *bytes,
                      size_t length)
{
    const struct side *side = user;

    (void)problem;
    (void)bytes;
    (void)length;
    MUST(stream_has_flag(side->stream, STREAM_AUTHENTICATED));
    stream_send(side->stream, stanza);
    stanza_unref(stanza);
}

static void on_hold(void *user, bool hold)
{
    (void)user;
    (void)hold;
}

static void on_arm(void *user, uint64_t after_ms)
{
    (void)user;
    (void)after_ms;
}

static void on_ended(void *user, int condition, const char *text, bool abrupt)
{
    struct side *side = user;

    (void)condition;
    (void)text;
    (void)abrupt;
    side->ended++;
}

static const struct stream_ops ops = {
    .write = on_write,
    .header = on_header,
    .stanza = on_stanza,
    .hold = on_hold,
    .arm = on_arm,
    .ended = on_ended,
};

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct parser_pool *pool = parser_pool_new();
    struct side side = {0};
    size_t piece = length > 0 ? (size_t)(bytes[0] % 64) + 1 : 1;

    side.stream = stream_new(&profile, pool, &parser_limits_before_auth, &ops, &side);
    stream_open(side.stream, NULL, NULL);
    for (size_t at = 1; at < length && side.ended == 0; at += piece) {
        size_t size = length - at < piece ? length - at : piece;
        stream_feed(side.stream, (const char *)bytes + at, size);
        while (side.ended == 0 && side.held > 0) {
            side.held--;
            stream_release(side.stream);
        }
    }
    if (side.ended == 0)
        stream_fail(side.stream, STREAM_CONNECTION_TIMEOUT, NULL);
    if (side.ended == 0)
        stream_timeout(side.stream); /* the peer never closes */
    MUST(side.ended == 1);
    stream_free(side.stream);
    MUST(parser_pool_lent(pool) == 0);
    parser_pool_free(pool);
    return 0;
}
