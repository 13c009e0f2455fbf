# SPDX-License-Identifier: AGPL-3.0-or-later
#
# A room whose occupants come from two servers: each hears what is said once, in order.

import pytest

from tests.harness.plugin import running
from tests.muc.puppets import Puppets
from tests.muc.rooms import MUC, Room, body, is_message, tag
from tests.peers.conftest import LEFT, QUICK, RIGHT

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
