/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Which domains may be connected to now, so that however many cannot be reached, one that can does
 * not wait for them.
 *
 * An attempt has a place while it is young. One that takes long, as those to the dead do, gives it
 * back and goes on without; of such there may be many, up to TURNS_FLIGHT for each place. There are
 * `connecting` places for domains that were reached lately, and as many for the others, of which
 * those that have just failed get half. Who finds none waits in the queue of his kind.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct remote;
struct server;
struct timer;

#define TURNS_YOUNG_MS 1000
#define TURNS_FLIGHT   20

enum turn_kind { TURN_KNOWN, TURN_NEW, TURN_FAILED, TURN_KINDS };

/* A remote's part in it; zero but for the timer at first. */
struct turn {
    enum turn_kind kind; /* while it waits or flies */
    bool waits;          /* in the queue */
    bool flies;          /* an attempt is under way */
    bool young;          /* and has a place */
    struct timer *ageing;
};

struct turns *turns_new(struct server *server);
/* No remote is left. */
void turns_free(struct turns *turns);

void turn_init(struct remote *remote);
void turn_fini(struct remote *remote);
/* True: an attempt may begin, and has, if so, to be counted by turn_begin(). False: it waits;
 * remote_wake() is called when its turn comes. */
bool turn_may_begin(struct remote *remote);
void turn_begin(struct remote *remote);
/* The attempt has ended, which may be somebody else's turn. Harmless if it was not counted. */
void turn_end(struct remote *remote);
/* A stream to it is open. Forgotten when it fails, or when too many others are known. */
void turns_remember(struct turns *turns, const char *domain);
void turns_forget(struct turns *turns, const char *domain);
