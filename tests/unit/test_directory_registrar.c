/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The registrar of a network changes, comes back from a backup, or is not what it was.
 */
#include "tests/unit/directory_world.h"

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

static bool gives(int node, const char *jid)
{
    struct claimed claimed = ask_and_wait(node, jid, false);

    return claimed.status == 0 && claimed.naming == NAMING_GRANTED;
}

/* The registrar is lost, with its key: what it gave is known by all the others together. */
static void test_lost_registrar(void **state)
{
    static const struct edition without = {
        .serial = 2, .registrar = BETA, .epochs = {2, 1, 1}, .alpha_is_lost = true};

    BEGIN_TEST();
    add_accounts(ALPHA, "ann", 150);
    add_accounts(GAMMA, "gil", 120);
    open_network();
    UNTIL(count_in(BETA, ENTRIES("alpha")) == 150 && count_in(BETA, ENTRIES("gamma")) == 120);
    nodes[BETA].away = true; /* gamma alone hears of these */
    run_sql(&nodes[GAMMA].world, "UPDATE account SET owner = owner + 1000");
    add_accounts(GAMMA, "late", 2);
    UNTIL(count_in(GAMMA, ENTRIES("gamma")) == 122);
    run_sql(&nodes[GAMMA].world, "UPDATE directory SET releasing = true WHERE jid LIKE 'late2%'");
    claims_kick(nodes[GAMMA].directory->claims);
    UNTIL(count_in(GAMMA, ENTRIES("gamma") " AND deleted") == 1);
    nodes[ALPHA].away = true;
    publish_to(BETA, &without);
    nodes[BETA].away = false;
    nodes[GAMMA].away = true;
    assert_int_equal(ask_and_wait(BETA, "new@example.net", false).status, ERR_UNAVAILABLE);
    nodes[GAMMA].away = false; /* but does not know the document */
    directory_reachable(nodes[BETA].directory, "gamma.example.net");
    assert_int_equal(ask_and_wait(BETA, "new@example.net", false).status, ERR_UNAVAILABLE);
    publish_to(GAMMA, &without);
    directory_reachable(nodes[BETA].directory, "gamma.example.net");
    UNTIL(registrar_is_open(nodes[BETA].directory->registrar));
    assert_int_equal(count_in(BETA, "SELECT count(*) FROM claim"), 272);
    assert_int_equal(ask_and_wait(BETA, "late1@example.net", false).naming, NAMING_TAKEN);
    assert_int_equal(ask_and_wait(BETA, "ann77@example.net", false).naming, NAMING_TAKEN);
    assert_int_equal(ask_and_wait(GAMMA, "late2@example.net", false).naming, NAMING_RESERVED);
    assert_true(gives(GAMMA, "new@example.net"));
    directory_reachable(nodes[GAMMA].directory, "beta.example.net");
    UNTIL(renewed_in(GAMMA) >= 122);
}

/* The one that was lost comes back and gives names, by its own document: nobody believes them, and
 * under the document of all it gives none. */
static void test_lost_registrar_comes_back(void **state)
{
    static const struct edition without = {
        .serial = 2, .registrar = BETA, .epochs = {2, 1, 1}, .alpha_is_lost = true};

    BEGIN_TEST();
    add_accounts(ALPHA, "ann", 3);
    open_network();
    UNTIL(count_in(BETA, ENTRIES("alpha")) == 3 && count_in(GAMMA, ENTRIES("alpha")) == 3);
    nodes[ALPHA].away = true;
    publish_to(BETA, &without);
    publish_to(GAMMA, &without);
    directory_reachable(nodes[BETA].directory, "gamma.example.net");
    UNTIL(registrar_is_open(nodes[BETA].directory->registrar));
    assert_true(gives(ALPHA, "late@example.net"));
    assert_true(gives(ALPHA, "both@example.net"));
    assert_true(gives(GAMMA, "both@example.net"));
    nodes[ALPHA].away = false;
    directory_reachable(nodes[GAMMA].directory, "alpha.example.net");
    directory_reachable(nodes[BETA].directory, "alpha.example.net");
    assert_int_equal(ask_and_wait(GAMMA, "gil@example.net", false).naming, NAMING_GRANTED);
    assert_int_equal(count_in(BETA, "SELECT count(*) FROM directory WHERE jid LIKE 'late%'"), 0);
    assert_int_equal(count_in(GAMMA, "SELECT count(*) FROM directory WHERE jid LIKE 'late%'"), 0);
    publish_to(ALPHA, &(struct edition){.serial = 3, .registrar = BETA, .epochs = {2, 1, 1}});
    assert_int_equal(ask_and_wait(ALPHA, "more@example.net", false).status, ERR_UNAVAILABLE);
    run_sql(&nodes[ALPHA].world, "UPDATE home SET epoch = 2");
    publish(&(struct edition){.serial = 4, .registrar = BETA, .epochs = {2, 1, 1}});
    directory_reachable(nodes[ALPHA].directory, "beta.example.net");
    directory_reachable(nodes[ALPHA].directory, "gamma.example.net");
    assert_true(gives(ALPHA, "late@example.net"));
    assert_true(gives(ALPHA, "ann1@example.net"));
    assert_int_equal(ask_and_wait(ALPHA, "both@example.net", false).naming, NAMING_TAKEN);
    assert_int_equal(find_name(BETA, "both@example.net").answer, DIRECTORY_ELSEWHERE);
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
    const struct names wanted = {.jids = &jid, .count = 1};
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        NETWORK_TEST(test_handover),
        NETWORK_TEST(test_handover_of_nothing),
        NETWORK_TEST(test_restored_registrar),
        NETWORK_TEST(test_lost_registrar),
        NETWORK_TEST(test_lost_registrar_comes_back),
        NETWORK_TEST(test_registrar_of_an_old_epoch),
        NETWORK_TEST(test_claim_of_an_old_epoch),
    };

    return cmocka_run_group_tests(tests, network_group_setup, network_group_teardown);
}
