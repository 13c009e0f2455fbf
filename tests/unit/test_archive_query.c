/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What queries to archives are read as, and what is answered.
 */
#include "common/xmpp/archive_query.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/error.h"
#include "common/xmpp/conditions.h"
#include "common/xmpp/stanza.h"
#include "tests/unit/fake_client.h"

#define QUERY(inside) "<query xmlns='" NS_MAM "' queryid='q'>" inside "</query>"
#define FORM(fields)                                                                               \
    "<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>" NS_MAM                 \
    "</value></field>" fields "</x>"
#define FIELD(name, value) "<field var='" name "'><value>" value "</value></field>"
#define SET(inside)        "<set xmlns='http://jabber.org/protocol/rsm'>" inside "</set>"

/* Ids of these tests are `n` and the number. */
static int decode(void *user, const char *text, int64_t *seq)
{
    assert_null(user);
    *seq = *text == 'n' ? strtoll(text + 1, NULL, 10) : 0;
    return *seq > 0 ? 0 : ERR_MALFORMED;
}

/* What the last query was read from, and refers to. */
static struct arena *read_from;

static int read_query(const char *text, struct archive_query *query)
{
    const struct archive_ids ids = {decode, NULL};
    struct element *payload = fake_parse_element(text);

    read_from = payload->arena;
    return archive_query_read(read_from, payload, &ids, query);
}

static void forget(struct archive_query *query)
{
    archive_query_fini(query);
    arena_free(read_from);
}

static void test_refused(void **state)
{
    static const struct {
        const char *text;
        int problem;
    } cases[] = {
        {QUERY("<x xmlns='jabber:x:data' type='submit'/>"), STANZA_BAD_REQUEST},
        {QUERY(FORM(FIELD("colour", "red"))), STANZA_FEATURE_NOT_IMPLEMENTED},
        {QUERY(FORM(FIELD("with", "@"))), STANZA_BAD_REQUEST},
        {QUERY(FORM(FIELD("start", "yesterday"))), STANZA_BAD_REQUEST},
        {QUERY(FORM(FIELD("end", "2026"))), STANZA_BAD_REQUEST},
        {QUERY(FORM(FIELD("before-id", "m1"))), STANZA_ITEM_NOT_FOUND},
        {QUERY(FORM("<field var='with'><value>a@b</value><value>c@d</value></field>")),
         STANZA_BAD_REQUEST},
        {QUERY(FORM(FIELD("include-groupchat", "perhaps"))), STANZA_BAD_REQUEST},
        {QUERY(SET("<max>some</max>")), STANZA_BAD_REQUEST},
        {QUERY(SET("<index>3</index>")), STANZA_FEATURE_NOT_IMPLEMENTED},
        {QUERY(SET("<after>m3</after>")), STANZA_ITEM_NOT_FOUND},
        {"<query xmlns='" NS_MAM "' node='n'/>", STANZA_ITEM_NOT_FOUND},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct archive_query query;

        assert_int_equal(read_query(cases[i].text, &query), cases[i].problem);
        forget(&query);
    }
}

static void test_ranges(void **state)
{
    static const struct {
        const char *text;
        int64_t above, below;
        size_t max;
        bool backward;
        const char *known, *ids;
    } cases[] = {
        {QUERY(""), 0, INT64_MAX, ARCHIVE_PAGE_MAX, false, NULL, NULL},
        {QUERY(SET("<max>10</max>")), 0, INT64_MAX, 10, false, NULL, NULL},
        {QUERY(SET("<max>1000</max>")), 0, INT64_MAX, ARCHIVE_PAGE_MAX, false, NULL, NULL},
        {QUERY(SET("<max>0</max><before/>")), 0, INT64_MAX, 0, true, NULL, NULL},
        {QUERY(SET("<before>n9</before>")), 0, 9, ARCHIVE_PAGE_MAX, true, "9", NULL},
        {QUERY(FORM(FIELD("after-id", "n2") FIELD("before-id", "n8")) SET("<after>n4</after>")), 4,
         8, ARCHIVE_PAGE_MAX, false, "2,8,4", NULL},
        {QUERY(FORM("<field var='ids'><value>n5</value><value>n7</value></field>")), 0, INT64_MAX,
         ARCHIVE_PAGE_MAX, false, "5,7", "5,7"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct archive_query query;

        assert_int_equal(read_query(cases[i].text, &query), -1);
        assert_true(query.above == cases[i].above && query.below == cases[i].below);
        assert_int_equal(query.max, cases[i].max);
        assert_int_equal(query.backward, cases[i].backward);
        assert_string_equal(query.known.data ? query.known.data : "",
                            cases[i].known ? cases[i].known : "");
        assert_string_equal(query.ids.data ? query.ids.data : "", cases[i].ids ? cases[i].ids : "");
        assert_string_equal(query.id, "q");
        forget(&query);
    }
}

static void test_order_on_the_wire(void **state)
{
    struct archive_query query = {0};

    (void)state;
    assert_int_equal(archive_query_place(&query, 0, 3), 0);
    query.backward = true;
    assert_int_equal(archive_query_place(&query, 0, 3), 2);
    query.flipped = true;
    assert_int_equal(archive_query_place(&query, 0, 3), 0);
    query.backward = false;
    assert_int_equal(archive_query_place(&query, 0, 3), 2);
}

static void test_fin(void **state)
{
    struct stanza *stanza = stanza_new(STANZA_IQ, IQ_RESULT);
    struct buffer text = {0};

    (void)state;
    archive_add_fin(stanza->root, true, "a", "b", 2);
    archive_add_fin(stanza->root, false, NULL, NULL, -1);
    element_write(&text, stanza->root, NS_CLIENT);
    assert_non_null(strstr(text.data, "<fin xmlns='" NS_MAM "' complete='true'>"
                                      "<set xmlns='http://jabber.org/protocol/rsm'>"
                                      "<first>a</first><last>b</last><count>2</count></set></fin>"
                                      "<fin xmlns='" NS_MAM "'>"
                                      "<set xmlns='http://jabber.org/protocol/rsm'/></fin>"));
    buffer_fini(&text);
    stanza_unref(stanza);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_refused, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(test_ranges, fake_setup, fake_teardown),
        cmocka_unit_test(test_order_on_the_wire),
        cmocka_unit_test(test_fin),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
