/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Envelopes: made, read, opened.
 */
#include "c2s/sm/envelope.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/error.h"
#include "common/xmpp/namespaces.h"

static const char *const stages[] = {[ENVELOPE_HOME] = "home", [ENVELOPE_GATEWAY] = "gateway"};

struct jid envelope_address(struct arena *arena, const char *local, const char *host)
{
    return jid_copy(arena, &(struct jid){.local = local, .domain = host});
}

struct stanza *envelope_wrap(const struct envelope *envelope, const struct stanza *stanza,
                             const struct jid *from, const struct jid *to)
{
    struct stanza *message = stanza_new(STANZA_MESSAGE, MESSAGE_NORMAL);
    struct element *element = element_add(message->root, NS_NET, "envelope");

    stanza_set_from(message, from);
    stanza_set_to(message, to);
    element_set(element, "stage", stages[envelope->stage]);
    element_set(element, "home", envelope->home);
    element_set(element, "epoch", arena_decimal(message->arena, envelope->epoch));
    if (stanza)
        element_add_copy(element, stanza->root);
    return message;
}

void envelope_add(struct stanza *message, const struct jid *to)
{
    element_add_with_text(envelope_of(message), NS_NET, "to", to->full);
}

void envelope_set_version(struct stanza *message, uint64_t version)
{
    element_set(envelope_of(message), "version", arena_printf(message->arena, "%" PRIx64, version));
}

uint64_t envelope_version(const struct element *element)
{
    const char *text = element_get(element, "version");

    return text ? strtoull(text, NULL, 16) : 0;
}

struct element *envelope_of(const struct stanza *message)
{
    return message->kind == STANZA_MESSAGE ? element_find(message->root, NS_NET, "envelope") : NULL;
}

static int read_stage(const char *text, enum envelope_stage *stage)
{
    for (size_t i = 0; text && i < ARRAY_SIZE(stages); i++) {
        if (strcmp(text, stages[i]) == 0) {
            *stage = (enum envelope_stage)i;
            return 0;
        }
    }
    return ERR_MALFORMED;
}

static int read_epoch(const char *text, int64_t *epoch)
{
    char *end;

    if (!text)
        return ERR_MALFORMED;
    errno = 0;
    *epoch = strtoll(text, &end, 10);
    return end == text || *end || errno || *epoch < 1 ? ERR_MALFORMED : 0;
}

int envelope_read(const struct element *element, struct envelope *envelope)
{
    envelope->home = element_get(element, "home");
    if (!envelope->home || read_stage(element_get(element, "stage"), &envelope->stage) < 0)
        return ERR_MALFORMED;
    return read_epoch(element_get(element, "epoch"), &envelope->epoch);
}

const struct element *envelope_first(const struct element *element)
{
    return element_find(element, NS_NET, "to");
}

const struct element *envelope_next(const struct element *recipient)
{
    const struct element *next = element_next(recipient);

    while (next && !element_is(next, NS_NET, "to"))
        next = element_next(next);
    return next;
}
