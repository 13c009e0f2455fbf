/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The list of specifications in docs/XEPS.md is the one that the modules of the session manager
 * declare. `test_xeps --write` writes it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "c2s/sm/sm.h"
#include "common/base/buffer.h"
#include "common/base/memory.h"
#include "tests/unit/unit.h"

#define DOCUMENT "docs/XEPS.md"
#define BEGIN    "<!-- From here on written by test_xeps. -->\n"
#define END      "<!-- Up to here. -->\n"

struct row {
    const struct sm_module *module;
    const struct sm_spec *spec;
};

struct rows {
    struct row *items;
    size_t count;
};

static int by_name(const void *a, const void *b)
{
    const struct row *left = a, *right = b;

    return strcmp(left->spec->name, right->spec->name);
}

static struct rows collect(void)
{
    struct rows rows = {0};

    SM_MODULES (module) {
        for (const struct sm_spec *spec = module->specs; spec && spec->name; spec++) {
            rows.items = xrealloc(rows.items, (rows.count + 1) * sizeof(*rows.items));
            rows.items[rows.count++] = (struct row){module, spec};
        }
    }
    qsort(rows.items, rows.count, sizeof(*rows.items), by_name);
    return rows;
}

static char *make_table(void)
{
    struct rows rows = collect();
    struct buffer out = {0};

    buffer_append_text(&out, "| specification | version | what is left out | where |\n");
    buffer_append_text(&out, "|---|---|---|---|\n");
    for (size_t i = 0; i < rows.count; i++) {
        const struct row *row = &rows.items[i];
        buffer_printf(&out, "| %s | %s | %s | `%s` |\n", row->spec->name, row->spec->version,
                      row->spec->note ? row->spec->note : "", row->module->name);
    }
    free(rows.items);
    return buffer_take(&out);
}

static char *read_document(void)
{
    struct buffer text = {0};
    char piece[4096];
    size_t length;
    FILE *file = fopen(DOCUMENT, "r");

    assert_non_null(file);
    while ((length = fread(piece, 1, sizeof(piece), file)) > 0) {
        buffer_append(&text, piece, length);
    }
    fclose(file);
    return buffer_take(&text);
}

/* The document with the table as it has to be. */
static char *corrected(const char *text)
{
    const char *begin = strstr(text, BEGIN), *end = strstr(text, END);
    char *table = make_table();
    struct buffer out = {0};

    assert_non_null(begin);
    assert_non_null(end);
    buffer_append(&out, text, (size_t)(begin - text) + strlen(BEGIN));
    buffer_append_text(&out, table);
    buffer_append_text(&out, end);
    free(table);
    return buffer_take(&out);
}

static void test_document(void **state)
{
    char *text = read_document();
    char *expected = corrected(text);

    (void)state;
    if (strcmp(text, expected) != 0) {
        print_message("`build/obj/unit/test_xeps --write` corrects " DOCUMENT "\n");
    }
    assert_string_equal(text, expected);
    free(text);
    free(expected);
}

/* A specification that two modules share is declared by one of them. */
static void test_declared_once(void **state)
{
    struct rows rows = collect();

    (void)state;
    assert_true(rows.count > 0);
    for (size_t i = 1; i < rows.count; i++) {
        assert_string_not_equal(rows.items[i - 1].spec->name, rows.items[i].spec->name);
    }
    free(rows.items);
}

static int write_document(void)
{
    char *text = read_document();
    char *expected = corrected(text);
    FILE *file = fopen(DOCUMENT, "w");
    bool written = file && fputs(expected, file) >= 0;

    if (file && fclose(file) != 0) {
        written = false;
    }
    free(text);
    free(expected);
    return written ? 0 : 1;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_document),
        cmocka_unit_test(test_declared_once),
    };

    if (argc == 2 && strcmp(argv[1], "--write") == 0) {
        return write_document();
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
