# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Rooms of nodes that have several workers, any of which may speak for them; and of a node that is
# lost for ever (docs/ROOMS.md, "In a network").

import functools

import pytest

from tests.harness import network as networks, wait
from tests.harness.smacks import SmStream
from tests.harness.node import SOURCES
from tests.muc import rooms
from tests.network.test_lost_registrar import keyholder
from tests.network.test_rooms import home
from tests.network.test_rooms_listed import named, wait_listed
from tests.node import place
from tests.node.node import DATABASE, MUC_ROLE

WORKERS = ("C2S_1", "C2S_2")


@pytest.fixture(scope="module")
def pair():
    with networks.running(2, muc=True, workers=2) as network:
        yield network


@pytest.fixture
def people(pair, request):
    """people(node, count): clients of as many accounts there, by both workers in turn."""
    def make(node, count):
        made = [SmStream(node, node.add_account(), source=next(SOURCES),
                         service=WORKERS[number % 2]) for number in range(count)]
        for client in made:
            request.addfinalizer(client.close)
            client.login()
            client.send_presence()
        return made
    return make


def test_everybody_hears_once_and_in_order(pair, people):
    """Whichever workers have the slots of who speaks and who hears."""
    made = rooms.Room(pair.beta, lambda: people(pair.beta, 1)[0], "workers")
    crowd = [*people(pair.alpha, 4), *people(pair.beta, 4)]
    for number, client in enumerate(crowd):
        assert rooms.error(made.join(client, f"n{number}")[-1]) is None
    texts = []
    for turn in range(2):
        for number, client in enumerate(crowd):
            texts.append(f"{turn} of {number}")
            made.say(client, texts[-1])
            made.hears(made.owner, texts[-1])
    for client in crowd:
        assert [rooms.body(client.wait_for(lambda e: rooms.is_message(e) and rooms.body(e)))
                for _ in texts] == texts


def test_rooms_and_their_names(pair, people):
    """kontalkctl compares what kontalk-muc has with what the directory has."""
    made = rooms.Room(pair.beta, lambda: people(pair.beta, 1)[0], "named")
    table = f"{MUC_ROLE}.room"
    query = functools.partial(pair.beta.postgres.query, DATABASE)

    def verify():
        try:
            return pair.beta.control("directory", "verify")
        except place.Error as problem:
            return str(problem)
    wait.until(lambda: " rooms, 0 of them not of this home" in verify(), what="all to have names")
    query(f"INSERT INTO {table} (room, local, created, creator, salt, locked) "
          "VALUES (1000000, 'nameless', now(), 'a', 'b', false)")
    query(f"UPDATE {table} SET local = 'renamed' WHERE local = 'named'")
    told = verify()
    query(f"DELETE FROM {table} WHERE local = 'nameless'")
    query(f"UPDATE {table} SET local = 'named' WHERE local = 'renamed'")
    assert "status 1" in told and "2 of them not of this home" in told
    for name in ("nameless", "renamed"):
        assert f"room {made.jid.replace('named', name)}: it is here, and not of this home" in told
    assert f"room {made.jid}: of this home in the directory, and not here" in told


def test_rooms_are_listed(pair, people):
    """Whichever worker asks another node, and is asked by it."""
    made = named(*(rooms.Room(node, lambda: people(node, 1)[0], f"listed-{node.place.name}")
                   for node in pair))
    for client in (*people(pair.alpha, 2), *people(pair.beta, 2)):
        for _ in range(4):
            wait_listed(client, made)


def test_a_home_that_is_lost(pair, people):
    """Nobody gets a room of it by entering, and who is named by the administrator owns it."""
    alice, other = people(pair.alpha, 2)
    lost = rooms.Room(pair.beta, lambda: people(pair.beta, 1)[0], "lost")
    assert rooms.error(lost.join(other, "other")[-1]) is None
    wait.until(lambda: home(pair.alpha, lost.jid) == "beta", what="the room to be known")
    with pytest.raises(place.Error, match="Another home of the network has this room"):
        pair.alpha.control("room", "claim", lost.jid, alice.bare)
    for name in reversed(pair.beta.daemons):
        pair.beta.daemon(name.removeprefix("kontalk-")).kill()
    pair.alpha.control("network", "remove", pair.beta.place.host, "with-homes")
    pair.alpha.control("network", "sign", keyholder(pair))
    pair.alpha.control("network", "reload")
    wait.until(lambda: pair.beta.place.host not in pair.alpha.control("network", "status"),
               what="the document without beta")
    refused = rooms.error(lost.join(other, "other")[-1])
    assert refused == ("wait", "remote-server-timeout")
    pair.alpha.control("room", "claim", lost.jid, alice.bare)
    assert home(pair.alpha, lost.jid) == "alpha"
    with pytest.raises(place.Error, match="There is such a room"):
        pair.alpha.control("room", "claim", lost.jid, other.bare)

    def enters():
        """A worker that remembers another home of the room says so, and is asked again."""
        found = lost.join(other, "other")
        return None if rooms.error(found[-1]) else found
    seen = wait.until(enters, what="the new home to be known")
    assert rooms.item(seen[0]) == ("none", "participant") and 201 not in rooms.codes(seen[0])
    lost.join(alice, "alice")
    assert rooms.item(lost.presence_of(other, "alice")) == ("owner", "moderator")
