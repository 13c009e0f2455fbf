# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Rules (docs/ROUTER.md): who may send as whom, where stanzas go, what comes back and what does not.

import pytest

from tests.router.router import (BOT, COMPONENT, HOST, IRC, IRC2, NETWORK, ROUTER, error_of)

TIMEOUT, NOT_FOUND = ("wait", "remote-server-timeout"), ("cancel", "remote-server-not-found")
BETA = "beta.example.test"


def stanza(kind="message", **attributes):
    text = "".join(f" {name.rstrip('_')}='{value}'" for name, value in attributes.items())
    return f"<{kind}{text}/>"


@pytest.mark.parametrize("who, sender, condition", [
    # lesson 5, F6: other domains, sub- and super-domains, look-alikes
    (IRC, NETWORK, "invalid-from"),
    (IRC, "admin@" + NETWORK, "invalid-from"),
    (IRC, "x." + IRC, "invalid-from"),
    (IRC, "evil" + IRC, "invalid-from"),
    (IRC, "test", "invalid-from"),
    (IRC, BOT, "invalid-from"),
    (IRC, "@" + IRC, "invalid-from"),
    (IRC, "", "invalid-from"),
    (IRC, None, "improper-addressing"),
    (IRC, "A@IRC.Example.Test/r", None),
    (IRC, IRC2, None),
    (BOT, "user@" + NETWORK, None),
    ("c2s", "user@" + NETWORK, None),
    ("c2s", HOST, None),
    ("c2s", IRC, "invalid-from"),
    ("c2s", BETA, "invalid-from"),
    ("c2s", "x@jabber.test", "invalid-from"),
    ("s2s", "x@jabber.test", None),
    ("s2s", "x@" + NETWORK, "invalid-from"),
    ("s2s", "x@" + HOST, "invalid-from"),
    ("s2s", BETA, "invalid-from"),
    ("s2s", IRC, "invalid-from"),
    ("s2s", BOT, "invalid-from"),
    ("s2s", None, "improper-addressing"),
    ("net", BETA, None),
    ("net", "evil" + NETWORK, "invalid-from"),
    ("net", "x@" + NETWORK, "invalid-from"),
    ("net", HOST, "invalid-from"),
    ("net", IRC, "invalid-from"),
])
def test_who_may_send_as_whom(router, who, sender, condition):
    here = router.daemon(who) if who in ("c2s", "s2s", "net") else router.third_party(who)
    there = router.third_party(BOT if who == IRC else IRC)
    attributes = {"to": there.name, "id": "1"}
    if sender is not None:
        attributes["from"] = sender
    here.send(stanza(**attributes))
    if condition:
        assert here.condition() == condition
        there.message(there.name, there.name, id="end")
        assert there.seen_until("end") == ["end"]
    else:
        there.expect("1")


@pytest.mark.parametrize("attributes, error", [
    ({"to": "nobody.test"}, NOT_FOUND),
    ({"to": IRC}, TIMEOUT),           # in the configuration, not here
    ({"to": IRC2}, TIMEOUT),
    ({"to": "a@" + NETWORK}, TIMEOUT),
    ({"to": BETA}, NOT_FOUND),
    ({}, ("modify", "bad-request")),
    ({"to": ""}, ("modify", "jid-malformed")),
    ({"to": "@b.test"}, ("modify", "jid-malformed")),
    ({"to": "a@b.test/"}, ("modify", "jid-malformed")),
    ({"to": "a@" + "b" * 1100 + ".test"}, ("modify", "jid-malformed")),
])
@pytest.mark.parametrize("kind, more", [
    ("message", "type='chat'"), ("message", ""), ("presence", ""), ("presence", "type='probe'"),
    ("iq", "type='get'"), ("iq", "type='set'")])
def test_bounces(router, attributes, error, kind, more):
    bot = router.third_party(BOT)
    to = "".join(f" {key}='{value}'" for key, value in attributes.items())
    bot.send(f"<{kind} {more} from='me@{BOT}/r' id='1'{to}><q xmlns='u'/></{kind}>")
    answer = bot.expect("1")
    assert answer.tag == f"{{{COMPONENT}}}{kind}"
    assert error_of(answer) == error
    assert answer.get("to") == f"me@{BOT}/r"
    assert answer.get("from") == (attributes.get("to") if error in (NOT_FOUND, TIMEOUT) else None)
    assert answer.find("{u}q") is not None
    bot.message(BOT, BOT, id="2")
    assert bot.seen_until("2") == ["2"]  # once


@pytest.mark.parametrize("kind, type_", [("message", "error"), ("presence", "error"),
                                         ("iq", "error"), ("iq", "result")])
@pytest.mark.parametrize("to", ["nobody.test", IRC, "@", None])
def test_replies_are_never_answered(router, kind, type_, to):
    """F13."""
    bot = router.third_party(BOT)
    address = f" to='{to}'" if to is not None else ""
    bot.send(f"<{kind} type='{type_}' from='{BOT}' id='1'{address}/>")
    bot.message(BOT, BOT, id="2")
    assert bot.seen_until("2") == ["2"]


@pytest.mark.parametrize("text", ["<iq type='odd' id='1'", "<presence type='odd' id='1'",
                                  "<iq type='get' id='1'", "<iq id='1'"])
def test_bad_stanzas_go_back(router, text):
    bot = router.third_party(BOT)
    bot.send(f"{text} from='{BOT}' to='{BOT}'/>")
    assert error_of(bot.expect("1")) == ("modify", "bad-request")


def test_known_names_do_not_take_the_default_route(router):
    federation, worker = router.federation(), router.worker()
    router.third_party(IRC).close()
    worker.expect_route(IRC, available=False)
    worker.message(NETWORK, "x@jabber.test", id="1")
    federation.expect("1")
    worker.message(NETWORK, IRC, id="2")
    assert error_of(worker.expect("2")) == TIMEOUT
    federation.close()
    worker.expect_route("s2s", available=False)
    worker.message(NETWORK, "x@jabber.test", id="3")
    assert error_of(worker.expect("3")) == TIMEOUT


@pytest.mark.parametrize("role, sender", [("s2s", "x@jabber.test"), ("net", BETA)])
def test_doors_are_no_relays(router, role, sender):
    """Lesson 5, the open relay."""
    federation = router.federation()
    door = federation if role == "s2s" else router.daemon("net")
    if role == "net":
        door.bind(name=BETA)
    for number, to in enumerate(["y@other.test", sender]):
        door.message(sender, to, id=str(number))
        assert error_of(door.expect(str(number))) == NOT_FOUND


def test_bytes_are_forwarded_as_they_came(router):
    irc, bot = router.third_party(IRC), router.third_party(BOT)
    text = (f"<message  from='{IRC}' to=\"{BOT}\" id='1'\n><body>a&#65;&amp;<![CDATA[<x>]]></body >"
            "<p:x xmlns:p='u' p:a='&gt;'/></message\t>")
    irc.send(" \n" + text)
    bot.socket.settimeout(20)
    received = b""
    while len(received) < len(text):
        received += bot.socket.recv(65536)
    assert received.decode() == text


def test_foreign_prefixes_are_resolved(router):
    """Bytes that mean something only in the sender's stream are written anew."""
    sender = router.connect("component")
    sender.name = IRC
    sender.send(f"<s:stream xmlns='{COMPONENT}' xmlns:s='http://etherx.jabber.org/streams' "
                f"xmlns:p='urn:p' to='{IRC}'>")
    sender.read_header()
    sender.prove("not told to anybody")
    bot = router.third_party(BOT)
    sender.send(f"<message from='{IRC}' to='{BOT}' id='1' p:a='1'><p:x>t</p:x><body>b</body>"
                "<s:y/></message>")
    message = bot.expect("1")
    assert message.tag == f"{{{COMPONENT}}}message"
    assert message.get("{urn:p}a") == "1"
    assert message.find("{urn:p}x").text == "t"
    assert message.find(f"{{{COMPONENT}}}body").text == "b"
    assert message.find("{http://etherx.jabber.org/streams}y") is not None


def test_order_is_kept(router):
    irc, bot = router.third_party(IRC), router.third_party(BOT)
    irc.send("".join(stanza(from_=IRC, to=BOT, id=n) for n in range(2000)))
    assert bot.seen_until("1999") == [str(n) for n in range(2000)]


def test_taps_see_what_others_say(router):
    irc, bot, worker = router.third_party(IRC), router.third_party(BOT), router.worker()
    bot.bind(log="true")
    worker.message(NETWORK, IRC, id="1")
    irc.expect("1")
    irc.message(IRC, NETWORK, id="2")
    irc.message(IRC, "nobody.test", id="gone")      # was delivered to nobody
    irc.message(IRC, BOT, id="3")                   # to the tap: once
    bot.message(BOT, IRC, id="4")                   # from the tap: not at all
    irc.expect("4")
    bot.message(BOT, BOT, id="5")
    seen = [identity for identity in bot.seen_until("5") if identity]
    assert seen == ["1", "2", "3", "5"]
    bot.request("unbind", log="true")
    worker.message(NETWORK, IRC, id="6")
    irc.expect("6")
    bot.message(BOT, BOT, id="7")
    assert [identity for identity in bot.seen_until("7") if identity] == ["7"]


def test_announcements_cannot_be_forged(router):
    worker, irc = router.worker(), router.third_party(IRC)
    irc.send(f"<presence from='{IRC}' to='{NETWORK}' id='1' type='unavailable'>"
             f"<route xmlns='{ROUTER}' incarnation='0'/></presence>")
    assert error_of(irc.expect("1")) == ("modify", "not-acceptable")
    worker.message(NETWORK, NETWORK, id="2")
    assert "1" not in worker.seen_until("2")


def test_addresses_of_workers(router):
    first, second = router.worker("c2s-1"), router.worker("c2s-2")
    net = router.daemon("net")
    for number, (to, receiver) in enumerate([
            (f"{HOST}/c2s-1", first), (f"{HOST}/c2s-2", second), (f"{NETWORK}/c2s-2", second)]):
        net.message(BETA, to, id=str(number))
        receiver.expect(str(number))
    # one account, one owner, whatever the resource
    owners = set()
    for number in range(10):
        net.message(BETA, f"alice@{NETWORK}/r{number}", id=f"a{number}")
    net.message(BETA, f"{HOST}/c2s-1", id="end")
    net.message(BETA, f"{HOST}/c2s-2", id="end")
    for worker in (first, second):
        got = [i for i in worker.seen_until("end") if i and i.startswith("a")]
        owners.add(len(got))
    assert owners == {0, 10}


def test_held_for_shared_names(make_router):
    """After a start, until the members had time to come back."""
    router = make_router(shared_hold="2s")
    federation = router.federation()
    for number in range(3):
        federation.message("x@jabber.test", f"user{number}@{NETWORK}", id=str(number))
    federation.message("x@jabber.test", IRC, id="other")
    assert error_of(federation.expect("other")) == TIMEOUT
    worker = router.worker()
    for number in range(3):
        worker.expect(str(number))
    router.wait_log("event=shared_released stanzas=3")


def test_held_too_much(make_router):
    router = make_router(shared_hold="2s", queue_size="64k")
    federation = router.federation()
    for number in range(10):
        federation.message("x@jabber.test", NETWORK, "x" * 10000, id=str(number))
    answers = [federation.expect(str(number)) for number in range(6, 10)]
    assert [error_of(answer)[1] for answer in answers] == 4 * ["resource-constraint"]
    worker = router.worker()
    assert [i for i in worker.seen_until("5") if i] == list("012345")
