# SPDX-License-Identifier: AGPL-3.0-or-later
#
# urn:kontalk:durable:1 byte by byte: what is an offer, who may make one, and what becomes of it
# when the queue of its receiver is full (docs/ROUTER.md).

import pytest

from tests.router.router import (BOT, COMPONENT, DURABLE, IRC, NETWORK, PROTOCOLS, ROUTER)

KIB, LF = 1024, "\n"
ALICE, REMOTE = f"alice@{NETWORK}", "x@jabber.test"


def offer_text(identity, sender, to, body="x", attributes="attempt='1'"):
    return (f"<offer xmlns='{DURABLE}' id='{identity}' {attributes}>"
            f"<message xmlns='jabber:client' from='{sender}' to='{to}' id='{identity}'>"
            f"<body>{body}</body></message></offer>")


def word(component, name, identity=None):
    """The next word of the protocol with this name; others are dropped."""
    return component.wait_for(lambda e: e.tag == f"{{{DURABLE}}}{name}"
                              and (identity is None or e.get("id") == identity))


def test_offers_are_forwarded_as_they_are(router):
    worker, federation = router.worker(), router.federation()
    worker.send(offer_text("1", ALICE, REMOTE, "a&amp;b", "attempt='3' after='0'"))
    offer = word(federation, "offer")
    assert dict(offer.attrib) == {"id": "1", "attempt": "3", "after": "0"}
    message = offer.find("{jabber:client}message")
    assert message.get("from") == ALICE and message.findtext("{*}body") == "a&b"
    federation.send(f"<refused xmlns='{DURABLE}' id='1' from='{REMOTE}' to='{ALICE}' "
                    "reason='remote-server-timeout' type='wait' retry-after='5'>away</refused>")
    refused = word(worker, "refused")
    assert dict(refused.attrib) == {"id": "1", "from": REMOTE, "to": ALICE, "type": "wait",
                                    "reason": "remote-server-timeout", "retry-after": "5"}
    assert refused.text == "away"


@pytest.mark.parametrize("content, reason", [
    (f"<iq xmlns='jabber:client' from='{ALICE}' to='{REMOTE}' id='1' type='get'/>", "bad-request"),
    (f"<message xmlns='jabber:client' from='{ALICE}'/>", "bad-request"),
    (f"<message xmlns='jabber:client' from='{ALICE}' to='@'/>", "jid-malformed"),
    (f"<message xmlns='jabber:server' from='{ALICE}' to='{REMOTE}'/>", "bad-request"),
    (f"<message xmlns='jabber:client' from='{ALICE}' to='{REMOTE}'/>" * 2, "bad-request"),
    (f"<presence xmlns='jabber:client' from='{ALICE}' to='{REMOTE}'><route xmlns='{ROUTER}'/>"
     "</presence>", "not-acceptable"),
])
def test_bad_offers_are_refused(router, content, reason):
    worker, _ = router.worker(), router.federation()
    worker.send(f"<offer xmlns='{DURABLE}' id='1' attempt='1'>{content}</offer>")
    refused = word(worker, "refused")
    assert refused.get("id") == "1" and refused.get("reason") == reason
    assert refused.get("type") != "wait" and refused.get("to") == ALICE
    assert worker.is_open()


@pytest.mark.parametrize("text, condition", [
    (f"<offer xmlns='{DURABLE}'><message xmlns='jabber:client' from='{ALICE}' to='{REMOTE}'/>"
     "</offer>", "bad-format"),
    (f"<offer xmlns='{DURABLE}' id='1'/>", "bad-format"),
    (f"<offer xmlns='{DURABLE}' id='1'><message xmlns='jabber:client' to='{REMOTE}'/></offer>",
     "bad-format"),
    (offer_text("x" * 4000, ALICE, REMOTE), "bad-format"),
    (offer_text("1&#9;2", ALICE, REMOTE), "bad-format"),
    (f"<took xmlns='{DURABLE}' id='1' from='{ALICE}'/>", "bad-format"),
    (f"<took xmlns='{DURABLE}' id='1' to='{REMOTE}'/>", "bad-format"),
    (offer_text("1", "a@other.test", REMOTE), "invalid-from"),
    (f"<took xmlns='{DURABLE}' id='1' from='{REMOTE}' to='{ALICE}'/>", "invalid-from"),
    (f"<give xmlns='{DURABLE}' id='1'/>", "unsupported-stanza-type"),
])
def test_nonsense_ends_the_stream(router, text, condition):
    worker = router.worker()
    worker.send(text)
    assert worker.condition() == condition


@pytest.mark.parametrize("ids, to, condition", [
    ("1/", "<to>2\n3\t\n\tx@jabber.test</to>", None),
    ("1/", "", "bad-format"),
    ("", "<to/>", "bad-format"),
    ("1&#10;", "<to>2</to>", "bad-format"),
    ("1/", "<to>2\t@</to>", "bad-format"),
    ("1/", f"<to>{LF.join('2' * 401)}</to>", "bad-format"),
    ("1/", f"<to>{'2' * 4000}</to>", "bad-format"),
])
def test_lines_of_batches(router, ids, to, condition):
    bot = router.third_party(BOT)
    bot.send(PROTOCOLS.replace("</protocols>", "<protocol name='batch' version='1'/></protocols>"))
    bot.send(f"<tooks xmlns='{DURABLE}' from='{BOT}' to='{BOT}' ids='{ids}'>{to}</tooks>")
    if condition:
        assert bot.condition() == condition
    else:
        tooks = word(bot, "tooks")
        assert tooks.get("ids") == ids and tooks.findtext("{*}to") == "2\n3\t\n\tx@jabber.test"


def test_strangers_have_no_part_in_it(router):
    irc, bot = router.third_party(IRC), router.third_party(BOT)
    bot.send(offer_text("1", BOT, IRC))
    assert bot.condition() == "bad-format"  # it may, but did not say that it knows how to
    bot = router.third_party(BOT)
    bot.send(PROTOCOLS)
    bot.send(offer_text("1", BOT, IRC, "hello"))
    message = irc.expect("1")
    assert message.tag == f"{{{COMPONENT}}}message" and message.findtext("{*}body") == "hello"
    assert word(bot, "took", "1").get("from") == IRC
    irc.send(PROTOCOLS)
    irc.send(offer_text("2", IRC, BOT))
    assert irc.condition() == "bad-format"


def test_taps_see_stanzas(router):
    worker, federation = router.worker(), router.federation()
    bot = router.third_party(BOT)
    bot.bind(log="true")
    worker.send(offer_text("1", ALICE, REMOTE))
    assert word(federation, "offer") is not None
    assert bot.expect("1").tag == f"{{{COMPONENT}}}message"


def test_a_full_queue_says_so_and_when_it_is_not(make_router):
    router = make_router(queue_size="256k")
    federation, bot = router.federation(), router.third_party(BOT)
    bot.send(PROTOCOLS)
    count = 100
    for number in range(count):
        bot.send(offer_text(str(number), BOT, REMOTE, "x" * (8 * KIB)))
    first = int(word(bot, "full").get("id"))
    assert first * 8 * KIB >= 256 * KIB
    # once one was too many, so are all behind it: none overtakes
    assert [int(word(bot, "full").get("id")) for _ in range(first + 1, count)] == list(
        range(first + 1, count))
    assert [word(federation, "offer").get("id") for _ in range(first)] == [
        str(n) for n in range(first)]
    assert word(bot, "ready").get("default") == "true"
    bot.send(offer_text("again", BOT, REMOTE))
    assert word(federation, "offer").get("id") == "again"


def test_whoever_waits_hears_that_nobody_is_left(make_router):
    router = make_router(queue_size="64k")
    worker, bot = router.worker(), router.third_party(BOT)
    bot.send(PROTOCOLS)
    for number in range(100):
        bot.send(offer_text(str(number), BOT, ALICE, "x" * (8 * KIB)))
    assert word(bot, "full") is not None
    worker.close()
    assert word(bot, "ready").get("to") == NETWORK
    bot.send(offer_text("again", BOT, ALICE))
    assert word(bot, "refused", "again").get("reason") == "remote-server-timeout"


def test_an_offer_that_never_fits(make_router):
    router = make_router(queue_size="64k")
    _, bot = router.federation(), router.third_party(BOT)
    bot.send(PROTOCOLS)
    bot.send(offer_text("1", BOT, REMOTE, "x" * (64 * KIB)))
    assert word(bot, "refused", "1").get("type") != "wait"


def test_offers_of_the_largest_stanza(make_router):
    """What fits without an offer around it fits with one."""
    router = make_router(stanza_size="16k")
    worker, federation = router.worker(), router.federation()
    body = "x" * (16 * KIB - len(offer_text("1", ALICE, REMOTE, "")) + 60)
    worker.send(offer_text("1", ALICE, REMOTE, body))
    assert word(federation, "offer", "1") is not None


def test_taken_once_in_the_name_of_a_component(router):
    """An offerer that has not heard the answer yet offers again, when it hears that the component
    has come."""
    worker = router.worker()
    irc = router.third_party(IRC)
    to = f"room@{IRC}"
    for attempt in (1, 2):
        worker.send(offer_text("1", ALICE, to, "once", f"attempt='{attempt}'"))
        assert word(worker, "took", "1").get("from") == to
    worker.send(offer_text("2", ALICE, to, "next", "attempt='1' after='1'"))
    assert word(worker, "took", "2") is not None
    assert irc.receive().findtext("{*}body") == "once"
    assert irc.receive().findtext("{*}body") == "next"


def test_forgotten_by_its_offerer_alone(router):
    worker, irc = router.worker(), router.third_party(IRC)
    to = f"room@{IRC}"

    def offer(text):
        worker.send(offer_text("1", ALICE, to, text))
        word(worker, "took", "1")

    def forget(sender):
        worker.send(f"<forget xmlns='{DURABLE}' id='1' from='{sender}' to='{to}'/>")

    offer("first")
    forget(f"bob@{NETWORK}")
    offer("known")
    forget(ALICE)
    offer("second")
    assert [irc.receive().findtext("{*}body") for _ in range(2)] == ["first", "second"]


def test_nothing_overtakes_on_the_way_to_a_component(router):
    worker, irc = router.worker(), router.third_party(IRC)
    to = f"room@{IRC}"
    worker.send(offer_text("2", ALICE, to, "second", "attempt='1' after='1'"))
    refused = word(worker, "refused", "2")
    assert refused.get("reason") == "unexpected-request" and refused.get("type") == "wait"
    worker.send(offer_text("1", ALICE, to, "first"))
    worker.send(offer_text("2", ALICE, to, "second", "attempt='2' after='1'"))
    assert [irc.receive().findtext("{*}body") for _ in range(2)] == ["first", "second"]


def test_who_has_not_said_what_it_speaks(router):
    """What it may have taken before it came back is not handed to it as something new."""
    worker, bot = router.worker(), router.third_party(BOT)
    worker.send(offer_text("1", ALICE, BOT))
    assert word(worker, "full", "1") is not None
    bot.send(PROTOCOLS)
    assert word(worker, "ready").get("to") == BOT
    worker.send(offer_text("1", ALICE, BOT, "x", "attempt='2'"))
    assert word(bot, "offer", "1").get("attempt") == "2"


def test_who_begins_with_a_stanza_speaks_it_not(router):
    worker, bot = router.worker(), router.third_party(BOT)
    worker.send(offer_text("1", ALICE, BOT, "bare"))
    assert word(worker, "full", "1") is not None
    bot.send(f"<message from='{BOT}' to='{ALICE}'/>")
    assert word(worker, "ready").get("to") == BOT
    worker.send(offer_text("1", ALICE, BOT, "bare", "attempt='2'"))
    assert word(worker, "took", "1") is not None
    assert bot.wait_for(lambda e: e.tag == f"{{{COMPONENT}}}message").findtext("{*}body") == "bare"


def test_who_speaks_it_is_announced_so(router):
    worker, irc, bot = router.worker(), router.third_party(IRC), router.third_party(BOT)
    bot.send(PROTOCOLS)

    def announced(name):
        route = worker.wait_for(lambda e: e.get("from") == name).find(f"{{{ROUTER}}}route")
        return route.get("durable")

    assert announced(IRC) is None
    assert [announced(BOT) for _ in range(2)] == [None, "true"]
    assert irc.is_open()
