/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Guessing secrets: after THROTTLE_TRIES wrong handshakes for a component from one address its
 * streams from there are refused for a while. Counted for the pair, so that one component with a
 * wrong secret does not lock out the others on its machine. No I/O.
 */
#pragma once

#include <stdbool.h>

#define THROTTLE_TRIES   3
#define THROTTLE_REST_MS 60000
/* Pairs that are remembered; beyond it the oldest is forgotten. */
#define THROTTLE_MAX 1024

struct throttle;

struct throttle *throttle_new(void);
void throttle_free(struct throttle *throttle);
bool throttle_is_blocked(struct throttle *throttle, const char *address, const char *name);
void throttle_failed(struct throttle *throttle, const char *address, const char *name);
void throttle_passed(struct throttle *throttle, const char *address, const char *name);
