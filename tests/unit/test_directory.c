/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The directory of a network: names are given once, by one registrar; every node learns of them and
 * believes nothing that is not signed.
 */
#include "tests/unit/directory_world.h"

static void test_claim(void **state)
{
    BEGIN_TEST();
    open_network();
    struct claimed claimed = ask_and_wait(BETA, "bob@example.net", false);
    assert_int_equal(claimed.status, 0);
    assert_int_equal(claimed.naming, NAMING_GRANTED);
    assert_int_equal(claimed.version, 1);
    assert_true(claimed.good);
    claimed = ask_and_wait(BETA, "bob@example.net", false);
    assert_int_equal(claimed.naming, NAMING_GRANTED);
    assert_int_equal(claimed.version, 1);
    assert_int_equal(ask_and_wait(GAMMA, "bob@example.net", false).naming, NAMING_TAKEN);
    assert_int_equal(ask_and_wait(ALPHA, "bob@example.net", false).naming, NAMING_TAKEN);
    assert_int_equal(ask_and_wait(ALPHA, "alice@example.net", false).naming, NAMING_GRANTED);
    assert_int_equal(count_in(ALPHA, "SELECT count(*) FROM claim"), 2);
}

static void test_deleted_names_stay_reserved(void **state)
{
    BEGIN_TEST();
    open_network();
    assert_int_equal(ask_and_wait(BETA, "bob@example.net", false).naming, NAMING_GRANTED);
    assert_int_equal(ask_and_wait(GAMMA, "bob@example.net", true).naming, NAMING_TAKEN);
    struct claimed claimed = ask_and_wait(BETA, "bob@example.net", true);
    assert_int_equal(claimed.naming, NAMING_GRANTED);
    assert_int_equal(claimed.version, 2);
    assert_true(claimed.deleted && claimed.good);
    assert_int_equal(ask_and_wait(BETA, "bob@example.net", true).version, 2);
    assert_int_equal(ask_and_wait(BETA, "bob@example.net", false).naming, NAMING_RESERVED);
    assert_int_equal(ask_and_wait(GAMMA, "bob@example.net", false).naming, NAMING_TAKEN);
    assert_int_equal(find_name(GAMMA, "bob@example.net").answer, DIRECTORY_NOBODY);
}

static void test_one_of_two_wins(void **state)
{
    struct claimed beta, gamma;

    BEGIN_TEST();
    open_network();
    for (int i = 0; i < 20; i++) {
        char *jid = xasprintf("user%d@example.net", i);
        ask_for(BETA, jid, false, &beta);
        ask_for(GAMMA, jid, false, &gamma);
        UNTIL(beta.calls && gamma.calls);
        assert_int_equal(beta.status, 0);
        assert_int_equal(gamma.status, 0);
        assert_int_equal((beta.naming == NAMING_GRANTED) + (gamma.naming == NAMING_GRANTED), 1);
        free(jid);
    }
}

/* In a split nobody on the other side gets a name, and after it the first who asked has it. */
static void test_split(void **state)
{
    BEGIN_TEST();
    open_network();
    nodes[BETA].away = true;
    assert_int_equal(ask_and_wait(BETA, "bob@example.net", false).status, ERR_UNAVAILABLE);
    assert_int_equal(ask_and_wait(GAMMA, "bob@example.net", false).naming, NAMING_GRANTED);
    nodes[BETA].away = false;
    assert_int_equal(ask_and_wait(BETA, "bob@example.net", false).naming, NAMING_TAKEN);
}

static void test_other_document(void **state)
{
    BEGIN_TEST();
    open_network();
    publish_to(BETA, &(struct edition){.serial = 2, .registrar = ALPHA});
    assert_int_equal(ask_and_wait(BETA, "bob@example.net", false).status, ERR_UNAVAILABLE);
    publish_to(ALPHA, &(struct edition){.serial = 2, .registrar = ALPHA});
    assert_int_equal(ask_and_wait(BETA, "bob@example.net", false).naming, NAMING_GRANTED);
    /* Under a document in which its epoch is another one a home gets nothing either. */
    publish_to(BETA, &(struct edition){.serial = 2, .registrar = ALPHA, .epochs = {1, 2, 1}});
    assert_int_equal(ask_and_wait(BETA, "bea@example.net", false).status, ERR_UNAVAILABLE);
}

static void test_resolver(void **state)
{
    BEGIN_TEST();
    assert_int_equal(find_name(GAMMA, "bob@example.net").answer, DIRECTORY_HERE);
    open_network();
    struct found found = find_name(GAMMA, "example.net");
    assert_int_equal(found.answer, DIRECTORY_HERE);
    assert_int_equal(find_name(GAMMA, "bob@other.example").answer, DIRECTORY_HERE);
    assert_int_equal(find_name(GAMMA, "nobody@example.net").answer, DIRECTORY_NOBODY);
    ask_and_wait(BETA, "bob@example.net", false);
    found = find_name(GAMMA, "bob@example.net/phone");
    assert_int_equal(found.answer, DIRECTORY_ELSEWHERE);
    assert_string_equal(found.home, "beta");
    assert_string_equal(found.host, "beta.example.net");
    assert_int_equal(found.epoch, 1);
    assert_int_equal(find_name(BETA, "bob@example.net").answer, DIRECTORY_HERE);
    assert_int_equal(find_name(ALPHA, "bob@example.net").answer, DIRECTORY_ELSEWHERE);
    unsigned before = lookups;
    assert_int_equal(find_name(GAMMA, "bob@example.net").answer, DIRECTORY_ELSEWHERE);
    assert_int_equal(lookups, before);
}

/* Only the registrar knows that there is no such name: its silence says nothing. */
static void test_silence_is_unknown(void **state)
{
    BEGIN_TEST();
    open_network();
    nodes[ALPHA].away = true;
    assert_int_equal(find_name(GAMMA, "nobody@example.net").answer, DIRECTORY_UNKNOWN);
    assert_int_equal(find_name(GAMMA, "nobody@example.net").answer, DIRECTORY_UNKNOWN);
    nodes[ALPHA].away = false;
    assert_int_equal(find_name(GAMMA, "nobody@example.net").answer, DIRECTORY_NOBODY);
    /* As long as it has not opened it does not know it either. */
    publish_to(ALPHA, &(struct edition){.serial = 2, .registrar = BETA});
    publish_to(GAMMA, &(struct edition){.serial = 2, .registrar = BETA});
    assert_int_equal(find_name(GAMMA, "nobody2@example.net").answer, DIRECTORY_UNKNOWN);
}

/* A worker that may not serve its home still knows where others are, and gives no names. */
static void test_without_home(void **state)
{
    BEGIN_TEST();
    open_network();
    ask_and_wait(ALPHA, "alice@example.net", false);
    add_accounts(BETA, "bob", 1);
    UNTIL(count_in(ALPHA, ENTRIES("beta")) == 1);
    directory_set_home(nodes[ALPHA].directory, false);
    assert_int_equal(find_name(ALPHA, "bob1@example.net").answer, DIRECTORY_ELSEWHERE);
    assert_int_equal(find_name(ALPHA, "alice@example.net").answer, DIRECTORY_UNKNOWN);
    assert_int_equal(find_name(ALPHA, "nobody@example.net").answer, DIRECTORY_UNKNOWN);
    assert_int_equal(find_name(ALPHA, "bob@other.example").answer, DIRECTORY_UNKNOWN);
    assert_int_equal(ask_and_wait(BETA, "bea@example.net", false).status, ERR_UNAVAILABLE);
    directory_set_home(nodes[ALPHA].directory, true);
    assert_int_equal(find_name(ALPHA, "alice@example.net").answer, DIRECTORY_HERE);
    assert_int_equal(ask_and_wait(BETA, "bea@example.net", false).naming, NAMING_GRANTED);
}

static void on_counted(void *user, const struct directory_place *place)
{
    struct found *found = user;

    found->calls++;
    found->answer = place->answer;
}

static void test_questions(void **state)
{
    struct directory_question *questions[3];
    struct found found[3] = {0};
    struct arena *arena = arena_new();
    struct jid jid;

    BEGIN_TEST();
    open_network();
    assert_int_equal(jid_parse(arena, "bob@example.net", &jid), 0);
    for (int i = 0; i < 3; i++)
        questions[i] = resolver_ask(nodes[GAMMA].directory, &jid, on_counted, &found[i]);
    resolver_cancel(questions[1]);
    UNTIL(found[0].calls && found[2].calls);
    assert_int_equal(found[1].calls, 0);
    assert_int_equal(lookups, 1);
    arena_free(arena);
}

/* The accounts of a node that joins; the others learn of them without being asked. */
static void test_joining(void **state)
{
    BEGIN_TEST();
    add_accounts(BETA, "bea", 250);
    open_network();
    UNTIL(count_in(GAMMA, ENTRIES("beta")) == 250 && count_in(ALPHA, ENTRIES("beta")) == 250);
    assert_int_equal(count_in(BETA, "SELECT count(*) FROM account WHERE granted = 1"), 250);
    assert_int_equal(count_in(ALPHA, "SELECT count(*) FROM claim"), 250);
    nodes[ALPHA].away = true;
    assert_int_equal(find_name(GAMMA, "bea7@example.net").answer, DIRECTORY_ELSEWHERE);
    assert_int_equal(find_name(BETA, "bea7@example.net").answer, DIRECTORY_HERE);
}

/* Until its name is claimed an account from before goes on where it is. */
static void test_unclaimed_accounts_are_served(void **state)
{
    BEGIN_TEST();
    nodes[BETA].away = true;
    add_accounts(BETA, "bea", 1);
    open_network();
    assert_int_equal(find_name(BETA, "bea1@example.net").answer, DIRECTORY_HERE);
    assert_int_equal(find_name(BETA, "bea2@example.net").answer, DIRECTORY_UNKNOWN);
}

static void test_conflict(void **state)
{
    BEGIN_TEST();
    add_accounts(ALPHA, "carol", 1);
    open_network();
    UNTIL(count_in(BETA, ENTRIES("alpha")) == 1);
    add_accounts(BETA, "carol", 2);
    UNTIL(count_in(BETA, "SELECT count(*) FROM account WHERE granted <> 0") == 2);
    assert_int_equal(count_in(BETA, "SELECT granted FROM account WHERE local = 'carol1'"), -1);
    assert_int_equal(count_in(BETA, "SELECT granted FROM account WHERE local = 'carol2'"), 1);
    assert_string_equal(find_name(BETA, "carol1@example.net").host, "alpha.example.net");
}

/* A month of changes while a node was away: it asks for what it has missed, and for no more. */
static void test_catching_up(void **state)
{
    BEGIN_TEST();
    add_accounts(BETA, "old", 200);
    open_network();
    UNTIL(count_in(GAMMA, ENTRIES("beta")) == 200);
    nodes[GAMMA].away = true;
    run_sql(&nodes[BETA].world, "UPDATE account SET owner = owner + 100000");
    add_accounts(BETA, "new", 3000);
    UNTIL(count_in(ALPHA, ENTRIES("beta")) == 3200);
    assert_int_equal(count_in(GAMMA, ENTRIES("beta")), 200);
    run_sql(&nodes[BETA].world, "UPDATE directory SET releasing = true WHERE jid LIKE 'old1%'");
    claims_kick(nodes[BETA].directory->claims);
    UNTIL(count_in(ALPHA, ENTRIES("beta") " AND deleted") == 111);
    nodes[GAMMA].away = false;
    unsigned before = pages;
    directory_reachable(nodes[GAMMA].directory, "beta.example.net");
    UNTIL(count_in(GAMMA, ENTRIES("beta")) == 3200);
    UNTIL(count_in(GAMMA, ENTRIES("beta") " AND deleted") == 111);
    assert_in_range(pages - before, 32, 40); /* of 100 entries each */
    assert_int_equal(find_name(GAMMA, "old1@example.net").answer, DIRECTORY_NOBODY);
}

/* What a later release adds is passed over, in questions and in answers. */
static void test_newer_release(void **state)
{
    BEGIN_TEST();
    open_network();
    newer = true;
    assert_int_equal(ask_and_wait(BETA, "bob@example.net", false).naming, NAMING_GRANTED);
    assert_int_equal(ask_and_wait(GAMMA, "bob@example.net", false).naming, NAMING_TAKEN);
    add_accounts(BETA, "new", 150);
    claims_kick(nodes[BETA].directory->claims);
    UNTIL(count_in(GAMMA, ENTRIES("beta")) == 150);
    assert_int_equal(find_name(GAMMA, "bob@example.net").answer, DIRECTORY_ELSEWHERE);
}

/* What is not granted to the home that says it, in these words, does not get in. */
static void test_forged_entries(void **state)
{
    static const char *const forgeries[] = {
        /* a name that nobody has given */
        "INSERT INTO directory SELECT sha256('eve@example.net'), 'eve@example.net', home, version,"
        " deleted, key_id, signature, serial + 100 FROM directory WHERE jid = 'bea1@example.net'",
        /* the name of another home, with its grant */
        "INSERT INTO directory SELECT jid_hash, jid, 'beta', version, deleted, key_id, signature,"
        " 201 FROM directory_copy",
        /* a later version */
        "UPDATE directory SET version = 2, serial = 202 WHERE jid = 'bea2@example.net'",
        "UPDATE directory SET deleted = true, version = 3, serial = 203"
        " WHERE jid = 'bea3@example.net'",
    };

    BEGIN_TEST();
    add_accounts(ALPHA, "ann", 1);
    add_accounts(BETA, "bea", 4);
    open_network();
    UNTIL(count_in(GAMMA, ENTRIES("beta")) == 4 && count_in(GAMMA, ENTRIES("alpha")) == 1);
    UNTIL(count_in(BETA, ENTRIES("alpha")) == 1);
    run_sql(&nodes[BETA].world,
            "CREATE TABLE directory_copy AS SELECT * FROM directory WHERE home = 'alpha'");
    run_sql(&nodes[BETA].world, "DELETE FROM directory WHERE home = 'alpha'");
    for (size_t i = 0; i < ARRAY_SIZE(forgeries); i++)
        run_sql(&nodes[BETA].world, forgeries[i]);
    run_sql(&nodes[BETA].world, "UPDATE directory_state SET last_serial = 300");
    add_accounts(BETA, "bea", 5); /* an honest one behind them */
    UNTIL(count_in(GAMMA, "SELECT count(*) FROM directory WHERE jid = 'bea5@example.net'") == 1);
    run_sql(&nodes[BETA].world, "DROP TABLE directory_copy");
    assert_int_equal(count_in(GAMMA, ENTRIES("beta")), 5);
    assert_int_equal(count_in(GAMMA, "SELECT max(version) FROM directory"), 1);
    assert_string_equal(find_name(GAMMA, "ann1@example.net").home, "alpha");
}

/* The log of another home is shorter than what was read of it: it is read from the beginning. */
static void test_shorter_log(void **state)
{
    BEGIN_TEST();
    add_accounts(BETA, "bea", 20);
    open_network();
    UNTIL(count_in(GAMMA, ENTRIES("beta")) == 20);
    run_sql(&nodes[BETA].world, "DELETE FROM directory WHERE serial > 5");
    run_sql(&nodes[BETA].world, "UPDATE directory_state SET last_serial = 5");
    run_sql(&nodes[BETA].world, "UPDATE account SET owner = owner + 100, granted = 1");
    add_accounts(BETA, "bert", 3);
    UNTIL(count_in(GAMMA, ENTRIES("beta")) == 23);
    assert_int_equal(count_in(GAMMA, "SELECT serial FROM directory_peer WHERE home = 'beta'"), 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        NETWORK_TEST(test_claim),
        NETWORK_TEST(test_deleted_names_stay_reserved),
        NETWORK_TEST(test_one_of_two_wins),
        NETWORK_TEST(test_split),
        NETWORK_TEST(test_other_document),
        NETWORK_TEST(test_resolver),
        NETWORK_TEST(test_silence_is_unknown),
        NETWORK_TEST(test_without_home),
        NETWORK_TEST(test_questions),
        NETWORK_TEST(test_joining),
        NETWORK_TEST(test_unclaimed_accounts_are_served),
        NETWORK_TEST(test_conflict),
        NETWORK_TEST(test_catching_up),
        NETWORK_TEST(test_newer_release),
        NETWORK_TEST(test_forged_entries),
        NETWORK_TEST(test_shorter_log),
    };

    return cmocka_run_group_tests(tests, network_group_setup, network_group_teardown);
}
