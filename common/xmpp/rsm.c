/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Result Set Management.
 */
#include "common/xmpp/rsm.h"

#include <inttypes.h>
#include <string.h>

#include "common/xmpp/conditions.h"

static bool read_max(const char *text, size_t *max)
{
    size_t length = strspn(text, "0123456789");

    if (length == 0 || text[length] != '\0')
        return false;
    for (*max = 0; *text; text++) {
        size_t digit = (size_t)(*text - '0');
        if (*max > (SIZE_MAX - digit) / 10) {
            *max = SIZE_MAX;
            return true;
        }
        *max = *max * 10 + digit;
    }
    return true;
}

int rsm_read(const struct element *parent, struct rsm *rsm)
{
    const struct element *set = element_find(parent, NS_RSM, "set");
    const char *max = set ? element_child_text(set, NS_RSM, "max") : NULL;

    *rsm = (struct rsm){0};
    if (!set)
        return -1;
    if (element_find(set, NS_RSM, "index"))
        return STANZA_FEATURE_NOT_IMPLEMENTED;
    rsm->has_max = max != NULL;
    if (max && !read_max(max, &rsm->max))
        return STANZA_BAD_REQUEST;
    rsm->after = element_child_text(set, NS_RSM, "after");
    rsm->before = element_child_text(set, NS_RSM, "before");
    return -1;
}

void rsm_add(struct element *parent, const char *first, const char *last, int64_t count)
{
    struct element *set = element_add(parent, NS_RSM, "set");

    if (first)
        element_add_with_text(set, NS_RSM, "first", first);
    if (last)
        element_add_with_text(set, NS_RSM, "last", last);
    if (count >= 0)
        element_add_with_text(set, NS_RSM, "count", arena_printf(parent->arena, "%" PRId64, count));
}
