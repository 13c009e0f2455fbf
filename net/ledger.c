/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What goes to a peer, and counting it.
 */
#include "net/ledger.h"

#include <stdlib.h>

#include "common/base/error.h"
#include "common/base/memory.h"
#include "common/base/table.h"
#include "common/stream/ack.h"

static void entry_free(struct entry *entry)
{
    stanza_unref(entry->stanza);
    buffer_fini(&entry->bytes);
    free(entry);
}

static struct entry **queue_of(struct ledger *ledger, const struct entry *entry)
{
    bool urgent = entry->kind == ENTRY_ANSWER || entry->kind == ENTRY_NOTE;
    return urgent ? &ledger->urgent : &ledger->waiting;
}

static void count_waiting(struct ledger *ledger, const struct entry *entry, int sign)
{
    ledger->waiting_bytes += sign > 0 ? entry->size : -entry->size;
    ledger->waiting_count += (unsigned)sign;
}

static void count_sent(struct ledger *ledger, const struct entry *entry, int sign)
{
    ledger->sent_bytes += sign > 0 ? entry->size : -entry->size;
    ledger->sent_count += (unsigned)sign;
}

static void append(struct ledger *ledger, struct entry *entry)
{
    struct entry **queue = queue_of(ledger, entry);
    DL_APPEND(*queue, entry);
    count_waiting(ledger, entry, 1);
}

void ledger_add_stanza(struct ledger *ledger, struct stanza *stanza)
{
    struct entry *entry = xcalloc(1, sizeof(*entry));
    struct buffer bytes = {0};
    stanza_write(&bytes, stanza, NS_LINK);
    entry->kind = ENTRY_STANZA;
    entry->stanza = stanza;
    entry->size = bytes.length;
    buffer_fini(&bytes);
    append(ledger, entry);
}

void ledger_add(struct ledger *ledger, enum entry_kind kind, struct buffer *bytes)
{
    struct entry *entry = xcalloc(1, sizeof(*entry));
    entry->kind = kind;
    entry->bytes = *bytes;
    entry->size = bytes->length;
    *bytes = (struct buffer){0};
    append(ledger, entry);
}

size_t ledger_bytes(const struct ledger *ledger)
{
    return ledger->waiting_bytes + ledger->sent_bytes;
}

bool ledger_next(struct ledger *ledger, struct buffer *out)
{
    struct entry **queue = ledger->urgent ? &ledger->urgent : &ledger->waiting;
    struct entry *entry = *queue;
    if (!entry)
        return false;
    DL_DELETE(*queue, entry);
    count_waiting(ledger, entry, -1);
    DL_APPEND(ledger->sent, entry);
    count_sent(ledger, entry, 1);
    if (entry->stanza)
        stanza_write(out, entry->stanza, NS_LINK);
    else
        buffer_append(out, entry->bytes.data, entry->bytes.length);
    return true;
}

int ledger_acknowledge(struct ledger *ledger, uint32_t h)
{
    uint32_t count;
    int error = ack_progress(h, ledger->acknowledged, ledger->sent_count, &count);
    if (error)
        return error;
    ledger->acknowledged = h;
    while (count-- > 0) {
        struct entry *entry = ledger->sent;
        DL_DELETE(ledger->sent, entry);
        count_sent(ledger, entry, -1);
        entry_free(entry);
    }
    return 0;
}

static void return_sent(struct ledger *ledger)
{
    while (ledger->sent) {
        struct entry *entry = ledger->sent->prev; /* the last one */
        struct entry **queue = queue_of(ledger, entry);
        DL_DELETE(ledger->sent, entry);
        count_sent(ledger, entry, -1);
        if (entry->dropped) {
            entry_free(entry);
            continue;
        }
        DL_PREPEND(*queue, entry);
        count_waiting(ledger, entry, 1);
    }
}

int ledger_resume(struct ledger *ledger, uint32_t h)
{
    int error = ledger_acknowledge(ledger, h);
    if (!error)
        return_sent(ledger);
    return error;
}

void ledger_restart(struct ledger *ledger)
{
    return_sent(ledger);
    ledger->acknowledged = 0;
    ledger->received = 0;
}

static void drop_from(struct ledger *ledger, struct entry **queue, enum entry_kind kind,
                      void (*each)(void *user, struct stanza *stanza), void *user)
{
    struct entry *entry, *next;
    DL_FOREACH_SAFE (*queue, entry, next) {
        if (entry->kind != kind)
            continue;
        DL_DELETE(*queue, entry);
        count_waiting(ledger, entry, -1);
        if (each && entry->stanza)
            each(user, stanza_ref(entry->stanza));
        entry_free(entry);
    }
}

/* They keep their places in the count. */
void ledger_drop_sent(struct ledger *ledger, enum entry_kind kind,
                      void (*each)(void *user, struct stanza *stanza), void *user)
{
    struct entry *entry;
    DL_FOREACH (ledger->sent, entry) {
        if (entry->kind != kind || entry->dropped)
            continue;
        if (each && entry->stanza)
            each(user, stanza_ref(entry->stanza));
        stanza_unref(entry->stanza);
        entry->stanza = NULL;
        buffer_fini(&entry->bytes);
        ledger->sent_bytes -= entry->size;
        entry->size = 0;
        entry->dropped = true;
    }
}

void ledger_drop(struct ledger *ledger, enum entry_kind kind,
                 void (*each)(void *user, struct stanza *stanza), void *user)
{
    ledger_drop_sent(ledger, kind, each, user);
    drop_from(ledger, &ledger->urgent, kind, each, user);
    drop_from(ledger, &ledger->waiting, kind, each, user);
}

void ledger_fini(struct ledger *ledger)
{
    return_sent(ledger);
    for (int kind = ENTRY_STANZA; kind <= ENTRY_NOTE; kind++)
        ledger_drop(ledger, (enum entry_kind)kind, NULL, NULL);
}
