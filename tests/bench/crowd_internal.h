/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What crowd.c and crowd_acks.c share.
 */
#pragma once

#include "common/io/timer.h"
#include "tests/bench/crowd.h"

struct member {
    struct crowd *crowd;
    struct session *session;
    char *jid;
    char *password;
    char *server;   /* NULL: everybody's */
    size_t to_send; /* of the messages that this one has to send */
    struct member *partner;
    int64_t *asked_us; /* when its messages were sent, since it has XEP-0198 */
    size_t asked, answered;
};

/* Messages that are timed. */
struct timing {
    uint64_t *delays;
    size_t count, wanted;
    int64_t sent_us;
    uint64_t pause_ms;
    struct timer *pause;
};

/* Acknowledgements that are timed; see crowd_acks.c. */
struct acks {
    uint64_t *delays;
    size_t count, sent, wanted;
    size_t pairs;
    uint64_t per_second;
    int64_t begun_us;
    struct timer *tick;
};

/* Rooms; see crowd_rooms.c. */
struct rooms {
    char *service;
    size_t size;          /* of each */
    size_t count, inside; /* clients */
    bool opening;         /* the first one has to open the room before others may enter */
    size_t to_say, next;  /* messages, and who says the next one */
};

struct crowd {
    struct session_setup setup;
    const char *server;
    struct timer *deadline;
    struct member *members;
    size_t count;
    size_t begun, ready, open; /* clients */
    size_t wanted, at_once;
    size_t awaited; /* messages that have not come yet */
    struct timing timing;
    struct acks acks;
    struct rooms rooms;
    bool leaving;
    bool failed;
};

/* The first failure ends what runs. */
void crowd_fail(struct crowd *crowd, const char *who, const char *why);
/* Until the loop is stopped. */
MUST_CHECK int crowd_run(struct crowd *crowd);
/* An acknowledgement for a member (session_ops). */
void crowd_acknowledged(void *user, uint32_t h);
/* A member is in its room (session_ops). */
void crowd_entered(void *user);
/* Somebody of the room has heard a message. */
void crowd_heard(struct crowd *crowd);
/* Sorts, and picks. */
void crowd_judge(uint64_t *delays, size_t count, struct crowd_delays *result);
