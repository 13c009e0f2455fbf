/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The options of a node as a table: the field, its type, what it may be, and the defaults.
 */
#include "c2s/pubsub/options.h"

#include <stdlib.h>
#include <string.h>

#include "c2s/pubsub/namespaces.h"
#include "common/base/error.h"
#include "common/base/memory.h"
#include "common/xmpp/form.h"

/* Bytes of a value. */
#define VALUE_MAX 1024
/* So many seconds or bytes or items nobody means. */
#define NUMBER_MAX 1000000000

enum type { BOOLEAN, NUMBER, LIST, TEXT, TEXTS };

static const char *const type_names[] = {
    [BOOLEAN] = "boolean",  [NUMBER] = "text-single", [LIST] = "list-single",
    [TEXT] = "text-single", [TEXTS] = "text-multi",
};

/* Of a service without a roster there are no models that need one. */
static const char *const access_models[] = {"open",      "presence",  "roster",
                                            "authorize", "whitelist", NULL};
static const char *const service_models[] = {"open", "authorize", "whitelist", NULL};
static const char *const publish_models[] = {"publishers", "subscribers", "open", NULL};
static const char *const last_models[] = {"never", "on_sub", "on_sub_and_presence", NULL};
static const char *const service_last[] = {"never", "on_sub", NULL};
static const char *const full_models[] = {"retract-oldest", "discard-oldest", "reject", NULL};
static const char *const message_types[] = {"headline", "normal", "chat", NULL};

static const struct row {
    const char *var;
    const char *label;
    enum type type;
    const char *defaults[2]; /* of accounts, of services */
    const char *const *lists[2];
    bool takes_max; /* a number that may be "max" */
    bool meta;      /* others may know it */
} rows[PUBSUB_OPTIONS] = {
    [OPTION_TITLE] = {"pubsub#title", "A short name", TEXT, {"", ""}, .meta = true},
    [OPTION_DESCRIPTION] = {"pubsub#description", "What it is", TEXT, {"", ""}, .meta = true},
    [OPTION_TYPE] = {"pubsub#type", "The namespace of payloads", TEXT, {"", ""}, .meta = true},
    [OPTION_LANGUAGE] = {"pubsub#language", "The language", TEXT, {"", ""}, .meta = true},
    [OPTION_CONTACT] = {"pubsub#contact", "Whom to ask", TEXTS, {"", ""}, .meta = true},
    [OPTION_DELIVER_NOTIFICATIONS] = {"pubsub#deliver_notifications",
                                      "Tell of what happens",
                                      BOOLEAN,
                                      {"1", "1"}},
    [OPTION_DELIVER_PAYLOADS] = {"pubsub#deliver_payloads",
                                 "Send payloads with that",
                                 BOOLEAN,
                                 {"1", "1"}},
    [OPTION_NOTIFY_CONFIG] = {"pubsub#notify_config", "Tell of changes here", BOOLEAN, {"0", "0"}},
    [OPTION_NOTIFY_DELETE] = {"pubsub#notify_delete",
                              "Tell of the end of the node",
                              BOOLEAN,
                              {"1", "1"}},
    [OPTION_NOTIFY_RETRACT] = {"pubsub#notify_retract",
                               "Tell of items that are taken back",
                               BOOLEAN,
                               {"1", "1"}},
    [OPTION_NOTIFY_SUB] = {"pubsub#notify_sub", "Tell owners of subscribers", BOOLEAN, {"0", "0"}},
    [OPTION_PERSIST_ITEMS] = {"pubsub#persist_items", "Store items", BOOLEAN, {"1", "1"}},
    [OPTION_MAX_ITEMS] = {"pubsub#max_items",
                          "How many items are stored",
                          NUMBER,
                          {"1", "max"},
                          .takes_max = true,
                          .meta = true},
    [OPTION_ITEM_EXPIRE] =
        {"pubsub#item_expire", "For how many seconds", NUMBER, {"max", "max"}, .takes_max = true},
    [OPTION_PUBLISH_NODE_FULL] = {"pubsub#publish_node_full",
                                  "What happens to more",
                                  LIST,
                                  {"retract-oldest", "retract-oldest"},
                                  {full_models, full_models}},
    [OPTION_MAX_PAYLOAD_SIZE] = {"pubsub#max_payload_size",
                                 "Bytes of a payload",
                                 NUMBER,
                                 {"max", "max"},
                                 .takes_max = true},
    [OPTION_SUBSCRIBE] = {"pubsub#subscribe", "Let others subscribe", BOOLEAN, {"1", "1"}},
    [OPTION_ACCESS_MODEL] = {"pubsub#access_model",
                             "Who may subscribe and read",
                             LIST,
                             {"presence", "open"},
                             {access_models, service_models},
                             .meta = true},
    [OPTION_ROSTER_GROUPS] = {"pubsub#roster_groups_allowed",
                              "Groups of the roster that may",
                              TEXTS,
                              {"", ""}},
    [OPTION_PUBLISH_MODEL] = {"pubsub#publish_model",
                              "Who may publish",
                              LIST,
                              {"publishers", "publishers"},
                              {publish_models, publish_models},
                              .meta = true},
    [OPTION_SEND_LAST] = {"pubsub#send_last_published_item",
                          "When the last item is sent",
                          LIST,
                          {"on_sub_and_presence", "on_sub"},
                          {last_models, service_last}},
    [OPTION_NOTIFICATION_TYPE] = {"pubsub#notification_type",
                                  "The type of messages",
                                  LIST,
                                  {"headline", "headline"},
                                  {message_types, message_types}},
};

void options_init(struct pubsub_options *options, enum pubsub_kind kind)
{
    *options = (struct pubsub_options){.kind = kind};
}

void options_copy(struct pubsub_options *to, const struct pubsub_options *from)
{
    options_init(to, from->kind);
    for (size_t i = 0; i < PUBSUB_OPTIONS; i++)
        to->values[i] = xstrdup_or_null(from->values[i]);
}

void options_fini(struct pubsub_options *options)
{
    for (size_t i = 0; i < PUBSUB_OPTIONS; i++)
        free(options->values[i]);
    options_init(options, options->kind);
}

const char *options_get(const struct pubsub_options *options, enum pubsub_option option)
{
    const char *value = options->values[option];

    return value ? value : rows[option].defaults[options->kind];
}

bool options_is(const struct pubsub_options *options, enum pubsub_option option, const char *value)
{
    return strcmp(options_get(options, option), value) == 0;
}

bool options_on(const struct pubsub_options *options, enum pubsub_option option)
{
    return options_is(options, option, "1");
}

static int64_t number_of(const char *text, int64_t limit)
{
    int64_t number = strcmp(text, "max") == 0 ? limit : strtoll(text, NULL, 10);

    return MIN(number, limit);
}

int64_t options_number(const struct pubsub_options *options, enum pubsub_option option,
                       int64_t limit)
{
    return number_of(options_get(options, option), limit);
}

int64_t options_expiry(const struct pubsub_options *options)
{
    return options_is(options, OPTION_ITEM_EXPIRE, "max")
               ? 0
               : options_number(options, OPTION_ITEM_EXPIRE, NUMBER_MAX);
}

/* --- one value --- */

static const struct row *find(const char *var)
{
    for (size_t i = 0; i < PUBSUB_OPTIONS; i++) {
        if (strcmp(rows[i].var, var) == 0)
            return &rows[i];
    }
    return NULL;
}

static enum pubsub_option option_of(const struct row *row)
{
    return (enum pubsub_option)(row - rows);
}

static int64_t limit_of(const struct row *row, const struct pubsub_option_limits *limits)
{
    switch (option_of(row)) {
    case OPTION_MAX_ITEMS:
        return limits->items;
    case OPTION_MAX_PAYLOAD_SIZE:
        return limits->payload;
    default:
        return NUMBER_MAX;
    }
}

static int read_boolean(const char *value, const char **canonical)
{
    static const char *const names[][2] = {{"1", "1"}, {"true", "1"}, {"0", "0"}, {"false", "0"}};

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (strcmp(names[i][0], value) == 0) {
            *canonical = names[i][1];
            return 0;
        }
    }
    return ERR_INVALID;
}

static int read_number(const struct row *row, const char *value,
                       const struct pubsub_option_limits *limits)
{
    size_t length = strlen(value);

    if (strcmp(value, "max") == 0)
        return row->takes_max ? 0 : ERR_INVALID;
    if (length == 0 || strspn(value, "0123456789") != length)
        return ERR_INVALID;
    return length > 18 || strtoll(value, NULL, 10) > limit_of(row, limits) ? ERR_TOO_BIG : 0;
}

static int read_list(const char *const *list, const char *value)
{
    for (; *list; list++) {
        if (strcmp(*list, value) == 0)
            return 0;
    }
    return ERR_INVALID;
}

/* *canonical may be in `value`. */
static int read_value(const struct pubsub_options *options, const struct row *row,
                      const char *value, const struct pubsub_option_limits *limits,
                      const char **canonical)
{
    *canonical = value;
    if (strlen(value) > VALUE_MAX)
        return ERR_TOO_BIG;
    switch (row->type) {
    case BOOLEAN:
        return read_boolean(value, canonical);
    case NUMBER:
        return read_number(row, value, limits);
    case LIST:
        return read_list(row->lists[options->kind], value);
    case TEXT:
        return strchr(value, '\n') ? ERR_INVALID : 0;
    case TEXTS:
        break;
    }
    return 0;
}

int options_set(struct pubsub_options *options, const char *var, const char *value,
                const struct pubsub_option_limits *limits)
{
    const struct row *row = find(var);
    const char *canonical = NULL;
    int error;

    if (!row)
        return ERR_NOT_FOUND;
    error = value ? read_value(options, row, value, limits, &canonical) : 0;
    if (error < 0)
        return error;
    free(options->values[option_of(row)]);
    options->values[option_of(row)] = xstrdup_or_null(canonical);
    return 0;
}

int options_compare(const struct pubsub_options *options, const char *var, const char *value,
                    const struct pubsub_option_limits *limits, bool *equal)
{
    const struct row *row = find(var);
    const char *canonical, *have;
    int error;

    if (!row)
        return ERR_NOT_FOUND;
    have = options_get(options, option_of(row));
    error = read_value(options, row, value ? value : "", limits, &canonical);
    if (error < 0)
        return error;
    *equal = row->type == NUMBER ? number_of(have, limit_of(row, limits)) ==
                                       number_of(canonical, limit_of(row, limits))
                                 : strcmp(have, canonical) == 0;
    return 0;
}

/* --- stored: a line "var=value" for each value --- */

void options_format(const struct pubsub_options *options, struct buffer *out)
{
    for (size_t i = 0; i < PUBSUB_OPTIONS; i++) {
        const char *value = options->values[i], *end;

        if (!value)
            continue;
        while ((end = strchr(value, '\n'))) {
            buffer_printf(out, "%s=%.*s\n", rows[i].var, (int)(end - value), value);
            value = end + 1;
        }
        buffer_printf(out, "%s=%s\n", rows[i].var, value);
    }
}

static void parse_line(struct pubsub_options *options, const char *var, const char *value)
{
    const struct row *row = find(var);
    char **at;

    if (!row)
        return;
    at = &options->values[option_of(row)];
    if (*at) {
        char *both = xasprintf("%s\n%s", *at, value);
        free(*at);
        *at = both;
    } else {
        *at = xstrdup(value);
    }
}

void options_parse(struct pubsub_options *options, const char *text)
{
    char *copy = xstrdup(text), *rest = copy, *line;

    while ((line = strsep(&rest, "\n"))) {
        char *value = strchr(line, '=');

        if (value) {
            *value++ = '\0';
            parse_line(options, line, value);
        }
    }
    free(copy);
}

/* --- as a form --- */

static void add_choices(struct element *field, const char *const *list)
{
    for (; list && *list; list++)
        element_add_with_text(element_add(field, NS_DATA_FORM, "option"), NS_DATA_FORM, "value",
                              *list);
}

void options_add_form(struct element *parent, const char *type,
                      const struct pubsub_options *options)
{
    struct element *form = form_add(parent, type, FORM_NODE_CONFIG);

    for (size_t i = 0; i < PUBSUB_OPTIONS; i++) {
        const char *value = options_get(options, i);
        struct element *field =
            form_add_field(form, rows[i].var, type_names[rows[i].type], *value ? value : NULL);

        if (strcmp(type, "form") == 0) {
            element_set(field, "label", rows[i].label);
            add_choices(field, rows[i].lists[options->kind]);
        }
    }
}

void options_add_meta(struct element *form, const struct pubsub_options *options)
{
    for (size_t i = 0; i < PUBSUB_OPTIONS; i++) {
        const char *value = options_get(options, i);

        if (rows[i].meta && *value)
            form_add_field(form, rows[i].var, type_names[rows[i].type], value);
    }
}
