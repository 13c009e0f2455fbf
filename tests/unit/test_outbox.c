/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What is sent to other domains: offered in order, kept until it is taken, offered again after a
 * while, given back when it expires.
 */
#include "tests/unit/fake_client.h"

#define STALE_MS          180000
#define MESSAGE(to, body) "<message to='" to "' type='chat'><body>" body "</body></message>"

static struct client *alice;

static int setup(void **state)
{
    int error = fake_setup(state);

    fake.keeps_offers = true;
    alice = login_available("alice", "a");
    fake_clear(&fake.router);
    return error;
}

/* The words of one list, without what comes before the number: ids are "bare/number". */
static char *words(struct buffer *buffer)
{
    char *text = xstrdup(buffer->length > 0 ? buffer->data : "");

    buffer_clear(buffer);
    return text;
}

/* The id of the n-th offer in `text`. */
static char *id_of(const char *text, size_t n)
{
    while (n-- > 0)
        text = strchr(text, '\n') + 1;
    return strndup(text, strcspn(text, " "));
}

static void answer(const char *id, enum durable_kind kind, enum stanza_condition reason,
                   const char *text, unsigned retry_after)
{
    struct arena *arena = arena_new();
    struct durable words = {.kind = kind,
                            .id = id,
                            .reason = reason,
                            .type = stanza_condition_type(reason),
                            .text = text,
                            .retry_after = retry_after};

    assert_int_equal(jid_parse(arena, "x@y.z", &words.from), 0);
    assert_int_equal(jid_parse(arena, "alice@example.net", &words.to), 0);
    sm_plugin.answered(fake.state, &words);
    pump();
    arena_free(arena);
}

static void took(const char *id)
{
    answer(id, DURABLE_TOOK, 0, NULL, 0);
}

static void not_now(const char *id, unsigned retry_after)
{
    answer(id, DURABLE_REFUSED, STANZA_REMOTE_SERVER_TIMEOUT, "it is away", retry_after);
}

/* How many offers were made since the last call. */
static size_t offers(void)
{
    size_t count = fake.offers;

    fake.offers = 0;
    fake_clear(&fake.router);
    return count;
}

static void what_is_offered(void **state)
{
    static const struct {
        const char *xml;
        size_t offers;
    } rows[] = {
        {MESSAGE("x@y.z", "1"), 1},
        {"<message to='x@y.z'><subject>1</subject></message>", 1},
        {"<message to='x@y.z'><received xmlns='urn:xmpp:receipts' id='1'/></message>", 1},
        {"<message to='x@y.z' type='chat'><composing "
         "xmlns='http://jabber.org/protocol/chatstates'/></message>",
         0},
        {"<message to='x@y.z'><body>1</body><no-store xmlns='urn:xmpp:hints'/></message>", 0},
        {"<message to='x@y.z' type='headline'><body>1</body></message>", 0},
        {"<message to='x@y.z' type='groupchat'><body>1</body></message>", 0},
        {"<message to='x@y.z' type='error'><error type='wait'><gone "
         "xmlns='" NS_STANZA_ERRORS "'/></error></message>",
         0},
        {"<presence to='x@y.z'/>", 0},
        {"<presence to='x@y.z' type='subscribe'/>", 1},
        {"<iq to='x@y.z' type='get' id='1'><query xmlns='a'/></iq>", 0},
        {MESSAGE("bob@example.net", "1"), 0},
    };

    (void)state;
    fake.keeps_offers = false;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        say(alice, rows[i].xml);
        assert_int_equal(offers(), rows[i].offers);
    }
}

static void order_is_told(void **state)
{
    (void)state;
    say(alice, MESSAGE("x@y.z", "1"));
    say(alice, MESSAGE("x@y.z", "2"));
    say(alice, MESSAGE("x@other.z", "3"));
    char *text = words(&fake.offered);
    char *first = id_of(text, 0);
    char *second = id_of(text, 1), *third = id_of(text, 2);
    char *expected = xasprintf("%s 1 -\n%s 1 %s\n%s 1 -\n", first, second, first, third);

    assert_string_equal(text, expected);
    assert_memory_equal(first, "alice@example.net/", 18);
    took(first);
    took(first); /* the row may still be there */
    assert_int_equal(fake.answered.length, 0);
    fake_pass(1000); /* it is forgotten once its row is gone */
    assert_non_null(strstr(fake.answered.data, "forget alice@example.net/"));
    buffer_clear(&fake.answered);
    took(first);
    assert_non_null(strstr(fake.answered.data, "forget alice@example.net/"));
    /* what is gone is no predecessor any more */
    say(alice, MESSAGE("x@other.z", "4"));
    assert_non_null(strstr(fake.offered.data, " 1 alice@"));
    free(expected);
    free(third);
    free(second);
    free(first);
    free(text);
}

/* Whatever waits for a dead domain costs one offer at a time. */
static void a_dead_domain(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++)
        say(alice, MESSAGE("x@y.z", "1"));
    char *text = words(&fake.offered);
    char *ids[] = {id_of(text, 0), id_of(text, 1), id_of(text, 2)};

    assert_int_equal(offers(), 3);
    for (int i = 0; i < 3; i++)
        not_now(ids[i], 0);
    say(alice, MESSAGE("x@y.z", "4"));
    say(alice, MESSAGE("x@live.z", "5"));
    assert_int_equal(offers(), 1); /* the other one */
    fake_pass(999);
    assert_int_equal(offers(), 0);
    fake_pass(1);
    assert_int_equal(offers(), 1);
    not_now(ids[0], 0);
    fake_pass(1999);
    assert_int_equal(offers(), 0);
    fake_pass(1);
    assert_int_equal(offers(), 1);
    not_now(ids[0], 30); /* whoever refuses knows when to ask again */
    fake_pass(29999);
    assert_int_equal(offers(), 0);
    buffer_clear(&fake.offered);
    fake_pass(1);
    free(text);
    text = words(&fake.offered);
    assert_non_null(strstr(text, " 4 -\n"));
    assert_int_equal(offers(), 1);
    took(ids[0]);
    assert_int_equal(offers(), 3); /* all that waited */
    not_now(ids[1], 0);
    not_now(ids[2], 0);
    fake_pass(1000);
    assert_int_equal(offers(), 1);
    fake_pass(999);
    assert_int_equal(offers(), 0);
    fake_pass(1); /* it does not come back at once */
    assert_int_equal(offers(), 1);
    free(text);
    for (int i = 0; i < 3; i++)
        free(ids[i]);
}

static void it_expires(void **state)
{
    (void)state;
    say(alice, MESSAGE("x@y.z", "1"));
    char *text = words(&fake.offered);
    char *id = id_of(text, 0);

    not_now(id, 0);
    fake.congested = true;
    fake_pass(59999);
    expect_nothing(alice);
    fake_pass(1);
    expect(alice, "message error x@y.z > alice@example.net/a remote-server-timeout");
    fake.congested = false;
    offers();
    fake_pass(60000);
    assert_int_equal(offers(), 0);
    took(id); /* too late, and harmless */
    free(id);
    free(text);
}

static void refused_for_good(void **state)
{
    (void)state;
    say(alice, MESSAGE("x@y.z", "1"));
    say(alice, MESSAGE("x@y.z", "2"));
    char *text = words(&fake.offered);
    char *first = id_of(text, 0), *second = id_of(text, 1);

    offers();
    answer(first, DURABLE_REFUSED, STANZA_REMOTE_SERVER_NOT_FOUND, "no such domain", 0);
    expect(alice, "message error x@y.z > alice@example.net/a remote-server-not-found");
    /* the second stood behind it, and comes again by itself */
    answer(second, DURABLE_REFUSED, STANZA_UNEXPECTED_REQUEST, NULL, 0);
    assert_int_equal(offers(), 0);
    fake_pass(50);
    free(text);
    text = words(&fake.offered);
    assert_non_null(strstr(text, " 2 -\n"));
    free(first);
    free(second);
    free(text);
}

static void no_room_and_room_again(void **state)
{
    (void)state;
    say(alice, MESSAGE("x@y.z", "1"));
    say(alice, MESSAGE("x@y.z", "2"));
    char *text = words(&fake.offered);
    char *first = id_of(text, 0), *second = id_of(text, 1);

    offers();
    sm_plugin.offer_full(fake.state, first);
    sm_plugin.offer_full(fake.state, second);
    say(alice, MESSAGE("x@y.z", "3"));
    fake_pass(20000);
    assert_int_equal(offers(), 0);
    sm_plugin.reachable(fake.state, C2S_REACH_ROOM, "other.z");
    assert_int_equal(offers(), 0);
    sm_plugin.reachable(fake.state, C2S_REACH_ROOM, NULL);
    assert_int_equal(offers(), 3);
    /* the link itself takes nothing */
    fake.congested = true;
    say(alice, MESSAGE("x@y.z", "4"));
    fake.congested = false;
    assert_int_equal(offers(), 0);
    sm_plugin.reachable(fake.state, C2S_REACH_ROOM, NULL);
    assert_int_equal(offers(), 1);
    free(first);
    free(second);
    free(text);
}

/* A router or s2s that begins anew knows nothing of what was offered. */
static void somebody_new_is_there(void **state)
{
    (void)state;
    say(alice, MESSAGE("x@y.z", "1"));
    say(alice, MESSAGE("x@y.z", "2"));
    offers();
    fake_pass(1000);
    assert_int_equal(offers(), 0); /* the answer is awaited */
    sm_plugin.reachable(fake.state, C2S_REACH_ROUTE, "other.z");
    assert_int_equal(offers(), 0);
    buffer_clear(&fake.offered);
    sm_plugin.reachable(fake.state, C2S_REACH_ROUTE, NULL);
    assert_int_equal(offers(), 2);
    assert_non_null(strstr(fake.offered.data, " 2 -\n"));
    sm_plugin.reachable(fake.state, C2S_REACH_ALL, NULL);
    assert_int_equal(offers(), 2);
    /* what is never answered may be lost: it counts as not offered, and here has expired long ago
     */
    fake_pass(STALE_MS - 1);
    expect_nothing(alice);
    fake_pass(1);
    expect(alice, "message error x@y.z > alice@example.net/a remote-server-timeout");
}

/* What is offered again grows by its delay; the sum of all sizes is right all the same. */
static void there_is_room_behind_a_delay(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        say(alice, MESSAGE("x@y.z", "1"));
        char *text = words(&fake.offered);
        char *id = id_of(text, 0);

        assert_int_equal(offers(), 1);
        not_now(id, 0);
        fake_pass(1000);
        took(id);
        buffer_clear(&fake.offered);
        offers();
        free(id);
        free(text);
    }
    expect_nothing(alice);
}

/* What was said before the recipient's slot came to this worker is still on its way. */
static void the_recipient_comes_here(void **state)
{
    (void)state;
    struct client *bob = login_available("bob", "b");
    unsigned slot = slot_of("bob@example.net");

    fake.lost[slot] = true;
    say(alice, MESSAGE("bob@example.net", "1"));
    char *text = words(&fake.offered), *id = id_of(text, 0);
    fake.lost[slot] = false;
    sm_plugin.slots_changed(fake.state);
    pump();
    say(alice, MESSAGE("bob@example.net", "2"));
    expect_nothing(bob);
    took(id);
    pump();
    expect(bob, "message chat alice@example.net/a > bob@example.net \"2\"");
    free(id);
    free(text);
}

static void limits(void **state)
{
    (void)state;
    for (int i = 0; i < 8; i++)
        say(alice, MESSAGE("x@y.z", "1"));
    assert_int_equal(offers(), 8);
    expect_nothing(alice);
    say(alice, MESSAGE("x@y.z", "9"));
    expect(alice, "message error x@y.z > alice@example.net/a resource-constraint");
    say(alice, MESSAGE("x@other.z", "9"));
    expect(alice, "message error x@other.z > alice@example.net/a resource-constraint");
    struct client *bob = login_available("bob", "b");

    say(bob, MESSAGE("x@y.z", "9"));
    expect(bob, "message error x@y.z > bob@example.net/b resource-constraint");
    say(bob, MESSAGE("x@other.z", "9"));
    expect_nothing(bob);
    assert_int_equal(offers(), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, fake_teardown)
    const struct CMUnitTest tests[] = {
        TEST(what_is_offered),
        TEST(order_is_told),
        TEST(a_dead_domain),
        TEST(it_expires),
        TEST(there_is_room_behind_a_delay),
        TEST(refused_for_good),
        TEST(no_room_and_room_again),
        TEST(the_recipient_comes_here),
        TEST(somebody_new_is_there),
        TEST(limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
