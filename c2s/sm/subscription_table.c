/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The tables of RFC 6121, appendices A.2 and A.3.
 */
#include "c2s/sm/subscription_table.h"

/* PASS: route or deliver; KEEP: do neither; AUTO: answer for the user. The state stays the same
 * where the table has it again. */
#define PASS(state)                                                                                \
    {                                                                                              \
        SUBSCRIPTION_##state, true, false                                                          \
    }
#define KEEP(state)                                                                                \
    {                                                                                              \
        SUBSCRIPTION_##state, false, false                                                         \
    }
#define AUTO(state)                                                                                \
    {                                                                                              \
        SUBSCRIPTION_##state, false, true                                                          \
    }

/* clang-format off */
static const struct subscription_rule rules[SUBSCRIPTIONS][SUBSCRIPTION_EVENTS] = {
    /*                            outbound (A.2)                                                                      inbound (A.3)
     *                            subscribe          unsubscribe        subscribed        unsubscribed        subscribe          unsubscribe        subscribed        unsubscribed */
    [SUBSCRIPTION_NONE]        = {PASS(NONE_OUT),    PASS(NONE),        KEEP(NONE),       KEEP(NONE),         PASS(NONE_IN),     KEEP(NONE),        KEEP(NONE),       KEEP(NONE)},
    [SUBSCRIPTION_NONE_OUT]    = {PASS(NONE_OUT),    PASS(NONE),        KEEP(NONE_OUT),   KEEP(NONE_OUT),     PASS(NONE_OUT_IN), KEEP(NONE_OUT),    PASS(TO),         PASS(NONE)},
    [SUBSCRIPTION_NONE_IN]     = {PASS(NONE_OUT_IN), PASS(NONE_IN),     PASS(FROM),       PASS(NONE),         KEEP(NONE_IN),     PASS(NONE),        KEEP(NONE_IN),    KEEP(NONE_IN)},
    [SUBSCRIPTION_NONE_OUT_IN] = {PASS(NONE_OUT_IN), PASS(NONE_IN),     PASS(FROM_OUT),   PASS(NONE_OUT),     KEEP(NONE_OUT_IN), PASS(NONE_OUT),    PASS(TO_IN),      PASS(NONE_IN)},
    [SUBSCRIPTION_TO]          = {PASS(TO),          PASS(NONE),        KEEP(TO),         KEEP(TO),           PASS(TO_IN),       KEEP(TO),          KEEP(TO),         PASS(NONE)},
    [SUBSCRIPTION_TO_IN]       = {PASS(TO_IN),       PASS(NONE_IN),     PASS(BOTH),       PASS(TO),           KEEP(TO_IN),       PASS(TO),          KEEP(TO_IN),      PASS(NONE_IN)},
    [SUBSCRIPTION_FROM]        = {PASS(FROM_OUT),    PASS(FROM),        KEEP(FROM),       PASS(NONE),         AUTO(FROM),        PASS(NONE),        KEEP(FROM),       KEEP(FROM)},
    [SUBSCRIPTION_FROM_OUT]    = {PASS(FROM_OUT),    PASS(FROM),        KEEP(FROM_OUT),   PASS(NONE_OUT),     AUTO(FROM_OUT),    PASS(NONE_OUT),    PASS(BOTH),       PASS(FROM)},
    [SUBSCRIPTION_BOTH]        = {PASS(BOTH),        PASS(FROM),        KEEP(BOTH),       PASS(TO),           AUTO(BOTH),        PASS(TO),          KEEP(BOTH),       PASS(FROM)},
};

static const struct {
    const char *name;
    bool to, from, pending_out, pending_in;
} halves[SUBSCRIPTIONS] = {
    /*                             attribute  to     from   out    in */
    [SUBSCRIPTION_NONE]        = {"none",     false, false, false, false},
    [SUBSCRIPTION_NONE_OUT]    = {"none",     false, false, true,  false},
    [SUBSCRIPTION_NONE_IN]     = {"none",     false, false, false, true},
    [SUBSCRIPTION_NONE_OUT_IN] = {"none",     false, false, true,  true},
    [SUBSCRIPTION_TO]          = {"to",       true,  false, false, false},
    [SUBSCRIPTION_TO_IN]       = {"to",       true,  false, false, true},
    [SUBSCRIPTION_FROM]        = {"from",     false, true,  false, false},
    [SUBSCRIPTION_FROM_OUT]    = {"from",     false, true,  true,  false},
    [SUBSCRIPTION_BOTH]        = {"both",     true,  true,  false, false},
};
/* clang-format on */

const struct subscription_rule *subscription_rule(enum subscription state,
                                                  enum subscription_event event)
{
    return &rules[state][event];
}

bool subscription_to(enum subscription state)
{
    return halves[state].to;
}

bool subscription_from(enum subscription state)
{
    return halves[state].from;
}

bool subscription_pending_out(enum subscription state)
{
    return halves[state].pending_out;
}

bool subscription_pending_in(enum subscription state)
{
    return halves[state].pending_in;
}

enum subscription subscription_make(bool to, bool from, bool pending_out, bool pending_in)
{
    for (int state = 0; state < SUBSCRIPTIONS; state++) {
        if (halves[state].to == to && halves[state].from == from &&
            halves[state].pending_out == (pending_out && !to) &&
            halves[state].pending_in == (pending_in && !from)) {
            return (enum subscription)state;
        }
    }
    return SUBSCRIPTION_NONE;
}

const char *subscription_name(enum subscription state)
{
    return halves[state].name;
}
