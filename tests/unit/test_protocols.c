/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * docs/PROTOCOLS.md and docs/kontalk.doap (XEP-0453) are what the tables of specifications say.
 * `test_protocols --write` writes them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "c2s/sm/sm.h"
#include "common/base/buffer.h"
#include "common/base/memory.h"
#include "common/service/spec.h"
#include "common/service/suite.h"
#include "common/xmpp/element.h"
#include "files/files.h"
#include "muc/muc.h"
#include "tests/unit/unit.h"

#define LIST "docs/PROTOCOLS.md"
#define DOAP "docs/kontalk.doap"

/* Around what is written, in both. */
#define BEGIN "<!-- From here on written by test_protocols. -->\n"
#define END   "<!-- Up to here. -->"

struct row {
    const struct spec *spec;
    const char *where; /* a module of the session manager, or a daemon */
};

struct rows {
    struct row *items;
    size_t count;
};

static int by_name(const void *a, const void *b)
{
    const struct row *left = a, *right = b;
    int order = strcmp(left->spec->name, right->spec->name);

    return order ? order : strcmp(left->where, right->where);
}

static void add_table(struct rows *rows, const struct spec *specs, const char *where)
{
    for (const struct spec *spec = specs; spec && spec->name; spec++) {
        rows->items = xrealloc(rows->items, (rows->count + 1) * sizeof(*rows->items));
        rows->items[rows->count++] = (struct row){spec, where};
    }
}

static void add_modules(struct rows *rows)
{
    SM_MODULES (module)
        add_table(rows, module->specs, module->name);
}

static struct rows sorted(struct rows rows)
{
    qsort(rows.items, rows.count, sizeof(*rows.items), by_name);
    return rows;
}

static struct rows collect(void)
{
    struct rows rows = {0};

    add_modules(&rows);
    add_table(&rows, router_specs, "router");
    add_table(&rows, c2s_specs, "c2s");
    add_table(&rows, s2s_specs, "s2s");
    add_table(&rows, files_specs, "files");
    add_table(&rows, muc_specs, "muc");
    return sorted(rows);
}

static bool has_spec(void *user, const char *name)
{
    const struct rows *rows = user;

    for (size_t i = 0; i < rows->count; i++)
        if (strcmp(rows->items[i].spec->name, name) == 0)
            return true;
    return false;
}

/* --- the list --- */

static void write_specs(struct buffer *out, const struct rows *rows)
{
    buffer_append_text(out, "| specification | version | only, or without | where |\n");
    buffer_append_text(out, "|---|---|---|---|\n");
    for (size_t i = 0; i < rows->count; i++) {
        const struct row *row = &rows->items[i];
        buffer_printf(out, "| %s | %s | %s | `%s` |\n", row->spec->name,
                      row->spec->version ? row->spec->version : "",
                      row->spec->note ? row->spec->note : "", row->where);
    }
}

static void write_suite(struct buffer *out, struct rows *rows)
{
    buffer_append_text(out, "\n| category | feature | specifications | from level | here |\n");
    buffer_append_text(out, "|---|---|---|---|---|\n");
    for (const struct suite_row *row = suite_rows; row->category; row++)
        buffer_printf(out, "| %s | %s | %s | %s | %s |\n", row->category, row->feature, row->specs,
                      row->level == SUITE_SERVER ? "server" : "advanced",
                      suite_row_is_met(row, has_spec, rows) ? "yes" : "no");
}

static void write_list(struct buffer *out, struct rows *rows)
{
    write_specs(out, rows);
    write_suite(out, rows);
}

/* --- DOAP --- */

/* "XEP-0030": complete if some part of the server has all of it. */
static void write_xep(struct buffer *out, const struct row *rows, size_t count)
{
    const char *note = NULL;
    bool complete = false;

    for (size_t i = 0; i < count; i++) {
        complete |= rows[i].spec->note == NULL;
        note = note ? note : rows[i].spec->note;
    }
    buffer_printf(out,
                  "  <implements><xmpp:SupportedXep>\n"
                  "    <xmpp:xep rdf:resource='https://xmpp.org/extensions/xep-%s.html'/>\n"
                  "    <xmpp:status>%s</xmpp:status>\n"
                  "    <xmpp:version>%s</xmpp:version>\n",
                  rows->spec->name + strlen("XEP-"), complete ? "complete" : "partial",
                  rows->spec->version);
    if (!complete) {
        buffer_append_text(out, "    <xmpp:note xml:lang='en'>");
        xml_escape(out, note);
        buffer_append_text(out, "</xmpp:note>\n");
    }
    buffer_append_text(out, "  </xmpp:SupportedXep></implements>\n");
}

static void write_doap(struct buffer *out, struct rows *rows)
{
    size_t count;

    for (size_t i = 0; i < rows->count; i += count) {
        const struct row *row = &rows->items[i];
        for (count = 1; i + count < rows->count; count++)
            if (strcmp(row[count].spec->name, row->spec->name) != 0)
                break;
        if (strncmp(row->spec->name, "XEP-", 4) == 0)
            write_xep(out, row, count);
        else
            buffer_printf(out,
                          "  <implements rdf:resource='https://www.rfc-editor.org/rfc/rfc%s'/>\n",
                          row->spec->name + strlen("RFC "));
    }
}

/* --- both --- */

static const struct document {
    const char *path;
    void (*write)(struct buffer *out, struct rows *rows);
} documents[] = {{LIST, write_list}, {DOAP, write_doap}};

static char *read_file(const char *path)
{
    struct buffer text = {0};
    char piece[4096];
    size_t length;
    FILE *file = fopen(path, "r");

    assert_non_null(file);
    while ((length = fread(piece, 1, sizeof(piece), file)) > 0)
        buffer_append(&text, piece, length);
    fclose(file);
    return buffer_take(&text);
}

/* The document as it has to be. */
static char *corrected(const struct document *document, const char *text)
{
    const char *begin = strstr(text, BEGIN), *end = strstr(text, END);
    struct rows rows = collect();
    struct buffer out = {0};

    assert_non_null(begin);
    assert_non_null(end);
    while (end > text && end[-1] == ' ')
        end--;
    buffer_append(&out, text, (size_t)(begin - text) + strlen(BEGIN));
    document->write(&out, &rows);
    buffer_append_text(&out, end);
    free(rows.items);
    return buffer_take(&out);
}

static void test_documents(void **state UNUSED)
{
    for (size_t i = 0; i < ARRAY_SIZE(documents); i++) {
        char *text = read_file(documents[i].path);
        char *expected = corrected(&documents[i], text);

        if (strcmp(text, expected) != 0)
            print_message("`build/obj/unit/test_protocols --write` corrects %s\n",
                          documents[i].path);
        assert_string_equal(text, expected);
        free(text);
        free(expected);
    }
}

/* Each part declares a specification once, and says which version of a XEP. */
static void test_declared_once(void **state UNUSED)
{
    struct rows rows = collect();

    assert_true(rows.count > 0);
    for (size_t i = 0; i < rows.count; i++) {
        bool is_xep = strncmp(rows.items[i].spec->name, "XEP-", 4) == 0;
        assert_int_equal(is_xep, rows.items[i].spec->version != NULL);
        assert_non_null(rows.items[i].where);
        if (i > 0)
            assert_int_not_equal(by_name(&rows.items[i - 1], &rows.items[i]), 0);
    }
    free(rows.items);
}

/* Names of the modules that declare the same one. */
static void test_modules_share_nothing(void **state UNUSED)
{
    struct rows rows = {0};

    add_modules(&rows);
    rows = sorted(rows);
    for (size_t i = 1; i < rows.count; i++)
        assert_string_not_equal(rows.items[i - 1].spec->name, rows.items[i].spec->name);
    free(rows.items);
}

/* --- the compliance suite --- */

static bool has_all_but(void *user, const char *spec)
{
    return user == NULL || strcmp(user, spec) != 0;
}

static const struct {
    const char *missing; /* NULL: nothing */
    const char *category;
    enum suite_level level;
    bool met;
} LEVELS[] = {
    {NULL, "Core", SUITE_ADVANCED, true},
    {NULL, "IM", SUITE_ADVANCED, true},
    {"RFC 6120", "Core", SUITE_SERVER, false},
    {"RFC 6120", "A/V", SUITE_SERVER, false}, /* each needs all of Core */
    {"XEP-0163", "Core", SUITE_SERVER, true},
    {"XEP-0163", "Core", SUITE_ADVANCED, false},
    {"XEP-0163", "Mobile", SUITE_SERVER, true},
    {"XEP-0163", "Mobile", SUITE_ADVANCED, false},
    {"XEP-0206", "Web", SUITE_SERVER, false}, /* the one in the middle of its row */
    {"XEP-0124", "Web", SUITE_SERVER, false}, /* the last one */
    {"XEP-0206", "IM", SUITE_ADVANCED, true},
    {"XEP-0357", "Mobile", SUITE_SERVER, true},
    {"XEP-0357", "Mobile", SUITE_ADVANCED, false},
};

static void test_levels(void **state UNUSED)
{
    for (size_t i = 0; i < ARRAY_SIZE(LEVELS); i++)
        assert_int_equal(suite_is_met(LEVELS[i].category, LEVELS[i].level, has_all_but,
                                      (void *)LEVELS[i].missing),
                         LEVELS[i].met);
}

static int write_documents(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(documents); i++) {
        char *text = read_file(documents[i].path);
        char *expected = corrected(&documents[i], text);
        FILE *file = fopen(documents[i].path, "w");
        bool written = file && fputs(expected, file) >= 0;

        if (file && fclose(file) != 0)
            written = false;
        free(text);
        free(expected);
        if (!written)
            return 1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_documents),
        cmocka_unit_test(test_declared_once),
        cmocka_unit_test(test_modules_share_nothing),
        cmocka_unit_test(test_levels),
    };

    if (argc == 2 && strcmp(argv[1], "--write") == 0)
        return write_documents();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
