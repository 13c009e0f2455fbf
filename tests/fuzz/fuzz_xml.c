/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The stream parser and the stanzas it delivers. The first byte says in what pieces the rest is
 * fed. Whole and in pieces it must give the same; what is written out anew must read back the same.
 */
#include <string.h>

#include "common/base/error.h"
#include "common/xmpp/namespaces.h"
#include "common/xmpp/parser.h"
#include "common/xmpp/stanza.h"
#include "tests/fuzz/fuzz.h"

/* Of several faults in one element it may be another that is seen first, so the condition is not
 * compared. */
struct reading {
    struct buffer text; /* everything delivered, written out */
    int error;
};

static void answer(struct element *root)
{
    struct buffer out = {0};
    struct stanza *stanza;
    int problem;

    if (stanza_from_element_take(root, NS_CLIENT, &stanza, &problem) != 0)
        return;
    struct stanza *error = stanza_error(stanza, STANZA_BAD_REQUEST, "text");
    MUST(error == NULL || !stanza_is_reply(stanza));
    if (error)
        stanza_write(&out, error, NS_CLIENT);
    stanza_unref(error);
    stanza_unref(stanza);
    buffer_fini(&out);
}

static void on_header(void *user, const struct element *header, bool prefixes_foreign)
{
    struct reading *reading = user;

    (void)prefixes_foreign;
    buffer_append_text(&reading->text, header->name);
}

static void on_element(void *user, struct element *root, const char *bytes, size_t length)
{
    struct reading *reading = user;

    (void)bytes;
    (void)length;
    element_write(&reading->text, root, NS_CLIENT);
    answer(root);
}

static void on_footer(void *user)
{
    struct reading *reading = user;

    buffer_append_text(&reading->text, "footer");
}

static const struct parser_ops ops = {on_header, on_element, on_footer};

static struct reading read_in_pieces(const char *bytes, size_t length, size_t piece)
{
    struct reading reading = {0};
    struct parser_pool *pool = parser_pool_new();
    struct parser *parser = parser_new(pool, &parser_limits_after_auth, false, &ops, &reading);

    for (size_t at = 0; at < length && reading.error == 0; at += piece)
        reading.error = parser_feed(parser, bytes + at, length - at < piece ? length - at : piece);
    if (reading.error)
        MUST(parser_error(parser)->condition < STREAM_CONDITIONS);
    parser_free(parser);
    parser_pool_free(pool);
    return reading;
}

static void same(const struct reading *a, const struct reading *b)
{
    MUST(a->error == b->error);
    MUST(a->text.length == b->text.length);
    MUST(a->text.length == 0 || memcmp(a->text.data, b->text.data, a->text.length) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    if (length < 2)
        return 0;
    const char *rest = (const char *)bytes + 1;
    struct reading whole = read_in_pieces(rest, length - 1, length - 1);
    struct reading pieces = read_in_pieces(rest, length - 1, (size_t)(bytes[0] % 16) + 1);

    same(&whole, &pieces);
    buffer_fini(&whole.text);
    buffer_fini(&pieces.text);
    return 0;
}
