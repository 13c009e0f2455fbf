/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The words of urn:kontalk:durable:1 (docs/ROUTER.md): stanzas that somebody answers for until
 * somebody else has said that he does. No I/O.
 */
#pragma once

#include "common/base/macros.h"
#include "common/xmpp/stanza.h"

#define NS_DURABLE      "urn:kontalk:durable:1"
#define DURABLE_VERSION 1
/* An address and what its owner adds to it. */
#define DURABLE_ID_MAX (JID_MAX + 64)
/* What an offer, or a batch of them (batch.h), adds to the stanza in it, beyond that stanza's own
 * size. */
#define DURABLE_OVERHEAD ((size_t)64 * 1024)

enum durable_kind { DURABLE_OFFER, DURABLE_TOOK, DURABLE_REFUSED, DURABLE_FORGET, DURABLE_KINDS };

/* One of these words. Strings belong to whoever provided the memory. */
struct durable {
    enum durable_kind kind;
    const char *id;
    struct jid from, to; /* of an offer: its stanza's; domain NULL: missing (refused: allowed) */

    /* DURABLE_OFFER */
    struct element *stanza; /* in NS_CLIENT */
    unsigned attempt;       /* 1: the first */
    const char *after;      /* the offer that has to come before it; NULL: none */

    /* DURABLE_REFUSED */
    enum stanza_condition reason;
    const char *type; /* "wait": not now; any other: never */
    const char *text; /* for people; NULL: none */
    unsigned
        retry_after; /* seconds, before which it makes no sense to offer it again; 0: unknown */
};

/* From an element in NS_DURABLE; strings are in its arena. ERR_MALFORMED: what nobody of ours would
 * ever write. *problem is -1, or why the offer has to be refused (its `from` and `id` are there).
 */
MUST_CHECK int durable_read(struct element *element, struct durable *durable, int *problem);
/* The stanza of an offer that was read, which can outlive it and is not in it any more; as
 * stanza_from_element_take(). */
MUST_CHECK int durable_take_stanza(struct durable *offer, struct stanza **stanza, int *problem);
/* As XML that is complete in itself. */
void durable_write(struct buffer *out, const struct durable *durable);
/* The answer to an offer; borrows from it. It goes to the bare JID; to a worker of a node, which
 * has none, as it is. */
struct durable durable_answer(const struct durable *offer, enum durable_kind kind);
/* With everything but the stanza in the arena. */
void durable_copy(struct arena *arena, const struct durable *durable, struct durable *copy);
/* "offer", "took" and so on. */
const char *durable_name(enum durable_kind kind);
