/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Unit tests of who may say what between nodes, and of addresses at the edge of one.
 */
#include "net/judge.h"

#include "common/base/error.h"
#include "net/address.h"
#include "net/names.h"
#include "tests/unit/network_text.h"

static struct network *network;

static int setup(void **state)
{
    static struct network_world world;
    (void)state;
    network_world_init(&world);
    char *text =
        network_text(&world, 7, 1, "[home \"beta\"]\nepoch = 3\nhost = beta.example.net\n");
    assert_int_equal(network_parse("test", text, strlen(text), stderr, &network), 0);
    free(text);
    network_world_fini(&world);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    network_unref(network);
    return 0;
}

static struct stanza *message(const char *from, const char *to, const char *ns, const char *name)
{
    struct stanza *stanza = stanza_new(STANZA_MESSAGE, MESSAGE_NORMAL);
    struct jid jid;
    assert_int_equal(jid_parse(stanza->arena, from, &jid), 0);
    stanza_set_from(stanza, &jid);
    assert_int_equal(jid_parse(stanza->arena, to, &jid), 0);
    stanza_set_to(stanza, &jid);
    if (ns)
        element_add(stanza->root, ns, name);
    return stanza;
}

static const struct judge *judge(const char *peer)
{
    static struct judge judge;
    judge = (struct judge){
        .network = network, .host = "alpha.example.net", .peer = peer, .now = NETWORK_TEXT_NOW};
    return &judge;
}

static void test_addresses(void **state)
{
    static const struct {
        const char *from, *to;
        int rejection;
    } rows[] = {
        {"beta.example.net", "alpha.example.net", -1},
        {"beta.example.net/c2s-1", "alpha.example.net/c2s-2", -1},
        {"a@beta.example.net", "b@alpha.example.net", -1},
        {"gamma.example.net", "alpha.example.net", REJECT_FROM},
        {"evilbeta.example.net", "alpha.example.net", REJECT_FROM},
        {"beta.example.net.evil.test", "alpha.example.net", REJECT_FROM},
        {"x.beta.example.net", "alpha.example.net", REJECT_FROM},
        {"a@example.net", "alpha.example.net", REJECT_FROM},
        {"alpha.example.net", "alpha.example.net", REJECT_FROM},
        {"beta.example.net", "gamma.example.net", REJECT_TO},
        {"beta.example.net", "a@example.net", REJECT_TO},
        {"beta.example.net", "x.alpha.example.net", REJECT_TO},
        {"beta.example.net", "jabber.example", REJECT_TO},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct stanza *stanza = message(rows[i].from, rows[i].to, NS_TRUNK, "t");
        struct durable answer = {.from = stanza->from, .to = stanza->to};
        assert_int_equal(judge_stanza(judge("beta.example.net"), stanza), rows[i].rejection);
        assert_int_equal(judge_answer(judge("beta.example.net"), &answer), rows[i].rejection);
        stanza_unref(stanza);
    }
}

static void test_payloads(void **state)
{
    static const struct {
        const char *ns;
        bool passes;
    } rows[] = {{NS_TRUNK, true},
                {NS_DIRECTORY, true},
                {NULL, false},
                {NS_DOCUMENT, false},
                {"urn:kontalk:router:1", false},
                {"jabber:client", false}};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct stanza *stanza = message("beta.example.net", "alpha.example.net", rows[i].ns, "x");
        assert_int_equal(judge_is_node_message(stanza), rows[i].passes);
        assert_int_equal(judge_stanza(judge("beta.example.net"), stanza),
                         rows[i].passes ? -1 : REJECT_KIND);
        stanza_unref(stanza);
    }
}

static const struct {
    const char *peer, *stage, *home, *epoch, *inner;
    int rejection;
} envelopes[] = {
    {"beta.example.net", "home", "beta", "3", "a@example.net", -1},
    {"beta.example.net", "home", "beta", "2", "a@example.net", REJECT_EPOCH},
    {"beta.example.net", "home", "beta", "4", "a@example.net", REJECT_EPOCH},
    {"beta.example.net", "home", "beta", "03x", "a@example.net", REJECT_EPOCH},
    {"beta.example.net", "home", "beta", NULL, "a@example.net", REJECT_EPOCH},
    {"beta.example.net", "home", "alpha", "1", "a@example.net", REJECT_HOME},
    {"beta.example.net", "home", "omega", "1", "a@example.net", REJECT_HOME},
    {"beta.example.net", "home", NULL, "3", "a@example.net", REJECT_HOME},
    {"beta.example.net", "front", "beta", "3", "a@example.net", REJECT_STAGE},
    {"beta.example.net", NULL, "beta", "3", "a@example.net", REJECT_STAGE},
    {"beta.example.net", "gateway", "beta", "3", "a@example.net", REJECT_STAGE},
    {"beta.example.net", "gateway", "beta", "3", "a@jabber.example", REJECT_ROLE},
    {"alpha.example.net", "gateway", "alpha", "1", "a@jabber.example", -1},
    {"alpha.example.net", "gateway", "alpha", "1", "example.net", REJECT_STAGE},
    {"alpha.example.net", "gateway", "beta", "3", "a@jabber.example", REJECT_HOME},
};

static void test_envelopes(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(envelopes); i++) {
        struct stanza *stanza =
            message(envelopes[i].peer, "b@alpha.example.net", NS_NET, "envelope");
        struct element *envelope = element_first(stanza->root);
        element_set(envelope, "peer", "gamma.example.net");
        element_set(envelope, "stage", envelopes[i].stage);
        element_set(envelope, "home", envelopes[i].home);
        element_set(envelope, "epoch", envelopes[i].epoch);
        element_set(element_add(envelope, "jabber:client", "message"), "from", envelopes[i].inner);
        assert_int_equal(judge_stanza(judge(envelopes[i].peer), stanza), envelopes[i].rejection);
        assert_string_equal(element_get(envelope, "peer"), envelopes[i].peer);
        stanza_unref(stanza);
    }
}

static void test_rewriting(void **state)
{
    static const struct {
        const char *before, *inward, *outward;
    } rows[] = {
        {"b@alpha.example.net", "b@example.net", "b@alpha.example.net"},
        {"b@alpha.example.net/x", "b@example.net/x", "b@alpha.example.net/x"},
        {"alpha.example.net/c2s-1", "alpha.example.net/c2s-1", "alpha.example.net/c2s-1"},
        {"b@example.net", "b@example.net", "b@alpha.example.net"},
        {"b@beta.example.net", "b@beta.example.net", "b@beta.example.net"},
        {"b@x.alpha.example.net", "b@x.alpha.example.net", "b@x.alpha.example.net"},
    };
    struct arena *arena = arena_new();
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct jid jid;
        assert_int_equal(jid_parse(arena, rows[i].before, &jid), 0);
        assert_string_equal(address_inward(arena, &jid, "alpha.example.net", "example.net").full,
                            rows[i].inward);
        assert_string_equal(address_outward(arena, &jid, "alpha.example.net", "example.net").full,
                            rows[i].outward);
    }
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_payloads),
        cmocka_unit_test(test_envelopes),
        cmocka_unit_test(test_rewriting),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
