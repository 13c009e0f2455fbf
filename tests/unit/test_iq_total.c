/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Every iq request gets exactly one answer, whatever is in it: all rows of the dispatch table, to
 * every form of address, with generated payloads (always the same ones).
 */
#include "c2s/sm/sm.h"
#include "common/base/log.h"
#include "tests/unit/fake_client.h"

/* Payloads for each row, type and address; a sanitizer looks at each with ten times the effort. */
#ifdef __SANITIZE_ADDRESS__
#define ROUNDS 25
#else
#define ROUNDS 100
#endif
#define CHILDREN 3
#define DEPTH    3
/* Longer than a query to the archive waits for its turn. */
#define ANSWER_MS 3000

static uint32_t seed;

static uint32_t draw(uint32_t below)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % below;
}

#define PICK(array) (array)[draw(ARRAY_SIZE(array))]

/* Names and values that mean something to one handler or another, and some that do not. */
static const char *const names[] = {
    "item", "query", "group", "vCard", "FN",    "block",   "unblock", "status",
    "x",    "field", "value", "set",   "error", "storage", "ping",
};
static const char *const attributes[] = {
    "jid", "name", "subscription", "ask", "node", "ver", "type", "id", "var", "action",
};
static const char *const values[] = {
    "",
    "bob@example.net",
    "alice@example.net",
    "example.net",
    "a@b@c",
    "c@y.z/r",
    "remove",
    "both",
    "-1",
    "99999999999999999999",
    "http://jabber.org/protocol/disco#items",
    "\xf0\x9f\x98\x80",
    "&lt;&amp;&quot;",
};

static void write_attributes(struct buffer *xml)
{
    uint32_t first = draw(ARRAY_SIZE(attributes));

    for (uint32_t i = 0, count = draw(3); i < count; i++) {
        const char *value = PICK(values);

        buffer_printf(xml, " %s='%s'", attributes[(first + i) % ARRAY_SIZE(attributes)], value);
    }
}

static void write_children(struct buffer *xml, const char *ns, int depth)
{
    static const char *const namespaces[] = {"x:y", NS_CLIENT, "jabber:x:data", "vcard-temp"};

    for (uint32_t i = 0, count = draw(CHILDREN + 1); i < count; i++) {
        const char *name = PICK(names);

        buffer_printf(xml, "<%s xmlns='%s'", name, draw(3) ? ns : PICK(namespaces));
        write_attributes(xml);
        buffer_append_char(xml, '>');
        if (depth < DEPTH && draw(2)) {
            write_children(xml, ns, depth + 1);
        } else {
            buffer_append_text(xml, PICK(values));
        }
        buffer_printf(xml, "</%s>", name);
    }
}

static char *write_request(const struct sm_iq *iq, const char *type, const char *to)
{
    struct buffer xml = {0};

    buffer_printf(&xml, "<iq id='q' type='%s'", type);
    if (to) {
        buffer_printf(&xml, " to='%s'", to);
    }
    buffer_printf(&xml, "><%s xmlns='%s'", iq->name, iq->ns);
    write_attributes(&xml);
    buffer_append_char(&xml, '>');
    write_children(&xml, iq->ns, 0);
    buffer_printf(&xml, "</%s></iq>", iq->name);
    return buffer_take(&xml);
}

static size_t count_answers(struct client *client)
{
    size_t answers = 0;

    for (char *line; (line = fake_get(&client->inbox)) != NULL;) {
        answers += strncmp(line, "iq result", 9) == 0 || strncmp(line, "iq error", 8) == 0;
        free(line);
    }
    return answers;
}

static struct client *alice, *bob;

static void ask(const struct sm_iq *iq, const char *type, const char *to)
{
    char *xml = write_request(iq, type, to);

    say(alice, xml);
    fake_later(ANSWER_MS);
    pump();
    if (count_answers(alice) != 1) {
        fail_msg("not one answer to %s", xml);
    }
    fake_clear(&bob->inbox);
    fake_clear(&fake.router);
    free(xml);
}

static void ask_all(const struct sm_iq *iq)
{
    static const char *const types[] = {"get", "set"};
    /* To itself in both ways, the server, somebody else, nobody, and a resource that is not there:
     * only a client that is there would have to answer by itself. */
    static const char *const addresses[] = {
        NULL,
        "alice@example.net",
        "example.net",
        "bob@example.net",
        "nobody@example.net",
        "bob@example.net/gone",
    };

    for (size_t type = 0; type < ARRAY_SIZE(types); type++) {
        for (size_t to = 0; to < ARRAY_SIZE(addresses); to++) {
            for (int round = 0; round < ROUNDS; round++) {
                ask(iq, types[type], addresses[to]);
            }
        }
    }
}

static void test_one_answer(void **state)
{
    size_t rows = 0;

    (void)state;
    fake_roster_row(1, "bob@example.net", "both", "");
    fake_roster_row(2, "alice@example.net", "both", "");
    alice = login_available("alice", "a");
    bob = login_available("bob", "b");
    fake_clear(&alice->inbox);
    SM_MODULES (module)
        for (const struct sm_iq *iq = module->iqs; iq && iq->ns; iq++, rows++) {
            ask_all(iq);
        }
    assert_true(rows > 10);
    assert_int_equal(alice->closed, -1);
    buffer_clear(&fake_answer_text);
    run_command("counters");
    assert_non_null(strstr(fake_answer_text.data, "being answered: 0\n"));
    buffer_fini(&fake_answer_text);
}

/* The same while the database refuses everything. */
static void test_one_answer_without_database(void **state)
{
    (void)state;
    alice = login_available("alice", "a");
    bob = login_available("bob", "b");
    fake_clear(&alice->inbox);
    fake_db.status = ERR_SYSTEM;
    log_set_level(LOG_LEVEL_ERROR);
    SM_MODULES (module)
        for (const struct sm_iq *iq = module->iqs; iq && iq->ns; iq++) {
            ask_all(iq);
        }
    fake_db.status = 0;
}

static int seeded(void **state)
{
    seed = 20110301;
    return fake_setup(state);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, seeded, fake_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_one_answer),
        TEST(test_one_answer_without_database),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
