/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * All clients of the load. Each call runs the loop until its work is done, a client fails, or the
 * time is up; in between nothing runs, and the clients idle.
 */
#pragma once

#include "tests/bench/session.h"

struct crowd;

struct crowd_settings {
    const char *server; /* "127.0.0.1:5223", direct TLS */
    const char *ca_file;
    /* Lines "jid<TAB>password", one client for each; a third column is another server's address. */
    const char *accounts_file;
};

/* ERR_INVALID: it has said why on standard error, as all of these do. */
MUST_CHECK int crowd_new(const struct crowd_settings *settings, struct crowd **crowd);
void crowd_free(struct crowd *crowd);
/* Logs further clients in until there are `count`, `at_once` at a time. */
MUST_CHECK int crowd_login(struct crowd *crowd, size_t count, size_t at_once);
/* `messages` messages between the first `pairs` pairs of clients, `at_once` of each pair on their
 * way at any time. */
MUST_CHECK int crowd_talk(struct crowd *crowd, size_t messages, size_t pairs, size_t at_once);
/* How long messages from the first client to the second one take, one at a time, `pause_ms` apart;
 * in microseconds. */
struct crowd_delays {
    uint64_t median, percentile_99, longest;
};
MUST_CHECK int crowd_delays(struct crowd *crowd, size_t messages, uint64_t pause_ms,
                            struct crowd_delays *delays);
/* The first `count` clients have XEP-0198 from now on: they acknowledge what they get. */
MUST_CHECK int crowd_enable(struct crowd *crowd, size_t count);
/* How long acknowledgements take: the first clients of the first `pairs` pairs, which have
 * XEP-0198, send `messages` messages, so many a second in all, and ask behind each of them. */
MUST_CHECK int crowd_acks(struct crowd *crowd, size_t messages, uint64_t per_second, size_t pairs,
                          struct crowd_delays *delays);
/* The first `count` clients are in rooms of `size` each (room0@service and so on), those of a room
 * one after the other. */
MUST_CHECK int crowd_enter(struct crowd *crowd, const char *service, size_t count, size_t size);
/* Those of the first room, which has `size`, say `messages` messages in turn, `at_once` on their
 * way at any time; each is for all of them. */
MUST_CHECK int crowd_say(struct crowd *crowd, size_t messages, size_t at_once);
/* All clients leave in order. */
MUST_CHECK int crowd_logout(struct crowd *crowd);
