/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The books of the outbox: a list for each pair of domains, or domain and slot, in the order of
 * sending; and how much each account has in all of them.
 */
#include <stdlib.h>
#include <string.h>

#include "c2s/sm/outbox_internal.h"
#include "c2s/sm/places.h"
#include "common/base/clock.h"
#include "common/base/limit.h"
#include "common/base/log.h"
#include "common/component/slots.h"
#include "common/service/follow.h"

/* Of all that waits, in memory. */
#define BYTES_MAX ((size_t)64 * 1024 * 1024)

static struct sender *find_sender(struct outbox *outbox, const char *bare)
{
    struct sender *sender;
    size_t length = strlen(bare);

    HASH_FIND(hh, outbox->senders, bare, length, sender);
    if (sender)
        return sender;
    sender = xcalloc(1, sizeof(*sender) + length + 1);
    memcpy(sender->bare, bare, length + 1);
    HASH_ADD_KEYPTR(hh, outbox->senders, sender->bare, length, sender);
    return sender;
}

static void release_sender(struct outbox *outbox, struct sender *sender)
{
    if (sender->count > 0)
        return;
    HASH_DEL(outbox->senders, sender);
    free(sender);
}

/* By slot, because what is taken there is remembered by who owns the slot. */
static char *key_of(const struct outbox *outbox, const struct stanza *stanza, bool unplaced,
                    const char *home)
{
    unsigned slot = sm_is_ours(outbox->sm, &stanza->to) ? slot_of(stanza->to.bare) : SLOTS;
    struct buffer key = {0};

    buffer_append_text(&key, stanza->from.domain);
    buffer_append_text(&key, home && !unplaced ? " @" : " ");
    buffer_append_text(&key, unplaced ? stanza->to.bare : home ? home : stanza->to.domain);
    buffer_append_char(&key, ' ');
    if (unplaced)
        buffer_append_char(&key, '?');
    else
        buffer_append_number(&key, slot);
    return buffer_take(&key);
}

/* Another node may serve the home now. */
static void set_node(struct list *list, const char *host)
{
    if (strcmp(list->theirs, host) == 0)
        return;
    free(list->theirs);
    list->theirs = xstrdup(host);
}

/* Which list a stanza is for. */
struct aim {
    bool unplaced, away;
    struct directory_place place;
    char *key;
};

static void take_aim(const struct outbox *outbox, const struct stanza *stanza, struct aim *aim)
{
    aim->unplaced = !places_look(outbox->sm, &stanza->to, &aim->place);
    aim->away = !aim->unplaced && aim->place.answer == DIRECTORY_ELSEWHERE;
    aim->key = key_of(outbox, stanza, aim->unplaced, aim->away ? aim->place.home : NULL);
}

struct list *outbox_list(struct outbox *outbox, const struct stanza *stanza)
{
    struct list *list;
    struct aim aim;

    take_aim(outbox, stanza, &aim);
    HASH_FIND_STR(outbox->lists, aim.key, list);
    if (list) {
        free(aim.key);
        if (aim.away)
            set_node(list, aim.place.host);
        return list;
    }
    list = xcalloc(1, sizeof(*list));
    list->key = aim.key;
    list->away = aim.away;
    list->unplaced = aim.unplaced;
    list->theirs = xstrdup(aim.away ? aim.place.host : stanza->to.domain);
    HASH_ADD_KEYPTR(hh, outbox->lists, list->key, strlen(list->key), list);
    return list;
}

void outbox_release_list(struct outbox *outbox, struct list *list)
{
    if (list->parcels)
        return;
    HASH_DEL(outbox->lists, list);
    free(list->problem);
    free(list->theirs);
    free(list->key);
    free(list);
}

struct parcel *outbox_find(const struct outbox *outbox, const char *id)
{
    struct parcel *parcel;

    HASH_FIND_STR(outbox->parcels, id, parcel);
    return parcel;
}

void outbox_remove(struct outbox *outbox, struct parcel *parcel)
{
    HASH_DEL(outbox->parcels, parcel);
    DL_DELETE(parcel->list->parcels, parcel);
    parcel->list->count--;
    parcel->sender->count--;
    release_sender(outbox, parcel->sender);
    outbox->bytes -= parcel->size;
    stanza_unref(parcel->stanza);
    free(parcel->id);
    free(parcel);
}

bool outbox_has_room(struct sm *sm, const struct stanza *stanza)
{
    const struct outbox *outbox = sm->outbox;
    const struct sender *sender;
    const struct list *list;
    struct aim aim;

    take_aim(outbox, stanza, &aim);
    HASH_FIND_STR(outbox->lists, aim.key, list);
    HASH_FIND_STR(outbox->senders, stanza->from.bare, sender);
    free(aim.key);
    if (list && list->count >= sm->limits.outbox_domain)
        limit_reached("outbox-domain");
    else if (sender && sender->count >= sm->limits.outbox_sender)
        limit_reached("outbox-sender");
    else
        return outbox->bytes < BYTES_MAX;
    return false;
}

static bool is_in_list(const struct outbox *outbox, const struct account *sender,
                       const struct stanza *stanza)
{
    const struct parcel *parcel;
    const struct list *list;
    struct aim aim;

    take_aim(outbox, stanza, &aim);
    HASH_FIND_STR(outbox->lists, aim.key, list);
    free(aim.key);
    if (!list)
        return false;
    DL_FOREACH (list->parcels, parcel) {
        if (parcel->row.owner == sender->owner && jid_bare_equal(&parcel->stanza->to, &stanza->to))
            return true;
    }
    return false;
}

bool outbox_may_have(struct sm *sm, const struct account *sender, const struct stanza *stanza)
{
    const struct outbox *outbox = sm->outbox;
    const struct sender *known;

    if (sender->outboxing > 0 || !outbox_rows_are_read(outbox->rows, sender->slot))
        return true;
    HASH_FIND_STR(outbox->senders, sender->jid->bare, known);
    return known && is_in_list(outbox, sender, stanza);
}

/* Behind what its account has sent before. */
static void insert_old(struct list *list, struct parcel *parcel)
{
    struct parcel *other;

    DL_FOREACH (list->parcels, other) {
        if (other->row.owner == parcel->row.owner && other->row.seq > parcel->row.seq) {
            DL_PREPEND_ELEM(list->parcels, other, parcel);
            return;
        }
    }
    DL_APPEND(list->parcels, parcel);
}

void outbox_relist(struct outbox *outbox, struct list *list)
{
    struct parcel *all = list->parcels, *parcel, *next;

    list->parcels = NULL;
    list->count = 0;
    list->moved = false;
    DL_FOREACH_SAFE (all, parcel, next) {
        DL_DELETE(all, parcel);
        parcel->offered = false;
        parcel->list = outbox_list(outbox, parcel->stanza);
        parcel->list->count++;
        insert_old(parcel->list, parcel);
    }
    timer_start(outbox->timer, 0, OUTBOX_TICK_MS);
}

struct parcel *outbox_add_take(struct outbox *outbox, char *id, struct stanza *stanza,
                               const struct outbox_row *row, bool old)
{
    struct parcel *parcel = xcalloc(1, sizeof(*parcel));

    parcel->id = id;
    parcel->list = outbox_list(outbox, stanza);
    parcel->sender = find_sender(outbox, stanza->from.bare);
    parcel->stanza = stanza_ref(stanza);
    parcel->expires_ms = clock_monotonic_ms() + outbox->sm->limits.outbox_expiry_ms;
    parcel->size = arena_size(stanza->arena);
    outbox->bytes += parcel->size;
    parcel->sender->count++;
    parcel->list->count++;
    parcel->row = *row;
    if (old)
        insert_old(parcel->list, parcel);
    else
        DL_APPEND(parcel->list->parcels, parcel);
    HASH_ADD_KEYPTR(hh, outbox->parcels, parcel->id, strlen(parcel->id), parcel);
    return parcel;
}

void outbox_end(struct outbox *outbox, struct parcel *parcel, enum stanza_condition reason,
                const char *type, const char *text)
{
    struct stanza *error = stanza_error_typed(parcel->stanza, reason, type, text);

    log_info("outbox_ended", LOG_TEXT("id", parcel->id), LOG_TEXT("to", parcel->stanza->to.bare),
             LOG_TEXT("reason", stanza_condition_name(reason)), LOG_TEXT("text", text));
    FOLLOW(parcel->stanza->root, "outbox: %s ends: %s", parcel->id, stanza_condition_name(reason));
    outbox_rows_done(outbox->rows, &parcel->row, NULL);
    outbox_remove(outbox, parcel);
    if (error)
        sm_route_take(outbox->sm, error);
}

size_t outbox_count(const struct sm *sm, size_t *bytes)
{
    *bytes = sm->outbox ? sm->outbox->bytes : 0;
    return sm->outbox ? HASH_COUNT(sm->outbox->parcels) : 0;
}
