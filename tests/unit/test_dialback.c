/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Keys of dialback (XEP-0185) and their words on the wire.
 */
#include "s2s/dialback.h"

#include <string.h>

#include "tests/unit/unit.h"

static const char SECRET[] = "s3cr3tf0rd14lb4ck";

static struct dialback_key key(const char *receiving, const char *originating, const char *id)
{
    return dialback_key(SECRET, sizeof(SECRET) - 1, receiving, originating, id);
}

/* The example of XEP-0185 §4, computed anew. */
static void example(void **state)
{
    (void)state;
    struct dialback_key made = key("xmpp.example.com", "example.org", "D60000229F");
    assert_string_equal(made.text,
                        "37c69b1cf07a3f67c04a5ef5902fa5114f2c76fe4a2686482ba5b89323075643");
    assert_true(dialback_key_equal(&made, made.text));
}

/* Every part counts, and where one ends and the next begins (CVE-2016-0756). */
static void parts(void **state)
{
    static const struct {
        const char *receiving, *originating, *id;
    } rows[] = {
        {"a.test", "b.test", "2"},  {"a.test", "b.tes", "1"},  {"a.tes", "b.test", "1"},
        {"b.test", "a.test", "1"},  {"a.testb", ".test", "1"}, {"a.test", "b.test1", ""},
        {"a.test", "b.test", "1 "}, {"A.test", "b.test", "1"},
    };
    (void)state;
    struct dialback_key made = key("a.test", "b.test", "1");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct dialback_key other = key(rows[i].receiving, rows[i].originating, rows[i].id);
        assert_false(dialback_key_equal(&made, other.text));
    }
    assert_false(dialback_key_equal(&made, ""));
    assert_false(dialback_key_equal(&made, "37c69b1c"));
    struct dialback_key other = dialback_key("x", 1, "a.test", "b.test", "1");
    assert_false(dialback_key_equal(&made, other.text));
}

static void words(void **state)
{
    static const struct {
        struct dialback_words words;
        const char *text;
    } rows[] = {
        {{.name = "result", .from = "a.test", .to = "b.test", .key = "k<"},
         "<db:result from='a.test' to='b.test'>k&lt;</db:result>"},
        {{.name = "verify", .from = "a.test", .to = "b.test", .id = "'", .key = "k"},
         "<db:verify from='a.test' to='b.test' id='&apos;'>k</db:verify>"},
        {{.name = "result", .from = "a.test", .to = "b.test", .type = "valid"},
         "<db:result from='a.test' to='b.test' type='valid'></db:result>"},
        {{.name = "result",
          .from = "a.test",
          .to = "b.test",
          .type = "error",
          .condition = STANZA_ITEM_NOT_FOUND},
         "<db:result from='a.test' to='b.test' type='error'><error type='cancel'><item-not-found "
         "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></db:result>"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buffer out = {0};
        dialback_write(&out, &rows[i].words);
        assert_string_equal(out.data, rows[i].text);
        buffer_fini(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(example),
        cmocka_unit_test(parts),
        cmocka_unit_test(words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
