/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Which rows of the archive a query means: statements that are all known beforehand, and their
 * parameters.
 */
#include <stdlib.h>
#include <string.h>

#include "c2s/sm/archive.h"
#include "common/tls/crypto.h"

/* Rows of the owner (named m) between two numbers. The times become numbers too, so that an old
 * archive is not read from its beginning (numbers and times rise together); the exact time decides.
 * Parameters: owner, above, below, start, end, how many, then those of WITH and of THESE. */
/* clang-format off */
#define TIME(us) "timestamptz 'epoch' + " us "::bigint * interval '1 microsecond'"
#define START                                                                                      \
    "CASE WHEN $4::bigint IS NULL THEN 0 ELSE coalesce((SELECT s.seq FROM message s"               \
    " WHERE s.owner = $1::bigint AND s.received >= " TIME("$4")                                    \
    " ORDER BY s.received, s.seq LIMIT 1), 9223372036854775807) END"
#define END                                                                                        \
    "CASE WHEN $5::bigint IS NULL THEN 9223372036854775807 ELSE coalesce((SELECT e.seq"            \
    " FROM message e WHERE e.owner = $1::bigint AND e.received <= " TIME("$5")                     \
    " ORDER BY e.received DESC, e.seq DESC LIMIT 1), 0) END"
#define WHERE                                                                                      \
    " m WHERE m.owner = $1::bigint AND m.archived AND m.seq > $2::bigint"                          \
    " AND m.seq < $3::bigint AND m.seq >= " START " AND m.seq <= " END                             \
    " AND ($4::bigint IS NULL OR m.received >= " TIME("$4") ")"                                    \
    " AND ($5::bigint IS NULL OR m.received <= " TIME("$5") ")"
/* With a resource the start tag decides, which has been written by us: $8 and $9 are what there is
 * in it then. */
#define WITH                                                                                       \
    " AND m.peer_hash = $7::bytea AND ($8::text IS NULL OR position(CASE WHEN m.outgoing"          \
    " THEN $9::text ELSE $8::text END in split_part(m.stanza, '>', 1)) > 0)"
/* OFFSET keeps it apart: in one, PostgreSQL reads all rows between the numbers for the sake of the
 * order. */
#define THESE(list)                                                                                \
    "(SELECT * FROM message WHERE owner = $1::bigint AND seq = ANY (string_to_array("              \
    list ", ',')::bigint[]) OFFSET 0)"
#define ASC(from, where)   "SELECT m.seq FROM " from where " ORDER BY m.seq LIMIT $6::bigint"
#define DESC(from, where)  "SELECT m.seq FROM " from where " ORDER BY m.seq DESC LIMIT $6::bigint"
#define COUNT(from, where)                                                                         \
    "SELECT count(*) FROM (SELECT 1 FROM " from where " LIMIT $6::bigint) AS counted"
#define BY_FILTER(name, form)                                                                      \
    {{name, form("message", WHERE), 6},                                                            \
     {name "_with", form("message", WHERE WITH), 9},                                               \
     {name "_ids", form(THESE("$7"), WHERE), 7},                                                   \
     {name "_with_ids", form(THESE("$10"), WHERE WITH), 10}}
/* clang-format on */

enum form { FORWARD, BACKWARD, COUNTING, FORMS };
enum filter { ALL, OF_PEER, OF_IDS, OF_BOTH, FILTERS };

static const struct db_statement select_page[FORMS][FILTERS] = {
    [FORWARD] = BY_FILTER("archive_page", ASC),
    [BACKWARD] = BY_FILTER("archive_back", DESC),
    [COUNTING] = BY_FILTER("archive_count", COUNT),
};

static const struct db_statement count_missing = {
    .name = "archive_missing",
    .sql = "SELECT count(*) FROM unnest(string_to_array($2, ',')) AS known(seq)"
           " WHERE NOT EXISTS (SELECT 1 FROM message m WHERE m.owner = $1::bigint AND m.archived"
           " AND m.seq = known.seq::bigint)",
    .parameters = 2,
};

/* What is counted at most: an approximate number is allowed (XEP-0059 §2.7), a long wait is not. */
#define COUNT_MAX 100000

static enum filter filter_of(const struct archive_query *query)
{
    if (query->has_with)
        return query->has_ids ? OF_BOTH : OF_PEER;
    return query->has_ids ? OF_IDS : ALL;
}

/* " from='…'" as it stands in a start tag of ours. */
static char *attribute_text(const struct jid *jid, const char *name)
{
    static const char before[] = "<message", behind[] = "/>";
    struct arena *arena = arena_new();
    struct element *element = element_new(arena, NS_CLIENT, "message");
    struct buffer text = {0};

    element_set(element, name, jid->full);
    element_write(&text, element, NS_CLIENT);
    char *attribute =
        xstrndup(text.data + sizeof(before) - 1, text.length - sizeof(before) - sizeof(behind) + 2);
    buffer_fini(&text);
    arena_free(arena);
    return attribute;
}

struct parameters {
    struct db_value values[10];
    size_t count;
    uint8_t hash[CRYPTO_HASH_MAX];
    char *from, *to;
};

static void put(struct parameters *parameters, struct db_value value)
{
    parameters->values[parameters->count++] = value;
}

static void put_range(struct parameters *parameters, int64_t owner,
                      const struct archive_query *query)
{
    put(parameters, DB_INT(owner));
    put(parameters, DB_INT(query->above));
    put(parameters, DB_INT(query->below));
    put(parameters, query->has_start ? DB_INT(query->start_us) : DB_NULL);
    put(parameters, query->has_end ? DB_INT(query->end_us) : DB_NULL);
    put(parameters, DB_INT(query->max > 0 ? (int64_t)query->max + 1 : COUNT_MAX));
}

static void put_with(struct parameters *parameters, const struct jid *with)
{
    crypto_digest(CRYPTO_SHA256, with->bare, strlen(with->bare), parameters->hash);
    put(parameters, DB_BYTES(parameters->hash, crypto_hash_size(CRYPTO_SHA256)));
    if (with->resource) {
        parameters->from = attribute_text(with, "from");
        parameters->to = attribute_text(with, "to");
    }
    put(parameters, DB_TEXT(parameters->from));
    put(parameters, DB_TEXT(parameters->to));
}

void archive_rows_add(struct sm_unit *unit, int64_t owner, const struct archive_query *query)
{
    enum form form = query->backward ? BACKWARD : FORWARD;
    struct parameters parameters = {0};

    if (query->known.length > 0)
        sm_add_values(unit, &count_missing, DB_INT(owner), DB_TEXT(query->known.data));
    put_range(&parameters, owner, query);
    if (query->has_with)
        put_with(&parameters, &query->with);
    if (query->has_ids)
        put(&parameters, DB_TEXT(query->ids.data));
    sm_add(unit, &select_page[query->max > 0 ? form : COUNTING][filter_of(query)],
           parameters.values);
    free(parameters.from);
    free(parameters.to);
}
