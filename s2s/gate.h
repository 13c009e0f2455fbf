/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * How many connections may be open that have not proved who they are: in all, and from one address.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct gate;

struct gate *gate_new(void);
void gate_free(struct gate *gate);
void gate_limit(struct gate *gate, size_t each, size_t all);
/* False: one too many. True: counted until gate_leave(). */
bool gate_enter(struct gate *gate, const char *address);
void gate_leave(struct gate *gate, const char *address);
