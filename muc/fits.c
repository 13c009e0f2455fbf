/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The size of what is sent.
 */
#include "muc/fits.h"

#include "common/xmpp/namespaces.h"

/* Less than the defaults of routers and servers (512 KiB; of elements, 4096 of others than ours).
 */
#define BYTES_MAX    ((size_t)480 * 1024)
#define ELEMENTS_MAX 8000

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
    return element_fits(stanza->root, NS_CLIENT, BYTES_MAX) &&
           count_elements(stanza->root) <= ELEMENTS_MAX;
}
