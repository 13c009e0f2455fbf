/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Connecting to the first of several addresses that answers (RFC 8305 §5): they are tried one after
 * the other, the next one 250 ms later or as soon as the one before has failed, and the first
 * connection wins.
 */
#pragma once

#include "common/io/conn.h"
#include "common/io/loop.h"
#include "s2s/targets.h"

#define RACE_DELAY_MS 250

struct race;

struct race_ops {
    /* The connection is the callee's: conn_set_ops() first. */
    void (*won)(void *user, struct conn *conn, const struct candidate *candidate);
    /* May be NULL. An address is being tried (problem NULL), or could not be connected to; only to
     * be told, nothing may be called from it. */
    void (*tried)(void *user, const struct candidate *candidate, const char *problem);
    /* No address is left. */
    void (*lost)(void *user);
};

/* `candidates` are borrowed until race_free(). Nothing happens before race_go(). */
struct race *race_new(struct loop *loop, const struct candidate *candidates, size_t count,
                      const struct race_ops *ops, void *user);
/* Runs among those that have not been tried; also again, when the winner was no good. One of the
 * callbacks comes, later than this call. */
void race_go(struct race *race);
/* NULL is allowed. May be called from the callbacks. */
void race_free(struct race *race);
