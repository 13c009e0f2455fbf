/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Unit tests of element trees and their serialised form.
 */
#include "common/xmpp/element.h"

#include <string.h>

#include "common/xmpp/conditions.h"
#include "common/xmpp/namespaces.h"
#include "tests/unit/unit.h"

static int set_up(void **state)
{
    *state = arena_new();
    return 0;
}

static int tear_down(void **state)
{
    arena_free(*state);
    return 0;
}

static void expect_written(const struct element *element, const char *default_ns,
                           const char *expected)
{
    struct buffer out = {0};

    element_write(&out, element, default_ns);
    assert_string_equal(out.data, expected);
    buffer_fini(&out);
}

static void expect_written_as(const struct element *element, const char *from_ns,
                              const char *default_ns, const char *expected)
{
    struct buffer out = {0};

    element_write_as(&out, element, from_ns, default_ns);
    assert_string_equal(out.data, expected);
    buffer_fini(&out);
}

static void test_strings_are_copied(void **state)
{
    char ns[] = "urn:a", name[] = "a", text[] = "text";
    struct element *root = element_new(*state, ns, name);

    element_set_ns(root, ns, name, text);
    element_add_with_text(root, ns, name, text);
    ns[0] = name[0] = text[0] = 'x';
    expect_written(root, "", "<a xmlns='urn:a' xmlns:a1='urn:a' a1:a='text'><a>text</a></a>");
}

static void test_attributes(void **state)
{
    struct element *root = element_new(*state, "", "a");

    assert_null(element_get(root, "b"));
    element_set(root, "b", "1");
    element_set(root, "c", "2");
    element_set_ns(root, "urn:x", "b", "3");
    element_set(root, "b", "4");
    assert_string_equal(element_get(root, "b"), "4");
    assert_string_equal(element_get_ns(root, "urn:x", "b"), "3");
    assert_null(element_get_ns(root, "urn:y", "b"));
    assert_null(element_get_ns(root, "urn:x", "c"));
    element_set(root, "c", NULL);
    element_set(root, "d", NULL);
    expect_written(root, "", "<a b='4' xmlns:a2='urn:x' a2:b='3'/>");
    element_set(root, "b", NULL);
    element_set_ns(root, "urn:x", "b", NULL);
    expect_written(root, "", "<a/>");
}

static void test_finding(void **state)
{
    struct element *root = element_new(*state, "urn:a", "a");

    element_add_text(root, "text");
    struct element *b = element_add(root, "urn:a", "b");
    struct element *c = element_add(root, "urn:c", "c");
    struct element *other_b = element_add(root, "urn:c", "b");
    element_add_text(root, "text");

    assert_ptr_equal(element_first(root), b);
    assert_ptr_equal(element_next(b), c);
    assert_null(element_next(other_b));
    assert_null(element_first(b));
    assert_ptr_equal(element_find(root, NULL, "b"), b);
    assert_ptr_equal(element_find(root, "urn:c", "b"), other_b);
    assert_ptr_equal(element_find(root, "urn:c", NULL), c);
    assert_ptr_equal(element_find(root, NULL, NULL), b);
    assert_null(element_find(root, "urn:a", "c"));
    assert_true(element_is(c, "urn:c", "c"));
    assert_true(element_is(c, NULL, NULL));
    assert_false(element_is(c, "urn:a", "c"));
    assert_false(element_is(c, NULL, "b"));
    assert_ptr_equal(c->parent, root);

    size_t count = 0;
    ELEMENT_FOREACH (child, root) {
        count++;
    }
    assert_int_equal(count, 3);
}

static void test_text(void **state)
{
    struct element *root = element_new(*state, "", "a");

    assert_string_equal(element_text(root), "");
    element_add_text(root, "");
    assert_null(root->first);
    element_add_text(root, "one");
    assert_string_equal(element_text(root), "one");
    element_add_with_text(root, "", "b", "inside");
    element_add_text_length(root, " two!", 4);
    assert_string_equal(element_text(root), "one two");
    assert_string_equal(element_child_text(root, "", "b"), "inside");
    assert_null(element_child_text(root, "", "c"));
}

static void test_removal(void **state)
{
    struct element *root = element_new(*state, "", "a");
    struct element *b = element_add(root, "", "b");
    struct element *c = element_add(root, "", "c");
    struct element *d = element_add(root, "", "d");
    struct element *stranger = element_new(*state, "", "e");

    element_remove(root, stranger);
    element_remove(root, d);
    element_add_text(root, "x");
    element_remove(root, b);
    expect_written(root, "", "<a><c/>x</a>");
    element_remove(root, c);
    element_remove(root, c);
    expect_written(root, "", "<a>x</a>");
    element_add(root, "", "f");
    expect_written(root, "", "<a>x<f/></a>");
}

/* Found by AddressSanitizer if the tree did not stay. */
static void test_taken_out(void **state)
{
    struct arena *arena = arena_new();
    struct element *root = element_new(arena, "", "a");
    struct element *b = element_add_with_text(root, "", "b", "inside");

    element_add(root, "", "c");
    assert_ptr_equal(element_take_out(b), b);
    expect_written(root, "", "<a><c/></a>");
    arena_free(arena);
    expect_written(b, "", "<b>inside</b>");
    assert_null(b->parent);
    arena_free(b->arena);
    (void)state;
}

static struct element *sample(struct arena *arena)
{
    struct element *root = element_new(arena, NS_CLIENT, "message");

    element_set(root, "to", "a@b");
    element_set_ns(root, NS_XML, "lang", "en");
    element_add_with_text(root, NS_CLIENT, "body", "hi");
    struct element *x = element_add(root, "urn:x", "x");
    element_add_text(x, "1");
    element_set(element_add(x, "urn:x", "y"), "a", "b");
    element_add_text(x, "2");
    element_add(element_add(x, "urn:y", "y"), "urn:x", "z");
    return root;
}

#define SAMPLE                                                                                     \
    "<message to='a@b' xml:lang='en'><body>hi</body>"                                              \
    "<x xmlns='urn:x'>1<y a='b'/>2<y xmlns='urn:y'><z xmlns='urn:x'/></y></x></message>"

static void test_copies(void **state)
{
    struct arena *own = arena_new();
    struct element *original = sample(own);
    struct element *copy = element_copy(*state, original);
    struct element *wrapper = element_new(*state, "urn:w", "w");
    struct element *inside = element_add_copy(wrapper, original);

    element_set(original, "to", "changed");
    element_add(original, "urn:x", "more");
    arena_free(own);
    assert_null(copy->parent);
    assert_null(copy->node.next);
    expect_written(copy, NS_CLIENT, SAMPLE);
    assert_ptr_equal(inside->parent, wrapper);
    expect_written(inside, NS_CLIENT, SAMPLE);
    struct element *self = element_add_copy(copy, copy);
    expect_written(self, NS_CLIENT, SAMPLE);
}

static void test_namespaces_are_declared_where_they_change(void **state)
{
    struct element *root = sample(*state);

    expect_written(root, NS_CLIENT, SAMPLE);
    expect_written(element_find(root, "urn:x", "x"), NS_CLIENT,
                   "<x xmlns='urn:x'>1<y a='b'/>2<y xmlns='urn:y'><z xmlns='urn:x'/></y></x>");
    expect_written(element_find(root, NULL, "body"), "", "<body xmlns='jabber:client'>hi</body>");
    element_add(root, "", "none");
    expect_written(element_find(root, "", NULL), NS_CLIENT, "<none xmlns=''/>");
    expect_written(element_find(root, "", NULL), "", "<none/>");
}

static void test_fixed_prefixes(void **state)
{
    struct element *features = element_new(*state, NS_STREAM, "features");
    struct element *starttls = element_add(features, NS_TLS, "starttls");

    element_add(features, NS_CLIENT, "a");
    element_add(element_add(starttls, NS_STREAM, "error"), NS_TLS, "b");
    element_set_ns(element_add(features, NS_XML, "odd"), NS_STREAM, "c", "1");
    expect_written(features, NS_CLIENT,
                   "<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'>"
                   "<stream:error><b/></stream:error></starttls><a/><xml:odd stream:c='1'/>"
                   "</stream:features>");
}

static void test_attribute_prefixes(void **state)
{
    struct element *a = element_new(*state, "", "a");

    element_set(a, "b", "1");
    element_set_ns(a, "urn:x", "b", "2");
    element_set_ns(a, "urn:y", "b", "3");
    element_set_ns(a, "urn:x", "c", "4");
    element_set(a, "xmlns", "not an attribute");
    expect_written(a, "",
                   "<a b='1' xmlns:a2='urn:x' a2:b='2' xmlns:a3='urn:y' a3:b='3' a2:c='4'/>");
}

static void test_escapes(void **state)
{
    struct element *a = element_new(*state, "urn:'<&", "a");

    element_set(a, "b", "&<>'\"\t\n\r\x01\xC3\xA4");
    element_add_text(a, "&<>'\"\t\n\r\x1F\x7F\xC3\xA4]]>");
    expect_written(a, "",
                   "<a xmlns='urn:&apos;&lt;&amp;' b='&amp;&lt;&gt;&apos;\"&#9;&#10;&#13;"
                   "\xEF\xBF\xBD\xC3\xA4'>&amp;&lt;&gt;'\"\t\n&#13;\xEF\xBF\xBD\x7F\xC3\xA4]]&gt;"
                   "</a>");

    struct buffer out = {0};
    xml_escape(&out, "a&<>'\"b\r");
    assert_string_equal(out.data, "a&amp;&lt;&gt;&apos;&quot;b&#13;");
    buffer_fini(&out);
}

/* The content namespace changes with the stream; what a foreign element holds does not (XEP-0297
 * names jabber:client on every stream). */
static void test_content_namespace_is_mapped(void **state)
{
    struct element *message = element_new(*state, NS_CLIENT, "message");
    struct element *forwarded;

    element_add(element_add(message, NS_CLIENT, "error"), NS_STANZA_ERRORS, "gone");
    forwarded = element_add(message, "urn:xmpp:forward:0", "forwarded");
    element_add(element_add(forwarded, NS_CLIENT, "message"), NS_CLIENT, "body");
    element_add(message, NS_SERVER, "x");
    expect_written_as(message, NS_CLIENT, NS_SERVER,
                      "<message><error><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
                      "<forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client'><body/>"
                      "</message></forwarded><x/></message>");
    expect_written_as(message, NS_CLIENT, NS_CLIENT,
                      "<message><error><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
                      "<forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client'><body/>"
                      "</message></forwarded><x xmlns='jabber:server'/></message>");
    /* The root decides, not the name. */
    expect_written_as(forwarded, NS_CLIENT, NS_SERVER,
                      "<forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client'><body/>"
                      "</message></forwarded>");
}

/* Neither copying nor writing uses stack per level. */
static void test_depth_costs_no_stack(void **state)
{
    struct element *root = element_new(*state, "", "a");
    struct element *element = root;
    struct buffer out = {0};
    const size_t depth = 200000;

    for (size_t i = 1; i < depth; i++) {
        element = element_add(element, "", "a");
    }
    element_add_text(element, "x");
    element_write(&out, element_copy(*state, root), "");
    assert_int_equal(out.length, depth * strlen("<a></a>") + 1);
    buffer_fini(&out);
}

static void test_conditions(void **state)
{
    (void)state;
    assert_string_equal(stream_condition_name(STREAM_BAD_FORMAT), "bad-format");
    assert_string_equal(stream_condition_name(STREAM_UNSUPPORTED_VERSION), "unsupported-version");
    assert_string_equal(sasl_condition_name(SASL_NOT_AUTHORIZED), "not-authorized");
    assert_string_equal(stanza_condition_type(STANZA_FORBIDDEN), "auth");
    for (int i = 0; i < STANZA_CONDITIONS; i++) {
        assert_int_equal(stanza_condition_parse(stanza_condition_name(i)), i);
    }
    assert_int_equal(stanza_condition_parse("unheard-of"), -1);
    assert_int_equal(STREAM_CONDITIONS, 25);
    assert_int_equal(STANZA_CONDITIONS, 22);
    assert_int_equal(SASL_CONDITIONS, 11);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_strings_are_copied, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_attributes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_finding, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_text, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_removal, set_up, tear_down),
        cmocka_unit_test(test_taken_out),
        cmocka_unit_test_setup_teardown(test_copies, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_namespaces_are_declared_where_they_change, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_fixed_prefixes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_attribute_prefixes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_escapes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_content_namespace_is_mapped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_depth_costs_no_stack, set_up, tear_down),
        cmocka_unit_test(test_conditions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
