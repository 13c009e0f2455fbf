# SPDX-License-Identifier: AGPL-3.0-or-later
#
# The X rows of docs/ATTACKS.md that are bytes and a stream error: on client streams before TLS,
# inside TLS, and with a session; on component streams before and after the handshake.

import re

import pytest

from tests.attacks import positions, xml_vectors
from tests.attacks.answers import check_end_at

# Of a component that was let in the router tells that it is gone, and its route.
LINES = {"joined": 2}


def cases(vectors, places):
    for name, data, conditions in vectors:
        for position in places:
            yield pytest.param(position, data, conditions, id=f"{name}-{position}")


def fill(data, position, node):
    """The good parts of a vector."""
    data = data.replace(b"@DECLARATION@", b"<?xml version='1.0'?>")
    data = data.replace(b"@HEADER@", positions.header(position, node))

    def changed(match):
        change = {match.group(1).decode(): match.group(2).decode()}
        return positions.header(position, node, **change)
    return re.sub(rb"@HEADER:(\w+)=([^@]+)@", changed, data)


def check(scene, attacker, position, data, conditions):
    stream = getattr(attacker, position)()
    with scene.survives(lines=LINES.get(position, 1)):
        answer = stream.exchange(fill(data, position, scene.node))
        stream.close()
        check_end_at(position, scene.node, answer, conditions)


@pytest.mark.parametrize("position, data, conditions",
                         cases(xml_vectors.IN_FRONT, positions.IN_FRONT))
def test_in_front(scene, attacker, position, data, conditions):
    check(scene, attacker, position, data, conditions)


@pytest.mark.parametrize("position, data, conditions",
                         cases(xml_vectors.INSIDE, positions.INSIDE))
def test_inside(scene, attacker, position, data, conditions):
    check(scene, attacker, position, data, conditions)
