# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Users of a network: each has its home at the node where it was registered.

import contextlib

import pytest

from tests.harness import network as networks, wait
from tests.harness.node import SOURCES
from tests.harness.stream import RawStream
from tests.network.rogue import Rogue, pair_of, patient


@pytest.fixture(scope="session")
def session_network():
    """With kontalk-muc at each node."""
    with networks.running(muc=True) as network:
        yield network


@pytest.fixture
def user():
    """user(network.alpha): a client of a new account with its home there, available;
    user(node, owner) of that account."""
    with contextlib.ExitStack() as stack:
        def connect(node, owner=None, presence=True, **options):
            options.setdefault("source", next(SOURCES))
            client = RawStream(node, owner or node.add_account(), **options)
            stack.callback(client.close)
            client.login()
            if presence:
                client.send_presence()
            return client
        yield connect


@pytest.fixture
def rogue(network):
    """It is beta for alpha."""
    network.beta.daemon("net").stop()
    wait.until(lambda: not network.is_linked("alpha", "beta"))
    with patient(network.alpha), Rogue(network.alpha, pair_of(network.beta)) as connection:
        yield connection.link("beta.example.test")
    network.beta.daemon("net").restart()
