# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Rooms that all nodes serve together: each has a home, which has claimed its name (docs/NETWORK.md,
# "Shared services").

import itertools
import time

import pytest

from tests.harness import archive, wait
from tests.muc import rooms
from tests.network.test_directory import lookup

NUMBERS = itertools.count(1)
BETA = "beta.example.test"
ITEMS = "http://jabber.org/protocol/disco#items"
INFO = "http://jabber.org/protocol/disco#info"
CONFERENCE = "conference.example.test"
ORIGIN = "urn:xmpp:sid:0"


@pytest.fixture
def room(user):
    """room(network.beta): a new one, made by a user whose home that is, with that one in it."""
    def make(node, name=None):
        return rooms.Room(node, lambda: user(node), name or f"network{next(NUMBERS)}")
    return make


@pytest.fixture
def crowd(network, user):
    """crowd(place): {node's name: a client of a user there that has entered}. A worker that
    remembers another home of the room says so, and is asked again."""
    def enter(place):
        people = {node.place.name: user(node) for node in network}
        for name, client in people.items():
            wait.until(lambda: rooms.error(place.join(client, name)[-1]) is None,
                       what=f"{name} to be in the room")
        return people
    return enter


def home(node, jid):
    found = lookup(node, jid)
    return found[0] if found else None


def destroy(place):
    place.owner.ask("set", f"<query xmlns='{rooms.OWNER}'><destroy/></query>", to=place.jid)


def talk(place, people, word):
    """Everybody says something, which everybody hears."""
    for name, client in people.items():
        place.say(client, f"{word} of {name}")
        for other in people.values():
            assert place.hears(other, f"{word} of {name}").get("from") == place.nick(name)


def test_made_at_one_node_joined_from_all(network, room, crowd):
    """Its home is that of whoever made it."""
    place = room(network.beta)
    people = crowd(place)
    talk(place, people, "word")
    said = [f"word of {name}" for name in people]
    for node, client in zip(network, people.values()):
        assert home(node, place.jid) == "beta"
        assert archive.query(client, to=place.jid, fields={}).bodies == said
    first, last = people["alpha"], people["gamma"]
    last.send_message(place.nick("alpha"), "between us")
    assert first.wait_message("between us").get("from") == place.nick("gamma")
    place.leave(last, "gamma")
    place.presence_of(first, "gamma", lambda e: e.get("type") == "unavailable")


def test_the_service_is_everywhere(network, user, room):
    """Each node answers for it; its name is nobody's."""
    made = {node.place.name: room(node) for node in network}
    for node in network:
        client = user(node)
        info = client.ask("get", f"<query xmlns='{INFO}'/>", to=CONFERENCE)
        assert info.find(f".//{{{INFO}}}identity").get("category") == "conference"
        answer = client.ask("get", f"<query xmlns='{ITEMS}'/>", to=CONFERENCE)
        listed = {item.get("jid") for item in answer[0]}
        assert made[node.place.name].jid in listed
        assert home(node, made["beta"].jid) == "beta"


def test_made_at_two_nodes_at_once(network, user):
    """One wins, and both are in it."""
    for _ in range(5):
        jid = f"race{next(NUMBERS)}@{CONFERENCE}"
        clients = {name: user(network[name]) for name in ("alpha", "gamma")}
        for name, client in clients.items():
            client.send(f"<presence to='{jid}/{name}'><x xmlns='{rooms.MUC}'/></presence>")
        place = rooms.Room.__new__(rooms.Room)
        place.jid = jid
        own = {name: place.entered(client) for name, client in clients.items()}
        makers = [name for name, seen in own.items()
                  if any(201 in rooms.codes(stanza) for stanza in seen)]
        assert len(makers) == 1, own
        maker, other = makers[0], ({*clients} - {*makers}).pop()
        # It is locked until it is configured (XEP-0045 §10.1.2).
        assert rooms.error(own[other][-1]) == ("cancel", "item-not-found")
        place.configure(clients[maker])
        assert rooms.error(place.join(clients[other], other)[-1]) is None
        place.say(clients[other], "both are here")
        place.hears(clients[maker], "both are here")
        for node in network:
            wait.until(lambda: home(node, jid) == maker, what=f"{jid} at {node.place.name}")


def test_destroyed_and_made_elsewhere(network, user, room, crowd):
    """The name is free again, for every home."""
    place = room(network.beta)
    crowd(place)
    for node in (network.gamma, network.alpha):
        destroy(place)
        for one in network:
            wait.until(lambda: home(one, place.jid) is None, what="the name to be free")
        place = room(node, place.jid.partition("@")[0])
        wait.until(lambda: home(node, place.jid) == node.place.name, what="its new home")
        talk(place, crowd(place), f"now at {node.place.name}")


@pytest.mark.seconds(600)
def test_its_home_is_away(network, user, room, crowd):
    """Who asks is told to wait; when it is back everybody is still in the room."""
    place = room(network.beta)
    people = crowd(place)
    network.split(["beta"], ["alpha", "gamma"])
    for name in ("alpha", "gamma"):
        network.wait_state(name, "beta", "down")
        network.wait_state("beta", name, "down")
    place.say(people["beta"], "heard later")
    stranger = user(network.alpha)
    assert rooms.error(place.join(stranger, "stranger")[-1]) == ("wait", "remote-server-timeout")
    answer = stranger.ask("get", f"<query xmlns='{INFO}'/>", to=place.jid)
    assert rooms.error(answer) == ("wait", "remote-server-timeout")
    network.heal()
    network.wait_linked()
    for client in people.values():
        place.hears(client, "heard later")
    talk(place, people, "again")


@pytest.mark.seconds(600)
@pytest.mark.parametrize("where, name", [("beta", "muc"), ("beta", "c2s"), ("alpha", "net"),
                                         ("gamma", "net"), ("gamma", "muc")])
def test_a_daemon_dies_while_people_talk(network, user, room, where, name):
    """What the room has accepted is heard once, and in order; who does not hear his own message
    says it again."""
    place = room(network.beta)
    speaker, listener = user(network.gamma), user(network.alpha)
    place.join(speaker, "speaker")
    place.join(listener, "listener")
    texts = [f"{name} {number}" for number in range(8)]

    def say(text):
        place.say(speaker, text, f"<origin-id xmlns='{ORIGIN}' id='o-{text}'/>", name=f"o-{text}")

    def is_own(stanza):
        return stanza.get("type") == "groupchat" and rooms.body(stanza) == texts[-1]

    for text in texts[:4]:
        say(text)
    daemon = network[where].daemon(name)
    daemon.kill()
    daemon.start()
    deadline = time.monotonic() + 120
    while True:
        for text in texts:
            say(text)
        try:
            speaker.wait_for(is_own, 5)
            break
        except TimeoutError:
            assert time.monotonic() < deadline
    stored = archive.query(speaker, to=place.jid, fields={}).bodies
    assert sorted(stored) == sorted(texts)
    heard = []
    while len(heard) < len(stored):
        stanza = listener.wait_for(lambda e: rooms.is_message(e) and rooms.body(e), 60)
        heard.append(rooms.body(stanza))
    assert heard == stored
    assert listener.settle() is None
    place.say(speaker, "end")
    assert rooms.body(listener.wait_for(lambda e: rooms.is_message(e) and rooms.body(e))) == "end"


def test_a_node_speaks_for_a_room_of_another(network, user, room, rogue):
    """As it does for the name of the service."""
    place = room(network.gamma)
    victim = user(network.alpha)
    place.join(victim, "victim")
    epoch = network.document.homes["beta"]["epoch"]
    c2s = network.alpha.daemon("c2s")
    for sender in (place.nick("owner"), place.jid, CONFERENCE):
        c2s.mark_log()
        rogue.send(f"<message from='network@{BETA}' to='{victim.bare.partition('@')[0]}"
                   f"@alpha.example.test'><envelope xmlns='urn:kontalk:net:1' stage='home' "
                   f"home='beta' epoch='{epoch}'><message xmlns='jabber:client' from='{sender}' "
                   f"to='{victim.full}' type='groupchat'><body>forged</body></message></envelope>"
                   "</message>")
        c2s.wait_log(f"event=envelope_refused .*from={sender}")
    place.say(place.owner, "true")
    seen = place.hears(victim, "true")
    assert seen.get("from") == place.nick("owner")
