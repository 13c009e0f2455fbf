/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * How long acknowledgements (XEP-0198) take. Messages are sent when they are due, whether those
 * before them have been acknowledged or not, unless very many have not.
 */
#include <stdio.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/memory.h"
#include "tests/bench/crowd_internal.h"

#define TICK_MS 1
/* A server that stands is not buried. */
#define UNANSWERED_MAX 500

int crowd_enable(struct crowd *crowd, size_t count)
{
    if (count > crowd->ready) {
        fprintf(stderr, "load: there are only %zu clients\n", crowd->ready);
        return ERR_INVALID;
    }
    for (size_t i = 0; i < count; i++)
        session_enable(crowd->members[i].session);
    return 0;
}

void crowd_acknowledged(void *user, uint32_t h)
{
    struct member *member = user;
    struct acks *acks = &member->crowd->acks;
    int64_t now = clock_wall_us();

    for (; acks->delays && member->answered < h && member->answered < member->asked;
         member->answered++)
        acks->delays[acks->count++] = (uint64_t)(now - member->asked_us[member->answered]);
    if (acks->delays && acks->count == acks->wanted)
        loop_stop(member->crowd->setup.loop);
}

static void send_one(struct crowd *crowd)
{
    struct acks *acks = &crowd->acks;
    struct member *sender = &crowd->members[2 * (acks->sent % acks->pairs)];

    sender->asked_us[sender->asked++] = clock_wall_us();
    session_send(sender->session, sender[1].jid);
    session_ask(sender->session);
    acks->sent++;
}

static void on_tick(void *user)
{
    struct crowd *crowd = user;
    struct acks *acks = &crowd->acks;
    uint64_t due = (uint64_t)(clock_wall_us() - acks->begun_us) * acks->per_second / 1000000;

    while (acks->sent < acks->wanted && acks->sent < due &&
           acks->sent - acks->count < UNANSWERED_MAX)
        send_one(crowd);
}

static void begin(struct crowd *crowd, size_t messages)
{
    struct acks *acks = &crowd->acks;

    for (size_t i = 0; i < 2 * acks->pairs; i++) {
        struct member *member = &crowd->members[i];
        member->partner = &crowd->members[i ^ 1];
        free(member->asked_us);
        member->asked_us = xcalloc(messages, sizeof(*member->asked_us));
    }
    crowd->awaited = messages;
    acks->begun_us = clock_wall_us();
    timer_start(acks->tick, TICK_MS, TICK_MS);
}

int crowd_acks(struct crowd *crowd, size_t messages, uint64_t per_second, size_t pairs,
               struct crowd_delays *delays)
{
    struct acks *acks = &crowd->acks;

    if (pairs == 0 || 2 * pairs > crowd->ready || messages == 0) {
        fprintf(stderr, "load: too few clients or messages\n");
        return ERR_INVALID;
    }
    *acks = (struct acks){.delays = xcalloc(messages, sizeof(*acks->delays)),
                          .wanted = messages,
                          .pairs = pairs,
                          .per_second = per_second,
                          .tick = timer_new(crowd->setup.loop, on_tick, crowd)};
    begin(crowd, messages);
    int error = crowd_run(crowd);
    if (!error)
        crowd_judge(acks->delays, messages, delays);
    timer_close(acks->tick);
    free(acks->delays);
    *acks = (struct acks){0};
    return error;
}
