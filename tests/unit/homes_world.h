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

/* What beta offers. */
static UNUSED void offer(const char *id, const char *after, const char *xml)
{
    int problem;
    struct stanza *stanza = fake_parse(xml, &problem);
    const struct durable durable = {.kind = DURABLE_OFFER,
                                    .id = id,
                                    .after = after,
                                    .attempt = 1,
                                    .from = stanza->from,
                                    .to = stanza->to};

    assert_int_equal(problem, -1);
    sm_plugin.offered(fake.state, &durable, stanza);
    pump();
}

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

static UNUSED void expect_answers(const char *lines)
{
    assert_string_equal(fake.answered.length > 0 ? fake.answered.data : "", lines);
    buffer_clear(&fake.answered);
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
