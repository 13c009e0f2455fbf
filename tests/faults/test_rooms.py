# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Rooms while processes die: what its sender has heard from the room is in the archive once, and
# everybody in the room has it, live or from the archive (docs/ROOMS.md).

import random
import threading
import time

import pytest

from tests.harness import archive, wait
from tests.harness.stream import RawStream
from tests.muc.rooms import MUC, body, is_message, tag
from tests.node.client import Closed

SID = "urn:xmpp:sid:0"
PAGE = {"max": "100"}
# So many are said in one go, then who said them waits until all have come back.
BURST = 8
# Behind so much silence what has not come back is said again.
SILENCE = 2
# Accepted by no room, or by one that does not know its occupants: never kept.
LOST = (OSError, TimeoutError, Closed, AssertionError)


@pytest.fixture(scope="module")
def node(make_node):
    made = make_node(muc=True)
    yield made
    assert not made.problems()


class Member:
    """Somebody in a room who comes back whenever he loses his stream."""

    def __init__(self, node, room, nick):
        self.node, self.room, self.nick = node, room, nick
        self.account = node.add_account()
        self.heard = {}  # text: ids that it came with
        self.live = []
        self.last = None  # id of the last one
        self.client = None
        self.enter()

    def enter(self):
        def attempt():
            try:
                if self.client:
                    self.client.close()
                self.client = RawStream(self.node, self.account)
                self.client.login()
                self.client.send(f"<presence to='{self.room}/{self.nick}'><x xmlns='{MUC}'>"
                                 "<history maxstanzas='0'/></x></presence>")
                self.until(lambda e: e.find(tag("subject")) is not None, SILENCE)
                return True
            except LOST:
                return False
        wait.until(attempt, 60, "entering")

    def until(self, matches, seconds):
        """Takes what comes; raises TimeoutError."""
        deadline = time.monotonic() + seconds
        while True:
            element = self.client.receive(max(0.001, deadline - time.monotonic()))
            self.note(element)
            if matches(element):
                return element

    def note(self, element):
        if not is_message(element) or element.get("type") != "groupchat" or not body(element):
            return
        ids = [e.get("id") for e in element.iter(tag("stanza-id", SID))]
        self.heard.setdefault(body(element), set()).update(ids)
        self.live.append(body(element))
        self.last = ids[-1]

    def read_all(self):
        """The archive: [(text, id)]. Whoever cannot ask comes back first."""
        found, rsm = [], dict(PAGE)
        while True:
            page = archive.query(self.client, to=self.room, fields={}, rsm=rsm)
            assert page.error is None, page.error
            found += zip(page.bodies, page.ids)
            if page.complete:
                return found
            rsm["after"] = page.last


class Speaker(Member):
    def send(self, texts):
        for text in texts:
            self.client.send(
                f"<message to='{self.room}' type='groupchat' id='{text}'><body>{text}</body>"
                f"<origin-id xmlns='{SID}' id='{text}'/></message>")

    def say(self, texts):
        """Until all of them have come back from the room."""
        begun = time.monotonic()
        while missing := [text for text in texts if text not in self.heard]:
            assert time.monotonic() - begun < 90, f"never came back: {missing}"
            try:
                self.send(missing)
                self.until(lambda _: all(text in self.heard for text in missing), SILENCE)
            except TimeoutError:
                self.enter()
            except LOST:
                self.enter()


def kill(node, name):
    if name == "postgres":
        node.postgres.process.kill()
        node.postgres.start()
    else:
        node.daemon(name).kill()
        node.daemon(name).start()


def disturbed(node, speaker, name, texts, delay):
    """Says all that while something dies `delay` after the beginning."""
    problems = []

    def run():
        try:
            threading.Event().wait(delay)
            kill(node, name)
        except Exception as problem:  # told where the test is
            problems.append(problem)

    thread = threading.Thread(target=run)
    thread.start()
    for begin in range(0, len(texts), BURST):
        speaker.say(texts[begin:begin + BURST])
    thread.join()
    assert not problems, problems


def unheard(speaker, listener, texts):
    """The room has them, who said them does not know it, and says them again."""
    for member in (speaker, listener):
        member.enter()
    speaker.send(texts)
    listener.until(lambda _: texts[-1] in listener.heard, wait.SECONDS)
    speaker.enter()
    speaker.say(texts)


def talk(node, rounds, seed):
    chance = random.Random(seed)
    room = f"faults{seed}@{node.place.conference}"
    speaker = Speaker(node, room, "speaker")
    speaker.client.ask("set", "<query xmlns='http://jabber.org/protocol/muc#owner'>"
                       "<x xmlns='jabber:x:data' type='submit'>"
                       "<field var='muc#roomconfig_persistentroom'><value>1</value></field>"
                       "</x></query>", to=room)
    listeners = [Member(node, room, f"listener{n}") for n in range(3)]
    said = []
    for number, name in enumerate(rounds):
        texts = [f"r{number}-{n}" for n in range(5 * BURST)]
        disturbed(node, speaker, name, texts, chance.uniform(0, 0.02))
        again = [f"again{number}-{n}" for n in range(BURST)]
        unheard(speaker, listeners[0], again)
        said += texts + again
    speaker.enter()
    kept = speaker.read_all()
    texts = [text for text, _ in kept]
    assert sorted(texts) == sorted(said)  # each once
    ids = dict(kept)
    for member in (speaker, *listeners):
        judge(member, ids)


def judge(member, ids):
    """What came live is what the archive has, under the same id; the rest is in the archive."""
    try:
        member.until(lambda e: False, SILENCE / 4)
    except LOST:
        pass
    member.enter()
    assert {text: {ids.get(text)} for text in member.heard} == member.heard
    assert dict(member.read_all()) == ids


@pytest.mark.seconds(600)
def test_what_was_heard_is_kept(node):
    """SIGKILL of everything that a message passes, while it does."""
    talk(node, ("muc", "router", "c2s", "postgres"), 1)


@pytest.mark.long
@pytest.mark.seconds(1800)
def test_long(node):
    talk(node, ("muc", "router", "c2s", "postgres") * 15, 2)
