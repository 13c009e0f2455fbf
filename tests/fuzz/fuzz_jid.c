/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Addresses: what is accepted is within the limits, and prepared once and for all.
 */
#include <string.h>

#include "common/xmpp/jid.h"
#include "tests/fuzz/fuzz.h"

static void check_part(const char *part)
{
    MUST(part == NULL || (part[0] != '\0' && strlen(part) <= JID_PART_MAX));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct arena *arena = arena_new();
    const char *text = arena_strndup(arena, (const char *)bytes, length);
    struct jid jid, again;

    if (jid_parse(arena, text, &jid) == 0) {
        check_part(jid.local);
        check_part(jid.domain);
        check_part(jid.resource);
        MUST(strlen(jid.full) <= JID_MAX);
        MUST(jid_parse(arena, jid.full, &again) == 0);
        MUST(jid_equal(&jid, &again));
        struct jid *copy = jid_dup(&jid);
        MUST(jid_equal(copy, &jid));
        free(copy);
    }
    arena_free(arena);
    return 0;
}
