/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Rows of the table `taken` that nobody will ask for any more: deleted behind, those of an account
 * together. What is lost of that by a crash is removed by retention.
 */
#include "c2s/sm/taker_forget.h"

#include <stdlib.h>
#include <string.h>

#include "c2s/slots.h"
#include "c2s/sm/taker.h"
#include "common/base/encode.h"
#include "common/tls/crypto.h"

/* When there are so many of an account, or after so long. */
#define BEHIND_COUNT 64
#define BEHIND_MS    100

/* $3: as PostgreSQL writes arrays. */
static const struct db_statement forget_statement = {
    .name = "taker_forget",
    .sql = "DELETE FROM taken WHERE id_hash = ANY ($3::bytea[])"
           " AND owner = (SELECT owner FROM account WHERE domain = $1 AND local = $2)",
    .parameters = 3,
};

/* Of one account. */
struct forgotten {
    UT_hash_handle hh; /* by jid->bare */
    struct jid *jid;
    struct buffer hashes; /* {"\\x01…","\\x… */
    size_t count;
};

struct taker_forget {
    struct sm *sm;
    struct forgotten *all;
    struct timer *timer;
};

static void write_row(struct sm *sm, struct forgotten *forgotten)
{
    unsigned slot = slot_of(forgotten->jid->bare);
    struct db_unit *unit = db_unit_new(sm->db, slot);

    if (slots_fence(sm->slots, slot, unit) < 0) {
        db_cancel(unit);
        return;
    }
    buffer_append_char(&forgotten->hashes, '}');
    db_unit_add_values(unit, &forget_statement, DB_TEXT(forgotten->jid->domain),
                       DB_TEXT(forgotten->jid->local), DB_TEXT(forgotten->hashes.data));
    db_submit(unit, NULL, NULL);
}

static void drop(struct taker_forget *forget, struct forgotten *forgotten)
{
    HASH_DEL(forget->all, forgotten);
    buffer_fini(&forgotten->hashes);
    free(forgotten->jid);
    free(forgotten);
}

static void on_timer(void *user)
{
    struct taker_forget *forget = user;
    struct forgotten *forgotten, *next;

    HASH_ITER (hh, forget->all, forgotten, next) {
        write_row(forget->sm, forgotten);
        drop(forget, forgotten);
    }
}

static struct forgotten *of_account(struct taker_forget *forget, const struct jid *jid)
{
    struct forgotten *forgotten;

    HASH_FIND_STR(forget->all, jid->bare, forgotten);
    if (forgotten)
        return forgotten;
    if (!forget->all)
        timer_start(forget->timer, BEHIND_MS, 0);
    forgotten = xcalloc(1, sizeof(*forgotten));
    forgotten->jid = jid_dup_with_resource(jid, NULL);
    HASH_ADD_KEYPTR(hh, forget->all, forgotten->jid->bare, strlen(forgotten->jid->bare), forgotten);
    return forgotten;
}

void taker_forget_row(struct taker_forget *forget, const struct durable *words)
{
    uint8_t place[CRYPTO_HASH_MAX];
    const uint8_t *hash;
    struct forgotten *forgotten;

    if (!words->to.domain || !words->to.local)
        return;
    hash = taker_hash(forget->sm, words->id, place);
    forgotten = of_account(forget, &words->to);
    buffer_append_text(&forgotten->hashes, forgotten->count++ == 0 ? "{\"\\\\x" : ",\"\\\\x");
    hex_encode(&forgotten->hashes, hash, crypto_hash_size(CRYPTO_SHA256));
    buffer_append_char(&forgotten->hashes, '"');
    if (forgotten->count == BEHIND_COUNT) {
        write_row(forget->sm, forgotten);
        drop(forget, forgotten);
    }
}

struct taker_forget *taker_forget_new(struct sm *sm)
{
    struct taker_forget *forget = xcalloc(1, sizeof(*forget));

    forget->sm = sm;
    forget->timer = timer_new(sm->loop, on_timer, forget);
    return forget;
}

void taker_forget_free(struct taker_forget *forget)
{
    struct forgotten *forgotten, *next;

    HASH_ITER (hh, forget->all, forgotten, next) {
        drop(forget, forgotten);
    }
    timer_close(forget->timer);
    free(forget);
}
