/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Reading at the start.
 */
#include "muc/begin.h"

#include <stdlib.h>

#include "common/base/error.h"
#include "common/base/log.h"
#include "common/io/timer.h"
#include "muc/creators.h"
#include "muc/room.h"

#define RETRY_MS     500
#define RETRY_CAP_MS 60000

struct begin {
    struct muc *muc;
    void (*known)(struct muc *muc);
    void (*read)(struct begin *begin); /* what is under way, or tried again */
    struct db_unit *unit;
    struct timer *retry;
    unsigned attempt;
};

/* With the highest number that was given. */
static const struct db_statement creators_statement = {
    "muc_creators", "SELECT creator, count(*), max(room) FROM room GROUP BY creator", 0};

static const struct db_statement pending_rooms = {
    "muc_pending_rooms",
    "SELECT local FROM room WHERE room IN"
    " (SELECT room FROM message WHERE pending AND content <> '' UNION SELECT room FROM note)",
    0};

static void on_retry(void *user)
{
    struct begin *begin = user;

    begin->read(begin);
}

/* True: it will be tried again, or nobody wants it any more. */
static bool failed(struct begin *begin, int status)
{
    begin->unit = NULL;
    if (status == 0) {
        if (begin->attempt > 0)
            log_info("muc_read_now");
        begin->attempt = 0;
    } else if (status != ERR_CANCELLED) {
        uint64_t ms = backoff_ms(begin->attempt++, RETRY_MS, RETRY_CAP_MS);

        log_error("muc_not_read", LOG_TEXT("text", db_problem(begin->muc->db)), LOG_ERROR(status),
                  LOG_INT("retry_ms", ms));
        timer_start(begin->retry, ms, 0);
    }
    return status != 0;
}

/* Loading a room mails what is pending in it. */
static void on_pending_rooms(void *user, int status, const struct db_result *results,
                             size_t count UNUSED)
{
    struct begin *begin = user;
    struct muc *muc = begin->muc;
    struct arena *arena;

    if (failed(begin, status))
        return;
    arena = arena_new();
    for (size_t row = 0; row < db_rows(&results[0]); row++) {
        struct jid jid;

        if (jid_make(arena, db_get_text(&results[0], row, 0), muc->domain, NULL, &jid) == 0)
            room_get(muc, &jid);
    }
    arena_free(arena);
}

static void read_pending_rooms(struct begin *begin)
{
    begin->unit = db_read(begin->muc->db, &pending_rooms, NULL, on_pending_rooms, begin);
}

static void on_creators(void *user, int status, const struct db_result *results,
                        size_t count UNUSED)
{
    struct begin *begin = user;
    struct muc *muc = begin->muc;

    if (failed(begin, status))
        return;
    for (size_t row = 0; row < db_rows(&results[0]); row++) {
        creators_add(muc, db_get_text(&results[0], row, 0),
                     (size_t)db_get_int(&results[0], row, 1));
        muc->last_room = MAX(muc->last_room, db_get_int(&results[0], row, 2));
    }
    begin->known(muc);
    begin->read = read_pending_rooms;
    if (muc->mail)
        begin->read(begin);
}

static void read_creators(struct begin *begin)
{
    begin->unit = db_query(begin->muc->db, 0, &creators_statement, NULL, on_creators, begin);
}

struct begin *begin_new(struct muc *muc, void (*known)(struct muc *muc))
{
    struct begin *begin = xcalloc(1, sizeof(*begin));

    begin->muc = muc;
    begin->known = known;
    begin->read = read_creators;
    begin->retry = timer_new(muc->loop, on_retry, begin);
    begin->read(begin);
    return begin;
}

void begin_free(struct begin *begin)
{
    if (begin == NULL)
        return;
    db_cancel(begin->unit);
    timer_close(begin->retry);
    free(begin);
}
