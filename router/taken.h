/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What the router has taken in the name of components that do not speak urn:kontalk:durable:1:
 * remembered until its offerer says <forget/>, so that it is written once however often it is
 * offered. Bounded: beyond that the oldest are forgotten. No I/O.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/component/durable.h"

#define TAKEN_MAX       65536
#define TAKEN_BYTES_MAX ((size_t)16 * 1024 * 1024)

struct taken;

struct taken *taken_new(void);
void taken_free(struct taken *taken);

/* Whether this offer has been taken. */
bool taken_has(const struct taken *taken, const struct durable *offer);
/* Whether what it has to come behind has been taken; true if it is behind nothing. */
bool taken_has_predecessor(const struct taken *taken, const struct durable *offer);
void taken_add(struct taken *taken, const struct durable *offer);
/* The answer <forget/>. */
void taken_forget(struct taken *taken, const struct durable *words);
size_t taken_count(const struct taken *taken);
