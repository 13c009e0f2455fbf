# SPDX-License-Identifier: AGPL-3.0-or-later
#
# What a room says to several people of a domain goes over its stream once, if that takes it
# (XEP-0033), and nobody misses anything if it does not after all (docs/ROOMS.md).

import itertools

import pytest

from tests.attacks.s2s.conftest import federation
from tests.attacks.s2s.servers import SERVER, SM, peers_of
from tests.attacks.s2s.test_s2s_bidi import BIDI
from tests.attacks.s2s.test_s2s_durable import end_with
from tests.attacks.s2s.test_s2s_multicast import ADDRESS, DISCO
from tests.harness import wait
from tests.harness.node import SOURCES
from tests.harness.stream import RawStream
from tests.muc.rooms import MUC, STANZAS, Room
from tests.node.client import PING, Closed
from tests.node.node import MUC_ROLE

NUMBERS = itertools.count(1)
FEATURE = f"<feature var='{ADDRESS}'/>"
LIMIT = ("<x xmlns='jabber:x:data' type='result'><field var='FORM_TYPE' type='hidden'>"
         f"<value>{ADDRESS}</value></field><field var='message'><value>2</value></field></x>")
BRIEF = {"s2s": {"retry-min": "100ms", "retry-max": "500ms", "ack-timeout": "20s"}}


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A node with rooms, whose s2s may die."""
    with federation(tmp_path_factory.mktemp("rooms"), BRIEF, muc=True) as scene:
        yield scene


@pytest.fixture
def scene(own):
    yield own
    own.lives["s2s"].__init__(own.node.daemon("s2s"))


@pytest.fixture
def room(own):
    def login():
        client = RawStream(own.node, own.node.add_account(), source=next(SOURCES)).login()
        client.send_presence()
        return client
    made = Room(own.node, login, f"room{next(NUMBERS)}")
    yield made
    made.owner.close()


class Guests:
    """Three people of a domain in a room, and what their server hears on its one stream, where
    questions are answered. `features`: what it tells about itself."""

    def __init__(self, peer, room, features=FEATURE, count=3, sm=False):
        self.peer, self.room, self.features = peer, room, features
        self.people = [f"guest{number}@{peer.domain}/x" for number in range(count)]
        self.asked, self.id = 0, None
        self.pings, self.prompt, self.back = [], True, None
        self.connect(sm)
        for number, jid in enumerate(self.people):
            self.stream.send(f"<presence from='{jid}' to='{room.nick(number)}'>"
                             f"<x xmlns='{MUC}'/></presence>")
            self.wait_for(lambda e, jid=jid: e.get("to") == jid and
                          e.find(f"{{{SERVER}}}subject") is not None)

    def connect(self, sm):
        stream = self.peer.dial(other=self.peer.node.place.conference)
        self.stream, self.count = stream.secure(self.peer.certify()), 0
        stream.send(f"<bidi xmlns='{BIDI}'/>")
        stream.external()
        if sm:
            stream.send(f"<enable xmlns='{SM}'/>")
            assert stream.receive().tag == f"{{{SM}}}enabled"

    def answer_pings(self):
        """From now on at once."""
        self.prompt = True
        while self.pings:
            self.answer(self.pings.pop(0))

    def accept(self):
        """The node comes; it gets answers on a stream of ours."""
        self.pings, self.prompt = [], True
        self.back = self.peer.dial_proven(other=self.peer.node.place.conference)
        stream = self.peer.accept()
        stream.other = self.peer.node.place.conference
        self.stream, self.count = stream.serve(more=""), 0

    @property
    def inward(self):
        """The stream for what is said to the node."""
        return self.back or self.stream

    def answer(self, iq, inside=""):
        self.inward.send(f"<iq type='result' from='{iq.get('to')}' to='{iq.get('from')}' "
                         f"id='{iq.get('id')}'>{inside}</iq>")

    def receive(self):
        """The next stanza that is no question; these are answered."""
        while True:
            stanza = self.stream.receive()
            self.count += 1 if stanza.tag.startswith(f"{{{SERVER}}}") else 0
            if stanza.tag == f"{{{SM}}}r":
                self.stream.acknowledge(self.count)
            elif stanza.find(f"{{{PING}}}ping") is not None:
                self.pings.append(stanza)
                if self.prompt:
                    self.answer_pings()
            elif stanza.find(f"{{{DISCO}}}query") is not None:
                self.asked += 1
                assert (stanza.get("from"), stanza.get("to")) == (self.stream.other,
                                                                  self.peer.domain)
                self.answer(stanza, f"<query xmlns='{DISCO}'>{self.features}</query>")
            elif stanza.tag.startswith(f"{{{SERVER}}}"):
                return stanza

    def wait_for(self, matches):
        while True:
            stanza = self.receive()
            if matches(stanza):
                return stanza

    def hear(self):
        """The next message: (to, text, [who is named in it])."""
        message = self.wait_for(lambda e: e.tag == f"{{{SERVER}}}message")
        self.id = message.get("id")
        addresses = message.findall(f"{{{ADDRESS}}}addresses/{{{ADDRESS}}}address")
        assert all(one.get("type") == "bcc" for one in addresses)
        assert message.get("from") == self.room.nick("owner")
        return (message.get("to"), message.findtext(f"{{{SERVER}}}body"),
                sorted(one.get("jid") for one in addresses))

    def single(self, text):
        """It comes to each by itself."""
        assert sorted(self.hear() for _ in self.people) == [(jid, text, []) for jid in self.people]

    def once(self, text):
        assert self.hear() == (self.peer.domain, text, self.people)

    def begin(self):
        """Until the node knows what the domain takes."""
        self.room.say(self.room.owner, "first")
        self.single("first")
        self.settle()
        assert self.asked == 1

    def settle(self):
        """What was sent there has been handled."""
        for number in ("1", "2"):  # what is asked behind the first is answered before the second
            self.inward.send(f"<iq type='get' from='{self.people[0]}' to='{self.room.nick(0)}' "
                             f"id='settle{number}'><ping xmlns='{PING}'/></iq>")
            self.wait_for(lambda e, number=number: e.get("id") == f"settle{number}")

    def refuse(self, to, sender, name=None):
        """The last message, or another."""
        self.stream.send(f"<message type='error' from='{sender}' to='{to}' id='{name or self.id}'>"
                         "<error type='cancel'><service-unavailable "
                         f"xmlns='{STANZAS}'/></error></message>")

    def say(self, text):
        self.room.say(self.room.owner, text, name=f"id-{text}")


def wait_taken(room):
    """It answers for nothing any more."""
    name = room.jid.partition("@")[0]
    rows = (f"SELECT count(*) FROM {MUC_ROLE}.message JOIN {MUC_ROLE}.room"
            f" USING (room) WHERE room.local = '{name}' AND pending")
    wait.until(lambda: room.node.postgres.query("kontalk", rows).strip() == "0",
               what="all that was said to be taken")


@pytest.mark.parametrize("sm", [False, True], ids=["ping", "sm"])
def test_once(peer, room, sm):
    guests = Guests(peer, room, sm=sm)
    guests.begin()
    for text in ("one", "two", "three"):
        guests.say(text)
        guests.once(text)
    guests.settle()
    wait_taken(room)
    assert guests.asked == 1


def test_as_many_as_it_says(peer, room):
    guests = Guests(peer, room, FEATURE + LIMIT)
    guests.begin()
    guests.say("one")
    heard = [guests.hear(), guests.hear()]
    assert sorted(len(people) for *_, people in heard) == [0, 2]
    assert sorted(heard[0][2] + heard[1][2] + [to for to, *_ in heard if "/" in to]) == \
        guests.people


@pytest.mark.parametrize("features", ["", "<feature var='urn:xmpp:ping'/>"])
def test_a_domain_that_does_not_take_it(peer, room, features):
    guests = Guests(peer, room, features)
    guests.begin()
    guests.say("one")
    guests.single("one")
    assert guests.asked == 1


def test_one_alone(peer, room):
    """Needs no header, and nobody is asked."""
    guests = Guests(peer, room, count=1)
    guests.say("one")
    guests.single("one")
    guests.settle()
    assert guests.asked == 0


@pytest.mark.parametrize("sm", [False, True], ids=["ping", "sm"])
def test_refused_after_all(peer, room, sm):
    """Nothing is lost, and nobody gets it twice."""
    guests = Guests(peer, room, sm=sm)
    guests.begin()
    guests.prompt = False
    guests.say("one")
    guests.once("one")
    guests.refuse(room.nick("owner"), peer.domain)
    guests.single("one")
    guests.answer_pings()
    guests.say("two")
    guests.single("two")
    assert guests.asked == 1
    guests.settle()
    wait_taken(room)


@pytest.mark.parametrize("sm", [False, True], ids=["ping", "sm"])
def test_refused_one_by_one(scene, peer, room, sm):
    """What is said while it is not known of all that they are refused does not overtake them."""
    guests = Guests(peer, room, sm=sm)
    guests.begin()
    guests.prompt = False
    for text in ("one", "two"):
        guests.say(text)
        guests.once(text)
    names = [guests.id.replace("two", text) for text in ("one", "two")]
    guests.refuse(room.nick("owner"), peer.domain, names[0])
    guests.say("three")
    wait.until(lambda: scene.pairs(peer.domain)[0]["waiting"] == 2 * len(guests.people),
               what="the first and the third to wait for the second")
    guests.refuse(room.nick("owner"), peer.domain, names[1])
    for text in ("one", "two", "three"):
        guests.single(text)
    guests.answer_pings()
    guests.settle()
    wait_taken(room)


def test_a_lost_ping(peer, room):
    """Where it is acknowledged that it came, as if its router had died with it, it is asked again;
    so what the answer is for is not open for ever."""
    guests = Guests(peer, room, sm=True)
    guests.begin()
    guests.prompt = False
    guests.say("one")
    guests.once("one")
    while len(guests.pings) < 2:
        guests.settle()  # whatever else goes on meanwhile, and is acknowledged
    assert guests.pings[0].get("id") == guests.pings[1].get("id")
    guests.answer_pings()
    guests.settle()
    wait_taken(room)


@pytest.mark.long
def test_pings_are_not_answered(scene, peer, room):
    """For so long the stream is no good, however busy it is: all of that is said again on the
    next."""
    guests = Guests(peer, room, sm=True)
    guests.begin()
    guests.prompt = False
    scene.node.reconfigure({"s2s": {"ack-timeout": "1s"}})
    try:
        guests.say("one")
        guests.once("one")
        with pytest.raises((Closed, ConnectionError)):
            while True:
                guests.settle()
    finally:
        scene.node.reconfigure(BRIEF)
    guests.accept()
    heard = set()
    while heard != set(guests.people):  # once, if the stream is ready when the room says it again
        to, text, people = guests.hear()
        assert text == "one"
        heard |= set(people or [to])
    guests.settle()
    wait_taken(room)


@pytest.mark.long
def test_what_their_server_cannot_stand(peer, room):
    """Is given up; they stay in the room and hear what is said behind it."""
    guests = Guests(peer, room, count=1)
    guests.say("bad")
    for number in range(3):
        if number > 0:
            guests.accept()
        assert guests.hear()[1] == "bad"
        end_with(guests.stream, "policy-violation")
    guests.say("next")
    guests.accept()
    assert guests.hear()[1] == "next"
    guests.settle()
    wait_taken(room)


def test_one_of_them_has_gone(peer, room):
    """Whom the domain does not find leaves the room."""
    guests = Guests(peer, room)
    guests.begin()
    guests.say("one")
    guests.once("one")
    guests.refuse(room.nick("owner"), guests.people.pop(1))
    room.presence_of(room.owner, "1", lambda e: e.get("type") == "unavailable")
    guests.say("two")
    guests.once("two")


@pytest.mark.parametrize("sm", [False, True], ids=["ping", "sm"])
def test_s2s_dies(scene, peer, room, sm):
    """Whatever is not confirmed is sent again."""
    guests = Guests(peer, room, sm=sm)
    guests.begin()
    guests.prompt = False
    guests.say("one")
    guests.once("one")
    scene.node.daemon("s2s").kill()
    guests.stream.read_to_end()
    guests.say("two")
    scene.node.daemon("s2s").start()
    guests.accept()
    heard = [guests.hear() for _ in range(2 * len(guests.people))]
    assert sorted(heard) == sorted((jid, text, []) for jid in guests.people
                                   for text in ("one", "two"))
    for jid in guests.people:
        assert [text for to, text, _ in heard if to == jid] == ["one", "two"]
    guests.settle()
    wait_taken(room)
