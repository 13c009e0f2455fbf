/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Places and queues.
 */
#include "s2s/turns.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/hash.h"
#include "common/base/memory.h"
#include "s2s/remote.h"

/* Domains that are remembered, by a hash: where two collide the later one is. */
#define KNOWN_MAX 4096

struct turns {
    struct server *server;
    struct remote *queues[TURN_KINDS];
    unsigned young[TURN_KINDS]; /* attempts that have a place */
    unsigned flying;            /* attempts to domains that are not known */
    bool giving;                /* turns are being given */
    uint64_t known[KNOWN_MAX];
};

struct turns *turns_new(struct server *server)
{
    struct turns *turns = xcalloc(1, sizeof(*turns));
    turns->server = server;
    return turns;
}

void turns_free(struct turns *turns)
{
    free(turns);
}

/* --- who is known --- */

static uint64_t hash_of(const char *domain)
{
    return hash_keyed(domain, strlen(domain)) | 1; /* 0 is nobody */
}

static uint64_t *slot_of(struct turns *turns, uint64_t hash)
{
    return &turns->known[(hash >> 1) % KNOWN_MAX];
}

void turns_remember(struct turns *turns, const char *domain)
{
    uint64_t hash = hash_of(domain);
    *slot_of(turns, hash) = hash;
}

void turns_forget(struct turns *turns, const char *domain)
{
    uint64_t hash = hash_of(domain);
    uint64_t *slot = slot_of(turns, hash);
    if (*slot == hash)
        *slot = 0;
}

static enum turn_kind kind_of(struct turns *turns, const struct remote *remote)
{
    uint64_t hash = hash_of(remote->domain);
    if (remote->failures > 0)
        return TURN_FAILED;
    return *slot_of(turns, hash) == hash ? TURN_KNOWN : TURN_NEW;
}

/* --- places --- */

static bool has_place(const struct turns *turns, enum turn_kind kind)
{
    unsigned places = turns->server->limits.connecting;
    if (kind == TURN_KNOWN)
        return turns->young[TURN_KNOWN] < places;
    return turns->young[TURN_NEW] + turns->young[TURN_FAILED] < places &&
           (kind == TURN_NEW || turns->young[TURN_FAILED] < (places + 1) / 2) &&
           turns->flying < places * TURNS_FLIGHT;
}

static struct remote *next_turn(const struct turns *turns)
{
    for (enum turn_kind kind = 0; kind < TURN_KINDS; kind++) {
        if (turns->queues[kind] && has_place(turns, kind))
            return turns->queues[kind];
    }
    return NULL;
}

static void leave_queue(struct turns *turns, struct remote *remote)
{
    if (!remote->turn.waits)
        return;
    DL_DELETE(turns->queues[remote->turn.kind], remote);
    remote->turn.waits = false;
}

/* One that has nothing to do any more takes no place, and the next one has its turn. */
static void give(struct turns *turns)
{
    struct remote *remote;
    if (turns->giving)
        return; /* an attempt has ended in the loop below, which goes on */
    turns->giving = true;
    while (!turns->server->stopping && (remote = next_turn(turns)) != NULL) {
        leave_queue(turns, remote);
        remote_wake(remote);
        remote_release(remote);
    }
    turns->giving = false;
}

static void grow_old(struct turns *turns, struct turn *turn)
{
    turns->young[turn->kind] -= turn->young;
    turn->young = false;
    timer_stop(turn->ageing);
}

static void on_ageing(void *user)
{
    struct remote *remote = user;
    struct turns *turns = remote->server->turns;
    grow_old(turns, &remote->turn);
    give(turns);
}

/* --- a turn --- */

void turn_init(struct remote *remote)
{
    remote->turn.ageing = timer_new(remote->server->loop, on_ageing, remote);
}

void turn_fini(struct remote *remote)
{
    leave_queue(remote->server->turns, remote);
    timer_close(remote->turn.ageing);
}

bool turn_may_begin(struct remote *remote)
{
    struct turns *turns = remote->server->turns;
    if (remote->turn.waits)
        return false;
    remote->turn.kind = kind_of(turns, remote);
    if (has_place(turns, remote->turn.kind))
        return true;
    remote->turn.waits = true;
    DL_APPEND(turns->queues[remote->turn.kind], remote);
    return false;
}

void turn_begin(struct remote *remote)
{
    struct turns *turns = remote->server->turns;
    struct turn *turn = &remote->turn;
    turn->flies = true;
    turn->young = true;
    turns->young[turn->kind]++;
    turns->flying += turn->kind != TURN_KNOWN;
    timer_start(turn->ageing, TURNS_YOUNG_MS, 0);
}

void turn_end(struct remote *remote)
{
    struct turns *turns = remote->server->turns;
    struct turn *turn = &remote->turn;
    if (!turn->flies)
        return;
    grow_old(turns, turn);
    turn->flies = false;
    turns->flying -= turn->kind != TURN_KNOWN;
    give(turns);
}
