/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Rooms: whatever occupants and strangers say, in whatever order, before the database has answered
 * or behind it, and also if it fails: what is said is well-formed, comes from the rooms and goes to
 * somebody, and each iq to a room is answered exactly once. An input is a list of steps: what is
 * said (a row of `steps`, whose blanks the next bytes fill), who says it, and whether the database
 * answers before the next one. The database keeps nothing: rooms live in memory.
 */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/base/buffer.h"
#include "common/base/error.h"
#include "common/base/memory.h"
#include "common/component/own_link.h"
#include "common/service/service.h"
#include "common/xmpp/namespaces.h"
#include "common/xmpp/stored.h"
#include "muc/muc.h"
#include "muc/schema.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/fuzz_muc_steps.h"

#define STEPS_MAX 60
#define ROUNDS    2000
#define BACK_MAX  1000

/* --- the world --- */

static struct {
    struct loop *loop;
    struct muc *muc;
    const struct link_ops *ops;
    size_t units;  /* the database, or the router, has not answered */
    bool failing;  /* it fails */
    unsigned back; /* from a room to a room */
    bool idle, stopping, stopped;
    unsigned asked;                   /* iqs to rooms; their ids are q0, q1, … */
    unsigned char answers[STEPS_MAX]; /* to each */
} world;

static void on_round(void *user UNUSED)
{
    world.idle = true;
    loop_stop(world.loop);
}

/* What has been deferred is done, and what follows from it. */
static void run_round(void)
{
    world.idle = false;
    loop_defer(world.loop, on_round, NULL);
    loop_run(world.loop);
}

static void run_until_answered(void)
{
    for (int i = 0; i < 4 || (world.units > 0 && i < ROUNDS); i++)
        run_round();
    MUST(world.units == 0);
}

/* --- common/db, which this replaces: nothing has rows --- */

struct db_unit {
    size_t count;
    db_callback *done;
    void *user;
    struct loop_task *task;
};

struct db_value db_text(const char *text)
{
    return (struct db_value){.type = text ? DB_VALUE_TEXT : DB_VALUE_NULL,
                             .bytes = text,
                             .length = text ? strlen(text) : 0};
}

int db_check_conninfo(const char *conninfo UNUSED, char **problem UNUSED)
{
    return 0;
}

struct db *db_open(struct loop *loop UNUSED, const struct db_settings *settings UNUSED)
{
    static char database;
    return (struct db *)(void *)&database;
}

void db_close(struct db *db UNUSED, void (*closed)(void *user), void *user)
{
    loop_defer(world.loop, closed, user);
}

bool db_available(const struct db *db UNUSED)
{
    return true;
}

bool db_is_congested(const struct db *db UNUSED)
{
    return false;
}

uint64_t db_waiting_ms(const struct db *db UNUSED, unsigned affinity UNUSED)
{
    return 0;
}

const char *db_problem(const struct db *db UNUSED)
{
    return "";
}

struct db_unit *db_unit_new(struct db *db UNUSED, unsigned affinity UNUSED)
{
    return xcalloc(1, sizeof(struct db_unit));
}

void db_unit_repeat(struct db_unit *unit UNUSED)
{
}

void db_unit_add(struct db_unit *unit, const struct db_statement *statement,
                 const struct db_value *values)
{
    for (int i = 0; i < statement->parameters; i++)
        MUST(values[i].type != DB_VALUE_TEXT || values[i].bytes != NULL);
    unit->count++;
}

static void answer(void *user)
{
    struct db_unit *unit = user;
    struct db_result *results = xcalloc(unit->count + 1, sizeof(*results));

    world.units--;
    if (unit->done)
        unit->done(unit->user, world.failing ? ERR_UNAVAILABLE : 0, world.failing ? NULL : results,
                   unit->count);
    free(results);
    free(unit);
}

struct db_unit *db_submit(struct db_unit *unit, db_callback *done, void *user)
{
    unit->done = done;
    unit->user = user;
    unit->task = loop_defer(world.loop, answer, unit);
    world.units++;
    return unit;
}

void db_cancel(struct db_unit *unit)
{
    if (unit && unit->task) {
        loop_defer_cancel(unit->task);
        world.units--;
    }
    free(unit);
}

struct db_unit *db_query(struct db *db, unsigned affinity, const struct db_statement *statement,
                         const struct db_value *values, db_callback *done, void *user)
{
    struct db_unit *unit = db_unit_new(db, affinity);

    db_unit_add(unit, statement, values);
    return db_submit(unit, done, user);
}

struct db_unit *db_read(struct db *db, const struct db_statement *statement,
                        const struct db_value *values, db_callback *done, void *user)
{
    return db_query(db, 0, statement, values, done, user);
}

size_t db_rows(const struct db_result *result UNUSED)
{
    return 0;
}

bool db_is_null(const struct db_result *result UNUSED, size_t row UNUSED, int column UNUSED)
{
    return true;
}

const char *db_get_text(const struct db_result *result UNUSED, size_t row UNUSED, int column UNUSED)
{
    return "";
}

int64_t db_get_int(const struct db_result *result UNUSED, size_t row UNUSED, int column UNUSED)
{
    return 0;
}

bool db_get_bool(const struct db_result *result UNUSED, size_t row UNUSED, int column UNUSED)
{
    return false;
}

/* --- the tables, and the service --- */

static void on_schema(void *user)
{
    void (*const *done)(struct muc * muc) = user;
    (*done)(world.muc);
}

struct schema_work *schema_begin(struct muc *muc UNUSED, void (*done)(struct muc *muc))
{
    static void (*kept)(struct muc * muc);

    kept = done;
    loop_defer(world.loop, on_schema, &kept);
    return NULL;
}

void schema_end(struct schema_work *work UNUSED)
{
}

void service_ready(const char *status UNUSED)
{
}

void service_status(const char *status UNUSED)
{
}

/* --- the router --- */

int own_link_open(struct loop *loop UNUSED, struct parser_pool *pool UNUSED,
                  const struct config *config UNUSED, const char *section UNUSED,
                  struct link_settings settings UNUSED, const struct link_ops *ops, void *user,
                  struct link **link)
{
    static char router;

    world.ops = ops;
    *link = (struct link *)(void *)&router;
    loop_defer(world.loop, ops->up, user);
    return 0;
}

/* Of those that were asked here; what goes on between occupants has another id. */
static void count_answer(const struct stanza *stanza)
{
    const char *id = element_get(stanza->root, "id");
    unsigned number;

    if (stanza->kind != STANZA_IQ || !stanza_is_reply(stanza) || !id ||
        sscanf(id, "q%u", &number) != 1 || number >= world.asked)
        return;
    world.answers[number]++;
    MUST(world.answers[number] == 1);
}

static void say(const char *xml, bool counts);

static void on_back(void *user)
{
    world.units--;
    say(user, false);
    free(user);
}

/* What a room says to a room comes back to us. That has to end. */
static void route(const struct stanza *stanza)
{
    struct buffer text = {0};

    element_write(&text, stanza->root, "");
    struct element *again = stored_element(world.muc->parsers, text.data);
    MUST(again != NULL);
    arena_free(again->arena);
    if (strcmp(stanza->to.domain, CONFERENCE) != 0 || world.stopping) {
        buffer_fini(&text);
        return;
    }
    MUST(world.back++ < BACK_MAX);
    world.units++;
    loop_defer(world.loop, on_back, buffer_take(&text));
}

int link_send(struct link *link UNUSED, struct stanza *stanza)
{
    MUST(stanza->has_from && strcmp(stanza->from.domain, CONFERENCE) == 0);
    MUST(stanza->has_to);
    route(stanza);
    count_answer(stanza);
    return 0;
}

bool link_is_up(const struct link *link UNUSED)
{
    return true;
}

const char *link_problem(const struct link *link UNUSED)
{
    return NULL;
}

void link_close(struct link *link UNUSED)
{
    loop_defer(world.loop, world.ops->closed, world.muc);
}

/* Nothing is durable here. */
int link_offer(struct link *link UNUSED, const char *id UNUSED, unsigned attempt UNUSED,
               const char *after UNUSED, const struct stanza *stanza UNUSED)
{
    abort();
}

int link_offer_batch(struct link *link UNUSED, const struct batch *batch UNUSED,
                     struct stanza *stanza UNUSED, size_t *made UNUSED)
{
    abort();
}

void link_answer(struct link *link UNUSED, const struct durable *word UNUSED)
{
}

void link_answer_batch(struct link *link UNUSED, const struct batch *batch UNUSED)
{
}

/* --- what is said --- */

struct input {
    const uint8_t *bytes;
    size_t left;
};

static uint8_t next(struct input *input)
{
    if (input->left == 0)
        return 0;
    input->left--;
    return *input->bytes++;
}

/* Anything, up to a NUL. */
static void append_raw(struct buffer *text, struct input *input)
{
    for (char byte; (byte = (char)next(input)) != '\0';)
        buffer_append_char(text, byte);
}

static void append_blank(struct buffer *text, char which, struct input *input)
{
    const struct fuzz_words *words = fuzz_words;

    while (words->blank && words->blank != which)
        words++;
    if (words->blank)
        buffer_append_text(text, words->words[next(input) % words->count]);
    else if (which == 'q')
        buffer_printf(text, "q%u", world.asked);
    else if (which == '*')
        append_raw(text, input);
    else
        abort();
}

static void append_step(struct buffer *text, const char *step, struct input *input)
{
    for (; *step; step++)
        if (*step == '%')
            append_blank(text, *++step, input);
        else
            buffer_append_char(text, *step);
}

static void say(const char *xml, bool counts)
{
    struct element *root = stored_element(world.muc->parsers, xml);
    struct stanza *stanza;
    int problem;

    if (!root || stanza_from_element_take(root, NS_CLIENT, &stanza, &problem) != 0)
        return;
    bool asks = counts && stanza->kind == STANZA_IQ && !stanza_is_reply(stanza) && problem < 0 &&
                stanza->to.resource == NULL;
    if (asks)
        world.asked++;
    world.ops->stanza(world.muc, stanza, problem);
}

static void take_step(struct input *input)
{
    struct buffer text = {0};
    uint8_t kind = next(input);

    world.failing = kind == FUZZ_FAILS;
    append_step(&text, fuzz_steps[kind % fuzz_steps_count], input);
    say(text.data, true);
    buffer_fini(&text);
    if (next(input) & 1)
        run_until_answered();
    world.failing = false;
}

/* --- beginning and end --- */

static struct config *load(void)
{
    struct config *config = NULL;
    int fd = memfd_create("config", MFD_CLOEXEC);
    char *path = xasprintf("/proc/self/fd/%d", fd);

    MUST(fd >= 0 && write(fd, FUZZ_CONFIG, strlen(FUZZ_CONFIG)) == (ssize_t)strlen(FUZZ_CONFIG));
    MUST(config_load(path, stderr, &config) == 0);
    close(fd);
    free(path);
    return config;
}

static void on_stopped(void *user UNUSED)
{
    world.stopped = true;
}

static void stop(void)
{
    world.stopping = true;
    muc_stop(world.muc, on_stopped, NULL);
    for (int i = 0; !world.stopped && i < ROUNDS; i++)
        run_round();
    MUST(world.stopped);
    loop_free(world.loop);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static struct config *config;
    struct input input = {bytes, length};
    void *state;

    config = config ? config : load();
    memset(&world, 0, sizeof(world));
    world.loop = loop_new();
    MUST(muc_start(world.loop, config, &state) == 0);
    world.muc = state;
    run_until_answered();
    MUST(world.ops != NULL);
    for (int i = 0; i < STEPS_MAX && input.left > 0; i++)
        take_step(&input);
    run_until_answered();
    for (unsigned i = 0; i < world.asked; i++)
        MUST(world.answers[i] == 1);
    stop();
    return 0;
}
