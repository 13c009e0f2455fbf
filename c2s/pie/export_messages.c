/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Messages: the archive, and those that no device has acknowledged, which may be the same.
 */
#include "c2s/pie/write.h"

#include <string.h>

#include "common/base/memory.h"
#include "common/xmpp/namespaces.h"

#define PAGE 500

/* Milliseconds are what there is in the file. */
#define STAMP "to_char(received AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')"

static const struct db_statement read_archive = {
    .name = "pie_archive",
    .sql = "SELECT seq, " STAMP ", stanza FROM message WHERE owner = $1::bigint"
           " AND seq > $2::bigint AND archived ORDER BY seq LIMIT $3::bigint",
    .parameters = 3,
};

static const struct db_statement read_pending = {
    .name = "pie_pending",
    .sql = "SELECT message.seq, " STAMP ", stanza FROM pending JOIN message"
           " ON message.owner = pending.owner AND message.seq = pending.seq"
           " WHERE pending.owner = $1::bigint AND pending.seq > $2::bigint"
           " ORDER BY pending.seq LIMIT $3::bigint",
    .parameters = 3,
};

/* Its place in the archive is its id there: what it was called here means nothing elsewhere. */
static void add_archived(struct pie_write *write, size_t number, const char *stamp,
                         const char *stanza)
{
    buffer_printf(&write->out,
                  "<result xmlns='urn:xmpp:mam:2' id='%zu'><forwarded xmlns='urn:xmpp:forward:0'>"
                  "<delay xmlns='" NS_DELAY "' stamp='%s'/>",
                  number, stamp);
    pie_stored(write, stanza);
    buffer_append_text(&write->out, "</forwarded></result>\n");
}

/* <delay/> is the last child (XEP-0203). */
static void add_pending(struct pie_write *write, const char *from, const char *stamp,
                        const char *stanza)
{
    static const char end[] = "</message>";
    size_t before = write->out.length;

    pie_stored(write, stanza);
    if (write->out.length - before < sizeof(end) - 1 ||
        memcmp(write->out.data + write->out.length - (sizeof(end) - 1), end, sizeof(end) - 1) != 0)
        return;
    write->out.length -= sizeof(end) - 1;
    buffer_append_text(&write->out, "<delay xmlns='" NS_DELAY "'");
    pie_attribute(write, "from", from);
    pie_attribute(write, "stamp", stamp);
    buffer_append_text(&write->out, "/>");
    buffer_append_text(&write->out, end);
    buffer_append_char(&write->out, '\n');
}

static size_t write_page(struct pie_write *write, const struct db_statement *statement,
                         int64_t *after, const char *from, size_t number)
{
    const struct db_value values[] = {DB_INT(write->owner), DB_INT(*after), DB_INT(PAGE)};
    struct db_result *rows = pie_read(write, statement, values);
    size_t count = rows ? db_rows(rows) : 0;

    for (size_t i = 0; i < count; i++) {
        *after = db_get_int(rows, i, 0);
        if (from)
            add_pending(write, from, db_get_text(rows, i, 1), db_get_text(rows, i, 2));
        else
            add_archived(write, number + i + 1, db_get_text(rows, i, 1), db_get_text(rows, i, 2));
        pie_flush(write, 1 << 16);
    }
    db_result_free(rows);
    return count;
}

static void write_all(struct pie_write *write, const struct db_statement *statement,
                      const char *from)
{
    int64_t after = 0;
    size_t number = 0, count;

    do {
        count = write_page(write, statement, &after, from, number);
        number += count;
    } while (count == PAGE && write->error == 0);
}

void pie_write_messages(struct pie_write *write, const char *bare)
{
    buffer_append_text(&write->out, "<archive xmlns='" NS_PIE "#mam'>\n");
    write_all(write, &read_archive, NULL);
    buffer_append_text(&write->out, "</archive>\n<offline-messages>\n");
    write_all(write, &read_pending, bare);
    buffer_append_text(&write->out, "</offline-messages>\n");
}
