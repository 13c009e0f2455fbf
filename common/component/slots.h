/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Slots: accounts fall into 64 fixed slots by a hash of the bare JID; each slot of a shared name is
 * owned by one of the streams that bind the name, chosen by rendezvous hashing over their ids, so
 * that a stream that comes or goes moves only its own slots. Router and owners compute the same.
 */
#pragma once

#include <stddef.h>

#define SLOTS 64

unsigned slot_of(const char *bare_jid);
/* The index of the id that owns the slot; count > 0. The order of the ids does not matter. */
size_t slot_owner(unsigned slot, const char *const *ids, size_t count);
