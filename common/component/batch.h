/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Words of urn:kontalk:durable:1 for many at once (docs/ROUTER.md, "Batches"): offers that share
 * one stanza, or the same answer to many offers. Each item is a word of its own to whoever offers
 * and takes; that they travel together saves what they have in common. No I/O.
 */
#pragma once

#include "common/component/durable.h"

#define BATCH_VERSION 1 /* of the protocol `batch` */

/* Of one batch: elements are bounded, and so is what is written for all items. */
#define BATCH_MAX   400
#define BATCH_BYTES ((size_t)40 * 1024)

/* One recipient of a stanza. */
struct batch_item {
    struct jid jid; /* of an offer and of forget: who is to get it; of took: who has */
    const char *id;
    unsigned attempt;  /* of an offer */
    const char *after; /* as in struct durable */
};

struct batch {
    enum durable_kind kind; /* all but DURABLE_REFUSED */
    struct jid from;        /* of all; of offers the stanza's */
    struct jid to;          /* of took only; else domain NULL */
    struct element *stanza; /* of offers: without `to` */
    bool whole; /* offers that cannot be made one by one: it is understood, or refused */
    const struct batch_item *items;
    size_t count;
};

/* From an element in NS_DURABLE; strings are in its arena. ERR_UNSUPPORTED: it is none.
 * ERR_MALFORMED: what nobody of ours would ever write. */
MUST_CHECK int batch_read(struct element *element, struct batch *batch);
/* Appends as many of the first items as fit, as XML that is complete in itself; returns how many:
 * at least one. */
size_t batch_write(struct buffer *out, const struct batch *batch);
/* What is left of it from that item on. */
struct batch batch_from(const struct batch *batch, size_t item);
/* The word for that item; an offer without its stanza, whose `to` is missing. */
struct durable batch_word(const struct batch *batch, size_t item);
/* The stanza of that item's offer, with a tree of its own; as durable_take_stanza(). */
MUST_CHECK int batch_copy_stanza(const struct batch *batch, size_t item, struct stanza **stanza,
                                 int *problem);
/* A copy of an item in the arena. */
struct batch_item batch_copy_item(struct arena *arena, const struct batch_item *item);
