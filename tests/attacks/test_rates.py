# SPDX-License-Identifier: AGPL-3.0-or-later
#
# How fast anybody may be, at the defaults: more is not refused, but read later, so that it costs
# nobody else anything. What a rate lets through at once comes at once; what is far beyond does not
# come while others have their turns.

import pytest

from tests.attacks import positions
from tests.attacks.answers import check_stream_error
from tests.attacks.vitals import KIB, other_scene
from tests.harness.node import SOURCES
from tests.harness.stream import RawStream
from tests.node.client import CLIENT, PING

# Four seconds of 4 KiB come at once, and 64 KiB are read at a time; the rest of FLOOD takes far
# longer than a login may.
STRANGER = 16 * KIB
FLOOD = 256 * KIB
PATIENCE = "5s"


@pytest.fixture(scope="module")
def hasty():
    settings = {"c2s": {"unauthenticated-timeout": PATIENCE}}
    with other_scene(next(SOURCES), settings=settings) as made:
        yield made


@pytest.mark.parametrize("size, condition", ((STRANGER - KIB, "not-authorized"),
                                             (FLOOD, "connection-timeout")),
                         ids=("at-once", "flood"))
def test_bytes_of_strangers(hasty, size, condition):
    with positions.attacker_on(hasty.node, None) as attacker:
        stream = attacker.plain()
        with hasty.survives():
            check_stream_error(stream.exchange(b" " * size + b"<message/>"), condition)


def others_have_turns(scene):
    client = RawStream(scene.node, scene.node.add_account(), source=next(SOURCES)).login()
    for _ in range(20):
        client.settle()
    client.close()


def count_until(client, is_end, is_counted):
    count = 0

    def look(element):
        nonlocal count
        count += bool(is_counted(element))
        return is_end(element)

    client.wait_for(look)
    return count


def flood(stream, data):
    stream.socket.settimeout(0.5)  # the rest does not even fit into the network
    stream.try_send(data)


# What is in the body, how many, and how many of these come at once: 256 KiB and then 32 KiB a
# second, 500 stanzas and then 50 a second.
FLOODS = {"bytes": ("x" * 32 * KIB, 100, 7), "stanzas": ("", 3000, 500)}


@pytest.mark.parametrize("body, count, at_once", FLOODS.values(), ids=FLOODS.keys())
def test_flood_of_clients(scene, attacker, body, count, at_once):
    stream = attacker.bound()
    friend = RawStream(scene.node, scene.node.add_account(), source=next(SOURCES)).login()
    message = f"<message type='chat' to='{friend.full}'><body>{body}</body></message>"
    flood(stream, message.encode() * count)
    others_have_turns(scene)
    for _ in range(at_once):
        friend.wait_for(lambda e: e.tag == f"{{{CLIENT}}}message")
    friend.send(f"<iq type='get' id='end' to='{friend.domain}'><ping xmlns='{PING}'/></iq>")
    more = count_until(friend, lambda e: e.get("id") == "end",
                       lambda e: e.tag == f"{{{CLIENT}}}message")
    assert at_once + more < count // 2
    friend.close()
