/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Preferences for the archive (XEP-0441): which messages go into it.
 */
#include "c2s/sm/archive_prefs.h"

#include "tests/unit/fake_client.h"

#define ALICE    "alice@example.net"
#define JID(jid) "<jid>" jid "</jid>"
#define SET(rule, always, never)                                                                   \
    "<iq type='set' id='s'><prefs xmlns='urn:xmpp:mam:2' default='" rule "'><always>" always       \
    "</always><never>" never "</never></prefs></iq>"

static struct client *a;

static int with_contacts(void **state)
{
    int error = fake_setup(state);

    fake_roster_row(1, "friend@y.z", "none", "");
    fake_roster_row(1, "former@y.z", "none", "r");
    a = login_available("alice", "a");
    return error;
}

static bool wants(const char *text)
{
    struct arena *arena = arena_new();
    struct jid jid;
    bool wanted;

    assert_int_equal(jid_parse(arena, text, &jid), 0);
    wanted = archive_wants(account_find(fake.state, ALICE), &jid);
    arena_free(arena);
    return wanted;
}

/* §2.3 */
static const struct {
    const char *set;
    const char *wanted[6], *unwanted[6];
} rows[] = {
    {SET("always", "", ""), {"x@y.z", "friend@y.z/r"}, {NULL}},
    {SET("never", "", ""), {NULL}, {"x@y.z", "friend@y.z/r"}},
    {SET("roster", "", ""),
     {"friend@y.z", "friend@y.z/r"},
     {"x@y.z", "former@y.z", "y.z", "friends@y.z"}},
    {SET("always", "", JID("X@Y.z")), {"xx@y.z", "y.z"}, {"x@y.z", "x@y.z/r"}},
    {SET("always", "", JID("x@y.z/r") JID("y.z")), {"x@y.z", "x@y.z/rr"}, {"x@y.z/r", "y.z"}},
    {SET("never", JID("x@y.z/r") JID("o@y.z"), JID("x@y.z")),
     {"x@y.z/r", "o@y.z", "o@y.z/any"},
     {"x@y.z", "x@y.z/s", "p@y.z"}},
};

static void test_rules(void **state)
{
    (void)state;
    assert_true(wants("x@y.z"));
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        say(a, rows[i].set);
        expect(a, "iq result > " ALICE "/a <prefs>");
        for (const char *const *at = rows[i].wanted; *at; at++) {
            assert_true(wants(*at));
        }
        for (const char *const *at = rows[i].unwanted; *at; at++) {
            assert_false(wants(*at));
        }
    }
}

static void test_refused(void **state)
{
    static const char *const sets[] = {
        SET("sometimes", "", ""),
        SET("never", JID("@"), ""),
        SET("never", "", JID("")),
        "<iq type='set' id='s'><prefs xmlns='urn:xmpp:mam:2'/></iq>",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(sets); i++) {
        say(a, sets[i]);
        expect(a, "iq error > " ALICE "/a bad-request");
        assert_true(wants("x@y.z"));
    }
}

static void test_too_many(void **state)
{
    struct buffer xml = {0};

    (void)state;
    buffer_append_text(&xml, "<iq type='set' id='s'><prefs xmlns='urn:xmpp:mam:2' default='never'>"
                             "<always>");
    for (int i = 0; i < 501; i++) {
        buffer_printf(&xml, JID("x%d@y.z"), i);
    }
    buffer_append_text(&xml, "</always></prefs></iq>");
    say(a, xml.data);
    expect(a, "iq error > " ALICE "/a policy-violation");
    assert_true(wants("x@y.z"));
    buffer_fini(&xml);
}

/* What was not committed does not hold. */
static void test_not_committed(void **state)
{
    (void)state;
    fake_db.status = ERR_SYSTEM;
    say(a, SET("never", "", ""));
    expect(a, "iq error > " ALICE "/a internal-server-error");
    assert_true(wants("x@y.z"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_rules, with_contacts, fake_teardown),
        cmocka_unit_test_setup_teardown(test_refused, with_contacts, fake_teardown),
        cmocka_unit_test_setup_teardown(test_too_many, with_contacts, fake_teardown),
        cmocka_unit_test_setup_teardown(test_not_committed, with_contacts, fake_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
