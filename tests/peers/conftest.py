# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Nodes that federate with each other, by addresses in their configuration; and with real peers in a
# namespace, by DNS.

import pytest

from tests.harness.namespace import Unavailable
from tests.harness.plugin import running
from tests.peers.ejabberd import Ejabberd
from tests.peers.jabberd2 import Jabberd2
from tests.peers.prosody import Prosody
from tests.peers.world import world as make_world

LEFT, RIGHT = "left.test", "right.test"
QUICK = {"retry-min": "100ms", "retry-max": "2s"}


class Pair:
    """Two nodes of networks of their own that trust the same authority."""

    def __init__(self, left, right):
        self.left, self.right = left, right

    def point_at_each_other(self, service="S2S", **policy):
        """Writes where the other one is, and reloads."""
        for here, there in ((self.left, self.right), (self.right, self.left)):
            key = "address-tls" if service == "S2S_TLS" else "address"
            host, port = there.address(service)
            here.reconfigure({f'peer "{there.network}"': {key: f"{host}:{port}", **policy},
                              "s2s": {**here.settings["s2s"], **QUICK}})


@pytest.fixture(scope="module")
def pair():
    with running(network=LEFT) as left, \
            running(network=RIGHT, authority=left.authority) as right:
        both = Pair(left, right)
        both.point_at_each_other()
        yield both


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
