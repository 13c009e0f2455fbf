/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Numbers with units.
 */
#include "common/config/number.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "common/base/error.h"

/* The big ones first: what writes a number takes the first that divides it. */
static const struct unit {
    enum config_type type;
    const char *name;
    int64_t factor;
} units[] = {
    {CONFIG_NUMBER, "", 1},          {CONFIG_DURATION, "d", 86400000},
    {CONFIG_DURATION, "h", 3600000}, {CONFIG_DURATION, "m", 60000},
    {CONFIG_DURATION, "s", 1000},    {CONFIG_DURATION, "ms", 1},
    {CONFIG_SIZE, "G", 1073741824},  {CONFIG_SIZE, "M", 1048576},
    {CONFIG_SIZE, "k", 1024},        {CONFIG_SIZE, "", 1},
};

static int64_t factor_of(enum config_type type, const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
        if (units[i].type == type && strcasecmp(units[i].name, name) == 0) {
            return units[i].factor;
        }
    }
    return 0;
}

int config_number_parse(enum config_type type, const char *text, int64_t *number)
{
    size_t digits = strspn(text, "0123456789");
    int64_t result = 0;

    if (digits == 0) {
        return ERR_MALFORMED;
    }
    for (size_t i = 0; i < digits; i++) {
        if (__builtin_mul_overflow(result, 10, &result) ||
            __builtin_add_overflow(result, text[i] - '0', &result)) {
            return ERR_MALFORMED;
        }
    }
    int64_t factor = factor_of(type, text + digits);
    if (factor == 0 && (result != 0 || text[digits])) {
        return ERR_MALFORMED;
    }
    return __builtin_mul_overflow(result, factor, number) ? ERR_MALFORMED : 0;
}

const char *config_number_text(struct arena *arena, enum config_type type, int64_t number)
{
    for (size_t i = 0; number != 0 && i < ARRAY_SIZE(units); i++) {
        if (units[i].type == type && number % units[i].factor == 0) {
            return arena_printf(arena, "%" PRId64 "%s", number / units[i].factor, units[i].name);
        }
    }
    return arena_printf(arena, "%" PRId64, number);
}
