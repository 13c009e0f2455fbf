/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What strangers may use before they have logged in, by address (an IPv4 address, an IPv6 /64):
 * open connections without a session, new connections a second, failed logins a minute. Addresses
 * in [c2s] rate-exempt are not limited.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/config/config.h"

struct admission;

struct admission *admission_new(const struct config *config);
void admission_reload(struct admission *admission, const struct config *config);
void admission_free(struct admission *admission);

/* A connection came. NULL: it is counted until admission_done(). Else refuse it: the key of the
 * limit of which it is one too many. */
const char *admission_enter(struct admission *admission, const char *address);
/* It has a session now, or is gone. */
void admission_done(struct admission *admission, const char *address);
/* A login failed. Returns how long its answer is to be delayed (ms): 0, or 2 s beyond
 * sasl-tries-per-minute. Accounts are never locked (XEP-0205 §3). */
uint64_t admission_failed(struct admission *admission, const char *address);
/* Whether it is worth a line in the log that a stranger from there was refused: once a minute. */
bool admission_tells(struct admission *admission, const char *address);
/* Whether strangers get shorter time-outs, because there are too many. */
bool admission_stressed(const struct admission *admission);
/* How many addresses are remembered. */
size_t admission_sources(const struct admission *admission);
bool admission_is_exempt(const struct admission *admission, const char *address);
