/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * SipHash. Tables keyed by anything from the network use hash_keyed(), whose key is random per
 * process, so that nobody outside can aim for collisions.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Random per process. */
uint64_t hash_keyed(const void *bytes, size_t length);
/* The same in every process and release: for slots and rendezvous. */
uint64_t hash_stable(const void *bytes, size_t length);
