/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What kontalk-muc counts.
 */
#include "common/base/table.h"
#include "common/component/link.h"
#include "muc/mail.h"
#include "muc/room.h"

static void read_rooms(void *state, struct metric_samples *samples)
{
    metric_add(samples, HASH_COUNT(((const struct muc *)state)->rooms), NULL);
}

static void read_occupants(void *state, struct metric_samples *samples)
{
    size_t count = 0;

    for (const struct room *room = ((const struct muc *)state)->rooms; room; room = room->hh.next)
        count += HASH_COUNT(room->occupants);
    metric_add(samples, (double)count, NULL);
}

static void read_messages(void *state, struct metric_samples *samples)
{
    metric_add(samples, (double)((const struct muc *)state)->messages, NULL);
}

static void read_letters(void *state, struct metric_samples *samples)
{
    const struct muc *muc = state;

    metric_add(samples, (double)(muc->mail ? mail_count(muc) : 0), NULL);
}

static void read_database(void *state, struct metric_samples *samples)
{
    metric_add(samples, db_available(((const struct muc *)state)->db), NULL);
}

const char *muc_problem(void *state)
{
    const struct muc *muc = state;

    if (!db_available(muc->db))
        return "the database cannot be reached";
    return link_problem(muc->link);
}

const struct metric muc_metrics[] = {
    {"kontalk_muc_rooms", METRIC_GAUGE, "Rooms in memory.", read_rooms},
    {"kontalk_muc_occupants", METRIC_GAUGE, "Occupants of these.", read_occupants},
    {"kontalk_muc_messages", METRIC_COUNTER, "Messages that rooms have accepted.", read_messages},
    {"kontalk_muc_letters", METRIC_GAUGE, "Messages that not everybody has answered for yet.",
     read_letters},
    {"kontalk_muc_database_up", METRIC_GAUGE, "1 while its database is there.", read_database},
    {0},
};
