# SPDX-License-Identifier: AGPL-3.0-or-later
#
# The fixtures of the attack table (docs/ATTACKS.md).

import os

import pytest

pytest.register_assert_rewrite("tests.attacks.answers", "tests.attacks.vitals")

from tests.attacks import positions, vitals  # noqa: E402
from tests.harness.node import SOURCES  # noqa: E402

# Volumes are given as a whole attack has them; make check-attacks runs them so.
DIVISOR = int(os.environ.get("ATTACKS_DIVISOR", "1000"))


@pytest.fixture(scope="session")
def volume():
    """volume(n): how many of n are run, at least one."""
    return lambda n: max(1, n // DIVISOR)


@pytest.fixture(scope="session")
def shared_scene(session_node):
    with vitals.scene_of(session_node, next(SOURCES)) as scene:
        yield scene


@pytest.fixture
def scene(node, shared_scene):
    """The group's node and its canary."""
    assert shared_scene.node is node
    return shared_scene


@pytest.fixture(scope="session")
def shared_account(session_node):
    return session_node.add_account("mallory")


@pytest.fixture
def attacker(node, shared_account):
    """Connections to the group's node, closed behind the test."""
    with positions.attacker_on(node, shared_account) as made:
        yield made
