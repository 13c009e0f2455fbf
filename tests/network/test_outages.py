# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Stanzas for a home that cannot be reached: what was accepted arrives once and in order when it is
# there again, whatever died meanwhile, and nobody's presence flaps (docs/NETWORK.md).

import itertools

import pytest

from tests.faults.talk import condition, owner, texts_until
from tests.harness import wait
from tests.network.test_stanzas import befriend, outbox_is_empty, presence
from tests.node.client import CLIENT, PING

TEXTS = (f"text {n}" for n in itertools.count(1))


def say(client, to, count):
    """They are accepted when this returns."""
    texts = [next(TEXTS) for _ in range(count)]
    for text in texts:
        client.send_message(to, text)
    client.settle()
    return texts


@pytest.mark.seconds(600)
def test_once_and_in_order(network, user):
    alice, bob = user(network.alpha), user(network.beta)
    sent = say(alice, bob.bare, 5)
    network.cut("alpha", "beta")
    sent += say(alice, bob.bare, 20)
    network.wait_state("alpha", "beta", "down")
    sent += say(alice, bob.bare, 20)
    network.heal()
    assert texts_until(bob, sent[-1]) == sent
    wait.until(lambda: outbox_is_empty(network.alpha), what="the outbox to be empty")


@pytest.mark.seconds(600)
@pytest.mark.parametrize("name", ["c2s", "net", "router"])
def test_daemons_die_on_both_sides(network, user, name):
    alice, bob = user(network.alpha), user(network.beta)
    bob.logout()
    sent = say(alice, bob.bare, 10)
    for node in (network.beta, network.alpha):
        node.daemon(name).kill()
        if name != "c2s":
            sent += say(alice, bob.bare, 20)
        node.daemon(name).start()
        if name == "c2s" and node is network.alpha:
            alice = user(node, owner(alice))
        sent += say(alice, bob.bare, 20)
    wait.until(lambda: outbox_is_empty(network.alpha), 90, "the outbox to be empty")
    bob = user(network.beta, owner(bob), presence=False)
    bob.send("<presence/>")
    assert texts_until(bob, sent[-1]) == sent


def test_away_is_wait(network, user):
    alice, bob = user(network.alpha), user(network.beta)
    say(alice, bob.bare, 1)
    network.cut("alpha", "beta")
    network.wait_state("alpha", "beta", "down")
    answer = alice.ask("get", f"<ping xmlns='{PING}'/>", to=bob.bare)
    assert condition(answer) == ("wait", "remote-server-timeout")


def test_presence_is_made_good(network, user):
    """What was lost is said again; who was there all the time is never shown as gone."""
    alice, bob, carol = user(network.alpha), user(network.beta), user(network.beta)
    befriend(alice, bob)
    befriend(alice, carol)
    network.cut("alpha", "beta")
    for one, other in (("alpha", "beta"), ("beta", "alpha")):
        network.wait_state(one, other, "down")
    alice.send("<presence><show>away</show></presence>")
    alice.settle()
    carol.logout()
    network.heal()
    assert bob.wait_for(lambda e: e.find("{*}show") is not None).get("from") == alice.full
    seen = [presence(alice, carol.bare, "unavailable")]
    assert seen[0].get("from") == carol.full
    bob.send_message(alice.bare, "last")
    while (element := alice.receive()).findtext(f"{{{CLIENT}}}body") != "last":
        assert (element.get("from"), element.get("type")) != (bob.full, "unavailable")


def test_what_waits_too_long_ends(network, user):
    """Its sender gets an error of type wait, and the recipient never gets it."""
    alice, bob = user(network.alpha), user(network.beta)
    network.alpha.reconfigure({"sm": {"outbox-expiry": "1s"}})
    try:
        network.cut("alpha", "beta")
        network.wait_state("alpha", "beta", "down")
        say(alice, bob.bare, 1)
        error = alice.wait_for(lambda e: e.get("type") == "error")
        assert condition(error) == ("wait", "remote-server-timeout")
        assert error.get("from") == bob.bare
        wait.until(lambda: outbox_is_empty(network.alpha), what="the outbox to be empty")
    finally:
        network.alpha.reconfigure({"sm": {"outbox-expiry": None}})
    network.heal()
    network.wait_linked()
    sent = say(alice, bob.bare, 1)
    assert texts_until(bob, sent[-1]) == sent
