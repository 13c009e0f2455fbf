# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Too many domains, too many connections, and who must not notice (S11, S12 of docs/ATTACKS.md).

import contextlib
import json
import socket
import struct

import pytest

from tests.attacks.s2s.servers import free_address
from tests.attacks.s2s.zones import A, SRV, Reply, address, srv
from tests.harness import wait
from tests.harness.node import SOURCES

CONNECTING = 50  # the default
PER_ADDRESS, STRANGERS = 32, 1000  # the defaults of connections-per-address, unproven-connections
BUSY = ("resolving", "connecting", "negotiating")
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close(2) resets


@pytest.fixture(scope="module")
def where(changed_federation, change):
    change(retry_min="100ms", retry_max="1s")
    return changed_federation


class Suburb:
    """Any domain below `name`; all have their server at one place."""

    def __init__(self, scene, name):
        self.zones = scene.zones
        self.name = name
        self.place = free_address()
        self.zones.below[name] = self._answer

    def _answer(self, query):
        host, port = self.place
        if query.kind == SRV and query.name.startswith("_xmpp-server."):
            return Reply([srv(port, query.name.removeprefix("_xmpp-server._tcp."))])
        return Reply([address(host)] if query.kind == A else [])

    def close(self):
        del self.zones.below[self.name]


@contextlib.contextmanager
def suburb(scene, name):
    with contextlib.closing(Suburb(scene, name)) as made:
        yield made


def states(scene, name):
    """{state: how many pairs}"""
    rows = json.loads(scene.node.control("s2s", "show", "--json"))
    found = [row["state"] for row in rows if row["remote"].endswith("." + name)]
    return {state: found.count(state) for state in found}


def busy(scene, name):
    found = states(scene, name)
    return sum(found.get(state, 0) for state in BUSY)


def test_S11_storm(scene, change, alice, volume, peer):
    """Messages for very many dead domains: fifty attempts at a time and no more; and somebody
    else's stream goes on."""
    # Attempts do not end while they are counted.
    change(connect_timeout="60s", negotiation_timeout="60s", stanza_expiry="60s")
    count = max(150, volume(100_000))
    alice.send_message(f"bob@{peer.domain}", "before", "headline")
    healthy = peer.accept().serve(more="")
    healthy.next_stanza()
    with suburb(scene, "storm.example") as dead, socket.create_server(("127.0.0.1", 0)) as deaf:
        dead.place = deaf.getsockname()
        for number in range(count):
            alice.send_message(f"bob@d{number}.storm.example", "x", "headline")
        wait.until(lambda: states(scene, "storm.example").get("waiting", 0) >= count - CONNECTING)
        assert busy(scene, "storm.example") == CONNECTING
        alice.send_message(f"bob@{peer.domain}", "during", "headline")
        assert healthy.next_stanza().findtext("{*}body") == "during"
        assert busy(scene, "storm.example") <= CONNECTING


def test_S11_somebody_new(scene, change, alice, peers):
    """However many domains have failed, they leave room for one that has not (events in order: the
    attempts for the dead ones are still under way when the other one is reached)."""
    change(connecting="4", connect_timeout="60s", negotiation_timeout="60s", retry_min="100ms",
           retry_max="200ms")
    with suburb(scene, "failing.example") as dead, socket.create_server(("127.0.0.1", 0)) as deaf:
        names = [f"d{number}.failing.example" for number in range(12)]
        for name in names:
            alice.send_message(f"bob@{name}", "x", "headline")
        wait.until(lambda: all(scene.pairs(name) and scene.pairs(name)[0]["problem"]
                               for name in names))
        dead.place = deaf.getsockname()  # from now on their attempts take long
        wait.until(lambda: busy(scene, "failing.example") == 2)
        for number in range(3):
            peer = peers()
            alice.send_message(f"bob@{peer.domain}", "healthy", "headline")
            assert peer.accept().serve(more="").next_stanza().findtext("{*}body") == "healthy"
        assert busy(scene, "failing.example") == 2
        for name in names:  # the deaf ones go, or they would hold the places of tests to come
            dead.place = free_address()


def test_S11_place_of_one_that_gave_up(scene, change, alice, peers):
    """A domain whose stanzas have expired in the queue for places does not keep the ones behind
    it waiting."""
    change(connecting="1", connect_timeout="2s", negotiation_timeout="2s", stanza_expiry="500ms")
    deaf, gone, healthy = peers(), peers(), peers()
    alice.send_message(f"bob@{deaf.domain}", "x", "headline")
    deaf.accept()
    alice.send_message(f"bob@{gone.domain}", "x", "headline")
    for domain in (deaf.domain, gone.domain):
        alice.wait_for(lambda e: e.get("from") == f"bob@{domain}" and e.get("type") == "error")
    change(connecting="1", connect_timeout="2s", negotiation_timeout="2s", stanza_expiry="60s")
    alice.send_message(f"bob@{healthy.domain}", "patient", "headline")
    assert healthy.accept().serve(more="").next_stanza().findtext("{*}body") == "patient"


# S12

@contextlib.contextmanager
def crowd():
    with contextlib.ExitStack() as stack:
        def connect(node, source):
            connection = socket.create_connection(node.address("S2S"), 20, (source, 0))
            return stack.enter_context(contextlib.closing(connection))
        yield connect


def is_answered(connection):
    """Whether somebody is there: a header of the wrong kind is answered."""
    connection.settimeout(20)
    try:
        connection.sendall(b"<x/>")
        return bool(connection.recv(4096))
    except ConnectionError:
        return False


def test_S12_from_one_address(scene):
    """One connection more than may be; others are not concerned; who leaves makes room."""
    source, other = next(SOURCES), next(SOURCES)
    with crowd() as connect, scene.survives(lines=3):
        held = [connect(scene.node, source) for _ in range(PER_ADDRESS)]
        assert not is_answered(connect(scene.node, source))
        assert is_answered(connect(scene.node, other))
        held[0].close()
        wait.until(lambda: is_answered(connect(scene.node, source)))


@pytest.mark.memory
def test_S12_in_all(scene, peer):
    """The limit of all holds however many addresses there are; streams that are proven do not
    count and go on."""
    proven = peer.dial_proven()
    with crowd() as connect, scene.survives(lines=3, growth=32 << 20):
        for _ in range(STRANGERS // PER_ADDRESS + 1):
            source = next(SOURCES)
            for _ in range(PER_ADDRESS):
                last = connect(scene.node, source)
        assert not is_answered(last)
        proven.ping()
    wait.until(lambda: is_open(peer))


def is_open(peer):
    with contextlib.closing(peer.dial()) as stream:
        return is_answered(stream.socket)


def test_S12_resets(scene, volume):
    """Connections that are reset before anybody looks at them leave nothing behind, not even in
    the count."""
    source = next(SOURCES)
    with scene.survives(lines=10):
        for _ in range(max(200, volume(10_000))):
            with crowd() as connect:
                connection = connect(scene.node, source)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        with crowd() as connect:
            wait.until(lambda: is_answered(connect(scene.node, source)))


def test_S12_proven_streams_do_not_count(scene, peer):
    source = next(SOURCES)
    peer.certify()
    streams = [peer.dial_proven(source=source) for _ in range(PER_ADDRESS + 3)]
    for stream in streams:
        stream.ping()
