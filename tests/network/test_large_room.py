# SPDX-License-Identifier: AGPL-3.0-or-later
#
# A room with 500 occupants from two nodes and a Prosody (docs/ROOMS.md): each of them hears each
# message once, and all in one order, which is that of the archive.

import contextlib

import pytest

from tests.faults.test_campaign import WAY
from tests.harness import archive, network as networks, wait
from tests.harness.namespace import Unavailable
from tests.harness.node import SOURCES
from tests.harness.stream import RawStream
from tests.muc.rooms import MUC, Room, body, is_message, tag
from tests.network.test_rooms_once import stanzas_sent
from tests.node import configuration
from tests.peers import names
from tests.peers.prosody import Prosody
from tests.peers.world import World

SIZES = {"alpha": 230, "beta": 230, "prosody": 40}
DEVICES = 10  # of an account
WORDS = 20  # of each of the speakers
SECONDS = 120
LIMITS = {"c2s": {"rate-exempt": "127.0.0.0/8"}}


class NetworkWorld(World):
    """Two nodes of one network; alpha's s2s is where Prosody is."""

    def _start_node(self, settings, options):
        self.network = self._stack.enter_context(networks.running(
            2, settings=LIMITS, muc=True, network=names.OURS))
        alpha = self.network.alpha
        daemon = alpha.daemon("s2s")
        daemon.stop()
        daemon.process.command = [*self.namespace.enter, *daemon.process.command]
        own = {key: value for key, value in self._settings().items()
               if key == "s2s" or key.startswith("peer ")}
        alpha.settings = configuration.merge(alpha.settings, own)
        alpha.configure()
        alpha.control("reload")
        daemon.start()
        return alpha


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with contextlib.ExitStack() as stack:
        try:
            made = NetworkWorld(stack, str(tmp_path_factory.mktemp("world")))
        except Unavailable as reason:
            pytest.skip(str(reason))
        made.prosody = made.start(Prosody)
        yield made


@pytest.fixture
def connect(world):
    """connect("beta", 23): clients, each of which has sent presence."""
    made = []

    def of_node(node, count):
        for number in range(count):
            if number % DEVICES == 0:
                account = node.add_account()
            client = RawStream(node, account, source=next(SOURCES))
            made.append(client)
            client.login()
            yield client

    def of_prosody(count):
        users = world.prosody.users
        for number in range(count):
            client = world.prosody.login(users[number % len(users)], WAY.at("prosody"))
            made.append(client)
            yield client

    def of(place, count):
        for client in (of_prosody(count) if place == "prosody" else
                       of_node(world.network[place], count)):
            client.send("<presence/>")
            yield client
    yield of
    for client in made:
        client.close()


def enter(room, client, nick):
    client.send(f"<presence to='{room.nick(nick)}'><x xmlns='{MUC}'/></presence>")
    client.wait_for(lambda e: is_message(e) and e.find(tag("subject")) is not None, SECONDS)


def heard_all(client, texts):
    """What the room says until all of these have come."""
    found = []
    while not texts <= set(found):
        stanza = client.wait_for(
            lambda e: is_message(e) and e.get("type") == "groupchat" and body(e), SECONDS)
        found.append(body(stanza))
    return found


def settled(node):
    return "letters: 0\n" in node.control("ask", "muc", "show", "counts")


def kept(client, room):
    found, rsm = [], {"max": "50"}
    while True:
        page = archive.query(client, to=room.jid, fields={}, rsm=rsm)
        found += page.bodies
        if page.complete:
            return found
        rsm["after"] = page.last


@pytest.mark.long
@pytest.mark.seconds(1200)
def test_each_message_once_and_in_order(world, connect):
    network = world.network
    home, other = network.alpha, network.beta
    owner = next(connect("alpha", 1))
    room = Room(home, lambda: owner, "large")
    speakers, crowd = {}, []
    for place, size in SIZES.items():
        for number, client in enumerate(connect(place, size - (place == "alpha"))):
            enter(room, client, f"{place}{number}")
            speakers.setdefault(place, client)
            crowd.append(client)
    assert len(crowd) + 1 == sum(SIZES.values())
    wait.until(lambda: settled(home), SECONDS)
    before = stanzas_sent(home, other.place), stanzas_sent(other, home.place)
    for number in range(WORDS):
        for place, client in speakers.items():
            room.say(client, f"{place} {number}")
    said = {f"{place} {number}" for place in speakers for number in range(WORDS)}
    found = {client: heard_all(client, said) for client in (owner, *crowd)}
    room.say(owner, "the end")
    for client, texts in found.items():
        texts += heard_all(client, {"the end"})
    wait.until(lambda: settled(home), SECONDS)
    after = stanzas_sent(home, other.place), stanzas_sent(other, home.place)
    stored = kept(owner, room)
    assert sorted(stored) == sorted([*said, "the end"])
    wrong = [texts for texts in found.values() if texts != stored]
    assert not wrong, f"{len(wrong)} of {len(found)}: {wrong[0]}"
    there, back = after[0] - before[0], after[1] - before[1]
    print(f"{len(stored)} messages to {len(found)} occupants; over the link {there} stanzas there, "
          f"{back} back")
    # the message and that it may be forgotten, in as many batches as they need
    assert there < 6 * len(stored)
