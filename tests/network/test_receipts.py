# SPDX-License-Identifier: AGPL-3.0-or-later
#
# What is said of a message between homes: receipts (XEP-0184), markers (XEP-0333) and errors come
# back to whom it was from, once, also when they had to wait for a link or for a login.

import pytest

from tests.faults.talk import condition, owner
from tests.harness import wait
from tests.harness.node import SOURCES
from tests.harness.smacks import SmStream
from tests.network.test_stanzas import outbox_is_empty

RECEIPTS, MARKERS = "urn:xmpp:receipts", "urn:xmpp:chat-markers:0"
KINDS = {"received": (RECEIPTS, "<request xmlns='urn:xmpp:receipts'/>"),
         "displayed": (MARKERS, "<markable xmlns='urn:xmpp:chat-markers:0'/>")}


def ask_for(client, to, kind, name):
    """A message that wants to be answered in this way."""
    client.send(f"<message type='chat' id='{name}' to='{to}'><body>{name}</body>"
                f"{KINDS[kind][1]}</message>")


def answer(client, kind, message):
    namespace, _ = KINDS[kind]
    client.send(f"<message type='chat' to='{message.get('from')}'>"
                f"<{kind} xmlns='{namespace}' id='{message.get('id')}'/></message>")


def answers(client, kind, *names):
    """The next of this kind, as many as names; nothing comes twice."""
    tag = f"{{{KINDS[kind][0]}}}{kind}"
    got = [client.wait_for(lambda e: e.find(tag) is not None).find(tag).get("id") for _ in names]
    assert got == list(names)


@pytest.mark.parametrize("kind", KINDS)
def test_they_come_back(network, user, kind):
    alice, bob = user(network.alpha), user(network.beta)
    ask_for(alice, bob.bare, kind, "first")
    message = bob.wait_message("first")
    assert message.find("{*}request") is not None or message.find("{*}markable") is not None
    answer(bob, kind, message)
    answers(alice, kind, "first")
    for client in (alice, bob):
        client.settle()


@pytest.mark.parametrize("kind", KINDS)
def test_they_wait_for_the_link(network, user, kind):
    """In order, and once."""
    alice, bob = user(network.alpha), user(network.beta)
    names = [f"{kind}{i}" for i in range(5)]
    for name in names:
        ask_for(alice, bob.bare, kind, name)
    messages = [bob.wait_message(name) for name in names]
    network.cut("alpha", "beta")
    network.wait_state("beta", "alpha", "down")
    for message in messages:
        answer(bob, kind, message)
    bob.settle()
    network.heal()
    answers(alice, kind, *names)
    wait.until(lambda: outbox_is_empty(network.beta), 60, "an empty outbox")
    alice.send_message(alice.bare, "the end")
    while (element := alice.receive()).findtext("{*}body") != "the end":
        assert element.find(f"{{{KINDS[kind][0]}}}{kind}") is None


def test_a_receipt_for_who_is_away(network, user):
    """The sender of the message is not connected when its receipt comes."""
    alice, bob = user(network.alpha), user(network.beta)
    ask_for(alice, bob.bare, "received", "away")
    message = bob.wait_message("away")
    alice.logout()
    bob.send(f"<message type='chat' to='{alice.bare}'><body>and</body>"
             f"<received xmlns='{RECEIPTS}' id='{message.get('id')}'/></message>")
    bob.settle()
    again = user(network.alpha, owner(alice), presence=False)
    again.send("<presence/>")
    answers(again, "received", "away")


@pytest.mark.parametrize("name", ["alpha", "beta"])
def test_refused_is_said_to_the_sender(network, user, name):
    """By the home of who blocks, or has no such account, with the id of the message, wherever the
    sender is connected."""
    owner_of_alice = network.alpha.add_account()
    alice = SmStream(network[name], owner_of_alice, source=next(SOURCES))
    bob = user(network.beta)
    try:
        alice.login()
        alice.enable()
        alice.send("<presence/>")
        bob.ask("set", f"<block xmlns='urn:xmpp:blocking'><item jid='{alice.bare}'/></block>")
        targets = {"blocked": bob.bare, "nobody": f"nobody-at-all@{network.place.network}"}
        for name_of_it, to in targets.items():
            ask_for(alice, to, "received", name_of_it)
            error = alice.wait_for(lambda e: e.get("type") == "error")
            assert error.get("id") == name_of_it and error.get("from") == to
            assert condition(error) == ("cancel", "service-unavailable")
    finally:
        alice.close()
