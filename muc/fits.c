/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The size of what is sent.
 */
#include "muc/fits.h"

#include "common/base/arena.h"
#include "common/base/buffer.h"
#include "common/xmpp/namespaces.h"

/* Less than the defaults of routers and servers (512 KiB; of elements, 4096 of others than ours).
 */
#define BYTES_MAX    ((size_t)480 * 1024)
#define ELEMENTS_MAX 8000
/* A byte in memory is written as so many at most, in "&apos;"; so this is never too large, nor does
 * it have too many elements. */
#define SURELY_FITS (BYTES_MAX / 6)

static size_t count_elements(const struct element *root)
{
    const struct element *element = root;
    size_t count = 1;

    for (;;) {
        const struct element *next = element_first(element);

        while (next == NULL && element != root) {
            next = element_next(element);
            element = element->parent;
        }
        if (next == NULL)
            return count;
        element = next;
        count++;
    }
}

bool stanza_fits(const struct stanza *stanza)
{
    struct buffer text = {0};
    size_t length;

    if (arena_size(stanza->arena) <= SURELY_FITS)
        return true;
    stanza_write(&text, stanza, NS_COMPONENT);
    length = text.length;
    buffer_fini(&text);
    return length <= BYTES_MAX && count_elements(stanza->root) <= ELEMENTS_MAX;
}
