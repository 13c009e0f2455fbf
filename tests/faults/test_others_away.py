# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Somebody else stands still: federation, or a component of a third party. Clients and the other
# components do not notice; who talks to the one that stands hears an error sooner or later.

import socket

import pytest

from tests.faults.talk import ROSTER, Watch, condition, routes, wait_routes
from tests.harness import wait
from tests.node.client import CLIENT

# Senders are not to be slowed down before a queue is full, and little waits for who is away.
NODE = {"router": {"ping-interval": "100ms", "ping-timeout": "500ms", "queue-size": "64k"},
        "c2s": {"rate-exempt": "127.0.0.0/8"}, "sm": {"outbox-sender": "50"}}
FULL = ("wait", "resource-constraint")
KIB = 1024
PING = "<ping xmlns='urn:xmpp:ping'/>"


@pytest.fixture(scope="module")
def hasty(make_node):
    return make_node(settings=NODE)


def test_federation_stopped(hasty, friends, gateway):
    pair, door = friends(hasty), gateway(hasty)
    watch = Watch(hasty, "router", "c2s", "s2s")
    with hasty.daemon("s2s").paused():
        pair.talk()
        watch.wait("router", "component_silent")
        wait.until(lambda: "(default)" not in routes(hasty), what="the default route to go")
        answer = pair.alice.ask("get", PING, to="far.example")
        assert condition(answer) == ("wait", "remote-server-timeout")
        pair.talk()
        pair.meet(door)
    watch.wait("s2s", "link_up")
    wait_routes(hasty, "(default)")
    assert watch.same_processes()


def errors_so_far(client):
    """The errors that have come for its messages."""
    errors = []

    def is_answer(element):
        if element.tag == f"{{{CLIENT}}}message" and element.get("type") == "error":
            errors.append(condition(element))
        return element.get("id") == "so-far"

    client.send(f"<iq type='get' id='so-far'><query xmlns='{ROSTER}'/></iq>")
    client.wait_for(is_answer)
    return errors


def test_component_that_reads_nothing(hasty, friends, gateway):
    """It is as good as stopped. Its queue fills up, and then nobody waits for it."""
    pair, door = friends(hasty), gateway(hasty)
    # Without that the kernel keeps 32 MiB for it, and what takes nothing for a minute is cut off.
    door.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * KIB)
    watch = Watch(hasty, "router", "c2s")
    errors = []
    while not errors:
        for _ in range(10):
            pair.bob.send_message(door.bot, "x" * 60 * KIB)
        errors = errors_so_far(pair.bob)
        pair.talk()
    assert set(errors) == {FULL}
    assert door.is_open()
    pair.meet(door)
    assert watch.same_processes()
