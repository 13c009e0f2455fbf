/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Unit tests of elements that were stored, read back.
 */
#include "common/xmpp/stored.h"

#include <stdlib.h>

#include "common/base/buffer.h"
#include "common/xmpp/namespaces.h"
#include "tests/unit/unit.h"

static int begin(void **state)
{
    *state = parser_pool_new();
    return 0;
}

static int end(void **state)
{
    parser_pool_free(*state);
    return 0;
}

static void test_element(void **state)
{
    struct element *root = stored_element(*state, "<a xmlns='x:a'><b>t</b></a>");
    struct buffer text = {0};

    assert_non_null(root);
    element_write(&text, root, NS_CLIENT);
    buffer_append_char(&text, '\0');
    assert_string_equal(text.data, "<a xmlns='x:a'><b>t</b></a>");
    buffer_fini(&text);
    arena_free(root->arena);
}

/* Also what is cut off, and what goes on wrongly behind an element that is whole. */
static void test_damaged(void **state)
{
    static const char *const texts[] = {"",        "text",     "<a",     "<a><b/>",
                                        "<a></b>", "<a/></c>", "<a/>&x;"};

    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        assert_null(stored_element(*state, texts[i]));
}

static void test_stanza(void **state)
{
    struct stanza *stanza =
        stored_stanza(*state, "<message to='a@b.test' type='chat'><body>hi</body></message>");

    assert_non_null(stanza);
    assert_int_equal(stanza->kind, STANZA_MESSAGE);
    assert_string_equal(stanza->to.full, "a@b.test");
    stanza_unref(stanza);
    assert_null(stored_stanza(*state, "<no-stanza/>"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_element, begin, end),
        cmocka_unit_test_setup_teardown(test_damaged, begin, end),
        cmocka_unit_test_setup_teardown(test_stanza, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
