/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Accounts into a file.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "c2s/pie/write.h"
#include "common/base/error.h"
#include "common/base/memory.h"
#include "common/xmpp/namespaces.h"

/* Accounts that are listed at once. */
#define PAGE 500

static const struct db_statement list_accounts = {
    .name = "pie_accounts",
    .sql = "SELECT owner, local FROM account WHERE domain = $1 AND local > $2"
           " AND ($3::text IS NULL OR local = $3) ORDER BY local LIMIT $4::bigint",
    .parameters = 4,
};

static const struct db_statement read_verifiers = {
    .name = "pie_verifiers",
    .sql = "SELECT mechanism, value FROM verifier WHERE owner = $1::bigint ORDER BY mechanism",
    .parameters = 1,
};

static const struct db_statement read_roster = {
    .name = "pie_roster",
    .sql = "SELECT jid, name, subscription, ask, approved, group_names FROM roster_item"
           " WHERE owner = $1::bigint AND NOT removed ORDER BY jid",
    .parameters = 1,
};

static const struct db_statement read_requests = {
    .name = "pie_requests",
    .sql = "SELECT jid, pending_in_stanza FROM roster_item"
           " WHERE owner = $1::bigint AND pending_in ORDER BY jid",
    .parameters = 1,
};

static const struct db_statement read_private = {
    .name = "pie_private",
    .sql = "SELECT xml FROM private_xml WHERE owner = $1::bigint ORDER BY name",
    .parameters = 1,
};

static const struct db_statement read_vcard = {
    .name = "pie_vcard",
    .sql = "SELECT xml FROM vcard WHERE owner = $1::bigint",
    .parameters = 1,
};

static const struct db_statement read_blocked = {
    .name = "pie_blocked",
    .sql = "SELECT jid FROM block_item WHERE owner = $1::bigint ORDER BY jid",
    .parameters = 1,
};

struct db_result *pie_read(struct pie_write *write, const struct db_statement *statement,
                           const struct db_value *values)
{
    struct db_result *result = NULL;

    if (write->error == 0)
        write->error = db_session_run(write->session, statement, values, &result, write->problem);
    if (write->error == 0)
        return result;
    db_result_free(result);
    return NULL;
}

static struct db_result *read_own(struct pie_write *write, const struct db_statement *statement)
{
    const struct db_value owner = DB_INT(write->owner);

    return pie_read(write, statement, &owner);
}

void pie_flush(struct pie_write *write, size_t above)
{
    if (write->out.length <= above)
        return;
    fwrite(write->out.data, 1, write->out.length, write->file);
    buffer_clear(&write->out);
}

void pie_attribute(struct pie_write *write, const char *name, const char *value)
{
    if (!value)
        return;
    buffer_printf(&write->out, " %s='", name);
    xml_escape(&write->out, value);
    buffer_append_char(&write->out, '\'');
}

/* The end of the first tag, and whether it declares a default namespace. */
static bool declares(const char *xml)
{
    char quote = '\0';

    for (const char *at = xml; *at && (quote || *at != '>'); at++) {
        if (quote)
            quote = *at == quote ? '\0' : quote;
        else if (*at == '\'' || *at == '"')
            quote = *at;
        else if (strncmp(at, " xmlns=", 7) == 0)
            return true;
    }
    return false;
}

void pie_stored(struct pie_write *write, const char *xml)
{
    size_t name = xml[0] == '<' ? strcspn(xml, " />") : 0;

    if (name > 0 && !declares(xml)) {
        buffer_append(&write->out, xml, name);
        buffer_append_text(&write->out, " xmlns='" NS_CLIENT "'");
        xml += name;
    }
    buffer_append_text(&write->out, xml);
}

/* --- credentials: "SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>" --- */

static void add_part(struct pie_write *write, const char *name, const char *from, const char *to)
{
    buffer_printf(&write->out, "<%s>%.*s</%s>", name, (int)(to - from), from, name);
}

static void add_verifier(struct pie_write *write, const char *mechanism, const char *value)
{
    const char *count = strchr(value, '$'), *salt = count ? strchr(count, ':') : NULL;
    const char *stored = salt ? strchr(salt, '$') : NULL;
    const char *server = stored ? strchr(stored, ':') : NULL;

    if (!server)
        return;
    buffer_printf(&write->out, "<scram-credentials xmlns='" NS_PIE "#scram' mechanism='%s'>",
                  mechanism);
    add_part(write, "iter-count", count + 1, salt);
    add_part(write, "salt", salt + 1, stored);
    add_part(write, "server-key", server + 1, server + strlen(server));
    add_part(write, "stored-key", stored + 1, server);
    buffer_append_text(&write->out, "</scram-credentials>\n");
}

static void write_verifiers(struct pie_write *write)
{
    struct db_result *rows = read_own(write, &read_verifiers);

    for (size_t i = 0; rows && i < db_rows(rows); i++)
        add_verifier(write, db_get_text(rows, i, 0), db_get_text(rows, i, 1));
    db_result_free(rows);
}

/* --- the roster --- */

static void add_groups(struct pie_write *write, const char *groups)
{
    while (*groups) {
        size_t length = strcspn(groups, "\x1f");
        char *name = xstrndup(groups, length);

        buffer_append_text(&write->out, "<group>");
        xml_escape(&write->out, name);
        buffer_append_text(&write->out, "</group>");
        free(name);
        groups += length + (groups[length] != '\0');
    }
}

static void add_contact(struct pie_write *write, const struct db_result *rows, size_t row)
{
    buffer_append_text(&write->out, "<item");
    pie_attribute(write, "jid", db_get_text(rows, row, 0));
    pie_attribute(write, "name", db_is_null(rows, row, 1) ? NULL : db_get_text(rows, row, 1));
    pie_attribute(write, "subscription", db_get_text(rows, row, 2));
    pie_attribute(write, "ask", db_get_bool(rows, row, 3) ? "subscribe" : NULL);
    pie_attribute(write, "approved", db_get_bool(rows, row, 4) ? "true" : NULL);
    buffer_append_char(&write->out, '>');
    add_groups(write, db_get_text(rows, row, 5));
    buffer_append_text(&write->out, "</item>\n");
}

static void write_roster(struct pie_write *write)
{
    struct db_result *rows = read_own(write, &read_roster);
    struct db_result *requests = read_own(write, &read_requests);

    if (rows && db_rows(rows) > 0) {
        buffer_append_text(&write->out, "<query xmlns='jabber:iq:roster'>\n");
        for (size_t i = 0; i < db_rows(rows); i++)
            add_contact(write, rows, i);
        buffer_append_text(&write->out, "</query>\n");
    }
    for (size_t i = 0; requests && i < db_rows(requests); i++) {
        if (db_is_null(requests, i, 1)) {
            buffer_append_text(&write->out, "<presence xmlns='" NS_CLIENT "' type='subscribe'");
            pie_attribute(write, "from", db_get_text(requests, i, 0));
            buffer_append_text(&write->out, "/>");
        } else {
            pie_stored(write, db_get_text(requests, i, 1));
        }
        buffer_append_char(&write->out, '\n');
    }
    db_result_free(requests);
    db_result_free(rows);
}

/* --- what is stored as it is --- */

static void write_stored(struct pie_write *write, const struct db_statement *statement,
                         const char *begin, const char *end)
{
    struct db_result *rows = read_own(write, statement);

    if (rows && db_rows(rows) > 0) {
        buffer_append_text(&write->out, begin);
        for (size_t i = 0; i < db_rows(rows); i++) {
            pie_stored(write, db_get_text(rows, i, 0));
            buffer_append_char(&write->out, '\n');
        }
        buffer_append_text(&write->out, end);
    }
    db_result_free(rows);
}

/* The block list is what it was called before: a default privacy list (XEP-0016, §4.8). */
static void write_blocked(struct pie_write *write)
{
    struct db_result *rows = read_own(write, &read_blocked);
    size_t count = rows ? db_rows(rows) : 0;

    if (count > 0)
        buffer_append_text(&write->out, "<query xmlns='jabber:iq:privacy'><default name='blocked'/>"
                                        "<list name='blocked'>\n");
    for (size_t i = 0; i < count; i++) {
        buffer_append_text(&write->out, "<item type='jid' action='deny'");
        pie_attribute(write, "value", db_get_text(rows, i, 0));
        buffer_printf(&write->out, " order='%zu'/>\n", i + 1);
    }
    if (count > 0)
        buffer_append_text(&write->out, "</list></query>\n");
    db_result_free(rows);
}

/* --- accounts --- */

static void write_user(struct pie_write *write, const char *domain, const char *local)
{
    char *bare = xasprintf("%s@%s", local, domain);

    buffer_append_text(&write->out, "<user");
    pie_attribute(write, "name", local);
    buffer_append_text(&write->out, ">\n");
    write_verifiers(write);
    write_roster(write);
    write_stored(write, &read_private, "<query xmlns='jabber:iq:private'>\n", "</query>\n");
    write_stored(write, &read_vcard, "", "");
    write_blocked(write);
    pie_write_pubsub(write);
    pie_write_messages(write, bare);
    buffer_append_text(&write->out, "</user>\n");
    pie_flush(write, 0);
    free(bare);
}

/* How many; the last local part in *last, to be freed. */
static size_t write_page(struct pie_write *write, const char *domain, const char *local,
                         char **last)
{
    const struct db_value values[] = {DB_TEXT(domain), DB_TEXT(*last), DB_TEXT(local),
                                      DB_INT(PAGE)};
    struct db_result *rows = pie_read(write, &list_accounts, values);
    size_t count = rows ? db_rows(rows) : 0;

    for (size_t i = 0; i < count && write->error == 0; i++) {
        write->owner = db_get_int(rows, i, 0);
        write_user(write, domain, db_get_text(rows, i, 1));
    }
    if (count > 0) {
        free(*last);
        *last = xstrdup(db_get_text(rows, count - 1, 1));
    }
    db_result_free(rows);
    return count;
}

int pie_export(struct db_session *session, const char *domain, const char *local, FILE *file,
               size_t *count, const char **problem)
{
    struct pie_write write = {.session = session, .file = file, .problem = problem};
    char *last = xstrdup("");
    size_t found;

    buffer_append_text(&write.out, "<host");
    pie_attribute(&write, "jid", domain);
    buffer_append_text(&write.out, ">\n");
    do {
        found = write_page(&write, domain, local, &last);
        *count += found;
    } while (write.error == 0 && found == PAGE);
    buffer_append_text(&write.out, "</host>\n");
    pie_flush(&write, 0);
    buffer_fini(&write.out);
    free(last);
    return write.error;
}
