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
def shared_scene():
    with vitals.other_scene(next(SOURCES)) as scene:
        yield scene


@pytest.fixture(scope="session")
def session_node(shared_scene):
    return shared_scene.node


@pytest.fixture
def scene(node, shared_scene):
    """The group's node and its canary."""
    assert shared_scene.node is node
    return shared_scene


@pytest.fixture
def attacker(scene):
    """Connections to the node of the scene, closed behind the test."""
    with positions.attacker_on(scene.node, scene.mallory) as made:
        yield made
