# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Five nodes: whoever has his home wherever, and is connected wherever, talks with everybody else;
# and the network parts in halves and comes together again. The long form: three nodes are tried in
# every run (test_stanzas.py, test_fronts.py).

import itertools

import pytest

from tests.faults.talk import texts_until
from tests.harness import wait
from tests.network.test_outages import say
from tests.network.test_stanzas import befriend, outbox_is_empty
from tests.node.client import PING

NODES = ("alpha", "beta", "gamma", "delta", "epsilon")
# (front, home)
PLACES = list(itertools.product(NODES, NODES))


@pytest.fixture(scope="module")
def five(make_network):
    return make_network(5)


def ask_device(asking, asked):
    """An iq to the other's device, which answers it."""
    asking.send(f"<iq type='get' id='device' to='{asked.full}'><ping xmlns='{PING}'/></iq>")
    question = asked.wait_for(lambda e: e.get("id") == "device" and e.get("type") == "get")
    asked.send(f"<iq type='result' id='device' to='{question.get('from')}'/>")
    assert asking.wait_for(lambda e: e.get("id") == "device").get("type") == "result"


def talk(alice, bob):
    """Messages both ways, a question to the account, subscriptions, presence, a question to the
    device."""
    for sender, recipient in ((alice, bob), (bob, alice)):
        sender.send_message(recipient.bare, "hello")
        message = recipient.wait_message("hello")
        assert (message.get("from"), message.get("to")) == (sender.full, recipient.bare)
    answer = alice.ask("get", "<vCard xmlns='vcard-temp'/>", to=bob.bare)
    assert answer.get("from") == bob.bare
    befriend(alice, bob)
    alice.send("<presence><show>away</show></presence>")
    assert bob.wait_for(lambda e: e.find("{*}show") is not None).get("from") == alice.full
    ask_device(alice, bob)
    ask_device(bob, alice)


@pytest.mark.long
@pytest.mark.seconds(900)
@pytest.mark.parametrize("place", PLACES, ids="-".join)
def test_every_pair_of_places(five, user, place):
    """One of this front and home, and one of each other."""
    front, home = place
    for other_front, other_home in PLACES[PLACES.index(place):]:
        owners = [five[name].add_account() for name in (home, other_home)]
        alice = user(five[front], owners[0])
        bob = user(five[other_front], owners[1])
        talk(alice, bob)
        alice.close()
        bob.close()


@pytest.mark.long
@pytest.mark.seconds(600)
def test_halves(five, user):
    """Each half goes on for itself; what was said to the other one comes when they meet again."""
    users = {name: user(five[name]) for name in NODES}
    halves = (NODES[:2], NODES[2:])
    for one, other in itertools.permutations(NODES, 2):
        text = say(users[one], users[other].bare, 1)[0]
        users[other].wait_message(text)
    five.split(*[list(half) for half in halves])
    for one, other in itertools.product(*halves):
        five.wait_state(one, other, "down")
        five.wait_state(other, one, "down")
    waiting = {name: [] for name in NODES}
    for one, other in itertools.permutations(NODES, 2):
        texts = say(users[one], users[other].bare, 2)
        inside = any(one in half and other in half for half in halves)
        if inside:
            assert texts_until(users[other], texts[-1]) == texts
        else:
            waiting[other].append(texts)
    five.heal()
    five.wait_linked()
    for name, lists in waiting.items():
        got = []
        while len(got) < sum(len(texts) for texts in lists):
            element = users[name].receive(60)
            if element.find("{*}body") is not None:
                got.append(element.findtext("{*}body"))
        for texts in lists:
            assert [text for text in got if text in texts] == texts
    wait.until(lambda: all(outbox_is_empty(one) for one in five), 60, "empty outboxes")
