/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Domain names as the configuration has them.
 */
#include "common/config/domain.h"

#include <idn2.h>
#include <stdbool.h>
#include <string.h>

#include "common/base/error.h"

#define LABEL_MAX 63

/* A final dot is no part of the domain (RFC 7622 §3.2). */
static const char *without_root(struct arena *arena, const char *text)
{
    size_t length = strlen(text);

    return length > 1 && text[length - 1] == '.' ? arena_strndup(arena, text, length - 1) : text;
}

/* Letters, digits and hyphens, none at either end (RFC 5890 §2.3.1). */
static bool is_label(const char *label, size_t length)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789-";

    return length > 0 && length <= LABEL_MAX && strspn(label, allowed) >= length &&
           label[0] != '-' && label[length - 1] != '-';
}

static bool are_labels(const char *name)
{
    for (;;) {
        size_t length = strcspn(name, ".");
        if (!is_label(name, length)) {
            return false;
        }
        if (!name[length]) {
            return true;
        }
        name += length + 1;
    }
}

/* NULL: not possible. The library is not asked to refuse what host names cannot have, because it
 * drops it instead: "a_b" would become "ab". */
static const char *to_a_labels(struct arena *arena, const char *text)
{
    char *ascii = NULL;
    const char *copy = NULL;

    if (idn2_to_ascii_8z(text, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) == IDN2_OK &&
        are_labels(ascii)) {
        copy = arena_strdup(arena, ascii);
    }
    idn2_free(ascii);
    return copy;
}

static const char *to_u_labels(struct arena *arena, const char *ascii)
{
    char *unicode = NULL;
    const char *copy = NULL;

    if (idn2_to_unicode_8z8z(ascii, &unicode, 0) == IDN2_OK) {
        copy = arena_strdup(arena, unicode);
    }
    idn2_free(unicode);
    return copy;
}

int config_domain_prepare(struct arena *arena, const char *text, const char **prepared)
{
    const char *ascii = to_a_labels(arena, without_root(arena, text));
    const char *unicode = ascii ? to_u_labels(arena, ascii) : NULL;
    const char *again = unicode ? to_a_labels(arena, unicode) : NULL;

    /* Or one domain would have two forms. */
    if (!again || strcmp(again, ascii) != 0) {
        return ERR_MALFORMED;
    }
    *prepared = unicode;
    return 0;
}
