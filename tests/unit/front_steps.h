/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * A client here whose account has its home at the other worker's node, step by step.
 */
#pragma once

#include "tests/unit/front_clients.h"

/* Up to the step of this name. */
enum step { WHERE, LOGIN, CHALLENGED, PROOF, NAMELESS, RESOURCE, BOUND_STEP };

static void found(void)
{
    assert_string_equal(world.asked, SELF " alice@beta.example.net");
    peer_tells("here", world.question);
}

/* As RFC 6120 has it. */
static UNUSED struct caller *reach(enum step step)
{
    struct caller *caller = connect_client();

    call(caller, AUTH);
    if (step >= LOGIN) {
        found();
        peer_heard("login mechanism=SCRAM-SHA-256\n");
    }
    if (step >= CHALLENGED) {
        peer_says("challenge", NULL);
        caller_heard(caller, "<challenge");
    }
    if (step >= PROOF) {
        call(caller, RESPONSE);
        peer_heard("response\n");
    }
    if (step >= NAMELESS) {
        peer_says("success", "begins 1");
        caller_heard(caller, "<success");
        call(caller, HEADER);
        caller_heard(caller, "<bind");
    }
    if (step >= RESOURCE) {
        call(caller, BIND);
        peer_heard("bind resource=phone\n");
    }
    if (step >= BOUND_STEP) {
        peer_says("bound", "jid " ALICE "/phone");
        caller_heard(caller, ALICE "/phone");
    }
    return caller;
}

/* XEP-0388: what is asked for together with the login has not been given. */
static UNUSED struct caller *reach_begin(void)
{
    struct caller *caller = connect_client();

    call(caller, AUTHENTICATE);
    found();
    peer_says("challenge", NULL);
    call(caller, RESPONSE2);
    peer_says("success", "begins 1");
    caller->heard.length = 0;
    peer_heard("login mechanism=SCRAM-SHA-256\nresponse\nbegin mechanism=SCRAM-SHA-256\n");
    return caller;
}
