/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Credentials that end by themselves, for services that share a secret with us
 * (draft-uberti-behave-turn-rest §2.2, `use-auth-secret` of coturn): the name begins with the time
 * of the end, in seconds since 1970, and a colon.
 */
#pragma once

/* The password that belongs to the name; free() it. */
char *timed_password(const char *secret, const char *name);
