/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The subscription states and what each presence stanza does to them: RFC 6121, appendix A, as
 * data. docs/rules/subscription.md tells it in words.
 */
#pragma once

#include <stdbool.h>

/* RFC 6121 A.1. */
enum subscription {
    SUBSCRIPTION_NONE,
    SUBSCRIPTION_NONE_OUT,    /* the user has asked the contact */
    SUBSCRIPTION_NONE_IN,     /* the contact has asked the user */
    SUBSCRIPTION_NONE_OUT_IN, /* both */
    SUBSCRIPTION_TO,
    SUBSCRIPTION_TO_IN,
    SUBSCRIPTION_FROM,
    SUBSCRIPTION_FROM_OUT,
    SUBSCRIPTION_BOTH,
    SUBSCRIPTIONS
};

/* The columns of appendix A. */
enum subscription_event {
    /* A.2: from a client of the user */
    SUBSCRIPTION_OUT_SUBSCRIBE,
    SUBSCRIPTION_OUT_UNSUBSCRIBE,
    SUBSCRIPTION_OUT_SUBSCRIBED,
    SUBSCRIPTION_OUT_UNSUBSCRIBED,
    /* A.3: from the contact */
    SUBSCRIPTION_IN_SUBSCRIBE,
    SUBSCRIPTION_IN_UNSUBSCRIBE,
    SUBSCRIPTION_IN_SUBSCRIBED,
    SUBSCRIPTION_IN_UNSUBSCRIBED,
    SUBSCRIPTION_EVENTS
};

struct subscription_rule {
    enum subscription next;
    bool pass;  /* outbound: route it to the contact; inbound: deliver it to the user */
    bool reply; /* inbound subscribe: the server answers 'subscribed' for the user */
};

const struct subscription_rule *subscription_rule(enum subscription state,
                                                  enum subscription_event event);
/* The states seen as two halves. */
bool subscription_to(enum subscription state);          /* the user sees the contact */
bool subscription_from(enum subscription state);        /* the contact sees the user */
bool subscription_pending_out(enum subscription state); /* ask='subscribe' */
bool subscription_pending_in(enum subscription state);
enum subscription subscription_make(bool to, bool from, bool pending_out, bool pending_in);
/* The value of the roster item's attribute: "none", "to", "from" or "both". */
const char *subscription_name(enum subscription state);
