/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Verification strings: the examples of XEP-0115 §5.2 and §5.3.
 */
#include "c2s/sm/caps.h"

#include "c2s/sm/disco.h"
#include <stdlib.h>

#include "tests/unit/unit.h"

#define NS_DATA "jabber:x:data"

static void add_identity(struct element *query, const char *lang, const char *name)
{
    struct element *identity = element_add(query, NS_DISCO_INFO, "identity");

    element_set(identity, "category", "client");
    element_set(identity, "type", "pc");
    element_set(identity, "name", name);
    if (lang)
        element_set_ns(identity, NS_XML, "lang", lang);
}

static void add_features(struct element *query)
{
    static const char *const features[] = {
        "http://jabber.org/protocol/muc",
        "http://jabber.org/protocol/disco#info",
        "http://jabber.org/protocol/caps",
        "http://jabber.org/protocol/disco#items",
    };

    for (size_t i = 0; i < ARRAY_SIZE(features); i++)
        element_set(element_add(query, NS_DISCO_INFO, "feature"), "var", features[i]);
}

static void add_field(struct element *form, const char *name, const char *first, const char *second)
{
    struct element *field = element_add(form, NS_DATA, "field");

    element_set(field, "var", name);
    element_add_with_text(field, NS_DATA, "value", first);
    if (second)
        element_add_with_text(field, NS_DATA, "value", second);
}

static void expect_hash(struct element *query, const char *expected)
{
    char *hash = caps_hash(query);

    assert_string_equal(hash, expected);
    free(hash);
    arena_free(query->arena);
}

static void test_simple(void **state UNUSED)
{
    struct element *query = element_new(arena_new(), NS_DISCO_INFO, "query");

    add_identity(query, NULL, "Exodus 0.9.1");
    add_features(query);
    expect_hash(query, "QgayPKawpkPSDYmwT/WM94uAlu0=");
}

static void test_complex(void **state UNUSED)
{
    struct element *query = element_new(arena_new(), NS_DISCO_INFO, "query");

    add_identity(query, "en", "Psi 0.11");
    add_identity(query, "el", "\xCE\xA8 0.11");
    add_features(query);
    struct element *form = element_add(query, NS_DATA, "x");
    add_field(form, "os_version", "10.5.1", NULL);
    add_field(form, "FORM_TYPE", "urn:xmpp:dataforms:softwareinfo", NULL);
    add_field(form, "ip_version", "ipv6", "ipv4");
    add_field(form, "os", "Mac", NULL);
    add_field(form, "software", "Psi", NULL);
    add_field(form, "software_version", "0.11", NULL);
    expect_hash(query, "q07IKJEyjvHSyhy//CH0CxmKi8w=");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_simple),
        cmocka_unit_test(test_complex),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
