# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Rooms with members of another domain while processes die on the way to them: what a room says
# reaches them, in its order and under its id. What their server had and did not acknowledge comes
# again (docs/FEDERATION.md), and is no other message.

import threading

import pytest

from tests.faults.test_campaign import NEIGHBOUR, point_at
from tests.faults.test_rooms import BURST, Member, Speaker, judge
from tests.harness import wait

ROUNDS = (("here", "s2s"), ("there", "s2s"))
LONG_ROUNDS = (*ROUNDS, ("there", "router"), ("here", "muc"), ("here", "router")) * 8
# No certificate has the name of the rooms: they prove it by dialback.
SETTINGS = {"c2s": {"rate-exempt": "127.0.0.0/8"},
            "s2s": {"bidi": "no", "require-certificate": "no"}}


@pytest.fixture(scope="module")
def nodes(make_node):
    """here has the room; there is another domain. With several workers clients there would have to
    come back when its router dies (docs/FRONTS.md)."""
    here = make_node(muc=True, settings=SETTINGS)
    there = make_node(network=NEIGHBOUR, authority=here.authority, settings=SETTINGS, workers=1)
    point_at(here, there)
    point_at(there, here)
    address = there.settings[f'peer "{here.network}"']
    there.reconfigure({f'peer "{here.place.conference}"': address})
    yield {"here": here, "there": there}
    assert not here.problems() + there.problems()


class Staying(Member):
    """His own server goes on, so he neither leaves nor comes back."""

    def hears(self, texts):
        self.until(lambda _: all(text in self.heard for text in texts), wait.SECONDS)

    def first_heard(self):
        return list(dict.fromkeys(self.live))


def disturbed(daemon, speakers, texts):
    """Both say their texts, while it dies behind the first one that has come back."""
    problems = []

    def speak(speaker, own):
        try:
            speaker.say(own[:1])
            if speaker is speakers[0]:
                daemon.kill()
                daemon.start()
            for begin in range(1, len(own), BURST):
                speaker.say(own[begin:begin + BURST])
        except BaseException as problem:  # told where the test is
            problems.append(problem)

    threads = [threading.Thread(target=speak, args=pair) for pair in zip(speakers, texts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems, problems


def talk(nodes, room, rounds):
    here, there = nodes["here"], nodes["there"]
    room = f"{room}@{here.place.conference}"
    speakers = [Speaker(here, room, "speaker")]
    speakers[0].client.ask("set", "<query xmlns='http://jabber.org/protocol/muc#owner'>"
                           "<x xmlns='jabber:x:data' type='submit'/></query>", to=room)
    speakers.append(Speaker(there, room, "foreigner"))
    listener = Staying(there, room, "listener")
    said = []
    for number, (where, name) in enumerate(rounds):
        texts = [[f"r{number} {speaker.nick} {n}" for n in range(2 * BURST)]
                 for speaker in speakers]
        disturbed(nodes[where].daemon(name), speakers, texts)
        said += [*texts[0], *texts[1]]
        listener.hears(said)
    kept = speakers[0].read_all()
    order = [text for text, _ in kept]
    assert sorted(order) == sorted(said)  # each once
    assert listener.first_heard() == order
    ids = dict(kept)
    for member in (*speakers, listener):
        judge(member, ids)
    print(f"{len(said)} said, {len(order)} kept, {len(set(listener.live))} heard there, "
          f"{len(listener.live) - len(order)} again under the same id")


@pytest.mark.seconds(600)
def test_s2s_dies(nodes):
    talk(nodes, "short", ROUNDS)


@pytest.mark.long
@pytest.mark.seconds(1800)
def test_long(nodes):
    talk(nodes, "long", LONG_ROUNDS)


def test_somebody_enters_while_s2s_is_away(nodes):
    """His presence comes back from the router; who is not reached now stays in the room."""
    room = f"away@{nodes['here'].place.conference}"
    speaker = Speaker(nodes["here"], room, "speaker")
    speaker.client.ask("set", "<query xmlns='http://jabber.org/protocol/muc#owner'>"
                       "<x xmlns='jabber:x:data' type='submit'/></query>", to=room)
    listener = Staying(nodes["there"], room, "listener")
    daemon = nodes["here"].daemon("s2s")
    daemon.kill()
    Member(nodes["here"], room, "newcomer")
    speaker.say(["while it is away"])
    daemon.start()
    speaker.say(["when it is back"])
    listener.hears(["when it is back"])
    assert listener.live == ["while it is away", "when it is back"]
