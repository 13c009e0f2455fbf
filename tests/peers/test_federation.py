# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Two nodes of ours federate: both directions, both ways to prove a domain, both kinds of TLS.

import re

import pytest

from tests.harness import wait
from tests.harness.tracing import tracing
from tests.peers.conftest import forget_streams

SECRET = "planted-where-people-talk"


def proofs(node):
    """{(direction, remote): how} of what is ready now."""
    shown = node.control("ask", "s2s", "show")
    rows = re.findall(r"^(in|out) (\S+) (\S+) ready by=(\S+)", shown, re.M)
    return {(direction, remote): how for direction, _, remote, how in rows}


def talk(pair, login):
    alice, bob = login(where=pair.left), login(where=pair.right)
    alice.send_presence()
    bob.send_presence()
    alice.send_message(bob.full, "from left")
    assert bob.wait_message("from left").get("from") == alice.full
    bob.send_message(alice.full, "from right")
    assert alice.wait_message("from right").get("from") == bob.full
    return alice, bob


def wait_presence(client, kind):
    """From the other side."""
    domain = client.bare.partition("@")[2]
    return client.wait_for(lambda e: e.tag.endswith("}presence") and e.get("type") == kind
                           and not e.get("from").partition("/")[0].endswith(domain))


@pytest.mark.parametrize("service", ["S2S", "S2S_TLS"])
def test_external(pair, login, service):
    pair.point_at_each_other(service)
    forget_streams(pair)
    talk(pair, login)
    for node, other in ((pair.left, pair.right), (pair.right, pair.left)):
        assert proofs(node) == {("out", other.network): "EXTERNAL",
                                ("in", other.network): "EXTERNAL"}


def test_subscriptions_and_presence(pair, login):
    alice, bob = login(where=pair.left), login(where=pair.right)
    for client in (alice, bob):  # who asks for the roster gets the subscription stanzas
        client.ask("get", "<query xmlns='jabber:iq:roster'/>")
        client.send_presence()
    alice.send(f"<presence type='subscribe' to='{bob.bare}'/>")
    wait_presence(bob, "subscribe")
    bob.send(f"<presence type='subscribed' to='{alice.bare}'/>")
    wait_presence(alice, "subscribed")
    assert wait_presence(alice, None).get("from") == bob.full
    bob.send("<presence type='unavailable'/>")
    assert wait_presence(alice, "unavailable").get("from") == bob.full


def test_iq_and_its_error(pair, login):
    alice = login(where=pair.left)
    nobody = f"nobody@{pair.right.network}"
    answer = alice.ask("get", "<query xmlns='jabber:iq:version'/>", to=f"{nobody}/x")
    assert answer.get("type") == "error" and answer.get("from") == f"{nobody}/x"
    answer = alice.ask("get", "<ping xmlns='urn:xmpp:ping'/>", to=pair.right.network)
    assert answer.get("type") == "result"


def test_it_is_traced(pair, login):
    """What kontalkctl trace says of a message and its answer, and what it never says."""
    alice, bob = (login(where=node) for node in (pair.left, pair.right))
    for client in (alice, bob):
        client.send_presence()
    with tracing(pair.left, alice.bare) as left, tracing(pair.right, alice.bare) as right:
        for source, target, name in ((alice, bob, "there"), (bob, alice, "back")):
            source.send(f"<message type='chat' id='{name}' to='{target.bare}'>"
                        f"<body>{SECRET} {name}</body></message>")
            target.wait_message(f"{SECRET} {name}")
        for trace, name in ((left, "there"), (right, "back")):
            trace.wait("s2s", "^to (left|right).test at ", name)
            trace.wait("s2s", "has it", name)
            trace.wait("c2s", "outbox: offer .* taken", name)
        for trace, name in ((right, "there"), (left, "back")):
            trace.wait("s2s", "came in, offer .* to the router", name)
            trace.wait("router", "offer .* to c2s", name)
            trace.wait("c2s", "offer .* arrived for", name)
            trace.wait("c2s", "to the client", name)
            trace.wait("s2s", "offer .* taken", name)
        assert SECRET not in left.text + right.text


def test_the_other_side_dies_and_comes_back(pair, login):
    alice, bob = talk(pair, login)
    pair.right.daemon("s2s").kill()
    alice.send_message(bob.full, "while it is away")
    pair.right.daemon("s2s").start()
    assert bob.wait_message("while it is away").get("from") == alice.full


def test_router_and_s2s_restart(pair, login):
    talk(pair, login)
    for name in ("c2s", "s2s"):
        pair.left.daemon(name).mark_log()
    pair.left.daemon("router").kill()
    pair.left.daemon("router").start()
    for name in ("c2s", "s2s"):
        pair.left.daemon(name).wait_log("event=link_up")
    wait.until(lambda: talk(pair, login))


def test_dialback(strangers, login):
    """The same without certificates that say who somebody is."""
    talk(strangers, login)
    for node, other in ((strangers.left, strangers.right), (strangers.right, strangers.left)):
        assert proofs(node) == {("out", other.network): "dialback",
                                ("in", other.network): "dialback"}


def test_a_certificate_is_required(strangers, login):
    strangers.left.reconfigure({"s2s": {"require-certificate": "yes", "stanza-expiry": "3s"}})
    alice = login(where=strangers.left)
    answer = alice.ask("get", "<ping xmlns='urn:xmpp:ping'/>", to=strangers.right.network)
    error = answer.find("{*}error")
    assert error.get("type") == "wait"
    assert error.find("{*}remote-server-timeout") is not None
    assert "not trusted" in error.findtext("{*}text")


@pytest.fixture
def both_ways(pair):
    for node in (pair.left, pair.right):
        node.reconfigure({"s2s": {**node.settings["s2s"], "bidi": "yes"}})
    forget_streams(pair)
    yield pair
    for node in (pair.left, pair.right):
        node.reconfigure({"s2s": {**node.settings["s2s"], "bidi": "no"}})
    forget_streams(pair)


def test_one_connection_both_ways(both_ways, login):
    """XEP-0288, with acknowledgements in both directions."""
    left, right = both_ways.left, both_ways.right
    alice, bob = login(where=left), login(where=right)
    for number in range(3):
        alice.send_message(bob.full, f"there {number}")
        bob.wait_message(f"there {number}")
        bob.send_message(alice.full, f"back {number}")
        alice.wait_message(f"back {number}")
    assert proofs(left) == {("out", right.network): "EXTERNAL", ("in", right.network): "bidi"}
    assert proofs(right) == {("in", left.network): "EXTERNAL", ("out", left.network): "bidi"}


@pytest.mark.parametrize("side", ["left", "right"])
def test_either_end_dies(both_ways, login, side):
    alice, bob = login(where=both_ways.left), login(where=both_ways.right)
    alice.send_message(bob.full, "there")
    bob.wait_message("there")
    daemon = getattr(both_ways, side).daemon("s2s")
    daemon.kill()
    texts = [str(number) for number in range(10)]
    for text in texts:
        alice.send_message(bob.full, text)
        bob.send_message(alice.full, text)
    daemon.start()
    for client in (alice, bob):
        heard = []
        while not heard or heard[-1] != texts[-1]:
            heard.append(client.wait_for(lambda e: e.tag.endswith("}message")).findtext("{*}body"))
        assert [text for text in heard if text in texts] == texts
