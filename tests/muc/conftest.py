# SPDX-License-Identifier: AGPL-3.0-or-later
#
# The node of this group has kontalk-muc.

import itertools

import pytest

from tests.harness.plugin import running
from tests.muc.puppets import Puppets
from tests.muc.rooms import Room

NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def session_node():
    with running(muc=True) as node:
        yield node


@pytest.fixture(scope="session")
def streams(session_node):
    """All of them; the last one is in use."""
    made = [Puppets(session_node)]
    yield made
    for puppets in made:
        puppets.close()


@pytest.fixture
def puppets(streams, session_node):
    if not streams[-1].is_alive():
        streams.append(Puppets(session_node))
    return streams[-1]


@pytest.fixture
def room(puppets, node):
    """room(membersonly="1"): a new room with its owner in it, configured so. Who is in it are
    users of a component."""
    return lambda **options: Room(node, puppets.make, f"room{next(NUMBERS)}", options)


@pytest.fixture
def clients_room(login, node):
    """The same with clients of accounts."""
    return lambda **options: Room(node, login, f"room{next(NUMBERS)}", options)
