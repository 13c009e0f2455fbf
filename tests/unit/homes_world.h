/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What tests of stanzas between homes share: Alice's and Carol's is here, Bob's and Bill's at beta.
 */
#pragma once

#include "c2s/sm/sm.h"
#include "tests/unit/fake_client.h"

#define MESSAGE(to, body) "<message to='" to "' type='chat'><body>" body "</body></message>"
#define COMPOSING         "<composing xmlns='http://jabber.org/protocol/chatstates'/>"

static UNUSED struct client *alice;

static UNUSED int setup(void **state)
{
    int error = fake_setup(state);

    fake.at_beta = "bob bill ";
    fake.keeps_offers = true;
    alice = login_available("alice", "a");
    fake_clear(&fake.router);
    return error;
}

#define AT_ALPHA(local) local "@alpha.example.net"
#define AT_BETA(local)  local "@beta.example.net"
#define OURS(local)     local "@example.net"
#define ENVELOPE(from, to, stage, home, recipients, stanza)                                        \
    "<message from='" from "' to='" to "'><envelope xmlns='urn:kontalk:net:1' stage='" stage       \
    "' home='" home "' epoch='1'>" recipients stanza "</envelope></message>"
#define FROM_BOB(recipients, stanza)                                                               \
    ENVELOPE(AT_BETA("bob"), OURS("alice"), "home", "beta", recipients, stanza)
#define STANZA(name, attributes, content)                                                          \
    "<" name " xmlns='jabber:client' " attributes ">" content "</" name ">"

static UNUSED void word(enum durable_kind kind, const char *id, const char *from, const char *to,
                        enum stanza_condition reason, const char *type)
{
    struct arena *arena = arena_new();
    struct durable words = {.kind = kind, .id = id, .reason = reason, .type = type};

    assert_int_equal(jid_parse(arena, from, &words.from), 0);
    assert_int_equal(jid_parse(arena, to, &words.to), 0);
    sm_plugin.answered(fake.state, &words);
    pump();
    arena_free(arena);
}

/* The id of the latest offer; the books are cleared. */
static UNUSED char *offered_id(void)
{
    char *text = fake.offered.data, *last, *id;

    assert_true(fake.offered.length > 0);
    text[fake.offered.length - 1] = '\0';
    last = strrchr(text, '\n');
    last = last ? last + 1 : text;
    id = strndup(last, strcspn(last, " "));
    buffer_clear(&fake.offered);
    fake.offers = 0;
    return id;
}
