/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The directory of a network: names are given once, by one registrar; every node learns of them and
 * believes nothing that is not signed.
 */
#include "c2s/directory/compare.h"
#include "tests/unit/directory_world.h"

static const struct edition first = {.serial = 1, .registrar = ALPHA};

/* The registrar gives names only when it has seen that nobody did before it. */
static void open_network(void)
{
    publish(&first);
    UNTIL(registrar_is_open(nodes[ALPHA].directory->registrar));
}

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

static void add_accounts(int node, const char *prefix, int count)
{
    char *sql = xasprintf("INSERT INTO account (owner, domain, local, slot, created)"
                          " SELECT n, 'example.net', '%s' || n, 0, now()"
                          " FROM generate_series(1, %d) AS n ON CONFLICT DO NOTHING",
                          prefix, count);

    run_sql(&nodes[node].world, sql);
    free(sql);
    claims_kick(nodes[node].directory->claims);
}

#define ENTRIES(home) "SELECT count(*) FROM directory WHERE home = '" home "'"

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

struct compared {
    struct buffer text;
    int status;
    uint64_t entries;
    unsigned calls;
};

static void on_difference(void *user, const char *jid, const char *what)
{
    struct compared *compared = user;

    buffer_printf(&compared->text, "%s %s\n", jid, what);
}

static void on_compared(void *user, int status, uint64_t entries)
{
    struct compared *compared = user;

    compared->calls++;
    compared->status = status;
    compared->entries = entries;
}

static void compare_with_beta(struct compared *compared)
{
    static const struct compare_ops ops = {on_difference, on_compared};

    *compared = (struct compared){0};
    buffer_append_text(&compared->text, "");
    directory_compare(nodes[GAMMA].directory, "beta", &ops, compared);
    UNTIL(compared->calls > 0);
}

#define COPY                                                                                       \
    "INSERT INTO directory (jid_hash, jid, home, version, deleted, key_id, signature, serial)"

/* Names that differ are found among those that do not, and only these are sent. */
static void test_comparing(void **state)
{
    struct compared compared;

    BEGIN_TEST();
    add_accounts(BETA, "bea", 350);
    open_network();
    UNTIL(count_in(GAMMA, ENTRIES("beta")) == 350);
    unsigned before = compares;
    compare_with_beta(&compared);
    assert_int_equal(compared.status, 0);
    assert_int_equal(compared.entries, 350);
    assert_string_equal(compared.text.length ? compared.text.data : "", "");
    assert_int_equal(compares - before, 4); /* of 100 names each */
    run_sql(&nodes[GAMMA].world, "DELETE FROM directory WHERE jid = 'bea7@example.net'");
    run_sql(&nodes[GAMMA].world, "UPDATE directory SET version = 9 WHERE jid = 'bea8@example.net'");
    run_sql(&nodes[GAMMA].world,
            COPY " SELECT sha256('nobody@example.net'), 'nobody@example.net', home, version,"
                 " deleted, key_id, signature, 1000 FROM directory"
                 " WHERE jid = 'bea9@example.net'");
    buffer_fini(&compared.text);
    compare_with_beta(&compared);
    assert_int_equal(compared.status, 0);
    assert_non_null(strstr(compared.text.data, "bea7@example.net missing here\n"));
    assert_non_null(strstr(compared.text.data, "bea8@example.net in another state than there\n"));
    assert_non_null(strstr(compared.text.data, "nobody@example.net missing there\n"));
    size_t lines = 0;
    for (const char *at = compared.text.data; (at = strchr(at, '\n')); at++)
        lines++;
    assert_int_equal(lines, 3);
    buffer_fini(&compared.text);
}

/* Much that is only at one side, at the beginning, in the middle and at the end. */
static void test_comparing_much(void **state)
{
    struct compared compared;

    BEGIN_TEST();
    add_accounts(BETA, "bea", 350);
    open_network();
    UNTIL(count_in(GAMMA, ENTRIES("beta")) == 350);
    run_sql(&nodes[GAMMA].world, "DELETE FROM directory WHERE home = 'beta'");
    compare_with_beta(&compared);
    assert_int_equal(compared.entries, 0);
    assert_non_null(strstr(compared.text.data, "bea350@example.net missing here\n"));
    size_t lines = 0;
    for (const char *at = compared.text.data; (at = strchr(at, '\n')); at++)
        lines++;
    assert_int_equal(lines, 350);
    buffer_fini(&compared.text);
    nodes[BETA].away = true;
    compare_with_beta(&compared);
    assert_int_equal(compared.status, ERR_UNAVAILABLE);
    buffer_fini(&compared.text);
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

static int64_t renewed_in(int node)
{
    uint8_t key[SIGNING_KEY_SIZE], id[GRANT_KEY_ID_SIZE];
    struct buffer hex = {0};

    signing_key_public(keys.nodes[BETA], key);
    grant_key_id(key, id);
    hex_encode(&hex, id, sizeof(id));
    char *sql = xasprintf("SELECT count(*) FROM directory WHERE key_id = '\\x%s'", hex.data);
    int64_t count = count_in(node, sql);
    free(sql);
    buffer_fini(&hex);
    return count;
}

/* The new registrar gives nothing before it has what the old one gave, and then signs all anew. */
static void test_handover(void **state)
{
    static const struct edition second = {.serial = 2, .registrar = BETA};

    BEGIN_TEST();
    add_accounts(ALPHA, "ann", 150);
    add_accounts(GAMMA, "gil", 150);
    open_network();
    UNTIL(count_in(ALPHA, "SELECT count(*) FROM claim") == 300);
    ask_and_wait(GAMMA, "gone@example.net", false);
    ask_and_wait(GAMMA, "gone@example.net", true);
    /* So that all know who was registrar. */
    UNTIL(count_in(BETA, "SELECT count(*) FROM directory_state WHERE registrar = 'alpha'") == 1);
    nodes[ALPHA].away = true;
    publish(&second);
    assert_int_equal(ask_and_wait(GAMMA, "new@example.net", false).status, ERR_UNAVAILABLE);
    assert_int_equal(ask_and_wait(BETA, "ann1@example.net", false).status, ERR_UNAVAILABLE);
    assert_int_equal(ask_and_wait(ALPHA, "new@example.net", false).status, ERR_UNAVAILABLE);
    nodes[ALPHA].away = false;
    directory_reachable(nodes[BETA].directory, "alpha.example.net");
    UNTIL(registrar_is_open(nodes[BETA].directory->registrar));
    assert_int_equal(ask_and_wait(BETA, "ann1@example.net", false).naming, NAMING_TAKEN);
    assert_int_equal(ask_and_wait(GAMMA, "gone@example.net", false).naming, NAMING_RESERVED);
    assert_int_equal(ask_and_wait(GAMMA, "new@example.net", false).naming, NAMING_GRANTED);
    directory_reachable(nodes[ALPHA].directory, "beta.example.net");
    directory_reachable(nodes[GAMMA].directory, "beta.example.net");
    UNTIL(renewed_in(GAMMA) == 300 && renewed_in(BETA) == 300 && renewed_in(ALPHA) == 300);
}

/* A node that was to become the registrar, and has not got all, hands nothing over. */
static void test_handover_of_nothing(void **state)
{
    BEGIN_TEST();
    open_network();
    ask_and_wait(GAMMA, "gil@example.net", false);
    UNTIL(count_in(BETA, "SELECT count(*) FROM directory_state WHERE registrar = 'alpha'") == 1);
    nodes[ALPHA].away = true;
    publish(&(struct edition){.serial = 2, .registrar = BETA});
    UNTIL(count_in(GAMMA, "SELECT count(*) FROM directory_state WHERE registrar = 'beta'") == 1);
    publish(&(struct edition){.serial = 3, .registrar = GAMMA});
    unsigned before = carried;
    UNTIL(carried > before + 2); /* beta was asked, and has answered */
    assert_int_equal(ask_and_wait(GAMMA, "gil@example.net", false).status, ERR_UNAVAILABLE);
    assert_int_equal(count_in(GAMMA, "SELECT count(*) FROM claim"), 0);
}

/* The registrar's home comes back from a backup that is older than the names it has given. */
static void test_restored_registrar(void **state)
{
    static const struct edition restored = {.serial = 2, .registrar = ALPHA, .epochs = {2, 1, 1}};

    BEGIN_TEST();
    add_accounts(ALPHA, "ann", 3);
    add_accounts(BETA, "bea", 120);
    open_network();
    UNTIL(count_in(GAMMA, ENTRIES("beta")) == 120 && count_in(GAMMA, ENTRIES("alpha")) == 3);
    directory_stop(nodes[ALPHA].directory);
    run_sql(&nodes[ALPHA].world, "DELETE FROM claim WHERE jid <> 'ann1@example.net'");
    run_sql(&nodes[ALPHA].world, "DELETE FROM directory WHERE jid <> 'ann1@example.net'");
    run_sql(&nodes[ALPHA].world, "DELETE FROM account WHERE local <> 'ann1'");
    run_sql(&nodes[ALPHA].world, "UPDATE directory_state SET last_serial = 1, last_claim = 1");
    run_sql(&nodes[ALPHA].world, "UPDATE home SET epoch = 2");
    struct directory *old = nodes[ALPHA].directory;
    node_open(ALPHA);
    nodes[GAMMA].away = true;
    publish(&restored);
    assert_int_equal(ask_and_wait(BETA, "ann2@example.net", false).status, ERR_UNAVAILABLE);
    nodes[GAMMA].away = false;
    directory_reachable(nodes[ALPHA].directory, "gamma.example.net");
    UNTIL(registrar_is_open(nodes[ALPHA].directory->registrar));
    assert_int_equal(count_in(ALPHA, "SELECT count(*) FROM claim"), 123);
    assert_int_equal(ask_and_wait(BETA, "ann2@example.net", false).naming, NAMING_TAKEN);
    assert_int_equal(ask_and_wait(GAMMA, "bea7@example.net", false).naming, NAMING_TAKEN);
    assert_int_equal(ask_and_wait(ALPHA, "ann2@example.net", false).naming, NAMING_GRANTED);
    directory_free(old);
}

/* Its data has been taken over by somebody else, and its worker does not know yet. */
static void test_registrar_of_an_old_epoch(void **state)
{
    BEGIN_TEST();
    open_network();
    assert_int_equal(ask_and_wait(BETA, "before@example.net", false).naming, NAMING_GRANTED);
    run_sql(&nodes[ALPHA].world, "UPDATE home SET epoch = 2");
    assert_int_equal(ask_and_wait(BETA, "new@example.net", false).status, ERR_UNAVAILABLE);
    assert_int_equal(ask_and_wait(ALPHA, "new@example.net", false).status, ERR_UNAVAILABLE);
    assert_int_equal(ask_and_wait(BETA, "before@example.net", true).status, ERR_UNAVAILABLE);
    assert_int_equal(count_in(ALPHA, "SELECT count(*) FROM claim WHERE NOT deleted"), 1);
}

/* The home that asks gets another epoch while the registrar looks whether the name is free. */
static void test_claim_of_an_old_epoch(void **state)
{
    struct claimed claimed = {0};
    const char *jid = "new@example.net";
    const struct names wanted = {false, &jid, 1};
    const struct namer beta = {"beta", 1};

    BEGIN_TEST();
    open_network();
    assert_int_equal(ask_and_wait(BETA, "before@example.net", false).naming, NAMING_GRANTED);
    registrar_name(nodes[ALPHA].directory, &beta, &wanted, on_claimed, &claimed);
    publish_to(ALPHA, &(struct edition){.serial = 2, .registrar = ALPHA, .epochs = {1, 2, 1}});
    UNTIL(claimed.calls > 0);
    assert_int_equal(claimed.status, ERR_UNAVAILABLE);
    assert_int_equal(count_in(ALPHA, "SELECT count(*) FROM claim"), 1);
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
        NETWORK_TEST(test_questions),
        NETWORK_TEST(test_joining),
        NETWORK_TEST(test_unclaimed_accounts_are_served),
        NETWORK_TEST(test_conflict),
        NETWORK_TEST(test_catching_up),
        NETWORK_TEST(test_comparing),
        NETWORK_TEST(test_comparing_much),
        NETWORK_TEST(test_forged_entries),
        NETWORK_TEST(test_handover),
        NETWORK_TEST(test_handover_of_nothing),
        NETWORK_TEST(test_restored_registrar),
        NETWORK_TEST(test_registrar_of_an_old_epoch),
        NETWORK_TEST(test_claim_of_an_old_epoch),
        NETWORK_TEST(test_shorter_log),
    };

    return cmocka_run_group_tests(tests, network_group_setup, network_group_teardown);
}
