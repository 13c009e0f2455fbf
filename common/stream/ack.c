/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Counters of XEP-0198.
 */
#include "common/stream/ack.h"

#include <string.h>

#include "common/base/error.h"

static const char BLANKS[] = " \t\r\n";

int ack_read_h(const struct element *element, uint32_t *h)
{
    const char *text = element_get(element, "h");
    uint64_t number = 0;
    if (!text)
        return ERR_MALFORMED;
    text += strspn(text, BLANKS);
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || text[digits + strspn(text + digits, BLANKS)] != '\0')
        return ERR_MALFORMED;
    for (size_t i = 0; i < digits; i++) {
        number = number * 10 + (uint64_t)(text[i] - '0');
        if (number > UINT32_MAX)
            return ERR_MALFORMED;
    }
    *h = (uint32_t)number;
    return 0;
}

int ack_progress(uint32_t h, uint32_t acknowledged, size_t unacked, uint32_t *count)
{
    uint32_t more = h - acknowledged; /* modulo 2^32 */
    if (more > unacked)
        return ERR_LIMIT;
    *count = more;
    return 0;
}
