/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * A network of three nodes in one process: each has a home of its own in a database of its own, and
 * what their directories say to each other is carried from one to the other in the next turn of the
 * loop. A node can be cut off: then what it says and what is said to it comes back, as from a
 * router.
 */
#pragma once

#include "c2s/directory/claims.h"
#include "c2s/directory/core.h"
#include "c2s/directory/registrar.h"
#include "c2s/directory/resolver.h"
#include "c2s/schema.h"
#include "common/base/log.h"
#include "tests/unit/database.h"
#include "tests/unit/network_text.h"

enum { ALPHA, BETA, GAMMA, NODES };
static const char *const names[NODES] = {"alpha", "beta", "gamma"};

struct station {
    struct world world; /* the loop is that of the first */
    struct directory *directory;
    char *host;
    bool away;
};

static struct network_world keys;
static struct station nodes[NODES];
static unsigned carried;                  /* messages */
static bool newer;                        /* all say more than this release knows */
static unsigned lookups, pages, compares; /* of them, questions of these kinds */

/* --- the wire --- */

struct carrying {
    struct stanza *message;
    struct station *to;
    bool failed;
};

static struct station *node_of(const char *host)
{
    for (int i = 0; i < NODES; i++)
        if (strcmp(nodes[i].host, host) == 0)
            return &nodes[i];
    fail_msg("nobody is called %s", host);
    return NULL;
}

static void arrive(void *user)
{
    struct carrying *carrying = user;
    struct stanza *message = carrying->message;

    if (carrying->failed) {
        struct stanza *error = stanza_error(message, STANZA_REMOTE_SERVER_TIMEOUT, NULL);
        stanza_unref(message);
        message = error;
    }
    if (carrying->to->directory && message)
        directory_take(carrying->to->directory, message, element_first(message->root));
    else
        stanza_unref(message);
    free(carrying);
}

static int carry(void *user, struct stanza *stanza)
{
    struct station *from = user;
    struct carrying *carrying = xcalloc(1, sizeof(*carrying));
    struct arena *arena = arena_new();
    struct jid address;

    carried++;
    lookups += element_find(stanza->root, NS_DIRECTORY, "lookup") != NULL;
    pages += element_find(stanza->root, NS_DIRECTORY, "since") != NULL;
    compares += element_find(stanza->root, NS_DIRECTORY, "compare") != NULL;
    carrying->message = stanza_copy(stanza);
    if (newer)
        element_add(element_first(carrying->message->root), "urn:kontalk:directory:2", "later");
    assert_int_equal(jid_parse(arena, from->directory->address, &address), 0);
    stanza_set_from(carrying->message, &address);
    arena_free(arena);
    carrying->to = node_of(stanza->to.domain);
    carrying->failed = from->away || carrying->to->away;
    if (carrying->failed)
        carrying->to = from;
    loop_defer(nodes[0].world.loop, arrive, carrying);
    return 0;
}

/* --- documents --- */

struct edition {
    uint64_t serial;
    int registrar;
    unsigned epochs[NODES]; /* 0: 1 */
    bool alpha_is_lost;
};

static struct network *edition_make(const struct edition *edition)
{
    struct buffer text = {0};

    buffer_printf(&text,
                  "[network \"example.net\"]\nformat = 1\nserial = %llu\n"
                  "expires = 2100-06-01T00:00:00Z\nregistrar = %s\nrequired-signatures = 1\n"
                  "%s[keyholder \"ada\"]\nkey = ",
                  (unsigned long long)edition->serial, names[edition->registrar],
                  edition->alpha_is_lost ? "registrar-lost = alpha\n" : "");
    network_text_key(&text, keys.holders[0]);
    buffer_append_text(&text, "\n");
    for (size_t i = 0; i < NODES; i++)
        network_text_member(&text, &keys, i,
                            i == ALPHA && edition->alpha_is_lost
                                ? "role = front\nrole = home\nrole = registrar\nstate = suspended"
                                : "role = front\nrole = home\nrole = registrar\nstate = active");
    for (size_t i = 0; i < NODES; i++)
        buffer_printf(&text, "[home \"%s\"]\nepoch = %u\nhost = %s.example.net\n", names[i],
                      edition->epochs[i] ? edition->epochs[i] : 1, names[i]);
    struct network *network = network_must_parse(text.data, text.length);
    buffer_fini(&text);
    return network;
}

static UNUSED void publish_to(int node, const struct edition *edition)
{
    struct network *network = edition_make(edition);

    directory_set_network(nodes[node].directory, network);
    network_unref(network);
}

static UNUSED void publish(const struct edition *edition)
{
    for (int i = 0; i < NODES; i++)
        publish_to(i, edition);
}

/* --- nodes --- */

static void node_open(int at)
{
    struct station *node = &nodes[at];
    char *address = xasprintf("%s/c2s-1", node->host);
    const struct directory_settings settings = {
        .loop = node->world.loop,
        .db = node->world.db,
        .host = node->host,
        .address = address,
        .domain = "example.net",
        .home = names[at],
        .cache_size = 100,
        .key = keys.nodes[at],
        .send = carry,
        .user = node,
    };

    node->directory = directory_new(&settings);
    free(address);
}

/* As it was before the first test: making a database takes much longer than all that tests do. */
static void clean(struct world *world)
{
    run_sql(world, "TRUNCATE account, directory, directory_peer, claim");
    run_sql(world, "DELETE FROM directory_state");
    run_sql(world, "INSERT INTO directory_state (id) VALUES (1)");
    run_sql(world, "UPDATE home SET epoch = 1");
}

static int network_setup(void **state)
{
    network_world_init(&keys);
    carried = lookups = pages = compares = 0;
    newer = false;
    *state = nodes;
    if (postgres_missing != NULL)
        return 0;
    nodes[0].world.loop = loop_new();
    for (int i = 0; i < NODES; i++) {
        struct station *node = &nodes[i];
        node->away = false;
        node->world.loop = nodes[0].world.loop;
        node->world.closed = 0;
        clean(&node->world);
        open_db(&node->world, (struct db_settings){.connections = 2, .deadline_ms = 3600000});
        node_open(i);
    }
    return 0;
}

static int network_teardown(void **state)
{
    (void)state;
    for (int i = 0; i < NODES && postgres_missing == NULL; i++)
        directory_stop(nodes[i].directory);
    for (int i = 0; i < NODES && postgres_missing == NULL; i++) {
        struct world *world = &nodes[i].world;
        db_close(world->db, on_closed, &world->closed);
        RUN_UNTIL(world, world->closed > 0);
    }
    for (int i = 0; i < NODES && postgres_missing == NULL; i++) {
        directory_free(nodes[i].directory);
        nodes[i].directory = NULL;
    }
    if (postgres_missing == NULL)
        loop_free(nodes[0].world.loop);
    network_world_fini(&keys);
    return 0;
}

/* Before and after all tests. */
static int network_group_setup(void **state)
{
    const char *problem = NULL;
    int64_t from;
    int error = server_setup(state);

    for (int i = 0; i < NODES && error == 0 && postgres_missing == NULL; i++) {
        struct station *node = &nodes[i];
        node->host = xasprintf("%s.example.net", names[i]);
        create_database(&node->world);
        open_session(&node->world);
        if (schema_migrate(node->world.session, &from, &problem) != 0)
            fail_msg("%s", problem);
    }
    return error;
}

static int network_group_teardown(void **state)
{
    for (int i = 0; i < NODES && postgres_missing == NULL; i++) {
        db_session_close(nodes[i].world.session);
        free(nodes[i].world.conninfo);
        free(nodes[i].host);
    }
    return server_teardown(state);
}

#define NETWORK_TEST(name) cmocka_unit_test_setup_teardown(name, network_setup, network_teardown)

/* Every test begins with it. */
#define BEGIN_TEST()                                                                               \
    do {                                                                                           \
        (void)state;                                                                               \
        if (postgres_missing != NULL) {                                                            \
            print_message("%s\n", postgres_missing);                                               \
            skip();                                                                                \
        }                                                                                          \
    } while (0)

#define UNTIL(condition) RUN_UNTIL(&nodes[0].world, condition)

/* --- asking --- */

struct claimed {
    int calls;
    int status;
    enum naming naming;
    int64_t version;
    bool deleted;
    bool good;
};

static UNUSED void on_claimed(void *user, int status, const struct named *named, size_t count)
{
    struct claimed *claimed = user;

    claimed->calls++;
    claimed->status = status;
    if (status != 0)
        return;
    assert_int_equal(count, 1);
    claimed->naming = named->naming;
    claimed->version = named->grant.version;
    claimed->deleted = named->grant.deleted;
    for (int i = 0; i < NODES && named->naming == NAMING_GRANTED; i++) {
        uint8_t key[SIGNING_KEY_SIZE];
        signing_key_public(keys.nodes[i], key);
        claimed->good = claimed->good || grant_is_good(&named->grant, key);
    }
}

static UNUSED void ask_for(int node, const char *jid, bool release, struct claimed *claimed)
{
    const struct names wanted = {.release = release, .jids = &jid, .count = 1};

    *claimed = (struct claimed){0};
    claims_ask(nodes[node].directory, &wanted, on_claimed, claimed);
}

static UNUSED struct claimed ask_and_wait(int node, const char *jid, bool release)
{
    struct claimed claimed;

    ask_for(node, jid, release, &claimed);
    assert_int_equal(claimed.calls, 0);
    UNTIL(claimed.calls > 0);
    return claimed;
}

struct found {
    int calls;
    enum directory_answer answer;
    char home[32], host[32];
    int64_t epoch;
};

static UNUSED void on_found(void *user, const struct directory_place *place)
{
    struct found *found = user;

    found->calls++;
    found->answer = place->answer;
    found->epoch = place->epoch;
    snprintf(found->home, sizeof(found->home), "%s", place->home ? place->home : "");
    snprintf(found->host, sizeof(found->host), "%s", place->host ? place->host : "");
}

static UNUSED struct found find_name(int node, const char *text)
{
    struct arena *arena = arena_new();
    struct directory_place place;
    struct found found = {0};
    struct jid jid;

    assert_int_equal(jid_parse(arena, text, &jid), 0);
    if (resolver_look(nodes[node].directory, &jid, &place))
        on_found(&found, &place);
    else
        resolver_ask(nodes[node].directory, &jid, on_found, &found);
    UNTIL(found.calls > 0);
    arena_free(arena);
    return found;
}

static UNUSED int64_t count_in(int node, const char *sql)
{
    return ask_sql(&nodes[node].world, sql);
}

/* Time for those who try again later. */
static UNUSED void skip_time(void)
{
    timer_skip(nodes[0].world.loop, 120000);
}

/* --- what is there --- */

static UNUSED const struct edition first = {.serial = 1, .registrar = ALPHA};

/* The registrar gives names only when it has seen that nobody did before it. */
static UNUSED void open_network(void)
{
    publish(&first);
    UNTIL(registrar_is_open(nodes[ALPHA].directory->registrar));
}

static UNUSED void add_accounts(int node, const char *prefix, int count)
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
