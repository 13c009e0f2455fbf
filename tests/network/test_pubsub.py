# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Nodes of accounts (XEP-0163) across the nodes of a network: contacts at another one read and hear
# as at the same.

import pytest

from tests.harness import pubsub
from tests.harness.pubsub import Desk, what

PAIRS = [("alpha", "alpha"), ("alpha", "beta")]
NODE = "urn:example:node"


@pytest.fixture
def pair(network, user, request):
    one, other = request.param
    alice, bob = user(network[one]), user(network[other])
    pubsub.befriend(alice, bob)
    alice.send_presence()
    return Desk(alice), bob


@pytest.mark.parametrize("pair", PAIRS, indirect=True, ids="-".join)
def test_contact_reads_and_hears(pair):
    alice, bob = pair
    name = f"{NODE}:{alice.client.full}"
    pubsub.show(bob, name)
    theirs = Desk(bob, alice.service)
    assert what(alice.publish(name, "a")) is None
    assert pubsub.wait_event(bob) == ("items", name, ["a"])
    assert theirs.ids(name) == ["a"]
    alice.configure(name, access_model="whitelist")
    assert what(theirs.items(name)) == "not-allowed closed-node"


@pytest.mark.parametrize("pair", PAIRS, indirect=True, ids="-".join)
def test_last_item_for_a_contact_that_comes(pair):
    alice, bob = pair
    name = f"{NODE}:{alice.client.full}"
    alice.publish(name, "a")
    pubsub.show(bob, name)
    assert pubsub.wait_event(bob) == ("items", name, ["a"])


@pytest.mark.parametrize("pair", PAIRS, indirect=True, ids="-".join)
def test_subscriber_hears(pair):
    alice, bob = pair
    alice.create(NODE, access_model="open", max_items="max")
    assert pubsub.subscription(Desk(bob, alice.service).subscribe(NODE, bob.full)) == "subscribed"
    alice.publish(NODE, "a")
    assert pubsub.wait_event(bob) == ("items", NODE, ["a"])
