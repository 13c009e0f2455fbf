/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Federation: what is connected, and how a domain is reached.
 *
 * kontalk-s2s shows a line for each pair of domains and direction,
 *     out OURS THEIRS STATE by=… addr=… tls=… cipher=… waiting=… unacked=… retry=… problem=…
 * of which the last value alone may have blanks in it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "common/base/error.h"
#include "common/base/memory.h"
#include "kontalkctl/ctl.h"

/* In the order of the line; the first ones have no name there. */
enum field {
    FIELD_DIRECTION,
    FIELD_OURS,
    FIELD_THEIRS,
    FIELD_STATE,
    FIELD_PROOF,
    FIELD_ADDRESS,
    FIELD_TLS,
    FIELD_CIPHER,
    FIELD_WAITING,
    FIELD_UNACKED,
    FIELD_RETRY,
    FIELD_PROBLEM,
    FIELDS
};

static const struct {
    const char *name; /* with its "=" in the line; NULL: it has none */
    const char *key;  /* in JSON */
    const char *head; /* of the table */
    bool number;
} FIELD_ROWS[FIELDS] = {
    [FIELD_DIRECTION] = {NULL, "direction", "", false},
    [FIELD_OURS] = {NULL, "local", "OURS", false},
    [FIELD_THEIRS] = {NULL, "remote", "THEIRS", false},
    [FIELD_STATE] = {NULL, "state", "STATE", false},
    [FIELD_PROOF] = {"by=", "proof", "PROOF", false},
    [FIELD_ADDRESS] = {"addr=", "address", "ADDRESS", false},
    [FIELD_TLS] = {"tls=", "tls", "TLS", false},
    [FIELD_CIPHER] = {"cipher=", "cipher", "CIPHER", false},
    [FIELD_WAITING] = {"waiting=", "waiting", "WAITING", true},
    [FIELD_UNACKED] = {"unacked=", "unacknowledged", "UNACKED", true},
    [FIELD_RETRY] = {"retry=", "retry_seconds", "RETRY", true},
    [FIELD_PROBLEM] = {"problem=", "problem", "LAST PROBLEM", false},
};

struct row {
    char *line; /* holds the values */
    const char *values[FIELDS];
};

struct rows {
    struct row *rows;
    size_t count;
};

/* Takes a value off the line; what is not there is "-". */
static const char *take_value(char **at, enum field field)
{
    const char *name = FIELD_ROWS[field].name ? FIELD_ROWS[field].name : "";
    size_t length = strlen(name);
    char *value = *at;

    if (*value == '\0' || strncmp(value, name, length) != 0)
        return "-";
    value += length;
    char *end = field == FIELD_PROBLEM ? value + strlen(value) : value + strcspn(value, " ");
    *at = *end ? end + 1 : end;
    *end = '\0';
    return value;
}

static void add_row(void *user, const char *text)
{
    struct rows *rows = user;
    struct row row = {.line = xstrdup(text)};
    char *at = row.line;

    for (int field = 0; field < FIELDS; field++)
        row.values[field] = take_value(&at, (enum field)field);
    rows->rows = xrealloc(rows->rows, (rows->count + 1) * sizeof(*rows->rows));
    rows->rows[rows->count++] = row;
}

static void free_rows(struct rows *rows)
{
    for (size_t i = 0; i < rows->count; i++)
        free(rows->rows[i].line);
    free(rows->rows);
}

static void print_table(const struct rows *rows)
{
    const char **cells = xcalloc(rows->count * FIELDS + 1, sizeof(*cells));
    const char *heads[FIELDS];

    for (int field = 0; field < FIELDS; field++)
        heads[field] = FIELD_ROWS[field].head;
    for (size_t i = 0; i < rows->count; i++)
        memcpy(&cells[i * FIELDS], rows->rows[i].values, sizeof(rows->rows[i].values));
    ctl_print_table(heads, FIELDS, cells, rows->count);
    free(cells);
}

/* --- JSON --- */

static json_t *value_of(enum field field, const char *text)
{
    if (strcmp(text, "-") == 0)
        return FIELD_ROWS[field].number ? json_integer(0) : json_null();
    return FIELD_ROWS[field].number ? json_integer(strtoll(text, NULL, 10)) : json_string(text);
}

static void print_json(const struct rows *rows)
{
    json_t *list = json_array();

    for (size_t i = 0; i < rows->count; i++) {
        json_t *object = json_object();
        for (int field = 0; field < FIELDS; field++)
            json_object_set_new(object, FIELD_ROWS[field].key,
                                value_of((enum field)field, rows->rows[i].values[field]));
        json_array_append_new(list, object);
    }
    ctl_print_json(list);
}

/* --- the verbs --- */

static int result_of(int error)
{
    if (error == ERR_CLOSED)
        return ctl_fail("kontalk-s2s went away");
    return ctl_asked("s2s", error);
}

static int show(const struct ctl *ctl, size_t argc, const char *const *argv)
{
    static const char *const words[] = {"show"};
    struct rows rows = {0};
    bool json;

    if (ctl_is_json(argc, argv, &json))
        return EXIT_FAILURE;
    int error = ctl_follow(ctl, "s2s", ARRAY_SIZE(words), words, add_row, &rows);
    if (error == 0)
        (json ? print_json : print_table)(&rows);
    free_rows(&rows);
    return result_of(error);
}

/* Each step as it is made, also into a pipe. */
static void print_step(void *user UNUSED, const char *text)
{
    puts(text);
    fflush(stdout);
}

static int probe(const struct ctl *ctl, size_t argc, const char *const *argv)
{
    const char *words[] = {"probe", argv[0], argc > 1 ? argv[1] : NULL};

    return result_of(ctl_follow(ctl, "s2s", argc + 1, words, print_step, NULL));
}

const struct ctl_verb s2s_verbs[] = {
    {"s2s show", 0, 1, show, "[--json]  the streams to and from other domains"},
    {"s2s probe", 1, 2, probe,
     "DOMAIN [OURS]  how a domain is reached from ours, step by step, and a ping"},
    {0},
};
