/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What an archive answers (XEP-0313 §4.2, §4.3, §5).
 */
#include "common/xmpp/archive_query.h"
#include "common/xmpp/datetime.h"
#include "common/xmpp/forward.h"
#include "common/xmpp/rsm.h"

size_t archive_query_place(const struct archive_query *query, size_t i, size_t count)
{
    return query->backward != query->flipped ? count - 1 - i : i;
}

struct element *archive_add_result(struct element *parent, const struct archive_query *query,
                                   const char *id, const struct element *message, int64_t time_us)
{
    struct element *result = element_add(parent, NS_MAM, "result");
    char stamp[DATETIME_SIZE];

    element_set(result, "queryid", query->id);
    element_set(result, "id", id);
    datetime_format(time_us, stamp);
    return forward_message(result, message, stamp);
}

void archive_add_fin(struct element *parent, bool complete, const char *oldest, const char *newest,
                     int64_t count)
{
    struct element *fin = element_add(parent, NS_MAM, "fin");

    if (complete)
        element_set(fin, "complete", "true");
    rsm_add(fin, oldest, newest, count);
}

void archive_add_end(struct element *metadata, const char *name, const char *id, int64_t time_us)
{
    struct element *end = element_add(metadata, NS_MAM, name);
    char stamp[DATETIME_SIZE];

    datetime_format(time_us, stamp);
    element_set(end, "id", id);
    element_set(end, "timestamp", stamp);
}
