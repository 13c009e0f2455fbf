/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * When a slot is won, its accounts with sessions that wait are loaded: nobody else would tell their
 * contacts when their time is over. A few at a time, so that those who come back meanwhile do not
 * stand behind all of them.
 */
#include <stdlib.h>

#include "c2s/slots.h"
#include "c2s/sm/smacks_row.h"
#include "common/base/log.h"

#define AT_ONCE  32
#define RETRY_MS 1000

static const struct db_statement owners_statement = {
    .name = "session_owners",
    .sql = "SELECT DISTINCT a.domain, a.local FROM session s JOIN account a ON a.owner = s.owner"
           " WHERE s.slot = $1::bigint AND s.ended IS NULL",
    .parameters = 1,
};

struct sleeper {
    struct jid *jid;
    struct sleeper *prev, *next;
};

struct smacks_wake {
    struct sm *sm;
    struct sleeper *sleepers;
    unsigned waking;
    int64_t asked[SLOTS]; /* the epoch under which it was asked whom to wake */
    unsigned questions;   /* open */
    bool stopped;
    struct timer *retry;
};

static void go_on(struct smacks_wake *wake);

static void awake(struct account *account, struct session *session UNUSED,
                  struct stanza *stanza UNUSED, int problem UNUSED)
{
    struct smacks_wake *wake = account->sm->smacks_wake;

    wake->waking--;
    go_on(wake);
}

static void go_on(struct smacks_wake *wake)
{
    while (wake->sleepers && wake->waking < AT_ONCE && !wake->sm->stopped) {
        struct sleeper *sleeper = wake->sleepers;

        DL_DELETE(wake->sleepers, sleeper);
        if (account_queue(account_get(wake->sm, sleeper->jid), awake, NULL) == 0)
            wake->waking++;
        free(sleeper->jid);
        free(sleeper);
    }
}

static void add_sleeper(struct smacks_wake *wake, const char *domain, const char *local)
{
    struct arena *arena = arena_new();
    struct jid jid;

    if (jid_make(arena, local, domain, NULL, &jid) == 0) {
        struct sleeper *sleeper = xcalloc(1, sizeof(*sleeper));

        sleeper->jid = jid_dup(&jid);
        DL_APPEND(wake->sleepers, sleeper);
    }
    arena_free(arena);
}

struct question {
    struct smacks_wake *wake;
    unsigned slot;
};

static void free_if_done(struct smacks_wake *wake)
{
    if (wake->stopped && wake->questions == 0)
        free(wake);
}

static void on_owners(void *user, int status, const struct db_result *results, size_t count UNUSED)
{
    struct question *question = user;
    struct smacks_wake *wake = question->wake;

    wake->questions--;
    if (status < 0 && !wake->stopped) {
        wake->asked[question->slot] = 0;
        if (!timer_active(wake->retry))
            timer_start(wake->retry, RETRY_MS, 0);
    }
    for (size_t row = 0; status == 0 && !wake->stopped && row < db_rows(&results[0]); row++)
        add_sleeper(wake, db_get_text(&results[0], row, 0), db_get_text(&results[0], row, 1));
    if (!wake->stopped)
        go_on(wake);
    free_if_done(wake);
    free(question);
}

static void ask(struct smacks_wake *wake, unsigned slot)
{
    struct question *question = xcalloc(1, sizeof(*question));
    const struct db_value value = DB_INT(slot);

    *question = (struct question){wake, slot};
    wake->questions++;
    db_query(wake->sm->db, slot, &owners_statement, &value, on_owners, question);
}

static void look(void *user)
{
    struct smacks_wake *wake = user;
    struct slots *slots = wake->sm->slots;

    for (unsigned slot = 0; slot < SLOTS; slot++) {
        int64_t epoch = slots_epoch(slots, slot);

        if (epoch != 0 && wake->asked[slot] != epoch)
            ask(wake, slot);
        wake->asked[slot] = epoch;
    }
}

void smacks_slots_changed(struct sm *sm)
{
    look(sm->smacks_wake);
}

void smacks_wake_start(struct sm *sm)
{
    struct smacks_wake *wake = xcalloc(1, sizeof(*wake));

    wake->sm = sm;
    wake->retry = timer_new(sm->loop, look, wake);
    sm->smacks_wake = wake;
}

void smacks_wake_stop(struct sm *sm)
{
    struct smacks_wake *wake = sm->smacks_wake;

    while (wake->sleepers) {
        struct sleeper *sleeper = wake->sleepers;

        DL_DELETE(wake->sleepers, sleeper);
        free(sleeper->jid);
        free(sleeper);
    }
    timer_close(wake->retry);
    wake->stopped = true;
    free_if_done(wake);
}
