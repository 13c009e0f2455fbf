# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Users of different homes: as if all were at one server (docs/NETWORK.md).

import itertools

import pytest

from tests.faults.talk import condition
from tests.harness import wait
from tests.harness.retraction import said, say, take_back
from tests.node.client import CLIENT, PING

NODES = ("alpha", "beta", "gamma")
PAIRS = list(itertools.product(NODES, NODES))
VCARD, DISCO = "vcard-temp", "http://jabber.org/protocol/disco#info"


def presence(client, sender, kind=None):
    """The next presence of this type from an address that begins so."""
    return client.wait_for(lambda e: e.tag == f"{{{CLIENT}}}presence" and e.get("type") == kind
                           and e.get("from").startswith(sender))


def outbox_is_empty(node):
    return node.postgres.query("kontalk", "SELECT count(*) FROM outbox").strip() == "0"


def befriend(one, other):
    """Both see each other."""
    for client in (one, other):
        client.ask("get", "<query xmlns='jabber:iq:roster'/>")
    for asking, asked in ((one, other), (other, one)):
        asking.send(f"<presence type='subscribe' to='{asked.bare}'/>")
        presence(asked, asking.bare, "subscribe")
        asked.send(f"<presence type='subscribed' to='{asking.bare}'/>")
        wanted = {("subscribed", asked.bare), (None, asked.full)}  # in whatever order
        while wanted:
            stanza = asking.receive()
            wanted.discard((stanza.get("type"), stanza.get("from")))


@pytest.mark.parametrize("one, other", PAIRS)
def test_messages_and_questions(network, user, one, other):
    alice, bob = user(network[one]), user(network[other])
    for sender, recipient in ((alice, bob), (bob, alice)):
        sender.send_message(recipient.bare, "hello")
        message = recipient.wait_message("hello")
        assert message.get("from") == sender.full and message.get("to") == recipient.bare
    answer = alice.ask("get", f"<vCard xmlns='{VCARD}'/>", to=bob.bare)
    assert answer.get("from") == bob.bare
    alice.send(f"<iq type='get' id='full' to='{bob.full}'><ping xmlns='{PING}'/></iq>")
    assert condition(alice.wait_for(lambda e: e.get("id") == "full")) is not None
    answer = alice.ask("get", f"<query xmlns='{DISCO}'/>", to="nobody@" + network[one].network)
    assert condition(answer) == ("cancel", "service-unavailable")


@pytest.mark.parametrize("one, other", PAIRS)
def test_subscriptions_and_presence(network, user, one, other):
    alice, bob = user(network[one]), user(network[other])
    befriend(alice, bob)
    alice.send("<presence><show>away</show></presence>")
    assert bob.wait_for(lambda e: e.find("{*}show") is not None).get("from") == alice.full
    # now they may ask each other's devices
    alice.send(f"<iq type='get' id='ping1' to='{bob.full}'><ping xmlns='{PING}'/></iq>")
    question = bob.wait_for(lambda e: e.get("id") == "ping1")
    bob.send(f"<iq type='result' id='ping1' to='{question.get('from')}'/>")
    assert alice.wait_for(lambda e: e.get("id") == "ping1").get("type") == "result"
    bob.logout()
    presence(alice, bob.full, "unavailable")


def test_offline(network, user):
    alice = user(network.alpha)
    owner = network.beta.add_account()
    for text in ("1", "2", "3"):
        alice.send_message(owner.jid, text)
    alice.settle()
    wait.until(lambda: outbox_is_empty(network.alpha), what="the messages to be taken")
    bob = user(network.beta, owner, presence=False)
    bob.send("<presence/>")
    for text in ("1", "2", "3"):
        assert bob.wait_message(text).find("{urn:xmpp:delay}delay") is not None
    alice.send_message("nobody@" + network.alpha.network, "hello")
    assert condition(alice.wait_for(lambda e: e.get("type") == "error")) == (
        "cancel", "service-unavailable")


def test_retraction(network, user):
    """A tombstone in the archives of both homes (XEP-0424 §4)."""
    alice, bob = user(network.alpha), user(network.beta)
    for client, other in ((alice, bob), (bob, alice)):
        say(client, other.bare, "m")
        other.wait_for(lambda e: e.get("id") == "m")
    take_back(alice, bob.bare, "m")
    bob.wait_for(lambda e: e.get("id") == "r")
    for client in (alice, bob):
        assert said(client) == [("m", "r"), ("m", None), ("r", None)]


def test_blocking(network, user):
    alice, bob = user(network.alpha), user(network.beta)
    bob.ask("set", f"<block xmlns='urn:xmpp:blocking'><item jid='{alice.bare}'/></block>")
    alice.send_message(bob.bare, "hello")
    assert condition(alice.wait_for(lambda e: e.get("type") == "error")) == (
        "cancel", "service-unavailable")


def test_hosts_are_nobody(network, user):
    alice = user(network.alpha)
    for to in ("beta.example.test", "bob@beta.example.test", "beta.example.test/c2s-1"):
        alice.send_message(to, "hello")
        assert condition(alice.wait_for(lambda e: e.get("type") == "error")) == (
            "cancel", "remote-server-not-found")
