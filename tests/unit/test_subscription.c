/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Subscriptions (docs/rules/subscription.md): each cell of RFC 6121, appendix A, with sessions, a
 * contact elsewhere and a database, and the rules around the table.
 */
#include "tests/unit/fake_client.h"
#include "tests/unit/subscription_cells.h"

#define CONTACT "c@y.z"
#define ALICE   "alice@example.net"

/* a has asked for the roster and is available, b is only available. */
static struct client *a, *b;

static void log_in(void)
{
    a = login("alice", "a");
    b = login_available("alice", "b");
    say(a, "<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>");
    say(a, "<presence/>");
    fake_clear(&a->inbox);
    fake_clear(&b->inbox);
    fake_clear(&fake.router);
}

static void give_state(enum subscription state)
{
    char *flags = xasprintf("%s%s%s", subscription_pending_out(state) ? "a" : "",
                            subscription_pending_in(state) ? "p" : "",
                            state == SUBSCRIPTION_NONE_IN ? "r" : "");

    fake_roster_row(1, CONTACT, subscription_name(state), flags);
    free(flags);
}

static const struct fake_row *row_of_contact(void)
{
    for (size_t i = 0; i < FAKE_ROWS; i++) {
        const struct fake_row *row = &fake_db.roster[i];

        if (row->used && strcmp(row->cells[2], CONTACT) == 0) {
            return row;
        }
    }
    return NULL;
}

static enum subscription stored_state(void)
{
    const struct fake_row *row = row_of_contact();
    const char *name = row ? row->cells[4] : "none";
    bool both = strcmp(name, "both") == 0;

    return subscription_make(both || strcmp(name, "to") == 0, both || strcmp(name, "from") == 0,
                             row && *row->cells[5] == 't', row && *row->cells[7] == 't');
}

static bool is_outbound(enum subscription_event event)
{
    return event <= SUBSCRIPTION_OUT_UNSUBSCRIBED;
}

static const char *type_of(enum subscription_event event)
{
    static const char *const types[] = {"subscribe", "unsubscribe", "subscribed", "unsubscribed"};

    return types[event % 4];
}

static void do_event(enum subscription_event event)
{
    char *xml = is_outbound(event)
                    ? xasprintf("<presence type='%s' to='" CONTACT "/res'/>", type_of(event))
                    : xasprintf("<presence type='%s' from='" CONTACT "/res' to='" ALICE "/b'/>",
                                type_of(event));

    if (is_outbound(event)) {
        say(a, xml);
    } else {
        arrive(xml);
    }
    free(xml);
}

/* The next line of the inbox is this, made of its parts. */
static void expect_line(struct fake_inbox *inbox, char *line)
{
    fake_expect(inbox, line);
    free(line);
}

static bool looks_different(enum subscription before, enum subscription after)
{
    return strcmp(subscription_name(before), subscription_name(after)) != 0 ||
           subscription_pending_out(before) != subscription_pending_out(after);
}

static void expect_shown_or_hidden(const char *type)
{
    expect_line(&fake.router, xasprintf("presence %s" ALICE "/a > " CONTACT, type));
    expect_line(&fake.router, xasprintf("presence %s" ALICE "/b > " CONTACT, type));
}

static void check_cell(enum subscription before, enum subscription_event event, const char *cell)
{
    enum subscription after = appendix_next(cell, before);
    bool approves =
        event == SUBSCRIPTION_OUT_SUBSCRIBED && *cell == '-' && !subscription_from(before);

    if (*cell == '*') {
        expect_line(&fake.router, xasprintf("presence subscribed " ALICE " > " CONTACT));
        expect_shown_or_hidden("");
    } else if (*cell == '+' && is_outbound(event)) {
        expect_line(&fake.router, xasprintf("presence %s " ALICE " > " CONTACT, type_of(event)));
    } else if (*cell == '+') {
        char *line = xasprintf("presence %s " CONTACT " > " ALICE, type_of(event));

        fake_expect(&a->inbox, line);
        if (event == SUBSCRIPTION_IN_SUBSCRIBE) {
            fake_expect(&b->inbox, line);
        }
        free(line);
    }
    if (looks_different(before, after) || approves) {
        expect_line(&a->inbox, xasprintf("iq set > " ALICE "/a roster 1 {" CONTACT " %s%s%s}",
                                         subscription_name(after),
                                         subscription_pending_out(after) ? " ask" : "",
                                         approves ? " approved" : ""));
    }
    if (subscription_from(after) && !subscription_from(before)) {
        expect_shown_or_hidden("");
    } else if (subscription_from(before) && !subscription_from(after)) {
        expect_shown_or_hidden("unavailable ");
    }
    expect_nothing(a);
    expect_nothing(b);
    expect_nothing_routed();
    assert_int_equal(stored_state(), after);
}

static void test_cells(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(appendix); i++) {
        for (int before = 0; before < SUBSCRIPTIONS; before++) {
            fake_setup(NULL);
            give_state((enum subscription)before);
            log_in();
            do_event(appendix[i].event);
            check_cell((enum subscription)before, appendix[i].event, appendix[i].cells[before]);
            fake_teardown(NULL);
        }
    }
}

/* A contact that is in no roster. */
static void test_new_contact(void **state)
{
    (void)state;
    log_in();
    do_event(SUBSCRIPTION_OUT_SUBSCRIBE);
    expect_routed("presence subscribe " ALICE " > " CONTACT);
    expect(a, "iq set > " ALICE "/a roster 1 {" CONTACT " none ask}");
    do_event(SUBSCRIPTION_OUT_UNSUBSCRIBE);
    expect_routed("presence unsubscribe " ALICE " > " CONTACT);
    expect(a, "iq set > " ALICE "/a roster 2 {" CONTACT " none}");
}

static void test_request_and_denial_of_a_stranger(void **state)
{
    (void)state;
    log_in();
    do_event(SUBSCRIPTION_IN_SUBSCRIBE);
    expect(a, "presence subscribe " CONTACT " > " ALICE);
    assert_int_equal(stored_state(), SUBSCRIPTION_NONE_IN);
    say(a, "<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>");
    expect(a, "iq result > " ALICE "/a roster 0");
    do_event(SUBSCRIPTION_OUT_UNSUBSCRIBED);
    expect_routed("presence unsubscribed " ALICE " > " CONTACT);
    expect_nothing(a);
    assert_null(row_of_contact());
}

/* S7: shown at each login until it is answered, with what the contact wrote. */
static void test_request_is_shown_at_each_login(void **state)
{
    struct client *client;

    (void)state;
    arrive("<presence type='subscribe' from='" CONTACT "' to='" ALICE "'>"
           "<nick xmlns='n'>C</nick></presence>");
    for (int i = 0; i < 2; i++) {
        client = login("alice", "a");
        expect_nothing(client);
        say(client, "<presence/>");
        expect(client, "presence " ALICE "/a > " ALICE "/a");
        expect(client, "presence subscribe " CONTACT " > " ALICE " <nick>");
        expect_nothing(client);
        fake_hang_up(client);
    }
    client = login_available("alice", "a");
    say(client, "<presence type='subscribed' to='" CONTACT "'/>");
    fake_hang_up(client);
    client = login("alice", "a");
    say(client, "<presence/>");
    expect(client, "presence " ALICE "/a > " ALICE "/a");
    expect_nothing(client);
}

/* A large request is kept without what is in it. */
static void test_large_request(void **state)
{
    struct buffer xml = {0};
    struct client *client;

    (void)state;
    buffer_append_text(&xml,
                       "<presence type='subscribe' from='" CONTACT "' to='" ALICE "'><status>");
    for (int i = 0; i < 5000; i++) {
        buffer_append_char(&xml, 'x');
    }
    buffer_append_text(&xml, "</status></presence>");
    arrive(xml.data);
    buffer_fini(&xml);
    client = login("alice", "a");
    say(client, "<presence/>");
    expect(client, "presence " ALICE "/a > " ALICE "/a");
    expect(client, "presence subscribe " CONTACT " > " ALICE);
}

/* S10, S11: approval in advance (§3.4). */
static void test_pre_approval(void **state)
{
    (void)state;
    log_in();
    do_event(SUBSCRIPTION_OUT_SUBSCRIBED);
    expect(a, "iq set > " ALICE "/a roster 1 {" CONTACT " none approved}");
    expect_nothing_routed();
    do_event(SUBSCRIPTION_IN_SUBSCRIBE);
    expect_routed("presence subscribed " ALICE " > " CONTACT);
    expect(a, "iq set > " ALICE "/a roster 2 {" CONTACT " from approved}");
    expect_shown_or_hidden("");
    expect_nothing(a);
    expect_nothing(b);
    do_event(SUBSCRIPTION_OUT_UNSUBSCRIBED);
    expect_routed("presence unsubscribed " ALICE " > " CONTACT);
    expect(a, "iq set > " ALICE "/a roster 3 {" CONTACT " none}");
}

static void test_pre_approval_with_other_states(void **state)
{
    static const struct {
        enum subscription before, after;
    } cases[] = {
        {SUBSCRIPTION_NONE, SUBSCRIPTION_FROM},
        {SUBSCRIPTION_NONE_OUT, SUBSCRIPTION_FROM_OUT},
        {SUBSCRIPTION_TO, SUBSCRIPTION_BOTH},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        fake_setup(NULL);
        give_state(cases[i].before);
        log_in();
        do_event(SUBSCRIPTION_OUT_SUBSCRIBED);
        do_event(SUBSCRIPTION_IN_SUBSCRIBE);
        assert_int_equal(stored_state(), cases[i].after);
        assert_true(fake_took(&fake.router, "presence subscribed " ALICE " > " CONTACT));
        fake_teardown(NULL);
    }
}

static void test_pre_approval_is_taken_back(void **state)
{
    (void)state;
    log_in();
    do_event(SUBSCRIPTION_OUT_SUBSCRIBED);
    do_event(SUBSCRIPTION_OUT_UNSUBSCRIBED);
    expect(a, "iq set > " ALICE "/a roster 1 {" CONTACT " none approved}");
    expect(a, "iq set > " ALICE "/a roster 2 {" CONTACT " none}");
    expect_nothing_routed();
    do_event(SUBSCRIPTION_IN_SUBSCRIBE);
    expect(a, "presence subscribe " CONTACT " > " ALICE);
}

/* S2: nobody hears of what is not committed. */
static void test_commit_before_route(void **state)
{
    (void)state;
    log_in();
    fake_db.late = true;
    do_event(SUBSCRIPTION_OUT_SUBSCRIBE);
    expect_nothing_routed();
    expect_nothing(a);
    fake_db_answer();
    pump();
    expect_routed("presence subscribe " ALICE " > " CONTACT);
}

/* What is told is written by the unit that it follows from. */
static void test_one_unit(void **state)
{
    static const struct {
        enum subscription before;
        const char *does; /* NULL: the event */
        enum subscription_event event;
        size_t letters, changes;
    } rows[] = {
        {SUBSCRIPTION_NONE, NULL, SUBSCRIPTION_OUT_SUBSCRIBE, 1, 1},
        {SUBSCRIPTION_NONE_OUT, NULL, SUBSCRIPTION_OUT_SUBSCRIBE, 1, 0},
        {SUBSCRIPTION_TO_IN, NULL, SUBSCRIPTION_OUT_SUBSCRIBED, 1, 1},
        {SUBSCRIPTION_NONE, NULL, SUBSCRIPTION_OUT_SUBSCRIBED, 0, 1},
        {SUBSCRIPTION_NONE, NULL, SUBSCRIPTION_IN_SUBSCRIBE, 0, 1},
        {SUBSCRIPTION_FROM, NULL, SUBSCRIPTION_IN_SUBSCRIBE, 1, 0},
        {SUBSCRIPTION_BOTH,
         "<iq type='set' id='r'><query xmlns='jabber:iq:roster'>"
         "<item jid='" CONTACT "' subscription='remove'/></query></iq>",
         SUBSCRIPTION_OUT_UNSUBSCRIBE, 2, 1},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        fake_setup(NULL);
        give_state(rows[i].before);
        log_in();
        fake_db.late = true;
        if (rows[i].does) {
            say(a, rows[i].does);
        } else {
            do_event(rows[i].event);
        }
        assert_int_equal(fake_db.waiting_count, 1);
        assert_int_equal(fake_db_has("outbox_insert"), rows[i].letters);
        assert_int_equal(fake_db_has("roster_upsert"), rows[i].changes);
        expect_nothing_routed();
        fake_db.late = false;
        fake_db_answer();
        pump();
        assert_int_equal(fake.offers, rows[i].letters);
        fake_teardown(NULL);
    }
}

/* Too much waits already: nothing changes. */
static void test_nothing_is_told(void **state)
{
    (void)state;
    give_state(SUBSCRIPTION_BOTH);
    log_in();
    fake.keeps_offers = true;
    for (int i = 0; i < 8; i++) {
        say(a, "<message to='" CONTACT "' type='chat'><body>1</body></message>");
    }
    do_event(SUBSCRIPTION_OUT_UNSUBSCRIBE);
    expect(a, "presence error " CONTACT "/res > " ALICE "/a resource-constraint");
    say(a, "<iq type='set' id='r'><query xmlns='jabber:iq:roster'>"
           "<item jid='" CONTACT "' subscription='remove'/></query></iq>");
    expect(a, "iq error > " ALICE "/a resource-constraint");
    assert_int_equal(stored_state(), SUBSCRIPTION_BOTH);
}

static void test_database_fails(void **state)
{
    (void)state;
    log_in();
    fake_db.status = ERR_LIMIT;
    do_event(SUBSCRIPTION_OUT_SUBSCRIBE);
    expect(a, "presence error " CONTACT "/res > " ALICE "/a resource-constraint");
    expect_nothing_routed();
    do_event(SUBSCRIPTION_IN_SUBSCRIBE);
    expect_routed("presence error " ALICE " > " CONTACT " resource-constraint");
    expect_nothing(a);
}

/* S12 */
static void test_to_oneself(void **state)
{
    (void)state;
    log_in();
    say(a, "<presence type='subscribe' to='" ALICE "'/>");
    expect(a, "presence error " ALICE " > " ALICE "/a not-allowed");
    say(a, "<presence type='subscribe'/>");
    expect(a, "presence error > " ALICE "/a bad-request");
    arrive("<presence type='subscribe' from='" ALICE "' to='" ALICE "'/>");
    expect_nothing(a);
    assert_int_equal(fake_db.roster[0].used, false);
}

static void test_to_nobody(void **state)
{
    static const char *const types[] = {"subscribe", "subscribed", "unsubscribe", "unsubscribed"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        char *xml =
            xasprintf("<presence type='%s' from='" CONTACT "' to='nobody@example.net'/>", types[i]);

        arrive(xml);
        expect_nothing_routed();
        free(xml);
    }
}

/* S8: strangers cannot fill the memory. */
static void test_requests_are_limited(void **state)
{
    (void)state;
    for (int i = 0; i < 10; i++) {
        char *xml = xasprintf("<presence type='subscribe' from='c%d@y.z' to='" ALICE "'/>", i);

        arrive(xml);
        expect_nothing_routed();
        free(xml);
    }
    arrive("<presence type='subscribe' from='c10@y.z' to='" ALICE "'/>");
    expect_routed("presence error " ALICE " > c10@y.z resource-constraint");
    /* One that waits already may ask again. */
    arrive("<presence type='subscribe' from='c3@y.z' to='" ALICE "'/>");
    expect_nothing_routed();
}

static void test_roster_is_full(void **state)
{
    (void)state;
    for (int i = 0; i < 10; i++) {
        char *jid = xasprintf("c%d@y.z", i);

        fake_roster_row(1, jid, "none", "");
        free(jid);
    }
    log_in();
    do_event(SUBSCRIPTION_OUT_SUBSCRIBE);
    expect(a, "presence error " CONTACT "/res > " ALICE "/a resource-constraint");
    expect_nothing_routed();
}

/* Both sides here: from the request to seeing each other. */
static void test_two_accounts(void **state)
{
    struct client *bob;

    (void)state;
    log_in();
    bob = login("bob", "b");
    say(bob, "<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>");
    say(bob, "<presence/>");
    fake_clear(&bob->inbox);
    say(a, "<presence type='subscribe' to='bob@example.net'/>");
    expect(a, "iq set > " ALICE "/a roster 1 {bob@example.net none ask}");
    expect(bob, "presence subscribe " ALICE " > bob@example.net");
    say(bob, "<presence type='subscribed' to='" ALICE "'/>");
    expect(bob, "iq set > bob@example.net/b roster 1 {" ALICE " from}");
    expect(a, "presence subscribed bob@example.net > " ALICE);
    expect(a, "iq set > " ALICE "/a roster 2 {bob@example.net to}");
    expect(a, "presence bob@example.net/b > " ALICE);
    expect(b, "presence bob@example.net/b > " ALICE);
    expect_nothing(a);
    expect_nothing(bob);
    say(a, "<presence type='unsubscribe' to='bob@example.net'/>");
    expect(bob, "presence unsubscribe " ALICE " > bob@example.net");
    expect(bob, "iq set > bob@example.net/b roster 2 {" ALICE " none}");
    expect(a, "iq set > " ALICE "/a roster 3 {bob@example.net none}");
    expect(a, "presence unavailable bob@example.net/b > " ALICE);
    expect_nothing(a);
    expect_nothing(bob);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fake_setup, fake_teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cells),
        TEST(test_new_contact),
        TEST(test_request_and_denial_of_a_stranger),
        TEST(test_request_is_shown_at_each_login),
        TEST(test_large_request),
        TEST(test_pre_approval),
        cmocka_unit_test(test_pre_approval_with_other_states),
        TEST(test_pre_approval_is_taken_back),
        TEST(test_commit_before_route),
        cmocka_unit_test(test_one_unit),
        TEST(test_nothing_is_told),
        TEST(test_database_fails),
        TEST(test_to_oneself),
        TEST(test_to_nobody),
        TEST(test_requests_are_limited),
        TEST(test_roster_is_full),
        TEST(test_two_accounts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
