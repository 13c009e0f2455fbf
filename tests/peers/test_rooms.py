# SPDX-License-Identifier: AGPL-3.0-or-later
#
# A room whose occupants come from two servers: each hears what is said once, in order.

import contextlib
import itertools

import pytest

from tests.harness import wait
from tests.harness.plugin import running
from tests.harness.tracing import tracing
from tests.muc.puppets import Puppets
from tests.muc.rooms import MUC, Room, body, is_message, tag
from tests.peers.conftest import LEFT, QUICK, RIGHT

ADDRESS = "http://jabber.org/protocol/address"
NUMBERS = itertools.count(1)
TEXTS = [f"text {number}" for number in range(5)]


def know(here, there, domains):
    """Where those domains of the other one are; components prove themselves by dialback."""
    host, port = there.address("S2S")
    here.reconfigure({**{f'peer "{domain}"': {"address": f"{host}:{port}"} for domain in domains},
                      "s2s": {**here.settings["s2s"], **QUICK, "require-certificate": "no"}})


@pytest.fixture(scope="module")
def servers():
    with running(network=LEFT, muc=True) as left, \
            running(network=RIGHT, authority=left.authority) as right:
        know(left, right, [RIGHT, right.place.component])
        know(right, left, [LEFT, left.place.conference])
        yield left, right


def enter(room, crowd):
    for number, puppet in crowd:
        puppet.send(f"<presence to='{room.nick(f'n{number}')}'><x xmlns='{MUC}'>"
                    "<history maxstanzas='0'/></x></presence>")
    for _, puppet in crowd:
        puppet.wait_for(lambda e: is_message(e) and e.find(tag("subject")) is not None)


def heard(puppet):
    texts = []
    while len(texts) < len(TEXTS):
        stanza = puppet.wait_for(is_message)
        texts.append(body(stanza))
    return texts


def talk(servers, count):
    left, right = servers
    here, there = Puppets(left), Puppets(right)
    room = Room(left, here.make, f"many{count}",
                {"presencebroadcast": ["moderator"], "maxusers": "1000"})
    crowd = [(number, (there if number % 2 else here).make()) for number in range(count)]
    enter(room, crowd)
    for number, text in enumerate(TEXTS):
        speaker = crowd[number][1]
        room.say(speaker, text)
        room.hears(room.owner, text)
    for _, puppet in crowd:
        assert heard(puppet) == TEXTS
    for puppets in (here, there):
        puppets.close()


@pytest.mark.long
def test_500_occupants(servers):
    talk(servers, 500)


def hear(guests, text):
    """Nobody is named in it."""
    for guest in guests:
        message = guest.wait_for(lambda e: is_message(e) and body(e) == text)
        assert message.find(f"{{{ADDRESS}}}addresses") is None


@pytest.fixture
def visited(servers, login):
    """A room of left, and people of right in it."""
    left, right = servers
    room = Room(left, lambda: login(where=left), f"visited{next(NUMBERS)}")
    room.login = lambda: login(where=right)
    return room, [room.newcomer(f"guest{number}") for number in range(4)]


def once(trace, guests):
    """So often something came in for all of them."""
    return trace.of("s2s").count(f"came in for {len(guests)}")


@contextlib.contextmanager
def visits_once(node, room, guests):
    """Inside the block the stream to the node is used for all at once; gives what is traced there.
    """
    with tracing(node, room.jid) as trace:
        numbers = itertools.count(1)
        while not once(trace, guests):
            text = f"before {next(numbers)}"
            room.say(room.owner, text)
            hear(guests, text)
        yield trace


@pytest.mark.long
def test_once_over_the_stream(servers, visited):
    """XEP-0033: each gets a copy that names nobody else, and whoever has gone leaves the room."""
    room, guests = visited
    with visits_once(servers[1], room, guests) as trace:
        before = once(trace, guests)
        for text in TEXTS:
            room.say(room.owner, text)
            hear(guests, text)
        wait.until(lambda: once(trace, guests) >= before + len(TEXTS),
                   what="all to come in once")
    gone = guests.pop()
    gone.close()
    room.say(room.owner, "who is there?")
    room.presence_of(room.owner, "guest3", lambda e: e.get("type") == "unavailable")
    hear(guests, "who is there?")


@pytest.mark.long
@pytest.mark.parametrize("side", ["left", "right"])
def test_s2s_dies(servers, visited, side):
    """Whoever it is, nothing of what the room says is lost or comes too early."""
    room, guests = visited
    with visits_once(servers[1], room, guests):
        pass
    daemon = servers[side == "right"].daemon("s2s")
    for text in TEXTS[:2]:
        room.say(room.owner, text)
    daemon.kill()
    for text in TEXTS[2:4]:
        room.say(room.owner, text)
    daemon.start()
    room.say(room.owner, TEXTS[4])
    for guest in guests:
        heard = []
        while TEXTS[4] not in heard:
            stanza = guest.wait_for(lambda e: is_message(e) and body(e) in TEXTS, 60)
            heard.append(body(stanza))
        assert list(dict.fromkeys(heard)) == TEXTS
