/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Two workers and one database: whoever claims a slot last is the only one that can write.
 */
#include "c2s/schema.h"
#include "c2s/slots.h"
#include "tests/unit/database.h"

static const struct db_statement write_row = {
    "fence_write", "INSERT INTO block_item (owner, jid_hash, jid) VALUES ($1, $2, 'a@example.net')",
    2};

struct worker {
    struct world *world;
    struct db *db;
    struct slots *slots;
    int changes;
    bool assigned[SLOTS];
};

/* Closed after the test, however it ends. */
static struct worker old, new;

static void on_slots(void *user)
{
    ((struct worker *)user)->changes++;
}

static void worker_open(struct worker *worker, struct world *world, const char *id)
{
    const struct db_settings settings = {
        .conninfo = world->conninfo, .connections = 2, .deadline_ms = 60000};

    *worker = (struct worker){.world = world, .db = db_open(world->loop, &settings)};
    worker->slots = slots_new(&(struct slots_settings){.loop = world->loop,
                                                       .db = worker->db,
                                                       .holder = id,
                                                       .incarnation = "first",
                                                       .changed = on_slots,
                                                       .user = worker});
}

static void worker_close(struct worker *worker)
{
    int closed = 0;

    if (worker->db != NULL) {
        slots_free(worker->slots);
        db_close(worker->db, on_closed, &closed);
        RUN_UNTIL(worker->world, closed > 0);
    }
    *worker = (struct worker){0};
}

static int fence_teardown(void **state)
{
    worker_close(&old);
    worker_close(&new);
    return world_teardown(state);
}

static void assign(struct worker *worker, unsigned slot)
{
    worker->assigned[slot] = true;
    slots_assign(worker->slots, worker->assigned);
}

static void assign_and_wait(struct worker *worker, unsigned slot)
{
    assign(worker, slot);
    assert_false(slots_owned(worker->slots, slot));
    RUN_UNTIL(worker->world, slots_owned(worker->slots, slot));
}

/* A row that tells the writer apart. */
static void write_fenced(struct worker *worker, unsigned slot, int64_t owner,
                         struct outcome *outcome)
{
    struct db_unit *unit = db_unit_new(worker->db, slot);

    assert_int_equal(slots_fence(worker->slots, slot, unit), 0);
    db_unit_add_values(unit, &write_row, DB_INT(owner), DB_BYTES("hash", 4));
    db_submit(unit, on_done, outcome);
}

static void migrate(struct world *world)
{
    const char *problem = NULL;
    int64_t from;

    if (schema_migrate(world->session, &from, &problem) < 0) {
        fail_msg("%s", problem);
    }
}

static int64_t rows_of(struct world *world, int64_t owner)
{
    char *sql = xasprintf("SELECT count(*) FROM block_item WHERE owner = %d", (int)owner);
    int64_t rows = ask_sql(world, sql);

    free(sql);
    return rows;
}

static void test_claim_and_write(void **state)
{
    struct world *world = get_world(state);

    migrate(world);
    worker_open(&old, world, "c2s-1");
    assert_int_equal(slots_fence(old.slots, 5, NULL), ERR_FENCED);
    assert_int_equal(slots_epoch(old.slots, 5), 0);
    assert_false(slots_owned(old.slots, SLOTS)); /* a damaged row may say so */
    assign_and_wait(&old, 5);
    assert_int_equal(slots_epoch(old.slots, 5), 1);
    assert_int_equal(slots_count(old.slots), 1);
    RUN_UNTIL(world, old.changes == 1);
    write_fenced(&old, 5, 1, &world->outcomes[0]);
    assert_int_equal(wait_for(world, &world->outcomes[0]), 0);
    assert_int_equal(rows_of(world, 1), 1);
}

static void test_all_slots(void **state)
{
    struct world *world = get_world(state);

    migrate(world);
    worker_open(&old, world, "c2s-1");
    memset(old.assigned, true, sizeof(old.assigned));
    slots_assign(old.slots, old.assigned);
    RUN_UNTIL(world, slots_count(old.slots) == SLOTS);
    old.assigned[3] = false;
    slots_assign(old.slots, old.assigned);
    assert_false(slots_owned(old.slots, 3));
    assert_int_equal(slots_count(old.slots), SLOTS - 1);
}

/* The old owner, stopped at any point, cannot write after a claim. */
static void test_old_owner_is_fenced(void **state)
{
    struct world *world = get_world(state);

    migrate(world);
    worker_open(&old, world, "c2s-1");
    worker_open(&new, world, "c2s-2");
    assign_and_wait(&old, 5);
    assign_and_wait(&old, 6);
    assign_and_wait(&new, 5);
    assert_int_equal(slots_epoch(new.slots, 5), 2);
    write_fenced(&old, 5, 1, &world->outcomes[0]);
    write_fenced(&old, 6, 2, &world->outcomes[1]);
    write_fenced(&new, 5, 3, &world->outcomes[2]);
    assert_int_equal(wait_for(world, &world->outcomes[0]), ERR_FENCED);
    assert_int_equal(wait_for(world, &world->outcomes[1]), 0);
    assert_int_equal(wait_for(world, &world->outcomes[2]), 0);
    assert_int_equal(rows_of(world, 1), 0);
    assert_int_equal(rows_of(world, 3), 1);

    slots_lost(old.slots, 5);
    assert_false(slots_owned(old.slots, 5));
    assert_int_equal(slots_fence(old.slots, 5, NULL), ERR_FENCED);
    assert_true(slots_owned(old.slots, 6));
}

/* The same id and slot, but another run of the process. */
static void test_own_past_is_fenced(void **state)
{
    struct world *world = get_world(state);

    migrate(world);
    worker_open(&old, world, "c2s-1");
    assign_and_wait(&old, 5);
    run_sql(world, "UPDATE slot SET incarnation = 'second' WHERE slot = 5");
    write_fenced(&old, 5, 1, &world->outcomes[0]);
    assert_int_equal(wait_for(world, &world->outcomes[0]), ERR_FENCED);
    slots_lost(old.slots, 5);
    assign_and_wait(&old, 5);
    assert_int_equal(slots_epoch(old.slots, 5), 2);
}

/* What the old owner has begun is finished before the claim: the new owner reads it. */
/* It stood still, and another has had its slot and given it back: it notices, and claims it. */
static void test_what_was_owned_is_checked(void **state)
{
    struct world *world = get_world(state);

    migrate(world);
    worker_open(&old, world, "c2s-1");
    worker_open(&new, world, "c2s-2");
    assign_and_wait(&old, 5);
    assign_and_wait(&old, 6);
    assign_and_wait(&new, 5);
    assert_int_equal(slots_epoch(old.slots, 5), 1);
    slots_doubt(old.slots);
    slots_assign(old.slots, old.assigned);
    RUN_UNTIL(world, slots_epoch(old.slots, 5) == 3);
    assert_int_equal(slots_epoch(old.slots, 6), 1);
    write_fenced(&new, 5, 1, &world->outcomes[0]);
    assert_int_equal(wait_for(world, &world->outcomes[0]), ERR_FENCED);
}

/* What another has claimed is not fought over while the router has not said whose it is. */
static void test_doubt_claims_nothing(void **state)
{
    struct world *world = get_world(state);

    migrate(world);
    worker_open(&old, world, "c2s-1");
    worker_open(&new, world, "c2s-2");
    assign_and_wait(&old, 5);
    assign_and_wait(&new, 5);
    slots_doubt(old.slots);
    slots_lost(old.slots, 5);
    assign_and_wait(&new, 7);
    assert_int_equal(slots_epoch(old.slots, 5), 0);
    assert_int_equal(slots_epoch(new.slots, 5), 2);
    slots_assign(old.slots, old.assigned);
    RUN_UNTIL(world, slots_epoch(old.slots, 5) == 3);
}

static void test_claim_waits_for_writers(void **state)
{
    struct world *world = get_world(state);

    migrate(world);
    worker_open(&old, world, "c2s-1");
    worker_open(&new, world, "c2s-2");
    assign_and_wait(&old, 5);
    write_fenced(&old, 5, 9, &world->outcomes[9]); /* prepared: the lock will not stop that */
    assert_int_equal(wait_for(world, &world->outcomes[9]), 0);
    /* Holds the writer up behind its fence. */
    run_sql(world, "BEGIN");
    run_sql(world, "LOCK TABLE block_item IN SHARE MODE");
    write_fenced(&old, 5, 1, &world->outcomes[0]);
    run_until_blocked(world, 1);
    assign(&new, 5);
    run_until_blocked(world, 2);
    assert_false(slots_owned(new.slots, 5));
    run_sql(world, "COMMIT");
    RUN_UNTIL(world, slots_owned(new.slots, 5));
    assert_int_equal(wait_for(world, &world->outcomes[0]), 0);
    assert_int_equal(rows_of(world, 1), 1);
}

/* A writer that meets a claim in its transaction waits, and then fails. */
static void test_writer_waits_for_claim(void **state)
{
    struct world *world = get_world(state);

    migrate(world);
    worker_open(&old, world, "c2s-1");
    assign_and_wait(&old, 5);
    run_sql(world, "BEGIN");
    run_sql(world, "UPDATE slot SET epoch = epoch + 1, holder = 'c2s-2' WHERE slot = 5");
    write_fenced(&old, 5, 1, &world->outcomes[0]);
    run_until_blocked(world, 1);
    run_sql(world, "COMMIT");
    assert_int_equal(wait_for(world, &world->outcomes[0]), ERR_FENCED);
    assert_int_equal(rows_of(world, 1), 0);
}

/* A claim that fails is tried again; one that is not wanted any more is not. */
static void test_claims_are_retried(void **state)
{
    struct world *world = get_world(state);

    migrate(world);
    run_sql(world, "ALTER TABLE slot RENAME TO away");
    worker_open(&old, world, "c2s-1");
    assign(&old, 5);
    RUN_UNTIL(world, strstr(db_problem(old.db), "42P01") != NULL);
    assign(&old, 6);
    old.assigned[6] = false;
    slots_assign(old.slots, old.assigned);
    run_sql(world, "ALTER TABLE away RENAME TO slot");
    RUN_UNTIL(world, slots_owned(old.slots, 5));
    assert_false(slots_owned(old.slots, 6));
    assert_int_equal(ask_sql(world, "SELECT count(*) FROM slot"), 1);
}

#define FENCE_TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, fence_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FENCE_TEST(test_claim_and_write),           FENCE_TEST(test_all_slots),
        FENCE_TEST(test_old_owner_is_fenced),       FENCE_TEST(test_own_past_is_fenced),
        FENCE_TEST(test_what_was_owned_is_checked), FENCE_TEST(test_doubt_claims_nothing),
        FENCE_TEST(test_claim_waits_for_writers),   FENCE_TEST(test_writer_waits_for_claim),
        FENCE_TEST(test_claims_are_retried),
    };

    return cmocka_run_group_tests(tests, server_setup, server_teardown);
}
