/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * RFC 6121, appendices A.2 and A.3, read from the RFC a second time: one row a stanza, one cell a
 * state. "=" is no change, else the new state; '+' in front: route or deliver (MUST); '-': do not
 * (MUST NOT); '*': do not, but answer automatically.
 */
#pragma once

#include <string.h>

#include "c2s/sm/subscription_table.h"
#include "common/base/macros.h"
#include "tests/unit/unit.h"

static const char *const appendix_states[SUBSCRIPTIONS] = {
    "None", "None+PO", "None+PI", "None+POI", "To", "To+PI", "From", "From+PO", "Both",
};

static const struct {
    enum subscription_event event;
    const char *section;
    const char *cells[SUBSCRIPTIONS];
} appendix[] = {
    {SUBSCRIPTION_OUT_SUBSCRIBE,
     "A.2.1",
     {"+None+PO", "+=", "+None+POI", "+=", "+=", "+=", "+From+PO", "+=", "+="}},
    {SUBSCRIPTION_OUT_UNSUBSCRIBE,
     "A.2.2",
     {"+=", "+None", "+=", "+None+PI", "+None", "+None+PI", "+=", "+From", "+From"}},
    {SUBSCRIPTION_OUT_SUBSCRIBED,
     "A.2.3",
     {"-=", "-=", "+From", "+From+PO", "-=", "+Both", "-=", "-=", "-="}},
    {SUBSCRIPTION_OUT_UNSUBSCRIBED,
     "A.2.4",
     {"-=", "-=", "+None", "+None+PO", "-=", "+To", "+None", "+None+PO", "+To"}},
    {SUBSCRIPTION_IN_SUBSCRIBE,
     "A.3.1",
     {"+None+PI", "+None+POI", "-=", "-=", "+To+PI", "-=", "*=", "*=", "*="}},
    {SUBSCRIPTION_IN_UNSUBSCRIBE,
     "A.3.2",
     {"-=", "-=", "+None", "+None+PO", "-=", "+To", "+None", "+None+PO", "+To"}},
    {SUBSCRIPTION_IN_SUBSCRIBED,
     "A.3.3",
     {"-=", "+To", "-=", "+To+PI", "-=", "-=", "-=", "+Both", "-="}},
    {SUBSCRIPTION_IN_UNSUBSCRIBED,
     "A.3.4",
     {"-=", "+None", "-=", "+None+PI", "+None", "+None+PI", "-=", "+From", "+From"}},
};

/* The state a cell leads to. */
static enum subscription appendix_next(const char *cell, enum subscription now)
{
    const char *name = cell + 1;

    if (strcmp(name, "=") == 0) {
        return now;
    }
    for (int state = 0; state < SUBSCRIPTIONS; state++) {
        if (strcmp(appendix_states[state], name) == 0) {
            return (enum subscription)state;
        }
    }
    fail_msg("no state %s", name);
    return SUBSCRIPTION_NONE;
}
