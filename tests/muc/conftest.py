# SPDX-License-Identifier: AGPL-3.0-or-later
#
# The node of this group has kontalk-muc.

import itertools

import pytest

from tests.harness.plugin import running
from tests.muc.rooms import Room

NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def session_node():
    with running(muc=True) as node:
        yield node


@pytest.fixture
def room(login, node):
    """room(members_only="1"): a new room with its owner in it, configured so."""
    return lambda **options: Room(node, login, f"room{next(NUMBERS)}", options)
