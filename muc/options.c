/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What a room can be configured to be.
 */
#include "muc/options.h"

#include <string.h>

#include "common/base/macros.h"
#include "common/config/number.h"

#define LINE_MAX_BYTES 1024

const struct option_row option_rows[OPTIONS] = {
#define OPTION(name, stored, field, type, preset, label)                                           \
    [OPTION_##name] = {stored, field, type, preset, label},
#include "muc/options.def"
#undef OPTION
};

static const struct option_choice whois[] = {
    {"moderators", "Moderators only"}, {"anyone", "Everybody"}, {NULL, NULL}};
static const struct option_choice private_messages[] = {{"anyone", "Everybody"},
                                                        {"participants", "Participants"},
                                                        {"moderators", "Moderators"},
                                                        {"none", "Nobody"},
                                                        {NULL, NULL}};
static const struct option_choice users[] = {{"10", "10"},     {"20", "20"},     {"50", "50"},
                                             {"100", "100"},   {"200", "200"},   {"500", "500"},
                                             {"1000", "1000"}, {"none", "None"}, {NULL, NULL}};
static const struct option_choice roles[] = {{"moderator", "Moderators"},
                                             {"participant", "Participants"},
                                             {"visitor", "Visitors"},
                                             {NULL, NULL}};

int option_of_stored(const char *stored)
{
    for (int i = 0; i < OPTIONS; i++)
        if (strcmp(option_rows[i].stored, stored) == 0)
            return i;
    return -1;
}

int option_of_field(const char *field)
{
    for (int i = 0; i < OPTIONS; i++)
        if (strcmp(option_rows[i].field, field) == 0)
            return i;
    return -1;
}

const struct option_choice *option_choices(enum option option)
{
    switch (option) {
    case OPTION_WHOIS:
        return whois;
    case OPTION_ALLOW_PM:
        return private_messages;
    case OPTION_MAX_USERS:
        return users;
    case OPTION_BROADCAST:
    case OPTION_GET_MEMBERS:
        return roles;
    default:
        return NULL;
    }
}

bool option_has(const char *values, const char *value)
{
    size_t wanted = strlen(value);

    while (*values) {
        size_t length = strcspn(values, "\n");

        if (length == wanted && strncmp(values, value, length) == 0)
            return true;
        values += length + (values[length] == '\n');
    }
    return false;
}

static bool is_choice(const struct option_choice *choices, const char *value, size_t length)
{
    for (; choices->value; choices++)
        if (strlen(choices->value) == length && strncmp(choices->value, value, length) == 0)
            return true;
    return false;
}

static bool are_choices(const struct option_choice *choices, const char *values)
{
    while (*values) {
        size_t length = strcspn(values, "\n");

        if (!is_choice(choices, values, length))
            return false;
        values += length + (values[length] == '\n');
    }
    return true;
}

static bool read_boolean(const char **value)
{
    if (strcmp(*value, "1") == 0 || strcmp(*value, "true") == 0)
        *value = "1";
    else if (strcmp(*value, "0") == 0 || strcmp(*value, "false") == 0)
        *value = "0";
    else
        return false;
    return true;
}

static bool is_number(const char *value)
{
    int64_t number;

    return config_number_parse(CONFIG_NUMBER, value, &number) == 0 && number >= 0;
}

bool option_accepts(enum option option, const char **value)
{
    const char *type = option_rows[option].type;
    const struct option_choice *choices = option_choices(option);

    if (strcmp(type, "boolean") == 0)
        return read_boolean(value);
    if (strcmp(type, "list-multi") == 0)
        return are_choices(choices, *value);
    if (option == OPTION_MAX_USERS && is_number(*value))
        return strcmp(*value, "0") != 0;
    if (choices)
        return is_choice(choices, *value, strlen(*value));
    if (option == OPTION_HISTORY)
        return is_number(*value);
    return strlen(*value) <= LINE_MAX_BYTES;
}
