# SPDX-License-Identifier: AGPL-3.0-or-later
#
# What a client has said in a room and c2s has acknowledged (XEP-0198) reaches the room though
# kontalk-muc or c2s dies meanwhile: each message is in the archive of the room once, in the order
# in which it was said, and nobody says it again (docs/ROOMS.md).

import itertools

import pytest

from tests.harness import archive
from tests.harness.smacks import SmStream
from tests.muc.rooms import Room, body, is_message
from tests.node.client import Closed

ROUNDS = 4
BURST = 12
NUMBERS = itertools.count(1)


@pytest.fixture(scope="module")
def node(make_node):
    made = make_node(muc=True)
    yield made
    assert not made.problems()


@pytest.fixture
def talk(node):
    made = Talk(node)
    yield made
    made.client.close()


class Talk:
    """Somebody in a room, with XEP-0198."""

    def __init__(self, node):
        self.node = node
        self.account = node.add_account()
        self.client = None
        self.room = Room(node, self.login, f"talk{next(NUMBERS)}", {"persistentroom": "1"})
        self.client.enable()
        self.said = []

    def login(self):
        self.client = SmStream(self.node, self.account)
        self.client.login()
        self.client.send_presence()
        return self.client

    def say(self):
        texts = [f"n{len(self.said) + i}" for i in range(BURST)]
        for text in texts:
            self.room.say(self.client, text)
        self.said += texts

    def acknowledged(self):
        """All that was said is; an error would come before that."""
        h = self.client.ask_h()
        assert h >= len(self.said)

    def hear(self, last):
        """Until that comes back from the room; no error does."""
        while True:
            stanza = self.client.receive()
            assert stanza.get("type") != "error", stanza
            if is_message(stanza) and body(stanza) == last:
                return

    def kept(self):
        found, rsm = [], {"max": "100"}
        while True:
            page = archive.query(self.client, to=self.room.jid, fields={}, rsm=rsm)
            assert page.error is None, page.error
            found += page.bodies
            if page.complete:
                return found
            rsm["after"] = page.last


def test_muc_dies(node, talk):
    """In the middle of what is said, and stays away while more is."""
    muc = node.daemon("muc")
    for _ in range(ROUNDS):
        talk.say()
        muc.kill()
        talk.say()
        talk.acknowledged()
        muc.start()
        talk.say()
        talk.hear(talk.said[-1])
    assert talk.kept() == talk.said


def test_c2s_dies(node, talk):
    """Behind the acknowledgement, while the room is away: the session goes on, and nothing is said
    again."""
    muc, c2s = node.daemon("muc"), node.daemon("c2s")
    talk.say()
    talk.hear(talk.said[-1])
    muc.kill()
    talk.say()
    talk.acknowledged()
    c2s.kill()
    c2s.start()
    muc.start()
    before, talk.client = talk.client, SmStream(node, talk.account).authenticated()
    with pytest.raises((Closed, OSError)):
        while True:
            before.receive()
    assert talk.client.resume(before) >= len(talk.said)
    talk.hear(talk.said[-1])
    assert talk.kept() == talk.said


def test_leaving_behind_the_last_word(node, talk):
    """Presence does not overtake what was said before it."""
    for _ in range(ROUNDS):
        talk.say()
        talk.room.leave(talk.client, "owner")
        talk.room.join(talk.client, "owner")
    assert talk.kept() == talk.said
