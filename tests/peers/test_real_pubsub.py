# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Nodes of accounts (XEP-0163) with contacts at Prosody, in both directions: what is notified by
# what a client announces, the last item for who comes, and who may read.

import itertools

import pytest

from tests.harness import pubsub
from tests.harness.pubsub import Desk, what
from tests.peers.meeting import Meeting, subscribe, wait_presence
from tests.peers.names import WAYS

DEVICES = "eu.siacs.conversations.axolotl.devicelist"
NAMES = (f"urn:example:{number}" for number in itertools.count(1))
ISSUES = {"open": None, "presence": "not-authorized presence-subscription-required",
          "roster": "not-authorized not-in-roster-group", "whitelist": "not-allowed closed-node"}


@pytest.fixture
def meeting(world, prosody, login):
    return Meeting(world, prosody, WAYS[0], login)


@pytest.fixture
def pair(meeting):
    """Contacts in both directions; ours, theirs."""
    here, there = meeting.here(), meeting.there("bob")
    subscribe(here, there)
    subscribe(there, here)
    return here, there


def ways(pair):
    """Who publishes and who hears, in both directions."""
    here, there = pair
    return (here, there), (there, here)


def publish(client, node, item, **preconditions):
    assert what(Desk(client).publish(node, item, **preconditions)) is None


def test_contacts_hear(pair):
    for owner, contact in ways(pair):
        name, other = next(NAMES), next(NAMES)
        pubsub.show(contact, name, other)
        publish(owner, name, "a")
        assert pubsub.wait_event(contact) == ("items", name, ["a"])
        publish(owner, next(NAMES), "not wanted")
        publish(owner, other, "b")
        assert pubsub.wait_event(contact) == ("items", other, ["b"])
        assert what(Desk(owner).retract(name, "a", "true")) is None
        assert pubsub.wait_event(contact) == ("retract", name, ["a"])


def test_last_item_for_a_contact_that_comes(pair):
    for owner, contact in ways(pair):
        name = next(NAMES)
        publish(owner, name, "a")
        publish(owner, name, "b")
        pubsub.show(contact, name)
        assert pubsub.wait_event(contact) == ("items", name, ["b"])


def test_contacts_read(pair):
    for owner, contact in ways(pair):
        name = next(NAMES)
        publish(owner, name, "a")
        assert Desk(contact, owner.bare).ids(name) == ["a"]


@pytest.mark.parametrize("model", ISSUES)
def test_strangers_there(meeting, model):
    here, there = meeting.here(), meeting.there("carol")
    publish(here, "urn:example:access", "a", access_model=model)
    answer = Desk(there, here.bare).items("urn:example:access")
    assert what(answer) == ISSUES[model]


def test_keys_are_for_everybody(meeting):
    """Without a contact's consent (XEP-0384), each way."""
    here, there = meeting.here(), meeting.there("carol")
    publish(here, DEVICES, "current")
    assert Desk(there, here.bare).ids(DEVICES) == ["current"]
    publish(there, DEVICES, "current", access_model="open")
    assert Desk(here, there.bare).ids(DEVICES) == ["current"]
    publish(there, "urn:example:closed", "a", access_model="whitelist")
    assert what(Desk(here, there.bare).items("urn:example:closed")) is not None


def test_roster_and_whitelist(pair):
    here, there = pair
    desk, reader = Desk(here), Desk(there, here.bare)
    groups, listed = next(NAMES), next(NAMES)
    desk.create(groups, access_model="roster", roster_groups_allowed="friends")
    desk.create(listed, access_model="whitelist")
    assert what(reader.items(groups)) == "not-authorized not-in-roster-group"
    assert what(reader.items(listed)) == "not-allowed closed-node"
    here.ask("set", f"<query xmlns='jabber:iq:roster'><item jid='{there.bare}'>"
                    "<group>friends</group></item></query>")
    desk.affiliate(listed, member=[there.bare])
    pubsub.show(there, groups, listed)
    for name in (groups, listed):
        publish(here, name, "a")
        assert pubsub.wait_event(there) == ("items", name, ["a"])
        assert reader.ids(name) == ["a"]


def test_who_is_no_contact_any_more(pair):
    """Its subscription ends, and with it what it is told; a stranger announces what it likes."""
    here, there = pair
    name = next(NAMES)
    pubsub.show(there, name)
    publish(here, name, "a")
    assert pubsub.wait_event(there) == ("items", name, ["a"])
    here.send(f"<presence type='unsubscribed' to='{there.bare}'/>")
    wait_presence(there, here.bare, "unsubscribed")
    publish(here, name, "b")
    assert what(Desk(there, here.bare).items(name)) == ISSUES["presence"]
    here.send(f"<message to='{there.full}'><body>last</body></message>")
    there.wait_message("last")
    assert not [one for one in there._elements if pubsub.event(one)]


def test_explicit_subscription(meeting):
    """Who has subscribed hears without being a contact, each way."""
    here, there = meeting.here(), meeting.there("dave")
    for owner, reader in ((here, there), (there, here)):
        name = next(NAMES)
        publish(owner, name, "a", access_model="open")
        desk = Desk(reader, owner.bare)
        assert pubsub.subscription(desk.subscribe(name)) == "subscribed"
        publish(owner, name, "b")
        events = []
        while ("items", name, ["b"]) not in events:
            events.append(pubsub.wait_event(reader))
        assert what(desk.unsubscribe(name)) is None
