/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * "bytes=0-499", "bytes=500-", "bytes=-500".
 */
#include "files/range.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/macros.h"

#define UNIT "bytes="

static bool read_number(const char **at, uint64_t *number)
{
    char *end;

    if (!isdigit((unsigned char)**at))
        return false;
    errno = 0;
    *number = strtoull(*at, &end, 10);
    if (errno)
        *number = UINT64_MAX; /* beyond the end of any file */
    *at = end;
    return true;
}

static struct range part(uint64_t first, uint64_t last, uint64_t size)
{
    if (first >= size)
        return (struct range){RANGE_OUTSIDE, 0, 0};
    return (struct range){RANGE_PART, first, MIN(last, size - 1) - first + 1};
}

static struct range last_bytes(uint64_t count, uint64_t size)
{
    if (count == 0 || size == 0)
        return (struct range){RANGE_OUTSIDE, 0, 0};
    return (struct range){RANGE_PART, size - MIN(count, size), MIN(count, size)};
}

struct range range_read(const char *text, uint64_t size)
{
    const struct range all = {RANGE_ALL, 0, size};
    uint64_t first = 0, last = UINT64_MAX;

    if (text == NULL || strncmp(text, UNIT, strlen(UNIT)) != 0)
        return all;
    text += strlen(UNIT);
    bool has_first = read_number(&text, &first);
    if (*text++ != '-')
        return all;
    bool has_last = read_number(&text, &last);
    if (*text != '\0' || (!has_first && !has_last) || (has_first && last < first))
        return all;
    return has_first ? part(first, last, size) : last_bytes(last, size);
}
