/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Comparing two copies of the entries of a home, range by range.
 */
#include "c2s/directory/compare.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "c2s/directory/rows.h"
#include "common/base/error.h"
#include "common/base/memory.h"
#include "common/tls/crypto.h"

#define DIGEST_SIZE 32

/* A place in the order of the hashes; without one: before the first, or behind the last. */
struct mark {
    bool is_set;
    uint8_t hash[GRANT_HASH_SIZE];
};

/* Behind all hashes. */
static const uint8_t no_end[GRANT_HASH_SIZE + 1] = {[0 ... GRANT_HASH_SIZE] = 0xff};

/* Rows of one home, in the order of their hashes. */
struct range {
    struct arena *arena;
    struct grant grants[DIRECTORY_BATCH];
    uint8_t hashes[DIRECTORY_BATCH][GRANT_HASH_SIZE];
    size_t count;
};

static const struct db_statement read_range = {
    .name = "directory_read_range",
    .sql = "SELECT " ROWS_ENTRY "serial FROM directory WHERE home = $1 AND jid_hash > $2::bytea"
           " AND jid_hash <= $3::bytea ORDER BY jid_hash LIMIT $4::bigint",
    .parameters = 4,
};

static struct db_unit *query(struct directory *directory, const char *home,
                             const struct mark *after, const struct mark *to, db_callback *done,
                             void *user)
{
    const struct db_value values[] = {
        DB_TEXT(home), DB_BYTES(after->hash, after->is_set ? GRANT_HASH_SIZE : 0),
        to->is_set ? DB_BYTES(to->hash, GRANT_HASH_SIZE) : DB_BYTES(no_end, sizeof(no_end)),
        DB_INT(DIRECTORY_BATCH)};

    return db_query(directory->settings.db, ROWS_AFFINITY, &read_range, values, done, user);
}

static struct mark mark_at(const uint8_t *hash)
{
    struct mark mark = {.is_set = true};

    memcpy(mark.hash, hash, sizeof(mark.hash));
    return mark;
}

static void range_read(struct range *range, const struct db_result *rows)
{
    int64_t serial;

    range->arena = arena_new();
    range->count = MIN(db_rows(rows), DIRECTORY_BATCH);
    for (size_t i = 0; i < range->count; i++) {
        rows_get(rows, i, range->arena, &range->grants[i], &serial);
        grant_hash(range->grants[i].jid, range->hashes[i]);
    }
}

static void range_fini(struct range *range)
{
    if (range->arena)
        arena_free(range->arena);
    *range = (struct range){0};
}

/* Where a full one ends. */
static struct mark range_end(const struct range *range)
{
    return range->count == DIRECTORY_BATCH ? mark_at(range->hashes[range->count - 1])
                                           : (struct mark){0};
}

static void range_digest(const struct range *range, uint8_t digest[DIGEST_SIZE])
{
    struct buffer text = {0};

    buffer_append_text(&text, "");
    for (size_t i = 0; i < range->count; i++) {
        const struct grant *grant = &range->grants[i];
        buffer_printf(&text, "%s %" PRId64 " %d\n", grant->jid, grant->version, grant->deleted);
    }
    crypto_digest(CRYPTO_SHA256, text.data, text.length, digest);
    buffer_fini(&text);
}

static void set_mark(struct element *element, const char *name, const struct mark *mark)
{
    if (mark->is_set)
        words_set_bytes(element, name, mark->hash, sizeof(mark->hash));
}

static int get_mark(const struct element *element, const char *name, struct mark *mark)
{
    *mark = (struct mark){.is_set = element_get(element, name) != NULL};
    return mark->is_set ? words_get_bytes(element, name, mark->hash, sizeof(mark->hash)) : 0;
}

/* --- who compares --- */

struct comparison {
    struct directory *directory; /* counted */
    char *home;
    struct compare_ops ops;
    void *user;
    struct mark after, to;
    struct range ours;
    uint64_t entries;
};

static void end(struct comparison *comparison, int status)
{
    const struct compare_ops ops = comparison->ops;
    void *user = comparison->user;
    uint64_t entries = comparison->entries;
    struct directory *directory = comparison->directory;

    range_fini(&comparison->ours);
    free(comparison->home);
    free(comparison);
    ops.done(user, status, entries);
    directory_free(directory);
}

static void next_range(struct comparison *comparison);

static void tell(const struct comparison *comparison, const struct grant *here,
                 const struct grant *there)
{
    const char *what = "in another state than there";

    if (here && there && here->version == there->version && here->deleted == there->deleted)
        return;
    if (!here)
        what = "missing here";
    else if (!there)
        what = "missing there";
    comparison->ops.differs(comparison->user, here ? here->jid : there->jid, what);
}

static bool is_within(const uint8_t *hash, const struct mark *to)
{
    return !to->is_set || memcmp(hash, to->hash, GRANT_HASH_SIZE) <= 0;
}

/* Both are in order: who is behind has one that the other has not. */
static void compare(const struct comparison *comparison, const struct range *theirs,
                    const struct mark *to)
{
    const struct range *ours = &comparison->ours;
    size_t i = 0, j = 0;

    while ((i < ours->count && is_within(ours->hashes[i], to)) || j < theirs->count) {
        bool have = i < ours->count && is_within(ours->hashes[i], to);
        int order = !have ? 1
                    : j == theirs->count
                        ? -1
                        : memcmp(ours->hashes[i], theirs->hashes[j], GRANT_HASH_SIZE);
        tell(comparison, order <= 0 ? &ours->grants[i] : NULL,
             order >= 0 ? &theirs->grants[j] : NULL);
        i += order <= 0;
        j += order >= 0;
    }
}

static bool is_in_order(const struct comparison *comparison, const struct range *theirs,
                        const struct mark *to)
{
    const struct mark *before = &comparison->after;

    for (size_t i = 0; i < theirs->count; i++) {
        const uint8_t *last = i > 0 ? theirs->hashes[i - 1] : before->is_set ? before->hash : NULL;
        if ((last && memcmp(last, theirs->hashes[i], GRANT_HASH_SIZE) >= 0) ||
            !is_within(theirs->hashes[i], to))
            return false;
    }
    return true;
}

static int read_theirs(const struct element *answer, struct range *theirs)
{
    int64_t serial;

    theirs->arena = arena_new();
    ELEMENT_FOREACH (child, answer) {
        size_t at = theirs->count;
        if (at == DIRECTORY_BATCH ||
            words_read_grant(element_copy(theirs->arena, child), &theirs->grants[at], &serial) != 0)
            return ERR_MALFORMED;
        grant_hash(theirs->grants[at].jid, theirs->hashes[at]);
        theirs->count++;
    }
    return 0;
}

static void take_difference(struct comparison *comparison, const struct element *answer)
{
    struct range theirs = {0};
    struct mark to = comparison->to, last;

    int error = get_mark(answer, "last", &last);
    if (!error)
        error = read_theirs(answer, &theirs);
    if (last.is_set)
        to = last;
    if (!error && (!is_in_order(comparison, &theirs, &to) || (last.is_set && theirs.count == 0)))
        error = ERR_MALFORMED;
    if (!error)
        compare(comparison, &theirs, &to);
    range_fini(&theirs);
    comparison->to = to;
    if (error)
        end(comparison, ERR_UNAVAILABLE);
    else
        next_range(comparison);
}

static void on_answer(void *user, int status, struct element *answer)
{
    struct comparison *comparison = user;

    if (status == 0 && strcmp(answer->name, "compared") != 0)
        status = ERR_UNAVAILABLE;
    if (status)
        end(comparison, status);
    else if (element_get(answer, "same"))
        next_range(comparison);
    else
        take_difference(comparison, answer);
}

static void on_ours(void *user, int status, const struct db_result *results, size_t count)
{
    struct comparison *comparison = user;
    struct directory *directory = comparison->directory;
    const struct network_home *home =
        directory->network ? network_home_by_name(directory->network, comparison->home) : NULL;
    uint8_t digest[DIGEST_SIZE];
    struct element *payload;

    (void)count;
    if (status != 0 || directory->ended || home == NULL) {
        end(comparison, status ? status : ERR_CANCELLED);
        return;
    }
    range_fini(&comparison->ours);
    range_read(&comparison->ours, &results[0]);
    comparison->to = range_end(&comparison->ours);
    range_digest(&comparison->ours, digest);
    struct stanza *message = words_message(home->member->host, "compare", &payload);
    element_set(payload, "home", home->name);
    set_mark(payload, "after", &comparison->after);
    set_mark(payload, "to", &comparison->to);
    words_set_bytes(payload, "digest", digest, sizeof(digest));
    request_send_take(directory, home->member->host, message, payload, on_answer, comparison);
}

static void read_ours(struct comparison *comparison)
{
    static const struct mark open_end;

    query(comparison->directory, comparison->home, &comparison->after, &open_end, on_ours,
          comparison);
}

/* Behind the one that was compared, which may have been cut short by the other side. */
static void next_range(struct comparison *comparison)
{
    const struct range *ours = &comparison->ours;

    for (size_t i = 0; i < ours->count && is_within(ours->hashes[i], &comparison->to); i++)
        comparison->entries++;
    if (!comparison->to.is_set) {
        end(comparison, 0);
    } else if (comparison->after.is_set && is_within(comparison->to.hash, &comparison->after)) {
        end(comparison, ERR_INVALID); /* it has a name under another one's hash */
    } else {
        comparison->after = comparison->to;
        read_ours(comparison);
    }
}

void directory_compare(struct directory *directory, const char *home, const struct compare_ops *ops,
                       void *user)
{
    struct comparison *comparison = xcalloc(1, sizeof(*comparison));

    comparison->directory = directory_ref(directory);
    comparison->home = xstrdup(home);
    comparison->ops = *ops;
    comparison->user = user;
    read_ours(comparison);
}

/* --- whose home it is --- */

struct serving {
    struct directory *directory;
    struct stanza *message;
    struct element *payload;
    struct mark after, to;
};

static void serving_free(struct serving *serving)
{
    stanza_unref(serving->message);
    free(serving);
}

static bool has_digest(const struct serving *serving, const struct range *range)
{
    uint8_t theirs[DIGEST_SIZE], ours[DIGEST_SIZE];

    range_digest(range, ours);
    return words_get_bytes(serving->payload, "digest", theirs, sizeof(theirs)) == 0 &&
           memcmp(theirs, ours, sizeof(ours)) == 0;
}

static void add_rows(const struct serving *serving, struct element *compared,
                     const struct range *range)
{
    struct mark last = range_end(range);

    for (size_t i = 0; i < range->count; i++)
        words_add_grant(compared, &range->grants[i], 0);
    if (!serving->to.is_set || memcmp(last.hash, serving->to.hash, sizeof(last.hash)) != 0)
        set_mark(compared, "last", &last);
}

static void on_range(void *user, int status, const struct db_result *results, size_t count)
{
    struct serving *serving = user;
    struct directory *directory = serving->directory;
    struct range range = {0};
    struct element *compared;

    (void)count;
    if (status != 0 || !directory_home(directory)) {
        directory_reply_wait(directory, serving->message, serving->payload, "database");
        serving_free(serving);
        return;
    }
    range_read(&range, &results[0]);
    struct stanza *reply =
        directory_reply(serving->message, serving->payload, "compared", &compared);
    if (has_digest(serving, &range))
        element_set(compared, "same", "true");
    else
        add_rows(serving, compared, &range);
    directory_send_take(directory, reply);
    range_fini(&range);
    serving_free(serving);
}

static void on_compare(struct directory *directory, struct stanza *message, struct element *payload)
{
    struct serving *serving = xcalloc(1, sizeof(*serving));
    const char *home = element_get(payload, "home");

    *serving = (struct serving){.directory = directory, .message = message, .payload = payload};
    if (!home || strcmp(home, directory->home) != 0 || !directory_home(directory) ||
        !network_member_by_host(directory->network, message->from.domain) ||
        get_mark(payload, "after", &serving->after) != 0 ||
        get_mark(payload, "to", &serving->to) != 0) {
        directory_reply_wait(directory, message, payload, "not-my-home");
        serving_free(serving);
        return;
    }
    query(directory, home, &serving->after, &serving->to, on_range, serving);
}

const struct directory_word compare_words[] = {
    {"compare", on_compare},
    {0},
};
