# SPDX-License-Identifier: AGPL-3.0-or-later
#
# The fixtures of attacks by other servers: a node with a DNS of the test, and peers.

import contextlib
import json

import pytest

from tests.attacks.s2s import certificates, servers, zones
from tests.attacks.vitals import Life, Scene
from tests.harness.node import SOURCES
from tests.harness.plugin import running
from tests.harness.stream import RawStream
from tests.node import configuration

# Peers are on this machine; what came of an attempt can be seen until the next one.
OPEN = {"dnssec": "no", "internal-addresses": "yes", "retry-min": "30s"}
# Of peers that are gone with the test before.
OF_OTHERS = ("event=s2s_failed ", "event=s2s_out_ended ")


class S2sLife(Life):
    def lines(self):
        return [line for line in super().lines() if not any(event in line for event in OF_OTHERS)]


class Federation(Scene):
    """A node that finds its peers by `zones` and trusts `authority`; `alice` has a session."""

    def __init__(self, node, names, authority):
        super().__init__(node, next(SOURCES))
        self.zones = names
        self.authority = authority
        self.lives["s2s"] = S2sLife(node.daemon("s2s"))

    @property
    def s2s(self):
        return self.node.daemon("s2s")

    def pairs(self, domain, direction="out"):
        """The rows of `kontalkctl s2s show` about a domain."""
        rows = json.loads(self.node.control("s2s", "show", "--json"))
        return [row for row in rows
                if (row["direction"], row["remote"]) == (direction, domain)]

    def state(self, domain):
        """How far the way to a domain is; None: nobody wants to go there."""
        rows = self.pairs(domain)
        return rows[0]["state"] if rows else None


@contextlib.contextmanager
def federation(directory, settings=None, **options):
    names = zones.Zones()
    authority = certificates.Authority(directory, "peers")
    with contextlib.closing(names):
        every = {**(settings or {}), "s2s": {**OPEN, "dns-server": names.server,
                                             "ca-file": authority.path,
                                             **(settings or {}).get("s2s", {})}}
        with running(settings=every, **options) as node:
            scene = Federation(node, names, authority)
            try:
                yield scene
            finally:
                scene.end()


@pytest.fixture(scope="session")
def shared_federation(tmp_path_factory):
    with federation(tmp_path_factory.mktemp("authority")) as scene:
        yield scene


@pytest.fixture(scope="session")
def changed_federation(tmp_path_factory):
    """A node whose [s2s] settings tests change; `changed` puts them back."""
    with federation(tmp_path_factory.mktemp("authority")) as scene:
        yield scene


@pytest.fixture(scope="session")
def change(changed_federation):
    """change(key=value, …): for `changed_federation`, in force when this returns."""
    usual = changed_federation.node.settings

    def apply(sections=None, **settings):
        node = changed_federation.node
        node.settings = configuration.merge(usual, sections)
        node.reconfigure({"s2s": {key.replace("_", "-"): value
                                  for key, value in settings.items()}})
    return apply


@contextlib.contextmanager
def looked_after(scene):
    yield scene
    problems = scene.node.problems()
    assert not problems, "\n".join(problems)


@pytest.fixture(scope="module")
def where(shared_federation):
    """The node that most tests here share; modules that need another one have their own `where`."""
    return shared_federation


@pytest.fixture
def scene(where):
    """The node, whose daemons have no problems at the end."""
    with looked_after(where):
        yield where


@pytest.fixture
def peers(scene):
    """peers(): another server, of a domain that was never there."""
    with servers.peers_of(scene) as made:
        yield made


@pytest.fixture
def peer(peers):
    return peers()


@pytest.fixture(scope="session")
def shared_alice(shared_federation):
    with user_of(shared_federation) as client:
        yield client


@contextlib.contextmanager
def user_of(scene):
    client = RawStream(scene.node, scene.node.add_account(), source=next(SOURCES)).login()
    with contextlib.closing(client):
        client.send_presence()
        yield client


@pytest.fixture
def alice(scene, request):
    """A user of the node: of a node that a module changes, a new one for each test."""
    if "shared_federation" in request.fixturenames:
        yield request.getfixturevalue("shared_alice")
        return
    with user_of(scene) as client:
        yield client


def say(alice, peer, *bodies):
    """Headlines, which nobody keeps, for a user of the peer."""
    for body in bodies:
        alice.send_message(f"bob@{peer.domain}", body, "headline")


def texts(stream, count):
    """The bodies of so many messages."""
    return [stream.next_stanza().findtext("{*}body") for _ in range(count)]
