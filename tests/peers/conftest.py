# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Nodes that federate with each other, by addresses in their configuration; and with real peers in a
# namespace, by DNS.

import os

import pytest

from tests.harness.namespace import Unavailable
from tests.harness.plugin import running
from tests.node.certificates import Authority
from tests.peers.ejabberd import Ejabberd
from tests.peers.jabberd2 import Jabberd2
from tests.peers.prosody import Prosody
from tests.peers.world import world as make_world

LEFT, RIGHT = "left.test", "right.test"
SERVICE_KEYS = {"S2S": "address", "S2S_TLS": "address-tls"}
QUICK = {"retry-min": "100ms", "retry-max": "2s", "bidi": "no"}


class Pair:
    """Two nodes of networks of their own that trust the same authority."""

    def __init__(self, left, right):
        self.left, self.right = left, right

    def point_at_each_other(self, service="S2S", **policy):
        """Writes where the other one is, and reloads."""
        for here, there in ((self.left, self.right), (self.right, self.left)):
            host, port = there.address(service)
            addresses = {"address": None, "address-tls": None,
                         SERVICE_KEYS[service]: f"{host}:{port}"}
            here.reconfigure({f'peer "{there.network}"': {**addresses, **policy},
                              "s2s": {**here.settings["s2s"], **QUICK}})


@pytest.fixture(scope="module")
def pair():
    with running(network=LEFT) as left, \
            running(network=RIGHT, authority=left.authority) as right:
        both = Pair(left, right)
        both.point_at_each_other()
        yield both


def forget_streams(pair):
    for node in (pair.left, pair.right):
        node.daemon("s2s").restart()


def stranger_ca(node):
    """An authority that has issued nothing."""
    stranger = Authority(f"{node.place.ca}/stranger")
    os.makedirs(stranger.directory, exist_ok=True)
    stranger.ensure()
    return stranger.certificate


@pytest.fixture
def strangers(pair):
    """Neither trusts the authority of the other one's certificate."""
    before = {node: node.settings["s2s"] for node in (pair.left, pair.right)}
    for node in before:
        node.reconfigure({"s2s": {"ca-file": stranger_ca(node), "require-certificate": "no"}})
    forget_streams(pair)
    yield pair
    for node, settings in before.items():
        node.reconfigure({"s2s": {**settings, "ca-file": None, "require-certificate": None}})
    forget_streams(pair)


@pytest.fixture(scope="session")
def world(tmp_path_factory):
    """The namespace of the real peers, with a node of ours."""
    try:
        with make_world(str(tmp_path_factory.mktemp("world"))) as made:
            yield made
    except Unavailable as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="session")
def prosody(world):
    return world.start(Prosody)


@pytest.fixture(scope="session")
def ejabberd(world):
    return world.start(Ejabberd)


@pytest.fixture(scope="session")
def jabberd2(world):
    return world.start(Jabberd2)


@pytest.fixture
def impatient(world):
    """A domain that was not reached is given up after the first attempt."""
    before = world.node.settings["s2s"]
    world.node.reconfigure({"s2s": {"retry-min": "60s", "retry-max": "60s",
                                    "stanza-expiry": "20s"}})
    yield
    world.node.reconfigure({"s2s": {**before, "stanza-expiry": None}})
