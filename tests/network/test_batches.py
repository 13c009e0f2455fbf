# SPDX-License-Identifier: AGPL-3.0-or-later
#
# What a room says goes to other nodes in batches (docs/ROUTER.md, "Batches"). Each recipient of one
# gets it once and in order, whoever dies while it is on its way, and whoever is beside him in it.

import itertools
import re

import pytest

from tests.harness import wait
from tests.harness.smacks import collect
from tests.muc.rooms import Room, body, is_message

NUMBERS = itertools.count(1)
COUNT = 12
NAMES = ("alpha", "gamma")
BLOCKING = "urn:xmpp:blocking"
KIB = 1024


class Hall:
    """A room of beta, with its owner and so many listeners of each other node in it."""

    def __init__(self, network, user, listeners=2):
        self.network = network
        self.user = user
        self.room = Room(network.beta, lambda: user(network.beta), f"batch{next(NUMBERS)}")
        self.listeners = {name: [self.listener(name, number) for number in range(listeners)]
                          for name in NAMES}

    def listener(self, name, number):
        client = self.user(self.network[name])
        self.room.join(client, f"{name}{number}")
        return client

    def all(self):
        return list(itertools.chain(*self.listeners.values()))

    def say(self, texts):
        for text in texts:
            self.room.say(self.room.owner, text)

    def letters(self):
        counts = self.network.beta.control("ask", "muc", "show", "counts")
        return int(re.search(r"^letters: (\d+)$", counts, re.MULTILINE)[1])

    def wait_letters(self, count):
        wait.until(lambda: self.letters() == count, what=f"{count} letters")


@pytest.fixture
def hall(network, user):
    made = Hall(network, user)
    made.wait_letters(0)
    return made


def texts_until(client, last):
    """Bodies of the room's messages."""
    found = []
    while not found or found[-1] != last:
        found.append(body(client.wait_for(
            lambda e: is_message(e) and e.get("type") == "groupchat" and body(e), 60)))
    return found


@pytest.mark.seconds(600)
@pytest.mark.parametrize("where, name", [
    ("beta", "muc"), ("beta", "router"),
    *(pytest.param(*at, marks=pytest.mark.long)
      for at in (("beta", "net"), ("alpha", "router"), ("alpha", "net")))])
def test_killed_in_the_middle(network, hall, where, name):
    """While letters for alpha have no answer, since nobody there reads; gamma waits for nobody."""
    texts = [f"{where} {name} {number}" for number in range(COUNT)]
    with network.alpha.daemon("net").paused():
        hall.say(texts)
        hall.wait_letters(COUNT * len(hall.listeners["alpha"]))
        for client in hall.listeners["gamma"]:
            assert texts_until(client, texts[-1]) == texts
        daemon = network[where].daemon(name)
        daemon.kill()
        if (where, name) != ("alpha", "net"):
            daemon.start()
    if not daemon.pid:
        daemon.start()
    for client in hall.listeners["alpha"]:
        assert texts_until(client, texts[-1]) == texts
    hall.wait_letters(0)
    hall.say(["the end"])
    for client in (hall.room.owner, *hall.all()):
        assert texts_until(client, "the end")[-1:] == ["the end"]


@pytest.mark.long
@pytest.mark.seconds(600)
def test_c2s_dies_with_half_of_them(network, hall):
    """Those of the other half hear all of it; who has lost his stream is still in the room."""
    texts = [f"c2s {number}" for number in range(COUNT)]
    c2s = network.alpha.daemon("c2s")
    with c2s.paused():
        hall.say(texts)
        hall.wait_letters(COUNT * len(hall.listeners["alpha"]))
        c2s.kill()
    for client in hall.listeners["gamma"]:
        assert texts_until(client, texts[-1]) == texts
    c2s.start()
    hall.wait_letters(0)
    hall.say(["the end"])
    for client in hall.listeners["gamma"]:
        assert texts_until(client, "the end") == ["the end"]


@pytest.fixture
def fast(network):
    """Rates would only make who speaks wait."""
    before = network.beta.settings
    network.beta.reconfigure({"c2s": {"rate-exempt": "127.0.0.0/8"}})
    yield
    network.beta.settings = before
    network.beta.configure()
    network.beta.control("reload")


def test_one_reads_nothing(fast, hall):
    """He is beside others in each batch; they do not wait for him, and he gets all of it when he
    reads again."""
    slow, *others = hall.listeners["alpha"]
    texts = [f"{number} {'x' * 60 * KIB}" for number in range(8 * COUNT)]
    hall.say(texts)
    for client in (*others, *hall.listeners["gamma"]):
        assert texts_until(client, texts[-1]) == texts
    assert texts_until(slow, texts[-1]) == texts


def test_some_do_not_exist(network, hall):
    """One account is gone, one session; one has blocked the room. The others of their batches hear
    it once; whom nobody has found leaves the room."""
    ghost, gone = hall.listeners["alpha"]
    blocking, *left = [hall.listener("alpha", number) for number in (2, 3, 4)]
    muc = network.beta.daemon("muc")
    muc.kill()
    ghost.logout()
    network.alpha.control("user", "del", gone.bare)
    blocking.ask("set", f"<block xmlns='{BLOCKING}'><item jid='{hall.room.jid}'/></block>")
    muc.start()
    hall.say(["who is there"])
    watcher, *others = [*left, *hall.listeners["gamma"]]
    for client in others:
        assert texts_until(client, "who is there") == ["who is there"]
    awaited = {"who is there", *(hall.room.nick(nick) for nick in ("alpha0", "alpha1"))}
    while awaited:
        stanza = watcher.receive(60)
        if is_message(stanza) and body(stanza):
            awaited.remove(body(stanza))  # once
        elif stanza.get("type") == "unavailable":
            awaited.discard(stanza.get("from"))
    hall.wait_letters(0)
    assert not [e for client in (watcher, *others) for e in collect(client) if is_message(e)]
