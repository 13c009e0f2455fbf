/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Nodes of an account (XEP-0227 §4.10): configuration and people first, then items.
 */
#include "c2s/pie/write.h"
#include "c2s/pubsub/namespaces.h"
#include "c2s/pubsub/options.h"

static const struct db_statement read_nodes = {
    .name = "pie_nodes",
    .sql = "SELECT node_id, name, config FROM pubsub_node WHERE owner = $1::bigint ORDER BY name",
    .parameters = 1,
};

static const struct db_statement read_affiliations = {
    .name = "pie_affiliations",
    .sql = "SELECT jid, affiliation FROM pubsub_affiliation"
           " WHERE owner = $1::bigint AND node_id = $2::bigint ORDER BY jid",
    .parameters = 2,
};

static const struct db_statement read_subscriptions = {
    .name = "pie_subscriptions",
    .sql = "SELECT jid, state FROM pubsub_subscription"
           " WHERE owner = $1::bigint AND node_id = $2::bigint ORDER BY jid",
    .parameters = 2,
};

static const struct db_statement read_items = {
    .name = "pie_items",
    .sql = "SELECT item, publisher, xml FROM pubsub_item"
           " WHERE owner = $1::bigint AND node_id = $2::bigint ORDER BY seq",
    .parameters = 2,
};

static struct db_result *read_of(struct pie_write *write, const struct db_statement *statement,
                                 int64_t node)
{
    const struct db_value values[] = {DB_INT(write->owner), DB_INT(node)};

    return pie_read(write, statement, values);
}

/* <affiliations/> or <subscriptions/>. */
static void write_people(struct pie_write *write, const struct db_statement *statement,
                         int64_t node, const char *name, const char *what)
{
    struct db_result *rows = read_of(write, statement, node);
    size_t count = rows ? db_rows(rows) : 0;

    if (count > 0) {
        buffer_printf(&write->out, "<%ss", what);
        pie_attribute(write, "node", name);
        buffer_append_text(&write->out, ">\n");
    }
    for (size_t i = 0; i < count; i++) {
        buffer_printf(&write->out, "<%s", what);
        pie_attribute(write, "jid", db_get_text(rows, i, 0));
        pie_attribute(write, what, db_get_text(rows, i, 1));
        buffer_append_text(&write->out, "/>\n");
    }
    if (count > 0)
        buffer_printf(&write->out, "</%ss>\n", what);
    db_result_free(rows);
}

static void write_node(struct pie_write *write, int64_t id, const char *name, const char *config)
{
    struct arena *arena = arena_new();
    struct element *configure = element_new(arena, NS_PUBSUB_OWNER, "configure");
    struct pubsub_options options;

    options_init(&options, PUBSUB_ACCOUNT);
    options_parse(&options, config);
    element_set(configure, "node", name);
    options_add_form(configure, "result", &options);
    element_write(&write->out, configure, NS_PUBSUB_OWNER);
    buffer_append_char(&write->out, '\n');
    options_fini(&options);
    arena_free(arena);
    write_people(write, &read_affiliations, id, name, "affiliation");
    write_people(write, &read_subscriptions, id, name, "subscription");
}

static void write_items(struct pie_write *write, int64_t node, const char *name)
{
    struct db_result *rows = read_of(write, &read_items, node);

    buffer_append_text(&write->out, "<items");
    pie_attribute(write, "node", name);
    buffer_append_text(&write->out, ">\n");
    for (size_t i = 0; rows && i < db_rows(rows); i++) {
        buffer_append_text(&write->out, "<item");
        pie_attribute(write, "id", db_get_text(rows, i, 0));
        pie_attribute(write, "publisher", db_get_text(rows, i, 1));
        buffer_append_char(&write->out, '>');
        pie_stored(write, db_get_text(rows, i, 2));
        buffer_append_text(&write->out, "</item>\n");
        pie_flush(write, 1 << 16);
    }
    buffer_append_text(&write->out, "</items>\n");
    db_result_free(rows);
}

void pie_write_pubsub(struct pie_write *write)
{
    const struct db_value owner = DB_INT(write->owner);
    struct db_result *nodes = pie_read(write, &read_nodes, &owner);
    size_t count = nodes ? db_rows(nodes) : 0;

    if (count > 0) {
        buffer_append_text(&write->out, "<pubsub xmlns='" NS_PUBSUB_OWNER "'>\n");
        for (size_t i = 0; i < count; i++)
            write_node(write, db_get_int(nodes, i, 0), db_get_text(nodes, i, 1),
                       db_get_text(nodes, i, 2));
        buffer_append_text(&write->out, "</pubsub>\n<pubsub xmlns='" NS_PUBSUB "'>\n");
        for (size_t i = 0; i < count; i++)
            write_items(write, db_get_int(nodes, i, 0), db_get_text(nodes, i, 1));
        buffer_append_text(&write->out, "</pubsub>\n");
    }
    db_result_free(nodes);
}
