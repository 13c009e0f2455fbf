# SPDX-License-Identifier: AGPL-3.0-or-later
#
# What a room passes on to some only, private messages and invitations (XEP-0045 §§7.5 and 7.8), is
# neither lost nor doubled when a process dies that has taken it (docs/ROOMS.md). kontalk-muc ends
# itself where something is half done (docs/FAULTS.md, "Fault points").

import itertools
import re

import pytest

from tests.faults import points
from tests.harness import wait
from tests.harness.smacks import SmStream, collect
from tests.harness.stream import RawStream
from tests.muc.puppets import Puppets
from tests.muc.rooms import USER, Room, body, is_message, tag

pytestmark = pytest.mark.seconds(1200)  # all programs are compiled, if no other test has done so
NUMBERS = itertools.count(1)
INVITED = f"{tag('x', USER)}/{tag('invite', USER)}"
DECLINED = f"{tag('x', USER)}/{tag('decline', USER)}"
BURST = 6
POINTS = ("muc_committed", "muc_took", "muc_settled")


@pytest.fixture(scope="module")
def node(make_node):
    made = make_node(muc=True, where=points.place_with_points(), workers=1)
    yield made
    assert not made.problems()


class Scene:
    """A room whose owner is a user of a component; a guest, with XEP-0198; somebody outside."""

    def __init__(self, node, puppets):
        self.node = node
        self.muc = node.daemon("muc")
        self.account, self.other = node.add_account(), node.add_account()
        self.room = Room(node, puppets.make, f"whispers{next(NUMBERS)}", {"persistentroom": "1"})
        self.guest = SmStream(node, self.account).login()
        self.guest.enable()
        self.guest.send_presence()
        self.room.join(self.guest, "guest")

    def whisper(self, client, nick, texts):
        for text in texts:
            client.send(f"<message to='{self.room.nick(nick)}' type='chat' id='{text}'>"
                        f"<body>{text}</body></message>")

    def invite(self, client):
        client.send(f"<message to='{self.room.jid}'><x xmlns='{USER}'>"
                    f"<invite to='{self.other.jid}'/></x></message>")

    def letters(self):
        counts = self.node.control("ask", "muc", "show", "counts")
        return int(re.search(r"^letters: (\d+)$", counts, re.MULTILINE)[1])

    def wait_letters(self, count):
        wait.until(lambda: self.letters() == count, what=f"{count} letters")

    def resume(self):
        before, self.guest = self.guest, SmStream(self.node, self.account).authenticated()
        self.guest.resume(before)

    def heard(self):
        """By the guest, without what the room itself says."""
        return [body(e) for e in collect(self.guest) if is_message(e) and body(e)]

    def is_invited_once(self):
        """The one outside, who logs in."""
        client = RawStream(self.node, self.other).login()
        client.send("<presence/>")
        found = client.wait_for(lambda e: e.find(INVITED) is not None)
        assert found.get("from") == self.room.jid
        assert not [e for e in collect(client) if e.find(INVITED) is not None]
        client.logout()

    def end(self):
        """Nobody waits for anything."""
        self.wait_letters(0)
        self.guest.close()


@pytest.fixture
def scene(node):
    puppets = Puppets(node)
    made = Scene(node, puppets)
    yield made
    made.end()
    puppets.close()


def test_while_the_recipients_are_away(node, scene):
    """And kontalk-muc is killed meanwhile: what it has is nowhere else."""
    texts = [f"away {number}" for number in range(BURST)]
    node.daemon("c2s").kill()
    scene.whisper(scene.room.owner, "guest", texts)
    scene.invite(scene.room.owner)
    scene.wait_letters(BURST + 1)
    scene.muc.kill()
    scene.muc.start()
    scene.wait_letters(BURST + 1)
    node.daemon("c2s").start()
    scene.resume()
    scene.wait_letters(0)
    assert scene.heard() == texts
    scene.is_invited_once()


@pytest.mark.parametrize("point", POINTS)
def test_a_room_dies_on_the_way(node, scene, point):
    """Between two clients with XEP-0198, neither of whom says anything again: what was
    acknowledged comes once, in order."""
    account = node.add_account()
    sender = SmStream(node, account).login()
    sender.enable()
    sender.send_presence()
    scene.room.join(sender, "sender")
    scene.wait_letters(0)
    scene.muc.kill()
    points.start_armed(scene.muc, f"{point}:1")
    texts = [f"{point} {number}" for number in range(BURST)]
    scene.whisper(sender, "guest", texts)
    scene.invite(sender)
    wait.until(lambda: not scene.muc.process.runs(), points.SECONDS, f"muc to end at {point}")
    scene.muc.start()
    assert scene.guest.wait_message(texts[0])
    assert [body(scene.guest.wait_for(lambda e: is_message(e) and body(e)))
            for _ in texts[1:]] == texts[1:]
    sender.ask_h()
    scene.whisper(sender, "guest", ["the end"])
    assert scene.guest.wait_message("the end")
    scene.wait_letters(0)
    scene.is_invited_once()
    assert scene.heard() == []
    sender.close()


def test_declined_while_the_room_dies(node, scene):
    """§7.8.2: who has invited hears it, though he is not there now."""
    scene.invite(scene.guest)
    client = RawStream(node, scene.other).login()
    client.send("<presence/>")
    client.wait_for(lambda e: e.find(INVITED) is not None)
    scene.guest.ask_h()
    node.daemon("c2s").kill()
    client.close()
    bot = scene.room.owner
    bot.send(f"<message to='{scene.room.jid}'><x xmlns='{USER}'>"
             f"<decline to='{scene.guest.bare}'/></x></message>")
    scene.wait_letters(1)
    scene.muc.kill()
    scene.muc.start()
    node.daemon("c2s").start()
    scene.resume()
    found = scene.guest.wait_for(lambda e: e.find(DECLINED) is not None)
    assert found.get("from") == scene.room.jid
