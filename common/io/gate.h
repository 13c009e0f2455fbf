/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * How many connections may be open that have not proved who they are: in all, and from one address;
 * of IPv6 that is a /64, which is what one customer has.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gate;

struct gate *gate_new(void);
void gate_free(struct gate *gate);
void gate_limit(struct gate *gate, size_t each, size_t all);
/* The key of the limit of which it is one too many, or NULL: counted until gate_leave(). */
const char *gate_enter(struct gate *gate, const char *address);
void gate_leave(struct gate *gate, const char *address);
/* Whether a refusal is to be told: once a minute for an address that is at its limit, and once a
 * minute for the limit of all. */
bool gate_tells(struct gate *gate, const char *address, uint64_t now_ms);
