# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Who hears without a subscription (XEP-0163 §4, XEP-0060 §9): devices and contacts, by what their
# clients announce (XEP-0115).

import itertools

import pytest

from tests.harness import pubsub
from tests.harness.pubsub import Desk, what

NUMBERS = itertools.count(1)


@pytest.fixture
def name():
    """A node that no client has ever announced."""
    return f"urn:example:{next(NUMBERS)}"


@pytest.fixture
def owner(login):
    return Desk(login())


@pytest.fixture
def friend(login, owner):
    client = login()
    pubsub.befriend(owner.client, client)
    owner.client.send_presence()
    return client


def test_contacts_and_devices(owner, friend, name, login, node):
    assert pubsub.show(friend, name)
    owner.publish(name, "i")
    assert pubsub.events(friend) == [("items", name, ["i"])]
    assert not pubsub.show(owner.client, name)  # the same kind of client: known by now
    owner.retract(name, "i")
    owner.publish(name, "j")
    assert pubsub.events(friend) == [("retract", name, ["i"]), ("items", name, ["j"])]


def test_other_nodes_are_not_wanted(owner, friend, name):
    pubsub.show(friend, f"{name}:other")
    owner.publish(name)
    assert pubsub.events(friend) == []


def test_strangers_hear_nothing(owner, login, name):
    stranger = login()
    pubsub.show(stranger, name)
    stranger.send(f"<presence to='{owner.client.full}'/>")
    stranger.settle()
    owner.publish(name, access_model="open")
    assert pubsub.events(stranger) == []


@pytest.mark.parametrize("model", ["whitelist", "authorize", "roster"])
def test_contacts_who_may_not_read(owner, friend, name, model):
    pubsub.show(friend, name)
    owner.publish(name, access_model=model)
    assert pubsub.events(friend) == []


def test_contact_who_has_gone(owner, friend, name):
    pubsub.show(friend, name)
    friend.send("<presence type='unavailable'/>")
    friend.settle()
    owner.publish(name)
    assert pubsub.events(friend) == []


def test_contact_who_is_none_any_more(owner, friend, name):
    pubsub.show(friend, name)
    owner.client.send(f"<presence type='unsubscribed' to='{friend.bare}'/>")
    owner.client.settle()
    friend.settle()
    owner.publish(name)
    assert pubsub.events(friend) == []


def test_blocked_contact(owner, friend, name):
    pubsub.show(friend, name)
    owner.client.ask("set", f"<block xmlns='urn:xmpp:blocking'><item jid='{friend.bare}'/></block>")
    owner.publish(name)
    assert pubsub.events(friend) == []


def test_a_subscription_does_not_double(owner, friend, name):
    pubsub.show(friend, name)
    owner.create(name, access_model="presence", max_items="max")
    Desk(friend, owner.service).subscribe(name)
    owner.publish(name, "i")
    assert pubsub.events(friend) == [("items", name, ["i"])]


# --- last items (XEP-0163 §4.3.4) ---

def wait_last(client, name):
    return client.wait_for(lambda e: pubsub.event(e) and pubsub.event(e)[1] == name)


def test_last_item_when_a_contact_comes(owner, friend, name):
    owner.create(name, max_items="max")
    for item in ("a", "b"):
        owner.publish(name, item)
    pubsub.show(friend, name)
    message = wait_last(friend, name)
    assert pubsub.event(message) == ("items", name, ["b"])
    assert message.get("type") == "headline"
    assert message.find("{urn:xmpp:delay}delay") is not None


def test_last_item_of_who_is_away(owner, friend, name, login, account):
    """The account has no session, and is not in memory for ever."""
    owner.publish(name, "i")
    owner.client.logout()
    pubsub.show(friend, name)
    assert pubsub.event(wait_last(friend, name)) == ("items", name, ["i"])


def test_last_item_for_another_device(owner, name, login, node, account):
    someone = account()
    desk = Desk(login(someone))
    desk.publish(name, "i")
    second = login(someone)
    pubsub.show(second, name)
    assert pubsub.event(wait_last(second, name)) == ("items", name, ["i"])


def test_last_item_comes_once(owner, friend, name):
    owner.publish(name, "i")
    pubsub.show(friend, name)
    wait_last(friend, name)
    pubsub.show(friend, name)
    assert pubsub.events(friend) == []


def test_last_item_is_not_wanted(owner, friend, name):
    marker = f"{name}:marker"
    owner.publish(name, "i", send_last_published_item="never")
    owner.publish(marker, "m")
    pubsub.show(friend, name, marker)
    assert pubsub.event(wait_last(friend, marker)) == ("items", marker, ["m"])
    assert pubsub.events(friend) == []


# --- what clients say they are (XEP-0115 §5.4, §9.2) ---

def test_lies_are_not_believed(owner, friend, name, login, account):
    """Who announces the hash of others and answers something else changes nothing for them."""
    liar = login()
    pubsub.show(liar, name, lies=(pubsub.INFO, "urn:example:other+notify"))
    owner.publish(name, "i")
    assert pubsub.events(liar) == []
    assert pubsub.show(friend, name)  # asked, since nobody has told the truth
    assert pubsub.event(wait_last(friend, name)) == ("items", name, ["i"])


def test_what_is_known_is_not_asked_again(login, name):
    assert pubsub.show(login(), name)
    assert not pubsub.show(login(), name)


def test_names_that_could_be_two(login, name):
    """'<' divides what is hashed."""
    features = [pubsub.INFO, f"{name}+notify"]
    client = login()
    joined = ["<".join(sorted(features))]
    pubsub.show(client, name, lies=joined)
    assert pubsub.show(login(), name)


JUNK = ["", "ver='x'", "node='n' ver='v' hash='md5'", "node='n' hash='sha-1'",
        f"node='{'n' * 2000}' ver='v' hash='sha-1'", "node='n' ver='v'"]


@pytest.mark.parametrize("attributes", JUNK, ids=range(len(JUNK)))
def test_capabilities_that_say_nothing(login, attributes):
    client = login()
    client.send(f"<presence><c xmlns='http://jabber.org/protocol/caps' {attributes}/></presence>")
    assert not pubsub.answer(client, [])


def test_answers_nobody_has_asked_for(owner, login, name):
    client = login()
    client.send(f"<iq type='result' id='made-up' to='{client.domain}'>"
                f"<query xmlns='{pubsub.INFO}'/></iq>")
    client.send(f"<iq type='error' id='made-up' to='{owner.service}'/>")
    assert what(Desk(client).publish(name)) is None
