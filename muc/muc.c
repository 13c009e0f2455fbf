/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The life of kontalk-muc: its tables, its link to the router, its rooms.
 */
#include "muc/muc.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/component/own_link.h"
#include "common/service/follow.h"
#include "common/service/service.h"
#include "common/tls/crypto.h"
#include "muc/begin.h"
#include "muc/creators.h"
#include "muc/dispatch.h"
#include "muc/founding.h"
#include "muc/gather.h"
#include "muc/home.h"
#include "muc/list.h"
#include "muc/mail.h"
#include "muc/pass.h"
#include "muc/retention.h"
#include "muc/schema.h"
#include "muc/taker.h"

#define TICK_MS 1000
#define TIDY_MS 3600000
/* For so long the database may be silent before stanzas are refused. */
#define PATIENCE_MS 30000

static int64_t number(const struct config *config, const char *key)
{
    return config_number(config, "muc", NULL, key);
}

static const char *text(const struct config *config, const char *key)
{
    return config_text(config, "muc", NULL, key);
}

static void read_limits(struct muc *muc, const struct config *config)
{
    muc->config = config;
    muc->limits = (struct muc_limits){
        .rooms_per_user = (uint64_t)number(config, "rooms-per-user"),
        .occupants = (uint64_t)number(config, "occupants"),
        .affiliations = (uint64_t)number(config, "affiliations"),
        .history = (uint64_t)number(config, "history"),
        .rate = (uint64_t)number(config, "rate"),
        .size = (uint64_t)number(config, "size"),
        .retention_ms = (uint64_t)number(config, "archive-retention"),
        .interval_ms = (uint64_t)number(config, "retention-interval"),
        .idle_ms = (uint64_t)number(config, "idle"),
    };
}

static void release(struct muc *muc)
{
    if (--muc->open > 0 || !muc->stopping)
        return;
    void (*stopped)(void *user) = muc->stopped;
    void *user = muc->stopped_user;
    parser_pool_free(muc->parsers);
    free(muc->domain);
    free(muc);
    stopped(user);
}

/* --- the router --- */

static void on_up(void *user)
{
    struct muc *muc = user;

    service_ready("serving rooms");
    if (muc->mail)
        mail_up(muc);
}

static void on_down(void *user UNUSED)
{
    service_status("the router is away");
}

static void on_stanza(void *user, struct stanza *stanza, int problem)
{
    dispatch_take(user, stanza, problem);
}

static void on_undelivered(void *user, struct stanza *stanza)
{
    log_warn("muc_not_sent", LOG_TEXT("to", stanza->to.full));
    stanza_unref(stanza);
    (void)user;
}

static void on_link_closed(void *user)
{
    release(user);
}

static void on_offer(void *user, const struct durable *offer, struct stanza *stanza)
{
    struct stanza *inner;

    if (!pass_opens(user, stanza, &inner)) {
        taker_offered(user, offer, stanza);
        return;
    }
    if (inner)
        taker_offered(user, offer, inner);
    stanza_unref(stanza);
}

static void on_answered(void *user, const struct durable *answer)
{
    if (answer->kind == DURABLE_FORGET)
        taker_forget(user, answer);
    else if (!taker_answered(user, answer))
        mail_answered(user, answer);
}

static void on_full(void *user, const char *id)
{
    if (!taker_full(user, id))
        mail_full(user, id);
}

static void on_ready(void *user, const char *name)
{
    mail_ready(user, name);
}

static void on_route(void *user, const char *name, bool available, const char *incarnation UNUSED)
{
    struct muc *muc = user;

    if (available && name) {
        homes_route(muc, name);
        taker_route(muc, name);
    }
    if (available && muc->mail)
        mail_route(muc, name);
}

static const struct link_ops link_ops = {
    .up = on_up,
    .down = on_down,
    .stanza = on_stanza,
    .route = on_route,
    .undelivered = on_undelivered,
    .offer = on_offer,
    .answered = on_answered,
    .full = on_full,
    .ready = on_ready,
    .closed = on_link_closed,
};

void muc_send(struct muc *muc, struct stanza *stanza)
{
    if (muc->foundings && founding_answered(muc, stanza))
        return;
    FOLLOW(stanza->root, "to the router");
    if (link_send(muc->link, stanza) != 0)
        log_warn("muc_not_sent", LOG_TEXT("to", stanza->to.full));
}

static int open_link(struct muc *muc)
{
    const struct link_settings settings = {
        .queue_bytes = (size_t)number(muc->config, "queue-size"),
        .is_plain = muc->mail == NULL,
        .durable = muc->mail != NULL,
    };
    int error = own_link_open(muc->loop, muc->parsers, muc->config, "muc", settings, &link_ops, muc,
                              &muc->link);

    muc->open += error == 0;
    return error;
}

/* --- the database --- */

static void on_known(struct muc *muc)
{
    if (open_link(muc) != 0)
        service_status("no secret");
}

static void on_schema(struct muc *muc)
{
    schema_end(muc->schema);
    muc->schema = NULL;
    muc->begin = begin_new(muc, on_known);
}

static int open_database(struct muc *muc)
{
    const char *conninfo = text(muc->config, "conninfo");
    const struct db_settings settings = {
        .conninfo = conninfo,
        .connections = 2,
        .writers = 1,
        .application_name = "kontalk-muc",
    };
    char *problem = NULL;

    if (conninfo == NULL || db_check_conninfo(conninfo, &problem) != 0) {
        log_error("database_misconfigured", LOG_TEXT("reason", problem ? problem : "none"));
        free(problem);
        return ERR_INVALID;
    }
    muc->db = db_open(muc->loop, &settings);
    muc->open++;
    muc->schema = schema_begin(muc, on_schema);
    return 0;
}

bool muc_is_busy(const struct muc *muc)
{
    return db_is_congested(muc->db) || db_waiting_ms(muc->db, 0) > PATIENCE_MS;
}

/* --- life --- */

static const struct db_statement tidy_taken = {
    "muc_tidy_taken", "DELETE FROM taken WHERE taken < now() - interval '8 days'", 0};

static void on_tick(void *user)
{
    struct muc *muc = user;
    uint64_t now = clock_monotonic_ms();

    homes_tick(muc);
    gather_tick(muc);
    room_sweep(muc, false);
    if (muc->mail && muc->link && muc->tidied_ms + TIDY_MS < now) {
        muc->tidied_ms = now;
        db_query(muc->db, 0, &tidy_taken, NULL, NULL, NULL);
    }
}

int muc_start(struct loop *loop, const struct config *config, void **state)
{
    struct muc *muc = xcalloc(1, sizeof(*muc));

    muc->loop = loop;
    read_limits(muc, config);
    muc->domain = xstrdup(text(config, "domain"));
    muc->parsers = parser_pool_new();
    muc->tick = timer_new(loop, on_tick, muc);
    taker_start(muc);
    homes_start(muc);
    if (config_bool(config, "muc", NULL, "durable"))
        mail_start(muc);
    *state = muc;
    if (open_database(muc) != 0)
        return ERR_INVALID;
    timer_start(muc->tick, TICK_MS, TICK_MS);
    muc->retention = retention_start(muc);
    return 0;
}

int muc_reload(void *state, const struct config *config)
{
    read_limits(state, config);
    return 0;
}

static void on_database_closed(void *user)
{
    release(user);
}

void muc_stop(void *state, void (*stopped)(void *user), void *user)
{
    struct muc *muc = state;

    muc->stopping = true;
    muc->stopped = stopped;
    muc->stopped_user = user;
    timer_close(muc->tick);
    retention_stop(muc->retention);
    foundings_stop(muc);
    schema_end(muc->schema);
    begin_free(muc->begin);
    while (muc->turns) /* some of them need their room */
        turn_drop(muc->turns);
    gather_stop(muc);
    room_sweep(muc, true);
    if (muc->mail)
        mail_stop(muc);
    taker_stop(muc);
    homes_stop(muc);
    creators_free(muc);
    db_close(muc->db, on_database_closed, muc);
    if (muc->link)
        link_close(muc->link);
}

/* "show counts" */
static void show_counts(void *state, struct control_request *request, size_t argc UNUSED,
                        const char *const *argv UNUSED)
{
    struct muc *muc = state;
    size_t sessions = 0;
    const struct room *room;

    for (room = muc->rooms; room; room = room->hh.next)
        sessions += HASH_COUNT(room->sessions);
    control_print(request, "rooms in memory: %u", HASH_COUNT(muc->rooms));
    control_print(request, "sessions in them: %zu", sessions);
    control_print(request, "messages: %" PRIu64, muc->messages);
    control_print(request, "letters: %zu", muc->mail ? mail_count(muc) : 0);
    control_end(request, NULL);
}

static void claim_room(void *state, struct control_request *request, size_t argc UNUSED,
                       const char *const *argv)
{
    founding_begin(state, request, argv[0], argv[1]);
}

static void grant_room(void *state, struct control_request *request, size_t argc UNUSED,
                       const char *const *argv)
{
    founding_grant(state, request, argv[0], argv[1]);
}

static void destroy_room(void *state, struct control_request *request, size_t argc,
                         const char *const *argv)
{
    founding_destroy(state, request, argv[0], argc > 1 ? argv[1] : NULL);
}

static void list_rooms(void *state, struct control_request *request, size_t argc UNUSED,
                       const char *const *argv UNUSED)
{
    rooms_list(state, request);
}

const struct control_command muc_commands[] = {
    {"room list", 0, 0, list_rooms, "  all rooms: address, occupants, members, since, by whom"},
    {"room claim", 2, 2, claim_room, "JID OWNER  make a room, also one whose home is lost"},
    {"room owner", 2, 2, grant_room, "JID OWNER  make somebody an owner of a room"},
    {"room destroy", 1, 2, destroy_room, "JID [REASON]  end a room"},
    {"show counts", 0, 0, show_counts,
     "  rooms and sessions in memory, and messages since the start"},
    {0},
};
